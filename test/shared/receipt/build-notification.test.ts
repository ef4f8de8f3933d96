import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseHeaderSection } from "../../../shared/mail/headers.ts";
import {
  buildLambdaEvent,
  buildNotification,
  type NotificationInput,
  notificationSubject,
} from "../../../shared/receipt/build-notification.ts";
import { buildHeaderBlock } from "../../../shared/receipt/header-block.ts";
import { objectKey } from "../../../shared/receipt/object-key.ts";
import { buildS3Event } from "../../../shared/receipt/s3-event.ts";
import { buildSetupNotification, setupNotificationBytes } from "../../../shared/receipt/setup-notification.ts";
import { buildSnsEnvelope, buildSnsLambdaEvent } from "../../../shared/receipt/sns-envelope.ts";
import { buildSqsEvent } from "../../../shared/receipt/sqs-event.ts";

/** A sample of events/ as SES would send it: compact, members in the order of the file. */
const golden = (name: string): string =>
  JSON.stringify(JSON.parse(readFileSync(new URL(`../../../events/${name}.json`, import.meta.url), "utf8")));
const message = (name: string) => JSON.parse(golden(name));

const id = "5j0cqbk90k38aj905e1tnorltf8tije0iuq17lo1";
const topicArn = "arn:aws:sns:us-east-1:111122223333:inbound";
const functionArn = "arn:aws:lambda:us-east-1:111122223333:function:classify";
const original = [
  "From: Ann Lee <ann@sender.example>",
  "To: orders@shop.example",
  "Cc: Team <team@shop.example>",
  "Subject: Order 1207",
  "Date: Tue, 4 Aug 2026 11:15:00 +0200",
  "Message-ID: <m1@sender.example>",
  "MIME-Version: 1.0",
  "Content-Type: text/plain; charset=utf-8",
  "",
  "Twelve oars, please. \u2014 Ann",
  "",
].join("\r\n");

function store(raw: string, scan = true): Buffer {
  const block = buildHeaderBlock(
    {
      sesMessageId: id,
      region: "us-east-1",
      client: { helo: "mx.sender.example", rdns: "mx.sender.example", ip: "203.0.113.25" },
      envelopeFrom: "ann@sender.example",
      recipient: "orders@shop.example",
      receivedAt: new Date("2026-08-04T09:15:02.417Z"),
      authentication: {
        spf: { result: "pass", domain: "sender.example" },
        dkim: [{ result: "pass", domain: "sender.example", selector: "s1", aligned: true }],
        dmarc: { result: "pass", domain: "sender.example" },
      },
      scan: scan ? { spam: "PASS", virus: "PASS" } : undefined,
    },
    () => ({
      receipt: "AEFBQUFFWEFNUExF",
      dkimSignature:
        "a=rsa-sha256; q=dns/txt; b=RVhBTVBMRQ==; c=relaxed/simple; s=ug7nbtf4gccmlpwj322ax3p6ow6yfsug; d=amazonses.com; t=1785834902; v=1; bh=RVhBTVBMRQ==; h=From:To:Cc:Bcc:Subject:Date:Message-ID:MIME-Version:Content-Type:X-SES-RECEIPT;",
    }),
  );
  return Buffer.concat([block, Buffer.from(raw)]);
}

const stored = store(original);
const pass = { spam: "PASS", virus: "PASS", spf: "PASS", dkim: "PASS", dmarc: "PASS" } as const;
const s3 = { type: "S3", topicArn, bucketName: "shop-inbound", objectKeyPrefix: "inbound/" } as const;
const input = (changes: Partial<NotificationInput> = {}): NotificationInput => ({
  sesMessageId: id,
  receivedAt: new Date("2026-08-04T09:15:02.417Z"),
  envelopeFrom: "ann@sender.example",
  headers: parseHeaderSection(stored).headers,
  recipients: ["orders@shop.example"],
  verdicts: pass,
  action: s3,
  processingTimeMs: 611.4,
  ...changes,
});
const mailOf = (raw: string) =>
  buildNotification(input({ headers: parseHeaderSection(Buffer.from(raw)).headers, action: s3 })).mail;

test.for<[string, NotificationInput["action"]]>([
  ["notice-s3", s3],
  ["notice-lambda", { type: "Lambda", topicArn, functionArn, invocationType: "Event" }],
  [
    "notice-bounce",
    {
      type: "Bounce",
      sender: "bounce@shop.example",
      message: "Mailbox does not exist",
      statusCode: "5.1.1",
      smtpReplyCode: "550",
      topicArn,
    },
  ],
  ["notice-stop", { type: "Stop", scope: "RuleSet", topicArn }],
  [
    "notice-workmail",
    {
      type: "WorkMail",
      topicArn,
      organizationArn: "arn:aws:workmail:us-east-1:111122223333:organization/m-68755160c4cb4e29a2b2f8fb58f359d7",
    },
  ],
])("to the byte: %s", ([name, action]) => {
  expect(JSON.stringify(buildNotification(input({ action })))).toBe(golden(name));
});

