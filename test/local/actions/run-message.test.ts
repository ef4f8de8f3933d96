import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { limits } from "../../../shared/receipt/limits.ts";
import type { ReceiptAction } from "../../../shared/receipt/model.ts";
import {
  actions,
  type Engine,
  functionArn,
  openEngine,
  otherTopicArn,
  passing,
  rule,
  topicArn,
} from "./engine-fixture.ts";

let engine: Engine;
beforeEach(async () => {
  engine = await openEngine();
});
afterEach(() => engine.close());

const both = { recipients: ["a@shop.example", "b@shop.example"] };
const hours = (count: number) => count * 3_600_000;

describe("ses-receiving.md §13", () => {
  test("8: a rule sees the recipients that it matches", async () => {
    const first = rule("a", [actions.s3], { recipients: ["a@shop.example"] });
    const second = rule("all", [{ ...actions.s3, objectKeyPrefix: "all" }]);
    await engine.run(await engine.accept([first, second], both));
    expect(await engine.queue("notices")).toMatchObject([
      { receipt: { recipients: ["a@shop.example"] } },
      { receipt: { recipients: ["a@shop.example", "b@shop.example"] } },
    ]);
  });

  test("9: a Stop ends the set for all recipients, and the ones it leaves untold end with that reason", async () => {
    const stopping = rule("first", [actions.s3, actions.stop], { recipients: ["a@shop.example"] });
    const id = await engine.accept([stopping, rule("second", [actions.event])], both);
    expect(await engine.run(id)).toMatchObject({ kind: "ended", stoppedBy: { rule: "first", how: "stop-action" } });
    expect(await engine.store.engine.takeInvocations(engine.clock.now(), engine.clock.now(), 10)).toEqual([]);
    expect(await engine.store.ports.ledger.recipients(id)).toMatchObject([
      { recipient: "a@shop.example", state: "received" },
      { recipient: "b@shop.example", state: "done", stream: null, outcome: 'not-routed: stopped by rule "first"' },
    ]);
    expect(await engine.store.engine.countUnended()).toBe(0);
  });

  test("15: without ScanEnabled the verdicts are DISABLED and their headers missing", async () => {
    const id = await engine.accept([rule("plain", [actions.s3], { scanEnabled: false })]);
    await engine.run(id);
    expect(await engine.queue("notices")).toMatchObject([
      {
        receipt: {
          spamVerdict: { status: "DISABLED" },
          virusVerdict: { status: "DISABLED" },
          spfVerdict: { status: "PASS" },
        },
      },
    ]);
    const stored = (await engine.object(`inbound/${id}`)).toString();
    expect(stored).not.toMatch(/X-SES-(?:Spam|Virus)-Verdict/);
    expect(stored.match(/^(?:Return-Path|Received|Received-SPF|Authentication-Results|X-SES-[A-Z-]+):/gm)).toHaveLength(
      6,
    );
    expect(engine.world.scanned).toBe(0);
  });

  test("16: the EICAR test file gets virusVerdict FAIL and is stored all the same", async () => {
    const raw = `Subject: a\r\n\r\n${String.raw`X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR`}-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*\r\n`;
    const id = await engine.accept([rule("a", [actions.s3])], { raw });
    await engine.run(id);
    expect(await engine.queue("notices")).toMatchObject([{ receipt: { virusVerdict: { status: "FAIL" } } }]);
    expect((await engine.object(`inbound/${id}`)).toString()).toContain("EICAR");
  });

  test("20: the stored octets without the block are those received", async () => {
    const raw = Buffer.concat([
      Buffer.from("Subject: a\r\n\r\n"),
      Buffer.from(Array.from({ length: 256 }, (_, at) => at)),
    ]);
    const id = await engine.accept([rule("a", [actions.s3])], { raw });
    await engine.run(id);
    const stored = await engine.object(`inbound/${id}`);
    expect(stored.subarray(-raw.length).equals(raw)).toBe(true);
    expect(stored.subarray(0, -raw.length).toString()).toMatch(
      /^Return-Path: [\s\S]*X-SES-DKIM-SIGNATURE: [^\r]*\r\n$/,
    );
  });

  test("25: an SNS action publishes 150 KB, and bounces one octet more without publishing", async () => {
    // How large the block is, a small message shows.
    const probe = await engine.accept([rule("a", [{ ...actions.s3, topicArn: otherTopicArn }])], { raw: "\r\n" });
    await engine.run(probe);
    const block = (await engine.object(`inbound/${probe}`)).length - 2;
    const send = async (octets: number) => {
      const raw = `Subject: a\r\n\r\n${"b".repeat(octets - block - 14)}`;
      const id = await engine.accept([rule("a", [actions.sns])], { raw });
      await engine.run(id);
      return id;
    };
    await send(limits.snsMessageBytes);
    const [published] = (await engine.queue("notices")) as { content: string }[];
    expect(Buffer.from(published?.content ?? "", "base64")).toHaveLength(limits.snsMessageBytes);
    expect(await engine.outbox()).toEqual([]);

    const tooLarge = await send(limits.snsMessageBytes + 1);
    expect(await engine.queue("notices")).toHaveLength(1);
    const [dsn] = await engine.outbox();
    expect(dsn).toContain("To: ann@sender.example\r\n");
    expect(dsn).toContain("Diagnostic-Code: smtp; 552 5.3.4 Message too large\r\n");
    expect(await engine.store.ports.ledger.recipients(tooLarge)).toMatchObject([
      { outcome: "not-routed: no action of its rules tells the router" },
    ]);
  });

  test.for<[string, unknown, string[]]>([
    ["CONTINUE", { disposition: "CONTINUE" }, ["gate", "rest of the rule", "next rule"]],
    ["STOP_RULE", { disposition: "STOP_RULE" }, ["gate", "next rule"]],
    ["STOP_RULE_SET", { disposition: "STOP_RULE_SET" }, ["gate"]],
    ["null", null, ["gate", "rest of the rule", "next rule"]],
    ["another word", { disposition: "x" }, ["gate", "rest of the rule", "next rule"]],
    ["lower case", { disposition: "stop_rule_set" }, ["gate", "rest of the rule", "next rule"]],
  ])("28: a synchronous function that answers %s", async ([, answer, expected]) => {
    const mark = (name: string): ReceiptAction => ({ ...actions.addHeader, headerName: name.replaceAll(" ", "-") });
    engine.world.answer = async () => answer;
    const id = await engine.accept([
      rule("first", [actions.sync, mark("rest of the rule")]),
      rule("second", [mark("next rule")]),
    ]);
    await engine.run(id);
    const log = await engine.store.engine.actionLog(id);
    const named = log.map(({ actionType, result }) =>
      actionType === "Lambda" ? "gate" : result.slice("added ".length).replaceAll("-", " "),
    );
    expect(named).toEqual(expected);
  });

  test("29: a synchronous function that runs too long is a failure, and what follows waits", async () => {
    engine.world.answer = async () => {
      throw new Error("timed out after 30000 ms");
    };
    const id = await engine.accept([rule("first", [actions.sync]), rule("second", [actions.s3])]);
    expect(await engine.run(id)).toEqual({ kind: "waiting" });
    expect(await engine.queue("notices")).toEqual([]);
    const [entry] = await engine.store.engine.actionLog(id);
    expect(entry).toMatchObject({ state: "pending", attempts: 1, result: "timed out after 30000 ms" });
    engine.world.answer = async () => ({ disposition: "CONTINUE" });
    engine.clock.advance(1_000);
    expect(await engine.run(id)).toMatchObject({ kind: "ended" });
    expect(await engine.queue("notices")).toHaveLength(1);
  });

  test("32: two Bounce rules without a Stop send two DSNs", async () => {
    await engine.run(await engine.accept([rule("one", [actions.bounce]), rule("two", [actions.bounce])]));
    const sent = await engine.outbox();
    expect(sent).toHaveLength(2);
    expect(new Set(sent.map((dsn) => /^Message-ID: (.*)$/m.exec(dsn)?.[1])).size).toBe(2);
  });

  test("33: an action that fails for four hours is given up, counted, and the rest of its rule with it", async () => {
    const missing = { ...actions.s3, bucketName: "missing" };
    const id = await engine.accept([
      rule("first", [missing, actions.event]),
      rule("second", [{ ...actions.s3, topicArn: otherTopicArn }]),
    ]);
    let runs = 0;
    let result = await engine.run(id);
    while (result.kind === "waiting") {
      runs += 1;
      const [entry] = await engine.store.engine.actionLog(id);
      engine.clock.advance(Date.parse(entry?.dueAt ?? "") - engine.clock.now().getTime());
      result = await engine.run(id);
    }
    expect(engine.clock.now().getTime()).toBe(Date.parse("2026-08-04T09:15:02.417Z") + hours(4));
    const [first, ...others] = await engine.store.engine.actionLog(id);
    expect(first).toMatchObject({
      state: "failed",
      attempts: runs + 1,
      result: expect.stringContaining('no bucket "missing"'),
    });
    expect(others.map(({ ruleName, state }) => `${ruleName} ${state}`)).toEqual(["second done"]);
    // 1, 2, 4 … 256 seconds, then every 150 to 300.
    expect(runs).toBeGreaterThan(48 + 8);
    expect(runs).toBeLessThan(96 + 9);
    const counts = engine.store.database.read((sql) => sql.all("SELECT * FROM rule_counts ORDER BY rule_name, metric"));
    expect(counts.map((row) => ({ ...row }))).toEqual([
      { rule_name: "first", metric: "PublishExpired", value: 1 },
      { rule_name: "first", metric: "PublishFailure", value: runs + 1 },
      { rule_name: "second", metric: "PublishSuccess", value: 1 },
    ]);
  });

  test("34: a rule set that was edited since does not count", async () => {
    const id = await engine.accept([rule("old", [actions.s3])]);
    await engine.store.engine.snapshotRuleSet({ name: "mailweir", rules: [rule("new", [actions.bounce])] });
    await engine.run(id);
    expect((await engine.store.engine.actionLog(id)).map(({ ruleName }) => ruleName)).toEqual(["old"]);
  });
});

