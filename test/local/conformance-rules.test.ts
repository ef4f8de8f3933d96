import { createDecipheriv } from "node:crypto";
import {
  CreateReceiptRuleCommand,
  CreateReceiptRuleSetCommand,
  SetActiveReceiptRuleSetCommand,
  UpdateReceiptRuleCommand,
} from "@aws-sdk/client-ses";
import { describe, expect, test } from "vitest";
import { openEnvelope } from "../../shared/encryption/open-envelope.ts";
import { limits } from "../../shared/receipt/limits.ts";
import type { ReceiptAction } from "../../shared/receipt/model.ts";
import { publicKeyText, signByHand } from "./authenticate/sign-by-hand.ts";
import {
  actions,
  type Conformance,
  functionArn,
  names,
  plainMail,
  rule,
  startConformance,
  zone,
} from "./conformance-engine.ts";
import { eicar, keyRecord, signed } from "./conformance-mails.ts";
import { row } from "./conformance-rows.ts";
import { bytesOf } from "./store/store-fixture.ts";

const storing = () => startConformance([rule("store", [actions.s3])]);
const receiptOf = (started: Conformance) => started.notices()[0]?.receipt;
const hours = (count: number) => count * 3_600_000;

describe("scanning", () => {
  test(row(15), async () => {
    const started = await startConformance([rule("plain", [actions.s3], { scanEnabled: false })]);
    const id = await started.send({ raw: `Subject: a\r\n\r\n${eicar}\r\n` });
    expect(receiptOf(started)).toMatchObject({
      spamVerdict: { status: "DISABLED" },
      virusVerdict: { status: "DISABLED" },
    });
    const stored = (await started.stored(`inbound/${id}`)).toString();
    expect([...stored.matchAll(/^([A-Z][A-Za-z-]+):/gm)].map(([, name]) => name)).toEqual([
      ...["Return-Path", "Received", "Received-SPF", "Authentication-Results", "X-SES-RECEIPT"],
      ...["X-SES-DKIM-SIGNATURE", "Subject"],
    ]);
  });

  test(row(16), async () => {
    const started = await storing();
    const id = await started.send({ raw: `Subject: a\r\n\r\n${eicar}\r\n` });
    expect(receiptOf(started)).toMatchObject({ spamVerdict: { status: "PASS" }, virusVerdict: { status: "FAIL" } });
    const stored = (await started.stored(`inbound/${id}`)).toString();
    expect(stored).toContain("X-SES-Virus-Verdict: FAIL\r\n");
    expect(stored.endsWith(`\r\n\r\n${eicar}\r\n`)).toBe(true);
  });

  test("§4.2, a choice: one scan serves the rules that want it; the others see DISABLED and no verdict headers", async () => {
    const started = await startConformance([
      rule("scanned", [actions.s3]),
      rule("plain", [{ ...actions.s3, objectKeyPrefix: "plain" }], { scanEnabled: false }),
    ]);
    const id = await started.send({ raw: `Subject: a\r\n\r\n${eicar}\r\n` });
    expect(started.notices().map(({ receipt }) => receipt.virusVerdict.status)).toEqual(["FAIL", "DISABLED"]);
    expect((await started.stored(`plain/${id}`)).toString()).not.toContain("-Verdict:");
  });
});