test("row 26: the SNS action's content, as base64 of the stored bytes and as text", () => {
  const base64 = buildNotification(input({ action: { type: "SNS", topicArn, encoding: "Base64" } }), stored);
  expect(JSON.stringify(base64)).toBe(golden("notice-sns-base64"));
  expect(Buffer.from(base64.content ?? "", "base64")).toEqual(stored);
  const text = buildNotification(input({ action: { type: "SNS", topicArn, encoding: "UTF-8" } }), stored);
  expect(JSON.stringify(text)).toBe(golden("notice-sns-utf8"));
});

test("the Lambda event, to the byte: synchronous with a scan, asynchronous without", () => {
  const action = { type: "Lambda", functionArn, invocationType: "RequestResponse" } as const;
  expect(JSON.stringify(buildLambdaEvent(input({ action })))).toBe(golden("ses-lambda-sync"));
  const unscanned = input({
    action: { ...action, invocationType: "Event" },
    headers: parseHeaderSection(store(original, false)).headers,
    verdicts: { ...pass, spam: "DISABLED", virus: "DISABLED" },
  });
  expect(JSON.stringify(buildLambdaEvent(unscanned))).toBe(golden("ses-lambda-async"));
});

test("row 18: dmarcPolicy is the last member of the receipt", () => {
  const verdicts = { ...pass, dmarc: "FAIL", dmarcPolicy: "reject" } as const;
  const { receipt } = buildNotification(input({ verdicts }));
  expect(Object.keys(receipt).slice(-3)).toEqual(["dmarcVerdict", "action", "dmarcPolicy"]);
  expect(receipt.dmarcPolicy).toBe("reject");
  expect("dmarcPolicy" in buildNotification(input()).receipt).toBe(false);
});

test.for<[string | undefined, string]>([
  ["inbound", `inbound/${id}`],
  ["inbound/", `inbound/${id}`],
  ["/emails", `/emails/${id}`],
  ["", id],
  [undefined, id],
])("row 23: the prefix %s", ([prefix, key]) => {
  const action = {
    type: "S3",
    topicArn,
    bucketName: "b",
    ...(prefix !== undefined && { objectKeyPrefix: prefix }),
  } as const;
  expect(objectKey(prefix, id)).toBe(key);
  expect(buildNotification(input({ action })).receipt.action).toEqual({
    ...{ type: "S3", topicArn, bucketName: "b", objectKey: key },
    ...(prefix !== undefined && { objectKeyPrefix: prefix }),
  });
});

test("row 21: headers are unfolded, encoded-words stay raw there and are decoded in commonHeaders", () => {
  const mail = mailOf(
    "Subject: =?utf-8?q?caf=C3=A9?=\r\nX-Tab: a;\r\n\tb\r\nX-Space: a \r\n b\r\nX-Empty:\r\nDKIM-Signature: v=1; b=AbC\r\n dEf; bh=x\r\n y\r\n\r\n",
  );
  expect(mail.headers).toEqual([
    { name: "Subject", value: "=?utf-8?q?caf=C3=A9?=" },
    { name: "X-Tab", value: "a; b" },
    { name: "X-Space", value: "a  b" },
    { name: "X-Empty", value: "" },
    { name: "DKIM-Signature", value: "v=1; b=AbCdEf; bh=x y" },
  ]);
  expect(mail.commonHeaders.subject).toBe("caf\u00e9");
});

test("row 22: a Bcc-only message has neither to nor cc, and destination lacks the recipient", () => {
  const mail = mailOf("From: ann@sender.example\r\nSubject: x\r\n\r\n");
  expect(mail.destination).toEqual([]);
  expect(Object.keys(mail.commonHeaders)).toEqual(["from", "subject"]);
  expect(buildNotification(input()).receipt.recipients).toEqual(["orders@shop.example"]);
});