test.for<["drop" | "continue", string[], string | undefined]>([
  ["drop", ["gate failed"], "gate"],
  ["continue", ["gate failed", "gate done", "store done"], undefined],
])("a synchronous function that failed for four hours, onSyncFailure %s; later runs keep that course", async ([
  choice,
  expected,
  stopped,
]) => {
  engine.world.answer = async () => {
    throw new Error("away");
  };
  const id = await engine.accept([rule("gate", [actions.sync, actions.addHeader]), rule("store", [actions.s3])]);
  engine.clock.advance(hours(4));
  const result = await engine.run(id, { onSyncFailure: choice });
  expect(result.kind === "ended" && result.stoppedBy?.rule).toBe(stopped);
  expect(await engine.run(id, { onSyncFailure: choice === "drop" ? "continue" : "drop" })).toEqual(result);
  const log = await engine.store.engine.actionLog(id);
  expect(log.map(({ ruleName, state }) => `${ruleName} ${state}`)).toEqual(expected);
});

test.for(["drop", "continue"] as const)("without retries the first failure is the last: %s", async (onSyncFailure) => {
  engine.world.answer = async () => {
    throw new Error("away");
  };
  const id = await engine.accept([rule("gate", [actions.sync]), rule("store", [actions.s3])]);
  const result = await engine.run(id, { onSyncFailure, retrySyncFailures: false });
  expect(result.kind).toBe("ended");
  const log = await engine.store.engine.actionLog(id);
  expect(log.map(({ ruleName, state, attempts }) => `${ruleName} ${state} ${attempts}`)).toEqual(
    onSyncFailure === "drop" ? ["gate failed 1"] : ["gate failed 1", "store done 1"],
  );
  expect((await engine.store.engine.status()).rules).toMatchObject({
    gate: { PublishFailure: 1, PublishExpired: 1, PublishSuccess: 0 },
  });
});