describe("authentication", () => {
  test(row(17), async () => {
    const started = await startConformance([rule("store", [actions.s3])], {
      zone: { "sender.example": { TXT: ["v=spf1 ~all"] } },
    });
    await started.send();
    const receipt = receiptOf(started);
    expect(receipt).toMatchObject({
      spfVerdict: { status: "GRAY" },
      dkimVerdict: { status: "GRAY" },
      dmarcVerdict: { status: "GRAY" },
    });
    expect(receipt).not.toHaveProperty("dmarcPolicy");
  });

  test(row(18), async () => {
    const started = await startConformance([rule("store", [actions.s3])], {
      zone: { ...zone, "sender.example": { TXT: ["v=spf1 -all"] } },
    });
    await started.send();
    expect(JSON.stringify(receiptOf(started))).toMatch(
      /"dmarcVerdict":\{"status":"FAIL"\},"action":\{[^}]*\},"dmarcPolicy":"reject"\}$/,
    );
  });

  const key = {
    "s1._domainkey.sender.example": { TXT: [keyRecord] },
    "s1._domainkey.list.example": { TXT: [keyRecord] },
  };
  const record = (policy: string) => ({ "_dmarc.sender.example": { TXT: [`v=DMARC1; p=${policy}`] } });
  const broken = (raw: string) => raw.replace("oars", "ores");
  test.for<
    [string, { zone?: object; raw?: (mail: string) => string | Promise<string>; from?: string; helo?: string }, string]
  >([
    [
      "SPF pass",
      { zone: { "sender.example": { TXT: ["v=spf1 ip4:127.0.0.1 -all"] } } },
      "spf PASS dkim GRAY dmarc GRAY",
    ],
    ["SPF fail", { zone: { "sender.example": { TXT: ["v=spf1 -all"] } } }, "spf FAIL dkim GRAY dmarc GRAY"],
    ["SPF neutral", { zone: { "sender.example": { TXT: ["v=spf1 ?all"] } } }, "spf GRAY dkim GRAY dmarc GRAY"],
    ["no SPF record", { zone: { "sender.example": { A: ["192.0.2.1"] } } }, "spf GRAY dkim GRAY dmarc GRAY"],
    ["SPF temperror", { zone: { "sender.example": { TXT: "TIMEOUT" } } }, "spf PROCESSING_FAILED dkim GRAY dmarc GRAY"],
    [
      "SPF permerror",
      { zone: { "sender.example": { TXT: ["v=spf1 wrong -all"] } } },
      "spf PROCESSING_FAILED dkim GRAY dmarc GRAY",
    ],
    [
      "the null sender, by its HELO name",
      { zone: { "mx.sender.example": { TXT: ["v=spf1 a -all"], A: ["127.0.0.1"] } }, from: "" },
      "spf PASS dkim GRAY dmarc GRAY",
    ],
    [
      "a valid aligned signature",
      { zone: key, raw: (mail) => signed(mail, "sender.example") },
      "spf GRAY dkim PASS dmarc GRAY",
    ],
    [
      "a valid signature by another domain",
      { zone: key, raw: (mail) => signed(mail, "list.example") },
      "spf GRAY dkim GRAY dmarc GRAY",
    ],
    [
      "a broken signature",
      { zone: key, raw: async (mail) => broken(await signed(mail, "sender.example")) },
      "spf GRAY dkim FAIL dmarc GRAY",
    ],
    [
      "a key that cannot be fetched",
      { zone: { "s1._domainkey.sender.example": "SERVFAIL" }, raw: (mail) => signed(mail, "sender.example") },
      "spf GRAY dkim PROCESSING_FAILED dmarc GRAY",
    ],
    [
      "a signature that cannot be read",
      { zone: {}, raw: (mail) => `DKIM-Signature: v=1; nonsense\r\n${mail}` },
      "spf GRAY dkim PROCESSING_FAILED dmarc GRAY",
    ],
    [
      "one broken and one valid signature",
      { zone: key, raw: async (mail) => signed(broken(await signed(mail, "sender.example")), "sender.example") },
      "spf GRAY dkim PASS dmarc GRAY",
    ],
    [
      "DMARC by SPF",
      { zone: { "sender.example": { TXT: ["v=spf1 ip4:127.0.0.1 -all"] }, ...record("reject") } },
      "spf PASS dkim GRAY dmarc PASS",
    ],
    [
      "DMARC by DKIM",
      { zone: { ...key, ...record("reject") }, raw: (mail) => signed(mail, "sender.example") },
      "spf GRAY dkim PASS dmarc PASS",
    ],
    [
      "DMARC failure under none, as recorded",
      { zone: { ...key, ...record("none") }, raw: (mail) => signed(mail, "list.example") },
      "spf GRAY dkim GRAY dmarc FAIL none",
    ],
    ["DMARC failure under quarantine", { zone: record("quarantine") }, "spf GRAY dkim GRAY dmarc FAIL quarantine"],
    ["DMARC failure under reject", { zone: record("reject") }, "spf GRAY dkim GRAY dmarc FAIL reject"],
    [
      "DMARC cannot be asked",
      { zone: { "_dmarc.sender.example": { TXT: "TIMEOUT" } } },
      "spf GRAY dkim GRAY dmarc PROCESSING_FAILED",
    ],
  ])("§4.1: %s", async ([, given, expected]) => {
    const started = await startConformance([rule("store", [actions.s3])], { zone: { ...given.zone } });
    await started.send({
      raw: (await given.raw?.(plainMail)) ?? plainMail,
      ...(given.from !== undefined && { from: given.from }),
    });
    const receipt = receiptOf(started);
    const said = [
      `spf ${receipt?.spfVerdict.status} dkim ${receipt?.dkimVerdict.status} dmarc ${receipt?.dmarcVerdict.status}`,
      ...(receipt?.dmarcPolicy !== undefined ? [receipt.dmarcPolicy] : []),
    ];
    expect(said.join(" ")).toBe(expected);
  });

  test("§4.1: the documented reading can be chosen: GRAY under p=none, PASS for a signature by another domain", async () => {
    const started = await startConformance([rule("store", [actions.s3])], {
      zone: { ...key, ...record("none") },
      local: { ses: { dmarcFailureUnderNone: "GRAY", dkimNeedsAlignment: false } },
    });
    await started.send({ raw: await signed(plainMail, "list.example") });
    expect(receiptOf(started)).toMatchObject({
      dkimVerdict: { status: "PASS" },
      dmarcVerdict: { status: "GRAY" },
      dmarcPolicy: "none",
    });
  });
});

