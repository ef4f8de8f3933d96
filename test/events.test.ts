import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Notice, ReceivedNotice } from "../shared/receipt/notice.ts";
import { parseNotices, parseNoticeText } from "../shared/receipt/parse-notice.ts";

const folder = new URL("../events/", import.meta.url);
const sample = (name: string): unknown => JSON.parse(readFileSync(new URL(`${name}.json`, folder), "utf8"));
const only = (name: string): Notice => {
  const notices = parseNotices(sample(name));
  expect(notices).toHaveLength(1);
  return notices[0]!;
};
const received = (name: string): ReceivedNotice => {
  const notice = only(name);
  if (notice.kind !== "received") throw new Error(`${name} is ${notice.kind}`);
  return notice;
};

const id = "5j0cqbk90k38aj905e1tnorltf8tije0iuq17lo1";
const s3Action = {
  type: "S3",
  topicArn: "arn:aws:sns:us-east-1:111122223333:inbound",
  bucketName: "shop-inbound",
  objectKeyPrefix: "inbound/",
  objectKey: `inbound/${id}`,
};
const allPass = { spam: "PASS", virus: "PASS", spf: "PASS", dkim: "PASS", dmarc: "PASS" };

/** What each file of events/ is read as. A file without a row fails the last test. */
const expected: Record<string, unknown[]> = {
  "ses-lambda-async": [
    {
      kind: "received",
      verdicts: { ...allPass, spam: "DISABLED", virus: "DISABLED" },
      action: {
        type: "Lambda",
        functionArn: "arn:aws:lambda:us-east-1:111122223333:function:classify",
        invocationType: "Event",
      },
    },
  ],
  "ses-lambda-sync": [{ kind: "received", verdicts: allPass, action: { invocationType: "RequestResponse" } }],
  "notice-s3": [{ kind: "received", sesMessageId: id, verdicts: allPass, action: s3Action }],
  "notice-sns-utf8": [{ kind: "received", action: { type: "SNS", encoding: "UTF8" } }],
  "notice-sns-base64": [{ kind: "received", action: { type: "SNS", encoding: "BASE64" } }],
  "notice-lambda": [{ kind: "received", action: { type: "Lambda", topicArn: s3Action.topicArn } }],
  "notice-bounce": [
    {
      kind: "received",
      action: { type: "Bounce", smtpReplyCode: "550", statusCode: "5.1.1", sender: "bounce@shop.example" },
    },
  ],
  "notice-stop": [{ kind: "received", action: { type: "Stop", topicArn: s3Action.topicArn } }],
  "notice-workmail": [{ kind: "received", action: { type: "WorkMail" } }],
  "notice-dmarc-failure": [
    { kind: "received", verdicts: { ...allPass, spf: "GRAY", dkim: "GRAY", dmarc: "FAIL", dmarcPolicy: "none" } },
  ],
  "notice-dmarc-policy-object": [{ kind: "received", verdicts: { dmarc: "FAIL", dmarcPolicy: "reject" } }],
  "notice-null-sender": [{ kind: "received", source: "" }],
  "notice-2015": [
    {
      kind: "received",
      sesMessageId: "d6iitobk75ur44p8kdnnp7g2n800",
      processingTimeMillis: 222,
      verdicts: { ...allPass, dmarc: "PROCESSING_FAILED" },
    },
  ],
  "sns-envelope": [{ kind: "received", action: s3Action }],
  "sns-lambda": [{ kind: "received", action: s3Action }],
  "sqs-sns-enveloped": [{ kind: "received", action: s3Action }],
  "sqs-sns-raw": [{ kind: "received", action: s3Action }],
  "s3-event": [{ kind: "object", bucket: "shop-inbound", key: `inbound/${id}`, sizeBytes: 2210 }],
  "sqs-s3-event": [{ kind: "object", bucket: "shop-inbound", key: `inbound/${id}`, sizeBytes: 2210 }],
  "sqs-sns-s3-event": [{ kind: "object", bucket: "shop-inbound", key: `inbound/${id}`, sizeBytes: 2210 }],
  "sqs-s3-test-event": [{ kind: "ignore", why: "S3's test event" }],
  "s3-test-event": [{ kind: "ignore", why: "S3's test event" }],
  "s3-event-setup-object": [{ kind: "ignore", why: "SES's proof that it may write" }],
  "notice-setup": [{ kind: "ignore", why: "SES's proof that it may publish" }],
  "sqs-batch-mixed": [{ kind: "received" }, { kind: "object" }, { kind: "ignore" }],
  "sns-subscription-confirmation": [{ kind: "ignore", why: "SNS SubscriptionConfirmation" }],
  "feedback-bounce": [{ kind: "feedback", type: "bounce", raw: { bounce: { bounceType: "Permanent" } } }],
  "feedback-complaint-event": [{ kind: "feedback", type: "complaint" }],
  "feedback-delivery": [{ kind: "feedback", type: "delivery" }],
};

describe("every sample in events/ is read as what it is", () => {
  test.for(Object.entries(expected))("%s", ([name, notices]) => {
    const read = parseNotices(sample(name));
    expect(read).toHaveLength(notices.length);
    expect(read).toMatchObject(notices);
  });

  test("no sample is left out", () => {
    const files = readdirSync(folder).map((file) => file.replace(/\.json$/, ""));
    expect(files.sort()).toEqual(Object.keys(expected).sort());
  });
});

test("a notice carries everything that the notification said", () => {
  expect(received("notice-s3")).toMatchObject({
    receivedAt: "2026-08-04T09:15:02.417Z",
    source: "ann@sender.example",
    recipients: ["orders@shop.example"],
    destination: ["orders@shop.example", "team@shop.example"],
    headersTruncated: false,
    commonHeaders: { subject: "Order 1207", cc: ["Team <team@shop.example>"], messageId: "<m1@sender.example>" },
    processingTimeMillis: 611,
  });
  expect(received("notice-s3").headers).toHaveLength(16);
});

test("the wrapping changes nothing: SNS, SQS raw and enveloped, and bare give the same notice", () => {
  const bare = parseNotices(sample("notice-s3"));
  for (const name of ["sns-envelope", "sns-lambda", "sqs-sns-enveloped", "sqs-sns-raw"]) {
    expect(parseNotices(sample(name)), name).toEqual(bare);
  }
});

test("the content of a Base64 notice is the stored bytes, and of a UTF-8 notice its text", () => {
  const text = (name: string) => Buffer.from(received(name).content!).toString();
  expect(text("notice-sns-base64")).toBe(text("notice-sns-utf8"));
  expect(text("notice-sns-base64")).toMatch(/^Return-Path: <ann@sender\.example>\r\n/);
  expect(text("notice-sns-base64")).toMatch(/\r\n\r\nTwelve oars, please\. \u2014 Ann\r\n$/);
  expect(text("notice-2015")).toMatch(/^From: ann@sender\.example\r\n/);
});

test("one record of a batch is read by itself", () => {
  const batch = sample("sqs-batch-mixed") as { Records: { body: string }[] };
  expect(batch.Records.map(({ body }) => parseNoticeText(body)[0]?.kind)).toEqual(["received", "object", "ignore"]);
});