describe("actions", () => {
  test("AddHeader is seen by later actions only, directly behind the block", async () => {
    const id = await engine.accept([
      rule("a", [
        { ...actions.s3, objectKeyPrefix: "before" },
        actions.addHeader,
        { ...actions.s3, objectKeyPrefix: "after" },
      ]),
    ]);
    await engine.run(id);
    expect((await engine.object(`before/${id}`)).toString()).not.toContain("X-Desk");
    expect((await engine.object(`after/${id}`)).toString()).toMatch(
      /X-SES-DKIM-SIGNATURE: [^\r]*\r\nX-Desk: orders\r\nFrom: ann/,
    );
    const notices = (await engine.queue("notices")) as { mail: { headers: { name: string }[] } }[];
    expect(notices.map(({ mail }) => mail.headers.some(({ name }) => name === "X-Desk"))).toEqual([false, true]);
  });

  test("an asynchronous Lambda becomes an invocation with SES's event", async () => {
    await engine.run(await engine.accept([rule("a", [{ ...actions.event, topicArn: otherTopicArn }])]));
    const now = engine.clock.now();
    const [invocation] = await engine.store.engine.takeInvocations(now, new Date(now.getTime() + 1), 10);
    expect(invocation?.functionArn).toBe(functionArn);
    expect(JSON.parse(invocation?.payload ?? "")).toMatchObject({
      Records: [{ eventSource: "aws:ses", ses: { receipt: { action: { type: "Lambda", invocationType: "Event" } } } }],
    });
    expect(await engine.queue("others")).toMatchObject([
      { receipt: { action: { type: "Lambda", topicArn: otherTopicArn } } },
    ]);
  });

  test("a function that is not known is a failure that says where to name it", async () => {
    const id = await engine.accept([
      rule("a", [{ ...actions.event, functionArn: "arn:aws:lambda:us-east-1:1:function:x" }]),
    ]);
    await engine.run(id);
    expect(await engine.store.engine.actionLog(id)).toMatchObject([
      {
        state: "pending",
        result: expect.stringMatching(/no function "arn.*function:x": name it under local\.functions/),
      },
    ]);
  });

  test("an encrypted object is the envelope SES writes, small in the database and large by a file", async () => {
    const kmsKeyArn = "arn:aws:kms:us-east-1:111122223333:alias/aws/ses";
    for (const raw of ["Subject: a\r\n\r\nb\r\n", `Subject: a\r\n\r\n${"b".repeat(200_000)}\r\n`]) {
      const id = await engine.accept([rule("store", [{ ...actions.s3, kmsKeyArn }])], { raw });
      await engine.run(id);
      const head = await engine.store.ports.objects.head({ bucket: "mail", key: `inbound/${id}` });
      expect(head?.metadata).toMatchObject({ "x-amz-wrap-alg": "kms", "x-amz-cek-alg": "AES/GCM/NoPadding" });
      expect(JSON.parse(head?.metadata["x-amz-matdesc"] ?? "")).toEqual({
        "aws:ses:message-id": id,
        "aws:ses:rule-name": "store",
        "aws:ses:source-account": "111122223333",
        kms_cmk_id: kmsKeyArn,
      });
      expect(head?.sizeBytes).toBe(Number(head?.metadata["x-amz-unencrypted-content-length"]) + 16);
      expect((await engine.object(`inbound/${id}`)).includes("Subject: a")).toBe(false);
    }
  });

  test("a notice topic that is missing costs the notice, not the mail", async () => {
    const id = await engine.accept([rule("a", [{ ...actions.s3, topicArn: `${topicArn}-missing` }])]);
    expect(await engine.run(id)).toEqual({ kind: "waiting" });
    expect((await engine.object(`inbound/${id}`)).length).toBeGreaterThan(0);
    expect(await engine.store.engine.actionLog(id)).toMatchObject([
      { state: "pending", result: expect.stringContaining("topic") },
    ]);
  });

  test("while an asynchronous action waits, later actions of its rule wait and later rules run", async () => {
    const missing = { ...actions.s3, bucketName: "missing" };
    const id = await engine.accept([rule("first", [missing, actions.bounce]), rule("second", [actions.s3])]);
    expect(await engine.run(id)).toEqual({ kind: "waiting" });
    expect(await engine.outbox()).toEqual([]);
    expect(await engine.queue("notices")).toHaveLength(1);
  });

  test("a Bounce for the null sender is done without sending", async () => {
    const id = await engine.accept([rule("a", [actions.bounce])], { from: "" });
    expect(await engine.run(id)).toMatchObject({ kind: "ended" });
    expect(await engine.outbox()).toEqual([]);
    expect(await engine.store.engine.actionLog(id)).toMatchObject([
      { state: "done", result: expect.stringContaining("null") },
    ]);
  });

  test("WorkMail delivers each recipient the stored message; Connect is recorded", async () => {
    const organizationArn = "arn:aws:workmail:us-east-1:111122223333:organization/m-00000000000000000000000000000000";
    const instanceArn = "arn:aws:connect:us-east-1:111122223333:instance/00000000-0000-0000-0000-000000000000";
    const id = await engine.accept(
      [
        rule("a", [
          { type: "WorkMail", organizationArn, topicArn: otherTopicArn },
          { type: "Connect", instanceArn, iamRoleArn: "arn:aws:iam::111122223333:role/connect" },
        ]),
      ],
      both,
    );
    await engine.run(id);
    const [workMail, connect] = await engine.store.engine.actionLog(id);
    expect(workMail?.result).toMatch(
      /^delivered to mailbox of a@shop\.example \(\d+ octets\), mailbox of b@shop\.example/,
    );
    expect(connect?.result).toContain(instanceArn);
    expect(await engine.queue("others")).toMatchObject([
      { receipt: { action: { type: "WorkMail", organizationArn } } },
    ]);
  });
});