/** §4.3's template, filled in by hand; the two opaque headers by their form. */
function template(
  id: string,
  spf: string,
  clauses: readonly string[],
  rest: Partial<Record<"path" | "received", string>> = {},
) {
  const { path = "ann@sender.example", received = "mx.sender.example (mx.sender.example [127.0.0.1])" } = rest;
  return [
    `Return-Path: <${path}>`,
    `Received: from ${received}`,
    ` by inbound-smtp.us-east-1.amazonaws.com with SMTP id ${id}`,
    " for orders@shop.example;",
    " Tue, 04 Aug 2026 09:15:02 +0000 (UTC)",
    "X-SES-Spam-Verdict: PASS",
    "X-SES-Virus-Verdict: PASS",
    `Received-SPF: ${spf}`,
    "Authentication-Results: amazonses.com;",
    ` spf=${spf}`,
    ...clauses.map((clause) => ` ${clause}`),
    "X-SES-RECEIPT: <opaque>",
    "X-SES-DKIM-SIGNATURE: a=rsa-sha256; q=dns/txt; b=<opaque>; c=relaxed/simple; s=<opaque>; d=amazonses.com; t=1785834902; v=1; bh=<opaque>; h=From:To:Cc:Bcc:Subject:Date:Message-ID:MIME-Version:Content-Type:X-SES-RECEIPT;",
    "",
  ].join("\r\n");
}
const withoutOpaque = (block: string) =>
  block
    .replace(/^(X-SES-RECEIPT: )[A-Za-z0-9+/]+=*\r/m, "$1<opaque>\r")
    .replace(
      /(; b=)[A-Za-z0-9+/]+=*(; c=relaxed\/simple; s=)[a-z0-9]{32}(; .*; bh=)[A-Za-z0-9+/]+=*;/,
      "$1<opaque>$2<opaque>$3<opaque>;",
    );

