import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import {
  actions,
  type Conformance,
  functionArn,
  rule,
  startConformance,
  topicArn,
  zone,
} from "./conformance-engine.ts";
import { keyRecord, signed } from "./conformance-mails.ts";

// The golden files were checked by hand against ses-receiving.md §6. UPDATE_GOLDEN=1 writes them again, to be read anew.
const goldenId = "5j0cqbk90k38aj905e1tnorltf8tije0iuq17lo1";
const organizationArn = "arn:aws:workmail:us-east-1:000000000000:organization/m-00000000000000000000000000000000";

function expectGolden(name: string, text: string): void {
  const path = fileURLToPath(new URL(`../golden/${name}`, import.meta.url));
  if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(path, text);
  expect(text).toBe(readFileSync(path, "utf8"));
}

/** What differs from run to run: the id, and the headers that only SES can make. */
const constant = (text: string, id: string) =>
  text
    .replaceAll(id, goldenId)
    .replace(/("X-SES-RECEIPT","value":")[A-Za-z0-9+/]+=*"/g, '$1<opaque>"')
    .replace(
      / b=[A-Za-z0-9+/]{150,}=*; c=relaxed\/simple; s=[a-z0-9]{32};/g,
      " b=<opaque>; c=relaxed/simple; s=<opaque>;",
    )
    .replace(/ bh=[A-Za-z0-9+/]{43}=; h=From:To:Cc:Bcc:/g, " bh=<opaque>; h=From:To:Cc:Bcc:");

const everyAction = [
  actions.s3,
  { ...actions.sync, topicArn },
  { ...actions.event, topicArn },
  { ...actions.bounce, topicArn },
  { type: "WorkMail", organizationArn, topicArn },
  { ...actions.stop, topicArn },
] as const;

const mails: Record<string, () => Promise<string>> = {
  ordinary: () =>
    signed(
      [
        "From: Ann Lee <ann@sender.example>",
        "To: orders@shop.example",
        "Cc: Team <team@shop.example>",
        "Subject: Order 1207",
        "Date: Tue, 4 Aug 2026 11:15:00 +0200",
        "Message-ID: <m1@sender.example>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "",
        "Twelve oars, please.\r\n",
      ].join("\r\n"),
      "sender.example",
    ),
  strange: async () =>
    [
      "X-SES-Spam-Verdict: PASS",
      "Return-Path: <forged@bank.example>",
      "from: <bare@bank.example>, =?utf-8?q?Ren=C3=A9?= <rene@bank.example>",
      "Sender: desk@bank.example",
      "Reply-To: A <a@bank.example>,\r\n\tb@bank.example (a comment)",
      'To: "Doe, Ann" <ann@shop.example>, Crew: one@shop.example, two@shop.example;',
      "To: second@shop.example",
      "Cc: undisclosed-recipients:;",
      "Bcc: hidden@shop.example",
      "Subject: =?utf-8?q?caf=C3=A9?= =?utf-8?q?_au_lait?=",
      "Date: yesterday",
      "Message-ID: no-brackets@bank.example",
      "X-Folded: a \r\n\t b",
      "X-Raw: caf\u00e9",
      "X-Empty:",
      "",
      "b\r\n",
    ].join("\r\n"),
};

const zones: Record<string, Record<string, unknown>> = {
  ordinary: { ...zone, "s1._domainkey.sender.example": { TXT: [keyRecord] } },
  strange: { "sender.example": { TXT: ["v=spf1 ~all"] }, "_dmarc.bank.example": { TXT: ["v=DMARC1; p=reject"] } },
};

const bodies = (started: Conformance) => started.batches.flatMap(({ Records }) => Records.map(({ body }) => body));

describe.each(Object.keys(mails))("%s", (name) => {
  test("§6.1–6.4: every notification, and the event of a synchronous and an asynchronous function", async () => {
    const started = await startConformance([rule("every", everyAction, { recipients: ["orders@shop.example"] })], {
      ...(zones[name] && { zone: zones[name] }),
    });
    const id = await started.send({ to: "orders@shop.example", raw: (await mails[name]?.()) ?? "" });
    expect(bodies(started)).toHaveLength(everyAction.length);
    expectGolden(`${name}.notices.jsonl`, constant(`${bodies(started).join("\n")}\n`, id));
    const events = started.lambdaEvents().map((event) => JSON.stringify(event));
    expect(events).toHaveLength(2);
    expectGolden(`${name}.lambda.jsonl`, constant(`${events.join("\n")}\n`, id));
  });
});

test("§6.6: the SNS action's notification, content last, as text and as Base64", async () => {
  const started = await startConformance(
    [rule("publish", [{ ...actions.sns, encoding: "UTF-8" }, actions.sns], { scanEnabled: false })],
    { zone: zones["ordinary"] ?? {} },
  );
  const id = await started.send({ raw: (await mails["ordinary"]?.()) ?? "" });
  const [text = "", base64 = ""] = bodies(started);
  const { content } = JSON.parse(base64) as { content: string };
  const stored = Buffer.from(content, "base64").toString();
  expect(text.endsWith(`"encoding":"UTF8"}},"content":${JSON.stringify(stored)}}`)).toBe(true);
  expectGolden("ordinary.sns.jsonl", `${constant(base64.replace(content, "<content>"), id)}\n`);
});

test("§6.7: the SNS envelope for a queue without raw delivery, and the event of a subscribed function", async () => {
  const arn = "arn:aws:sns:us-east-1:000000000000:orders";
  const started = await startConformance([rule("publish", [{ ...actions.sns, topicArn: arn }])], {
    local: {
      topics: { orders: { queues: ["orders"], functions: ["classify"] } },
      queues: { orders: { function: "take-order" } },
    },
  });
  await started.send();
  // A subscription's deliveries are rows of their own: each arrives when its turn comes.
  await started.pass(0);
  const [batch] = started.calls.filter(({ name }) => name === "take-order");
  const { Records } = batch?.event as { Records: { body: string }[] };
  const body = Records[0]?.body ?? "";
  const envelope = JSON.parse(body) as Record<string, string>;
  expect(Object.keys(envelope)).toEqual([
    ...["Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "SignatureVersion", "Signature"],
    ...["SigningCertURL", "UnsubscribeURL"],
  ]);
  expect(envelope).toMatchObject({
    Type: "Notification",
    TopicArn: arn,
    Subject: "Amazon SES Email Receipt Notification",
    Timestamp: "2026-08-04T09:15:02.417Z",
    SignatureVersion: "1",
    SigningCertURL: expect.stringMatching(/^https:\/\/sns\.us-east-1\.amazonaws\.com\/.*\.pem$/),
    UnsubscribeURL: expect.stringMatching(
      /^https:\/\/sns\.us-east-1\.amazonaws\.com\/\?Action=Unsubscribe&SubscriptionArn=arn/,
    ),
  });
  expect(envelope["Message"]).toMatch(/^\{"notificationType":"Received","mail":\{.*"content":"[A-Za-z0-9+/]+=*"\}$/);

  const [call] = started.calls.filter(({ name }) => name === "classify");
  const [record] = (call?.event as { Records: Record<string, unknown>[] }).Records;
  expect(Object.keys(record ?? {})).toEqual(["EventSource", "EventVersion", "EventSubscriptionArn", "Sns"]);
  const sns = record?.["Sns"] as Record<string, unknown>;
  expect(Object.keys(sns)).toEqual([
    ...["Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "SignatureVersion", "Signature"],
    ...["SigningCertUrl", "UnsubscribeUrl", "MessageAttributes"],
  ]);
  expect(sns["Message"]).toBe(envelope["Message"]);
});

test("§6.10: the queue's batch, record by record; raw delivery has the notification as its body", async () => {
  const started = await startConformance([rule("store", [actions.s3])]);
  await started.send();
  const [batch] = started.batches;
  const [record] = (batch?.Records ?? []) as unknown as Record<string, unknown>[];
  expect(Object.keys(record ?? {})).toEqual([
    ...["messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfBody", "eventSource"],
    ...["eventSourceARN", "awsRegion"],
  ]);
  expect(record).toMatchObject({
    messageId: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/),
    body: expect.stringMatching(/^\{"notificationType":"Received","mail":\{"timestamp":"2026-08-04T09:15:02\.417Z",/),
    attributes: {
      ApproximateReceiveCount: "1",
      SentTimestamp: "1785834902417",
      SenderId: expect.any(String),
      ApproximateFirstReceiveTimestamp: "1785834902417",
    },
    messageAttributes: {},
    md5OfBody: expect.stringMatching(/^[0-9a-f]{32}$/),
    eventSource: "aws:sqs",
    eventSourceARN: "arn:aws:sqs:us-east-1:000000000000:mailweir-notices",
    awsRegion: "us-east-1",
  });
});

test("§6.9: the bucket's event comes through its queue, the key encoded, the size that of the stored octets", async () => {
  const started = await startConformance([rule("store", [{ ...actions.s3, objectKeyPrefix: "a b+c/\u00e9" }])]);
  const id = await started.send();
  await started.pass(15 * 60_000);
  const [call] = started.calls.filter(({ name }) => name === "route-object");
  const { Records } = call?.event as { Records: { body: string }[] };
  const stored = await started.stored(`a b+c/\u00e9/${id}`);
  expect(JSON.parse(Records[0]?.body ?? "")).toEqual({
    Records: [
      {
        eventVersion: "2.1",
        eventSource: "aws:s3",
        awsRegion: "us-east-1",
        eventTime: "2026-08-04T09:15:02.417Z",
        eventName: "ObjectCreated:Put",
        userIdentity: { principalId: expect.any(String) },
        requestParameters: { sourceIPAddress: expect.any(String) },
        responseElements: { "x-amz-request-id": expect.any(String), "x-amz-id-2": expect.any(String) },
        s3: {
          s3SchemaVersion: "1.0",
          configurationId: expect.any(String),
          bucket: {
            name: "mailweir-mail",
            ownerIdentity: { principalId: expect.any(String) },
            arn: "arn:aws:s3:::mailweir-mail",
          },
          object: {
            key: `a+b%2Bc/%C3%A9/${id}`,
            size: stored.length,
            eTag: expect.stringMatching(/^[0-9a-f]{32}$/),
            sequencer: expect.stringMatching(/^[0-9A-F]+$/),
          },
        },
      },
    ],
  });
});

test("§6.8: one record, and neither notificationType nor content", async () => {
  const started = await startConformance([rule("call", [actions.sync])]);
  await started.send();
  const [event] = started.lambdaEvents();
  expect(Object.keys(event?.Records[0] ?? {})).toEqual(["eventSource", "eventVersion", "ses"]);
  expect(Object.keys(event?.Records[0].ses ?? {})).toEqual(["mail", "receipt"]);
  expect(event?.Records[0].ses.receipt.action).toEqual({
    type: "Lambda",
    functionArn,
    invocationType: "RequestResponse",
  });
});