test("commonHeaders: order, names kept, brackets without a name gone, groups flattened, Message-ID with brackets", () => {
  const mail = mailOf(
    [
      "Return-Path: <>",
      "Subject: s",
      "Message-ID: <m@x.example>",
      'From: "Doe, Ann" <ann@x.example>',
      "Sender: <desk@x.example>",
      "To: <bob@x.example>, Carl (the tall) <carl@x.example>, Team: d@x.example, Eve <eve@x.example>;",
      "Cc: undisclosed-recipients:;",
      "Bcc: =?utf-8?q?Zo=C3=AB?= <zoe@x.example>",
      "Reply-To: desk@x.example",
      "Date: not a date",
      "",
      "",
    ].join("\r\n"),
  );
  expect(JSON.stringify(mail.commonHeaders)).toBe(
    JSON.stringify({
      returnPath: "",
      from: ['"Doe, Ann" <ann@x.example>'],
      sender: "<desk@x.example>",
      replyTo: ["desk@x.example"],
      date: "not a date",
      to: ["bob@x.example", "Carl (the tall) <carl@x.example>", "d@x.example", "Eve <eve@x.example>"],
      bcc: ["=?utf-8?q?Zo=C3=AB?= <zoe@x.example>"],
      messageId: "<m@x.example>",
      subject: "s",
    }),
  );
  expect(mail.destination).toEqual(["bob@x.example", "carl@x.example", "d@x.example", "eve@x.example"]);
});

test("row 27: headers are cut at 10 KB in a notification, at 50 KB in a Lambda event", () => {
  const headers = (count: number) =>
    Array.from({ length: count }, () => ({ name: "X-Filler-0", value: "y".repeat(1014) }));
  const truncated = (count: number, build: "sns" | "lambda") => {
    const given = input({ headers: headers(count), action: { type: "Lambda", functionArn, invocationType: "Event" } });
    const { mail } = build === "sns" ? buildNotification(given) : buildLambdaEvent(given).Records[0].ses;
    return [mail.headersTruncated, mail.headers.length];
  };
  expect(truncated(10, "sns")).toEqual([false, 10]);
  expect(truncated(11, "sns")).toEqual([true, 10]);
  expect(truncated(50, "lambda")).toEqual([false, 50]);
  expect(truncated(51, "lambda")).toEqual([true, 50]);
});

test("a header that is too long ends the list, and commonHeaders still know what stands behind it", () => {
  const { mail } = buildNotification(
    input({
      headers: [
        { name: "X-Long", value: "\u00e9".repeat(6000) },
        { name: "Subject", value: "behind" },
      ],
    }),
  );
  expect(mail).toMatchObject({ headers: [], headersTruncated: true, commonHeaders: { subject: "behind" } });
});

const delivery = {
  messageId: "5f1c2b7e-0000-5a11-9c1d-2f0d5c3e7a10",
  topicArn,
  subscriptionArn: `${topicArn}:7b7d5c1e-0000-4d6e-8a55-0f1e2d3c4b5a`,
  subject: notificationSubject,
  message: golden("notice-s3"),
  publishedAt: new Date("2026-08-04T09:15:03.112Z"),
};

test("the SNS envelopes, to the byte", () => {
  expect(JSON.stringify(buildSnsEnvelope(delivery))).toBe(golden("sns-envelope"));
  expect(JSON.stringify(buildSnsLambdaEvent(delivery))).toBe(golden("sns-lambda"));
});

test("the SQS event, to the byte", () => {
  const body = JSON.stringify(buildSnsEnvelope(delivery));
  const [record] = message("sqs-sns-enveloped").Records;
  const event = buildSqsEvent("arn:aws:sqs:us-east-1:111122223333:mailweir-notices", [
    {
      messageId: record.messageId,
      receiptHandle: record.receiptHandle,
      body,
      receiveCount: 1,
      sentAt: new Date(1785834903200),
      firstReceivedAt: new Date(1785834903250),
    },
  ]);
  expect(JSON.stringify(event)).toBe(golden("sqs-sns-enveloped"));
});

test("the S3 event, to the byte", () => {
  const event = buildS3Event({
    region: "us-east-1",
    bucket: "shop-inbound",
    key: `inbound/${id}`,
    sizeBytes: 2210,
    eTag: "d41d8cd98f00b204e9800998ecf8427e",
    sequencer: "0066AF00EXAMPLE",
    storedAt: new Date("2026-08-04T09:15:03.020Z"),
    configurationId: "inbound",
    requestId: "EXAMPLE",
  });
  expect(JSON.stringify(event)).toBe(golden("s3-event"));
});

test("row 24: the proof that SES may write, as an object and on a topic", () => {
  const now = new Date("2026-08-04T09:00:00Z");
  const text = Buffer.from(setupNotificationBytes("bucket", now)).toString();
  expect(text).toMatch(
    /^Date: Tue, 04 Aug 2026 09:00:00 \+0000\r\nTo: recipient@example\.com\r\nFrom: Amazon Web Services <no-reply-aws@amazon\.com>\r\nSubject: Amazon SES Setup Notification\r\n\r\n/,
  );
  const notice = buildSetupNotification({ type: "SNS", topicArn, encoding: "UTF-8" }, now);
  expect(JSON.stringify(notice)).toBe(golden("notice-setup"));
});