describe("the header block", () => {
  const client = (envelope = "ann@sender.example") =>
    `client-ip=127.0.0.1; envelope-from=${envelope}; helo=mx.sender.example;`;

  test(row(19), async () => {
    const started = await startConformance([rule("store", [actions.s3])], {
      zone: { ...zone, "s1._domainkey.sender.example": { TXT: [keyRecord] } },
    });
    const raw = await signed(plainMail, "sender.example");
    const id = await started.send({ raw });
    const stored = (await started.stored(`inbound/${id}`)).toString();
    const spf = `pass (spfCheck: domain of sender.example designates 127.0.0.1 as permitted sender) ${client()}`;
    expect(withoutOpaque(stored)).toBe(
      template(id, spf, ["dkim=pass header.i=@sender.example;", "dmarc=pass header.from=sender.example;"]) + raw,
    );
    // §4.3: one NUL octet, then base64 text; about 313 octets.
    const receipt = Buffer.from(/^X-SES-RECEIPT: (.*)\r$/m.exec(stored)?.[1] ?? "", "base64");
    expect([receipt.length, receipt[0]]).toEqual([313, 0]);
  });

  test.for<[string, object, string, string]>([
    [
      "fail",
      { TXT: ["v=spf1 -all"] },
      "fail (spfCheck: domain of sender.example does not designate 127.0.0.1 as permitted sender)",
      "fail",
    ],
    [
      "softfail",
      { TXT: ["v=spf1 ~all"] },
      "softfail (spfCheck: transitioning domain of sender.example does not designate 127.0.0.1 as permitted sender)",
      "fail",
    ],
    [
      "neutral",
      { TXT: ["v=spf1 ?all"] },
      "neutral (spfCheck: 127.0.0.1 is neither permitted nor denied by domain of sender.example)",
      "fail",
    ],
    ["none", {}, "none (spfCheck: 127.0.0.1 is neither permitted nor denied by domain of sender.example)", "fail"],
    ["permerror", { TXT: ["v=spf1 include:"] }, "permerror (spfCheck: Error in processing SPF Record)", "fail"],
    ["temperror", { TXT: "SERVFAIL" }, "temperror (spfCheck: Error in retrieving data from DNS)", "temperror"],
  ])("§4.3: the block of SPF %s", async ([, node, comment, dmarc]) => {
    const started = await startConformance([rule("store", [actions.s3])], {
      zone: { ...zone, "sender.example": node },
    });
    const id = await started.send();
    const stored = (await started.stored(`inbound/${id}`)).toString();
    const expected = template(id, `${comment} ${client()}`, [`dmarc=${dmarc} header.from=sender.example;`]);
    expect(withoutOpaque(stored)).toBe(expected + plainMail);
  });

  test("§4.3: the null sender, a client without a name, two signatures, no DMARC record", async () => {
    const started = await startConformance([rule("store", [actions.s3])], {
      zone: { "s1._domainkey.sender.example": { TXT: [keyRecord] } },
    });
    const raw = await signed(
      `DKIM-Signature: v=1; a=rsa-sha256; d=gone.example; s=s; h=from; bh=YQ==; b=YQ==\r\n${plainMail}`,
      "sender.example",
    );
    const id = await started.send({ from: "", raw });
    const spf = `none (spfCheck: 127.0.0.1 is neither permitted nor denied by domain of mx.sender.example) ${client("postmaster@mx.sender.example")}`;
    expect(withoutOpaque((await started.stored(`inbound/${id}`)).toString())).toBe(
      template(
        id,
        spf,
        [
          "dkim=pass header.i=@sender.example;",
          "dkim=fail header.i=@gone.example;",
          "dmarc=none header.from=sender.example;",
        ],
        { path: "", received: "mx.sender.example ([127.0.0.1])" },
      ) + raw,
    );
    expect(started.notices()[0]?.mail).toMatchObject({ source: "", commonHeaders: { returnPath: "" } });
  });

  test("§4.3, a choice: a signature too weak to count is policy in the block and GRAY in the verdict", async () => {
    const started = await startConformance([rule("store", [actions.s3])], {
      zone: { "s1._domainkey.sender.example": { TXT: [`v=DKIM1; p=${publicKeyText}`] } },
    });
    const id = await started.send({ raw: signByHand({ tags: { v: null } }) });
    expect((await started.stored(`inbound/${id}`)).toString()).toContain(
      "\r\n dkim=policy header.i=@sender.example;\r\n",
    );
    expect(receiptOf(started)).toMatchObject({ dkimVerdict: { status: "GRAY" }, dmarcVerdict: { status: "GRAY" } });
  });

  test(row(20), async () => {
    const started = await storing();
    // Every octet but CR and LF, dots at line starts, long lines, no line end after the last: what DATA can carry.
    const octets = Buffer.from(
      Array.from({ length: 256 }, (_, at) => at).filter((octet) => octet !== 10 && octet !== 13),
    );
    const raw = Buffer.concat([
      Buffer.from("Subject: a\r\nX-Odd:no space\r\n\r\n.\r\n..\r\n...dots\r\n"),
      octets,
      Buffer.from(`\r\n${"x".repeat(5_000)}\r\n.`),
    ]);
    const id = await started.send({ raw });
    const stored = await started.stored(`inbound/${id}`);
    const start = stored.indexOf("Subject: a\r\n");
    // The line end before the final dot belongs to the message (RFC 5321 §4.1.1.4).
    expect(stored.subarray(start).equals(Buffer.concat([raw, Buffer.from("\r\n")]))).toBe(true);
    expect(stored.subarray(0, start).toString()).toMatch(/^Return-Path: [\s\S]*X-SES-DKIM-SIGNATURE: [^\r]*\r\n$/);
  });

  test("§4.3, a choice: a sender's own copies of SES's headers are kept below the block and believed by nobody", async () => {
    const forged = [
      "Return-Path: <ceo@bank.example>",
      "Received: from mail.bank.example (mail.bank.example [192.0.2.1])",
      " by inbound-smtp.us-east-1.amazonaws.com with SMTP id 5j0cqbk90k38aj905e1tnorltf8tije0iuq17lo1",
      " for victim@shop.example;",
      " Tue, 04 Aug 2026 09:15:02 +0000 (UTC)",
      "X-SES-Spam-Verdict: PASS",
      "X-SES-Virus-Verdict: PASS",
      "Received-SPF: pass (spfCheck: domain of bank.example designates 192.0.2.1 as permitted sender)",
      "Authentication-Results: amazonses.com; spf=pass; dkim=pass header.i=@bank.example; dmarc=pass header.from=bank.example;",
      "X-SES-RECEIPT: AEFB",
      "From: CEO <ceo@bank.example>",
      "To: orders@shop.example",
      "Subject: a",
      "",
      `${eicar}\r\n`,
    ].join("\r\n");
    const started = await storing();
    const id = await started.send({ raw: forged });
    const stored = (await started.stored(`inbound/${id}`)).toString();
    expect(stored.endsWith(`\r\n${forged}`)).toBe(true);
    const [notice] = started.notices();
    expect(notice?.mail.commonHeaders.returnPath).toBe("ann@sender.example");
    expect(notice?.receipt).toMatchObject({
      virusVerdict: { status: "FAIL" },
      dkimVerdict: { status: "GRAY" },
      dmarcVerdict: { status: "GRAY" },
    });
    expect(notice?.mail.headers.filter(({ name }) => name === "X-SES-Virus-Verdict").map(({ value }) => value)).toEqual(
      ["FAIL", "PASS"],
    );
  });
});