test("a mail with more attachments than Connect takes is bounced, one with ten is not", async () => {
  const connect = {
    type: "Connect",
    instanceArn: "arn:aws:connect:us-east-1:111122223333:instance/00000000-0000-0000-0000-000000000000",
    iamRoleArn: "arn:aws:iam::111122223333:role/connect",
  } as const;
  const part =
    '--b\r\nContent-Disposition: attachment; filename="a.bin"\r\nContent-Type: application/octet-stream\r\n\r\nx\r\n';
  const raw = (count: number) =>
    `From: ann@sender.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n${part.repeat(count)}--b--\r\n`;
  const ten = await engine.accept([rule("a", [connect])], { raw: raw(10) });
  await engine.run(ten);
  expect(await engine.outbox()).toEqual([]);
  const eleven = await engine.accept([rule("a", [connect, actions.s3])], { raw: raw(11) });
  await engine.run(eleven);
  expect((await engine.store.engine.actionLog(eleven)).map(({ state, result }) => `${state} ${result}`)).toEqual([
    expect.stringMatching(/^done 11 attachments are too many for Connect: bounced with 552 5\.3\.4/),
    expect.stringMatching(/^done stored/),
  ]);
  expect(await engine.outbox()).toHaveLength(1);
});

describe("verification", () => {
  test("is recorded once and never computed again, whatever a later check would say", async () => {
    engine.world.answer = async () => {
      throw new Error("not yet");
    };
    const id = await engine.accept([rule("a", [actions.sync, actions.s3])]);
    await engine.run(id);
    engine.world.authentication = { ...passing, spf: { result: "fail", domain: "sender.example" } };
    engine.world.answer = async () => null;
    engine.clock.advance(1_000);
    await engine.run(id);
    expect(engine.world).toMatchObject({ authenticated: 1, scanned: 1 });
    expect(await engine.queue("notices")).toMatchObject([{ receipt: { spfVerdict: { status: "PASS" } } }]);
  });

  test("closes the message behind a check that reads only its beginning", async () => {
    const { createVerify } = await import("../../../local/actions/verify.ts");
    let open = 0;
    const raw = async function* () {
      open += 1;
      try {
        for (;;) yield Buffer.from("a");
      } finally {
        open -= 1;
      }
    };
    const verify = createVerify({
      authenticate: async (octets) => {
        await octets[Symbol.asyncIterator]().next();
        return passing;
      },
      scanner: { scan: async () => ({ detail: "" }) },
      clock: engine.clock,
      log: { error: () => undefined },
    });
    const message = await engine.store.engine.message(await engine.accept([rule("a", [])]));
    expect(message && (await verify(message, raw, false)).authentication).toEqual(passing);
    expect(open).toBe(0);
  });

  test("that breaks down is PROCESSING_FAILED, and the rules run", async () => {
    const { verify: _, ...rest } = engine.options;
    const { createVerify } = await import("../../../local/actions/verify.ts");
    const broken = async () => {
      throw new Error("a bug");
    };
    const verify = createVerify({
      authenticate: broken,
      scanner: { scan: broken },
      clock: engine.clock,
      log: { error: () => undefined },
    });
    const id = await engine.accept([rule("a", [actions.s3])]);
    await engine.run(id, { ...rest, verify });
    expect(await engine.queue("notices")).toMatchObject([
      {
        receipt: {
          spamVerdict: { status: "PROCESSING_FAILED" },
          virusVerdict: { status: "PROCESSING_FAILED" },
          spfVerdict: { status: "PROCESSING_FAILED" },
          dmarcVerdict: { status: "PROCESSING_FAILED" },
        },
      },
    ]);
  });
});

