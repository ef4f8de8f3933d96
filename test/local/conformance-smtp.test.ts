import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateReceiptFilterCommand,
  CreateReceiptRuleCommand,
  CreateReceiptRuleSetCommand,
  DeleteIdentityCommand,
  DeleteReceiptFilterCommand,
  SetActiveReceiptRuleSetCommand,
  VerifyDomainIdentityCommand,
  VerifyEmailIdentityCommand,
} from "@aws-sdk/client-ses";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  actions,
  type Conformance,
  functionArn,
  names,
  plainMail,
  rule,
  startConformance,
} from "./conformance-engine.ts";
import { row } from "./conformance-rows.ts";

const refused = "550 5.1.1 Requested action not taken: mailbox unavailable";
const blocked = "550 5.7.1 IP address blacklisted by recipient";
const ok = "250 Ok";

/** The replies to recipients when one rule has these conditions. */
async function replies(conditions: readonly string[], recipients: readonly string[]): Promise<string[]> {
  const started = await startConformance([rule("only", [actions.s3], { recipients: conditions })]);
  return started.rcpt(recipients);
}

const filter = (started: Conformance, Name: string, Policy: "Allow" | "Block", Cidr: string) =>
  started.ses.send(new CreateReceiptFilterCommand({ Filter: { Name, IpFilter: { Policy, Cidr } } }));

describe("acceptance", () => {
  test(row(1), async () => {
    const started = await startConformance([rule("all", [actions.s3])]);
    expect(await started.rcpt(["a@shop.example"])).toEqual([ok]);
    await started.ses.send(new SetActiveReceiptRuleSetCommand({}));
    expect(await started.rcpt(["a@shop.example"])).toEqual([refused]);
    // The choice survives a restart.
    await started.restart();
    expect(await started.rcpt(["a@shop.example"])).toEqual([refused]);
    await started.ses.send(new SetActiveReceiptRuleSetCommand({ RuleSetName: "mailweir" }));
    expect(await started.rcpt(["a@shop.example"])).toEqual([ok]);
  });

  test(row(2), async () => {
    const started = await startConformance([rule("a", [actions.s3], { recipients: ["a@shop.example"] })]);
    const client = await started.client("ann@sender.example");
    expect(await client.say("RCPT TO:<a@shop.example>\r\n")).toBe(ok);
    expect(await client.say("RCPT TO:<b@shop.example>\r\n")).toBe(refused);
    expect(await client.say("DATA\r\n")).toMatch(/^354 /);
    expect(await client.say(`${plainMail}.\r\n`)).toMatch(/^250 OK [0-9a-v]{40}$/);
    await started.pass(0);
    expect(started.notices().map(({ receipt }) => receipt.recipients)).toEqual([["a@shop.example"]]);
    expect(await started.engine.store.engine.list({ limit: 10 })).toHaveLength(1);
  });

  test(row(3), async () => {
    expect(await replies([".shop.example"], ["x@shop.example", "x@eu.shop.example", "x@a.eu.shop.example"])).toEqual([
      ...[refused, ok, ok],
    ]);
  });

  test(row(4), async () => {
    expect(await replies(["shop.example"], ["x@eu.shop.example", "x@shop.example"])).toEqual([refused, ok]);
  });

  test(row(5), async () => {
    const recipients = ["user+z@shop.example", "user@shop.example", "user@eu.shop.example", "userz@shop.example"];
    expect(await replies(["user@shop.example"], recipients)).toEqual([ok, ok, refused, refused]);
  });

  test(row(6), async () => {
    const recipients = ["user@shop.example", "user+y@shop.example", "user+z@shop.example"];
    expect(await replies(["user+z@shop.example"], recipients)).toEqual([refused, refused, ok]);
  });

  test(row(7), async () => {
    expect(await replies(["user@shop.example"], ["USER@SHOP.EXAMPLE"])).toEqual([ok]);
  });

  test(row(8), async () => {
    const started = await startConformance([
      rule("one", [actions.s3], { recipients: ["a@shop.example"] }),
      rule("two", [{ ...actions.s3, objectKeyPrefix: "all" }]),
    ]);
    await started.send({ to: ["a@shop.example", "b@shop.example"] });
    expect(started.notices().map(({ receipt }) => receipt.recipients)).toEqual([
      ["a@shop.example"],
      ["a@shop.example", "b@shop.example"],
    ]);
  });

  test(row(9), async () => {
    const started = await startConformance([
      rule("first", [actions.s3, actions.stop], { recipients: ["a@shop.example"] }),
      rule("second", [actions.event]),
    ]);
    await started.send({ to: ["a@shop.example", "b@shop.example"] });
    expect(started.notices()).toHaveLength(1);
    expect(started.lambdaEvents()).toEqual([]);
    await started.send({ to: "b@shop.example" });
    expect(started.lambdaEvents()).toHaveLength(1);
  });
});