describe("payloads", () => {
  test(row(21), async () => {
    const started = await storing();
    const lines = [
      "From: ann@sender.example",
      "X-Tab: a;\r\n\tb",
      "X-Before: a \r\n b",
      "X-Run: a\r\n \t  b",
      "X-Two:  two spaces",
      "X-None:none",
      "X-Empty: ",
      "X-Nothing:",
      "Subject: =?utf-8?q?caf=C3=A9?=",
      "X-Raw: caf\u00e9",
      "x-CASE: kept",
      "X-Twice: 1",
      "X-Twice: 2",
      "DKIM-Signature: v=1; a=rsa-sha256; d=x.example; s=s; h=from;\r\n bh=ab\r\n cd=; b=AbC\r\n dEf",
      "X-Google-DKIM-Signature: b=AbC\r\n dEf",
      "Content-Type: multipart/mixed; boundary=b",
    ];
    await started.send({ raw: `${lines.join("\r\n")}\r\n\r\n--b\r\nX-Part: no\r\n\r\n--b--\r\n` });
    const headers = started.notices()[0]?.mail.headers ?? [];
    expect(headers.slice(-lines.length).map(({ name, value }) => `${name}=${value}`)).toEqual([
      "From=ann@sender.example",
      "X-Tab=a; b",
      "X-Before=a  b",
      "X-Run=a b",
      "X-Two= two spaces",
      "X-None=none",
      "X-Empty=",
      "X-Nothing=",
      "Subject==?utf-8?q?caf=C3=A9?=",
      "X-Raw=caf\u00e9",
      "x-CASE=kept",
      "X-Twice=1",
      "X-Twice=2",
      "DKIM-Signature=v=1; a=rsa-sha256; d=x.example; s=s; h=from; bh=ab cd=; b=AbCdEf",
      "X-Google-DKIM-Signature=b=AbC dEf",
      "Content-Type=multipart/mixed; boundary=b",
    ]);
  });

  test(row(22), async () => {
    const started = await storing();
    await started.send({ raw: "From: ann@sender.example\r\nSubject: a\r\n\r\nb\r\n" });
    const [notice] = started.notices();
    expect(notice?.mail.destination).toEqual([]);
    expect(Object.keys(notice?.mail.commonHeaders ?? {})).toEqual(["returnPath", "from", "subject"]);
    expect(notice?.receipt.recipients).toEqual(["orders@shop.example"]);
  });

  test.for<[string | undefined, string]>([
    ["inbound", "inbound/"],
    ["inbound/", "inbound/"],
    [undefined, ""],
    ["/emails", "/emails/"],
  ])(row(23, "prefix %s"), async ([objectKeyPrefix, before]) => {
    const { objectKeyPrefix: _, ...s3 } = actions.s3;
    const started = await startConformance([
      rule("store", [{ ...s3, ...(objectKeyPrefix !== undefined && { objectKeyPrefix }) }]),
    ]);
    const id = await started.send();
    const reported = { ...(objectKeyPrefix !== undefined && { objectKeyPrefix }), objectKey: `${before}${id}` };
    expect(receiptOf(started)?.action).toEqual({
      type: "S3",
      topicArn: names.noticeTopicArn,
      bucketName: names.bucket,
      ...reported,
    });
    expect((await started.stored(`${before}${id}`)).length).toBeGreaterThan(0);
  });

  test(row(25), async () => {
    const started = await startConformance([
      rule("publish", [actions.sns, { ...actions.s3, topicArn: names.noticeTopicArn }]),
    ]);
    const probe = await started.send({ raw: "\r\n" });
    const block = (await started.stored(`inbound/${probe}`)).length - 2;
    const mail = (octets: number) => `Subject: a\r\n\r\n${"b".repeat(octets - block - 16)}\r\n`;
    started.batches.length = 0;
    await started.send({ raw: mail(limits.snsMessageBytes) });
    const [published] = started.notices();
    expect(Buffer.from(published?.content ?? "", "base64")).toHaveLength(153_600);
    expect(await started.outbox()).toEqual([]);

    started.batches.length = 0;
    await started.send({ raw: mail(limits.snsMessageBytes + 1) });
    // The S3 action behind it still runs: the bounce ends nothing.
    expect(started.notices().map(({ receipt }) => receipt.action.type)).toEqual(["S3"]);
    const [dsn, ...more] = await started.outbox();
    expect(more).toEqual([]);
    expect(dsn).toContain("To: ann@sender.example\r\n");
    expect(dsn).toContain("Diagnostic-Code: smtp; 552 5.3.4 Message too large\r\n");
  });

  test(row(26), async () => {
    const started = await startConformance([
      rule("publish", [actions.s3, actions.sns, { ...actions.sns, encoding: "UTF-8" }]),
    ]);
    const raw = Buffer.from("Subject: caf\u00e9\r\n\r\nb\xff\r\n", "latin1");
    const id = await started.send({ raw });
    const stored = await started.stored(`inbound/${id}`);
    const [, base64, text] = started.notices();
    expect(base64?.receipt.action).toEqual({ type: "SNS", topicArn: names.noticeTopicArn, encoding: "BASE64" });
    expect(base64?.content).toBe(stored.toString("base64"));
    expect(text?.receipt.action).toEqual({ type: "SNS", topicArn: names.noticeTopicArn, encoding: "UTF8" });
    expect(text?.content).toBe(stored.toString("utf8"));
  });

  test(row(27), async () => {
    const started = await startConformance([rule("tell", [actions.s3, actions.event])]);
    const mail = (kilobytes: number) =>
      `From: ann@sender.example\r\n${`X-Pad: ${"p".repeat(1_019)}\r\n`.repeat(kilobytes)}Subject: behind\r\n\r\nb\r\n`;
    const flags = async (kilobytes: number) => {
      await started.send({ raw: mail(kilobytes) });
      const notice = started.notices().at(-1)?.mail;
      const event = started.lambdaEvents().at(-1)?.Records[0].ses.mail;
      const counted = (headers: readonly { name: string; value: string }[] = []) =>
        headers.reduce((sum, { name, value }) => sum + Buffer.byteLength(name + value), 0);
      expect(counted(notice?.headers)).toBeLessThanOrEqual(10_240);
      expect(counted(event?.headers)).toBeLessThanOrEqual(51_200);
      // commonHeaders come from the whole list.
      expect([notice?.commonHeaders.subject, event?.commonHeaders.subject]).toEqual(["behind", "behind"]);
      return [notice?.headersTruncated, event?.headersTruncated];
    };
    expect(await flags(1)).toEqual([false, false]);
    expect(await flags(10)).toEqual([true, false]);
    expect(await flags(50)).toEqual([true, true]);
  });
});