describe("who was told", () => {
  test.for<[string, ReceiptAction[], string[]]>([
    ["the mail bucket tells", [actions.s3], []],
    ["another bucket with the pipeline's topic tells", [{ ...actions.s3, bucketName: "plain" }], []],
    [
      "another bucket and topic tell nothing",
      [{ ...actions.s3, bucketName: "plain", topicArn: otherTopicArn }],
      ["a@shop.example"],
    ],
    ["the pipeline's SNS topic tells", [actions.sns], []],
    ["a bounce without topic tells nothing", [actions.bounce], ["a@shop.example"]],
    ["no action at all tells nothing", [], ["a@shop.example"]],
  ])("%s", async ([, given, untold]) => {
    const id = await engine.accept([rule("a", given)]);
    await engine.run(id);
    const ended = (await engine.store.ports.ledger.recipients(id)).filter(({ state }) => state === "done");
    expect(ended.map(({ recipient }) => recipient)).toEqual(untold);
  });

  test("a store that was given up is named", async () => {
    const id = await engine.accept([rule("store", [{ ...actions.s3, topicArn: `${topicArn}-missing` }])]);
    engine.clock.advance(hours(4));
    await engine.run(id);
    expect(await engine.store.ports.ledger.recipients(id)).toMatchObject([
      { state: "done", outcome: 'not-routed: the S3 action of rule "store" was given up' },
    ]);
  });
});