describe("clients", () => {
  test(row(10), async () => {
    const started = await startConformance([rule("all", [actions.s3])]);
    await filter(started, "block", "Block", "127.0.0.0/24");
    const client = await started.client();
    // The refusal comes at RCPT: greeting, EHLO and MAIL are answered as to anybody.
    expect(await client.say("MAIL FROM:<ann@sender.example>\r\n")).toBe(ok);
    expect(await client.say("RCPT TO:<a@shop.example>\r\n")).toBe(blocked);
    expect(await client.say("DATA\r\n")).toBe("503 Error: need RCPT command");
    expect(await started.engine.store.engine.list({ limit: 1 })).toEqual([]);
    expect(started.notices()).toEqual([]);
    // Filters are in force at once, and at once no more.
    await started.ses.send(new DeleteReceiptFilterCommand({ FilterName: "block" }));
    expect(await started.rcpt(["a@shop.example"])).toEqual([ok]);
  });

  test(row(11), async () => {
    const started = await startConformance([rule("all", [actions.s3])]);
    await filter(started, "everybody", "Block", "0.0.0.0/0");
    await filter(started, "friend", "Allow", "127.0.0.25/32");
    expect(await started.rcpt(["a@shop.example"], "127.0.0.25")).toEqual([ok]);
    expect(await started.rcpt(["a@shop.example"], "127.0.0.26")).toEqual([blocked]);
  });

  test(row(12), async () => {
    const folder = await mkdtemp(join(tmpdir(), "mailweir-list-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, "drop.txt");
    await writeFile(file, "127.0.0.25 ; a spammer\n");
    // A DNS list beside it refuses nobody: addresses of this machine are on none (test/local/block-lists).
    const started = await startConformance([rule("all", [actions.s3])], {
      local: { blockLists: { files: [file], dns: ["zen.dnsbl.example"] } },
    });
    expect(await started.rcpt(["a@shop.example"], "127.0.0.25")).toEqual([blocked]);
    expect(await started.rcpt(["a@shop.example"], "127.0.0.26")).toEqual([ok]);
    await filter(started, "friend", "Allow", "127.0.0.25");
    expect(await started.rcpt(["a@shop.example"], "127.0.0.25")).toEqual([ok]);
  });

  test("§3, a choice: a narrow Block inside a wide Allow loses, unless longest-prefix is chosen", async () => {
    for (const [ipPrecedence, reply] of [
      ["allow-wins", ok],
      ["longest-prefix", blocked],
    ] as const) {
      const started = await startConformance([rule("all", [actions.s3])], { local: { ses: { ipPrecedence } } });
      await filter(started, "net", "Allow", "127.0.0.0/8");
      await filter(started, "host", "Block", "127.0.0.1");
      expect(await started.rcpt(["a@shop.example"])).toEqual([reply]);
    }
  });

  test("§3, a choice: 0.0.0.0/0 does not cover IPv6 clients, ::/0 does", async () => {
    const started = await startConformance([rule("all", [actions.s3])], { smtp: "[::1]:0" });
    await filter(started, "v4", "Block", "0.0.0.0/0");
    expect(await started.rcpt(["a@shop.example"])).toEqual([ok]);
    await filter(started, "v6", "Block", "::/0");
    expect(await started.rcpt(["a@shop.example"])).toEqual([blocked]);
  });

  test(row(13), async () => {
    const started = await startConformance([rule("strict", [actions.event], { tlsPolicy: "Require" })]);
    expect(await started.rcpt(["a@shop.example"])).toEqual(["530 5.7.0 Must issue a STARTTLS command first"]);
    await started.pass(0);
    expect(started.lambdaEvents()).toEqual([]);
    await started.send({ tls: true });
    expect(started.lambdaEvents()).toHaveLength(1);
    // §1.5: nothing in the payload says so; Received has SMTP as ever.
    expect(JSON.stringify(started.lambdaEvents())).toContain(" with SMTP id ");
  });

  test("§1.5, a choice: in clear, a Require rule is skipped where an Optional one matches too", async () => {
    const started = await startConformance([
      rule("strict", [actions.event], { tlsPolicy: "Require" }),
      rule("lax", [actions.s3]),
    ]);
    await started.send();
    expect([started.lambdaEvents().length, started.notices().length]).toEqual([0, 1]);
    await started.send({ tls: true });
    expect([started.lambdaEvents().length, started.notices().length]).toEqual([1, 2]);
  });
});

test(row(14), async () => {
  const started = await startConformance([rule("store", [actions.s3, actions.event])]);
  const id = await started.send();
  expect(id).toMatch(/^[0-9a-v]{38}[08go]1$/);
  const [notice] = started.notices();
  expect(notice?.mail.messageId).toBe(id);
  expect(notice?.receipt.action).toMatchObject({ objectKey: `inbound/${id}` });
  expect(started.lambdaEvents()[0]?.Records[0].ses.mail.messageId).toBe(id);
  expect((await started.stored(`inbound/${id}`)).toString()).toMatch(
    new RegExp(`^Received: .*\\r\\n by inbound-smtp\\.us-east-1\\.amazonaws\\.com with SMTP id ${id}\\r\\n`, "m"),
  );
});

test("§1.2: the session, reply by reply", async () => {
  const started = await startConformance([rule("all", [actions.s3], { recipients: ["orders@shop.example"] })]);
  const client = await started.client();
  expect(await client.say("EHLO mx.sender.example\r\n")).toBe(
    [
      "250-inbound-smtp.us-east-1.amazonaws.com",
      "250-PIPELINING",
      "250-8BITMIME",
      "250-STARTTLS",
      "250 SIZE 41943040",
    ].join("\n"),
  );
  expect(await client.say("MAIL FROM:<ann@sender.example> SIZE=41943041\r\n")).toBe("552 5.3.4 Message too large");
  expect(await client.say("MAIL FROM:<ann@sender.example>\r\n")).toBe(ok);
  expect(await client.say("DATA\r\n")).toBe("503 Error: need RCPT command");
  expect(await client.say("RCPT TO:<orders@shop.example>\r\n")).toBe(ok);
  expect(await client.say("RCPT TO:<nobody@unverified.example>\r\n")).toBe(refused);
  expect(await client.say("DATA\r\n")).toBe("354 End data with <CR><LF>.<CR><LF>");
  expect(await client.say("Subject: a\r\n\r\nb\r\n.\r\n")).toMatch(/^250 OK [0-9a-v]{40}$/);
  expect(await client.say("RCPT TO:<orders@shop.example> NOTIFY=NEVER\r\n")).toMatch(/^5/);
});

test("§8.6: the region names the endpoint, in greeting, Received and bounces", async () => {
  const { topicArn: _, ...s3 } = actions.s3;
  const started = await startConformance([rule("all", [s3, actions.bounce])], { config: { region: "eu-west-1" } });
  const client = await started.client();
  expect(await client.say("EHLO x\r\n")).toMatch(/^250-inbound-smtp\.eu-west-1\.amazonaws\.com\n/);
  const id = await started.send();
  expect((await started.stored(`inbound/${id}`)).toString()).toContain(
    ` by inbound-smtp.eu-west-1.amazonaws.com with SMTP id ${id}\r\n`,
  );
  const [dsn] = await started.outbox();
  expect(dsn).toContain("\r\nReporting-MTA: dns; inbound-smtp.eu-west-1.amazonaws.com\r\n");
  expect(dsn).toMatch(/^Message-ID: <[^@>]+@eu-west-1\.amazonses\.com>\r$/m);
});

test("§2.1: a domain covers its subdomains from its verification until that lapses; an address identity covers nothing", async () => {
  const started = await startConformance([rule("all", [actions.s3])]);
  const recipients = ["a@new.example", "a@eu.new.example", "ann@alone.example"];
  await started.ses.send(new VerifyEmailIdentityCommand({ EmailAddress: "ann@alone.example" }));
  expect(await started.rcpt(recipients)).toEqual([refused, refused, refused]);
  await started.ses.send(new VerifyDomainIdentityCommand({ Domain: "new.example" }));
  expect(await started.rcpt(recipients)).toEqual([ok, ok, refused]);
  await started.ses.send(new DeleteIdentityCommand({ Identity: "new.example" }));
  expect(await started.rcpt(recipients)).toEqual([refused, refused, refused]);
});

describe("§1.4 special states", () => {
  test.for<[string, ReturnType<typeof rule>[], string]>([
    ["an active set without rules", [], refused],
    ["every rule disabled", [rule("off", [actions.s3], { enabled: false })], refused],
    ["a rule without actions: accepted, and nothing happens", [rule("idle", [])], ok],
  ])("%s", async ([, rules, reply]) => {
    const started = await startConformance(rules);
    expect(await started.rcpt(["a@shop.example"])).toEqual([reply]);
  });

  test("a message that no action handles ends, and nobody is told", async () => {
    const started = await startConformance([rule("idle", [])]);
    const id = await started.send();
    expect(started.notices()).toEqual([]);
    expect(await started.outbox()).toEqual([]);
    expect((await started.engine.store.engine.list({ limit: 1 }))[0]).toMatchObject({ sesMessageId: id });
    expect(await started.engine.store.engine.countUnended()).toBe(0);
  });

  test("a recipient at an unverified domain is refused, whatever the rules say", async () => {
    expect(await replies([], ["a@other.example", "a@eu.shop.example", "a@shop.example"])).toEqual([refused, ok, ok]);
  });
});

test.for<[string, string, string]>([
  ["several plus signs: the label begins behind the first", "user+a+b@shop.example", ok],
  ["an empty label", "user+@shop.example", ok],
  ["needless quotes", '"user"@shop.example', ok],
  ["a quoted plus is a label", '"user+x"@shop.example', ok],
  ["quotes that are needed", '"us er"@shop.example', refused],
  ["a final dot", "user@shop.example.", ok],
  ["postmaster without domain", "postmaster", refused],
  ["a domain literal", "user@[203.0.113.9]", refused],
  [
    "a local part beyond ASCII",
    "us\u00e9r@shop.example",
    "553 5.6.7 Non-ASCII addresses not permitted for that recipient",
  ],
])("§2.4, a choice: %s", async ([, recipient, reply]) => {
  expect(await replies(["user@shop.example"], [recipient])).toEqual([reply]);
});

test("§2.4, a choice: a domain in Unicode and its A-label are one, in conditions as in recipients", async () => {
  const started = await startConformance([rule("only", [actions.s3], { recipients: ["a@b\u00fccher.example"] })], {
    config: { domains: ["b\u00fccher.example"] },
  });
  expect(await started.rcpt(["a@xn--bcher-kva.example", "a@buecher.example"])).toEqual([ok, refused]);
});

test("several rule sets, one active: mail follows the one that is active at RCPT", async () => {
  const started = await startConformance([rule("configured", [actions.s3])]);
  const { ses } = started;
  for (const [name, recipient] of [
    ["blue", "blue@shop.example"],
    ["green", "green@shop.example"],
  ] as const) {
    await ses.send(new CreateReceiptRuleSetCommand({ RuleSetName: name }));
    const LambdaAction = { FunctionArn: functionArn };
    const S3Action = { BucketName: names.bucket, ObjectKeyPrefix: name };
    await ses.send(
      new CreateReceiptRuleCommand({
        RuleSetName: name,
        Rule: {
          Name: `rule-${name}`,
          Enabled: true,
          Recipients: [recipient],
          Actions: [{ S3Action }, { LambdaAction }],
        },
      }),
    );
  }
  const both = ["blue@shop.example", "green@shop.example"];
  await ses.send(new SetActiveReceiptRuleSetCommand({ RuleSetName: "blue" }));
  expect(await started.rcpt(both)).toEqual([ok, refused]);
  const id = await started.send({ to: "blue@shop.example" });
  expect((await started.stored(`blue/${id}`)).length).toBeGreaterThan(0);
  await ses.send(new SetActiveReceiptRuleSetCommand({ RuleSetName: "green" }));
  expect(await started.rcpt(both)).toEqual([refused, ok]);
  await started.restart();
  expect(await started.rcpt(both)).toEqual([refused, ok]);
  expect(started.lambdaEvents().map((event) => event.Records[0].ses.receipt.recipients)).toEqual([
    ["blue@shop.example"],
  ]);
});