describe("synchronous functions", () => {
  const mark = (name: string): ReceiptAction => ({ ...actions.s3, objectKeyPrefix: name });
  test.for<[string, unknown, string[]]>([
    ["CONTINUE", { disposition: "CONTINUE" }, ["rest", "next"]],
    ["STOP_RULE", { disposition: "STOP_RULE" }, ["next"]],
    ["STOP_RULE_SET", { disposition: "STOP_RULE_SET" }, []],
    ["null", null, ["rest", "next"]],
    ["an empty object", {}, ["rest", "next"]],
    ["another word", { disposition: "x" }, ["rest", "next"]],
    ["lower case (C)", { disposition: "stop_rule_set" }, ["rest", "next"]],
  ])(row(28, "%s"), async ([, answer, expected]) => {
    const started = await startConformance([
      rule("first", [actions.sync, mark("rest")]),
      rule("second", [mark("next")]),
    ]);
    started.answer = async () => answer;
    await started.send();
    const ran = started.notices().map(({ receipt }) => receipt.action.type === "S3" && receipt.action.objectKeyPrefix);
    expect(ran).toEqual(expected);
    expect(started.lambdaEvents()[0]?.Records[0].ses.receipt.action).toEqual({
      type: "Lambda",
      functionArn,
      invocationType: "RequestResponse",
    });
  });

  test("§5.6, a choice: one that throws holds back all that follows and is tried again; after four hours the set is given up", async () => {
    for (const [onSyncFailure, told] of [
      ["drop", 0],
      ["continue", 1],
    ] as const) {
      const started = await startConformance([rule("first", [actions.sync]), rule("second", [actions.s3])], {
        local: {
          ...{ ses: { onSyncFailure } },
        },
      });
      started.answer = async () => {
        throw new Error("away");
      };
      await started.send();
      expect(started.notices()).toEqual([]);
      await started.pass(2_000);
      expect(started.lambdaEvents().length).toBeGreaterThan(1);
      await started.pass(hours(4));
      expect(started.notices()).toHaveLength(told);
      expect(await started.engine.store.engine.countUnended()).toBe(0);
    }
  });
});

describe("actions", () => {
  test(row(32), async () => {
    const started = await startConformance([rule("one", [actions.bounce]), rule("two", [actions.bounce, actions.s3])]);
    await started.send();
    const sent = await started.outbox();
    expect(sent).toHaveLength(2);
    expect(new Set(sent.map((dsn) => /^Message-ID: (.*)$/m.exec(dsn)?.[1])).size).toBe(2);
    // The bounce ends nothing.
    expect(started.notices()).toHaveLength(1);
  });

  test(row(33), async () => {
    const missing = { type: "Lambda", functionArn: `${functionArn}-missing`, invocationType: "Event" } as const;
    const started = await startConformance([
      rule("first", [missing, actions.s3]),
      rule("second", [{ ...actions.s3, objectKeyPrefix: "second" }]),
    ]);
    const id = (await started.send()) as never;
    const log = () => started.engine.store.engine.actionLog(id);
    for (let waited = 0; waited < 15_000; waited += 150) {
      const [entry] = await log();
      if (entry?.state !== "pending") break;
      await started.pass(150_000);
    }
    const [first, second] = await log();
    expect(first).toMatchObject({ ruleName: "first", state: "failed" });
    expect(second).toMatchObject({ ruleName: "second", state: "done" });
    expect(started.clock.now().getTime() - Date.parse("2026-08-04T09:15:02.417Z")).toBeGreaterThanOrEqual(hours(4));
    expect(await started.engine.store.engine.countUnended()).toBe(0);
    const counts = started.engine.store.database.read((sql) =>
      sql.all("SELECT * FROM rule_counts WHERE metric = 'PublishExpired'"),
    );
    expect(counts.map((counted) => ({ ...counted }))).toEqual([
      { rule_name: "first", metric: "PublishExpired", value: 1 },
    ]);
    // No DSN tells the sender.
    expect(await started.outbox()).toEqual([]);
  });

  test(row(34), async () => {
    const started = await startConformance([]);
    const { ses } = started;
    const LambdaAction = { FunctionArn: functionArn, InvocationType: "RequestResponse" } as const;
    const S3Action = (ObjectKeyPrefix: string) => ({
      BucketName: names.bucket,
      ObjectKeyPrefix,
      TopicArn: names.noticeTopicArn,
    });
    const Rule = (prefix: string) => ({
      Name: "only",
      Enabled: true,
      Actions: [{ LambdaAction }, { S3Action: S3Action(prefix) }],
    });
    await ses.send(new CreateReceiptRuleSetCommand({ RuleSetName: "own" }));
    await ses.send(new CreateReceiptRuleCommand({ RuleSetName: "own", Rule: Rule("old") }));
    await ses.send(new SetActiveReceiptRuleSetCommand({ RuleSetName: "own" }));
    started.answer = async () => {
      throw new Error("not yet");
    };
    const waiting = await started.send();
    await ses.send(new UpdateReceiptRuleCommand({ RuleSetName: "own", Rule: Rule("new") }));
    await ses.send(new SetActiveReceiptRuleSetCommand({}));
    await started.restart();
    started.answer = async () => null;
    await started.pass(5_000);
    const keys = () =>
      started.notices().flatMap(({ receipt }) => (receipt.action.type === "S3" ? [receipt.action.objectKey] : []));
    const mails = () => keys().filter((key) => !key.endsWith("AMAZON_SES_SETUP_NOTIFICATION"));
    expect(mails()).toEqual([`old/${waiting}`]);
    await started.ses.send(new SetActiveReceiptRuleSetCommand({ RuleSetName: "own" }));
    const later = await started.send();
    expect(mails()).toEqual([`old/${waiting}`, `new/${later}`]);
  });

  test(row(35), async () => {
    const kmsKeyArn = names.kmsKeyArn;
    const started = await startConformance([
      rule("store", [
        { ...actions.s3, kmsKeyArn },
        { ...actions.s3, objectKeyPrefix: "plain" },
      ]),
    ]);
    const id = await started.send();
    const ref = { bucket: names.bucket, key: `inbound/${id}` };
    const metadata = (await started.engine.ports.objects.head(ref))?.metadata ?? {};
    expect(Object.keys(metadata).sort()).toEqual([
      ...[
        "x-amz-cek-alg",
        "x-amz-iv",
        "x-amz-key-v2",
        "x-amz-matdesc",
        "x-amz-tag-len",
        "x-amz-unencrypted-content-length",
        "x-amz-wrap-alg",
      ],
    ]);
    expect(metadata).toMatchObject({
      "x-amz-wrap-alg": "kms",
      "x-amz-cek-alg": "AES/GCM/NoPadding",
      "x-amz-tag-len": "128",
    });
    const context = JSON.parse(metadata["x-amz-matdesc"] ?? "") as Record<string, string>;
    expect(context).toEqual({
      "aws:ses:message-id": id,
      "aws:ses:rule-name": "store",
      "aws:ses:source-account": "000000000000",
      kms_cmk_id: kmsKeyArn,
    });
    // By hand, as §7.3 has it, and by the reader.
    const plain = (await started.stored(`plain/${id}`)).toString();
    const body = await started.stored(`inbound/${id}`);
    const iv = Buffer.from(metadata["x-amz-iv"] ?? "", "base64");
    const key = await started.engine.store.ports.keys.decrypt(
      Buffer.from(metadata["x-amz-key-v2"] ?? "", "base64"),
      context,
    );
    const cipher = createDecipheriv("aes-256-gcm", key, iv);
    cipher.setAuthTag(body.subarray(-16));
    expect(Buffer.concat([cipher.update(body.subarray(0, -16)), cipher.final()]).toString()).toBe(plain);
    expect([iv.length, body.length - 16]).toEqual([12, Number(metadata["x-amz-unencrypted-content-length"])]);
    const opened = await openEnvelope({ body, metadata, sizeBytes: body.length }, started.engine.store.ports.keys);
    expect((await bytesOf(await opened.open())).toString()).toBe(plain);
  });
});
