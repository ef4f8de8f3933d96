import { expect, test } from "vitest";
import { NoticeError } from "../../../shared/receipt/notice-error.ts";
import { parseNotices, parseNoticeText } from "../../../shared/receipt/parse-notice.ts";
import { fc } from "../../property.ts";

const id = "5j0cqbk90k38aj905e1tnorltf8tije0iuq17lo1";
const mail = { timestamp: "2026-08-04T09:15:02.417Z", source: "ann@sender.example", messageId: id };
const pass = { status: "PASS" };
const verdicts = { spamVerdict: pass, virusVerdict: pass, spfVerdict: pass, dkimVerdict: pass, dmarcVerdict: pass };
const action: Record<string, unknown> = { type: "Stop", topicArn: "arn:aws:sns:us-east-1:111122223333:inbound" };
const receipt = { recipients: ["orders@shop.example"], ...verdicts, action };
const notice = (changes: { mail?: object; receipt?: object; content?: string } = {}) => ({
  notificationType: "Received",
  mail: { ...mail, ...changes.mail },
  receipt: { ...receipt, ...changes.receipt },
  ...(changes.content !== undefined && { content: changes.content }),
});
const read = (changes: Parameters<typeof notice>[0]) => {
  const [first] = parseNotices(notice(changes));
  if (first?.kind !== "received") throw new Error(`read as ${first?.kind}`);
  return first;
};
const failure = (event: unknown): NoticeError => {
  try {
    parseNotices(event);
  } catch (error) {
    if (error instanceof NoticeError) return error;
    throw error;
  }
  throw new Error("was read");
};

test.for<[string, object, object]>([
  [
    "dmarcPolicy as a string",
    { dmarcVerdict: { status: "FAIL" }, dmarcPolicy: "reject" },
    { dmarc: "FAIL", dmarcPolicy: "reject" },
  ],
  [
    "dmarcPolicy in upper case",
    { dmarcVerdict: { status: "FAIL" }, dmarcPolicy: "QUARANTINE" },
    { dmarcPolicy: "quarantine" },
  ],
  [
    "dmarcPolicy as an object",
    { dmarcVerdict: { status: "GRAY" }, dmarcPolicy: { status: "NONE" } },
    { dmarc: "GRAY", dmarcPolicy: "none" },
  ],
  ["DISABLED", { spamVerdict: { status: "DISABLED" } }, { spam: "DISABLED" }],
  ["a verdict in lower case", { spfVerdict: { status: "gray" } }, { spf: "GRAY" }],
  ["a verdict as a bare word", { spfVerdict: "FAIL" }, { spf: "FAIL" }],
  ["a status nobody knows is no pass", { virusVerdict: { status: "MAYBE" } }, { virus: "PROCESSING_FAILED" }],
  [
    "a missing verdict is no pass",
    { virusVerdict: undefined, dmarcVerdict: undefined },
    { virus: "PROCESSING_FAILED", dmarc: "PROCESSING_FAILED" },
  ],
])("%s", ([, changes, expected]) => expect(read({ receipt: changes }).verdicts).toMatchObject(expected));

test("a policy beside a passing verdict, or one that is no policy, is left out", () => {
  expect("dmarcPolicy" in read({ receipt: { dmarcPolicy: "reject" } }).verdicts).toBe(false);
  expect("dmarcPolicy" in read({ receipt: { dmarcVerdict: { status: "FAIL" }, dmarcPolicy: "sink" } }).verdicts).toBe(
    false,
  );
});

test.for<[string, object, string]>([
  ["empty", { source: "" }, ""],
  ["<>", { source: "<>" }, ""],
  ["absent", { source: undefined }, ""],
  ["null", { source: null }, ""],
  ["in angle brackets", { source: "<ann@sender.example>" }, "ann@sender.example"],
])("source: %s", ([, changes, expected]) => expect(read({ mail: changes }).source).toBe(expected));

test("processingTimeMillis as a number, as text, absent", () => {
  expect(read({ receipt: { processingTimeMillis: 611 } }).processingTimeMillis).toBe(611);
  expect(read({ receipt: { processingTimeMillis: "222" } }).processingTimeMillis).toBe(222);
  expect("processingTimeMillis" in read({})).toBe(false);
});

test("a single string where SES writes a list, and members nobody knows", () => {
  const read1 = read({
    mail: { destination: "a@x.example", commonHeaders: { from: "a@x.example", to: null }, new: 1 },
  });
  expect(read1.destination).toEqual(["a@x.example"]);
  expect(read1.commonHeaders).toEqual({ from: ["a@x.example"] });
});

test.for<[string, object, object]>([
  ["encoding UTF-8 in the API's spelling", { type: "SNS", encoding: "UTF-8" }, { type: "SNS", encoding: "UTF8" }],
  ["Base64 in the API's spelling", { type: "SNS", encoding: "Base64" }, { type: "SNS", encoding: "BASE64" }],
  [
    "Workmail in the API's spelling",
    { type: "Workmail", organizationArn: "arn" },
    { type: "WorkMail", organizationArn: "arn" },
  ],
  [
    "a reply code as a number",
    { type: "Bounce", smtpReplyCode: 550, message: "m", sender: "s" },
    { type: "Bounce", smtpReplyCode: "550", message: "m", sender: "s" },
  ],
  [
    "a Lambda action without topic",
    { type: "Lambda", functionArn: "f", invocationType: "RequestResponse" },
    { type: "Lambda", functionArn: "f", invocationType: "RequestResponse" },
  ],
])("action: %s", ([, given, expected]) => expect(read({ receipt: { action: given } }).action).toEqual(expected));

test("content whose encoding is not named is base64 only if it can be nothing else", () => {
  const sns = { action: { type: "SNS" } };
  const text = (content: string) => Buffer.from(read({ receipt: sns, content }).content!).toString();
  expect(text("Subject: x\r\n\r\n")).toBe("Subject: x\r\n\r\n");
  expect(text(Buffer.from("Subject: x\r\n\r\n").toString("base64"))).toBe("Subject: x\r\n\r\n");
});

test.for<[string, unknown]>([
  ["an S3 key with spaces, plus and umlauts", { key: "in%20box/a+b%2Bc/%C3%A4" }],
])("%s", () => {
  const record = (key: string, eventName = "ObjectCreated:Put") => ({
    Records: [{ eventSource: "aws:s3", eventName, s3: { bucket: { name: "b" }, object: { key, size: 1 } } }],
  });
  expect(parseNotices(record("in%20box/a+b%2Bc/%C3%A4"))).toEqual([
    { kind: "object", bucket: "b", key: "in box/a b+c/\u00e4", sizeBytes: 1 },
  ]);
  expect(parseNotices(record("x", "ObjectCreated:CompleteMultipartUpload"))[0]?.kind).toBe("object");
  expect(parseNotices(record("x", "ObjectRemoved:Delete"))[0]?.kind).toBe("ignore");
  expect(failure(record("%E4")).place).toBe("Records[0].s3.object.key");
});

test.for<[string, string]>([
  ["SES's line to a new event topic", "Successfully validated SNS topic for Amazon SES event publishing."],
  ["SES's notice to a new feedback topic", JSON.stringify({ notificationType: "AmazonSnsSubscriptionSucceeded" })],
  ["an event that says nothing of mail received", JSON.stringify({ eventType: "Open", mail: {} })],
])("ignored: %s", ([, text]) => expect(parseNoticeText(text)[0]?.kind).toBe("ignore"));

test.for<[string, unknown, string]>([
  ["nothing", undefined, ""],
  ["a list", [], ""],
  ["an empty object", {}, ""],
  ["another notification type", { notificationType: "Sent" }, ""],
  ["a record of another source", { Records: [{ eventSource: "aws:dynamodb" }] }, "Records[0]"],
  ["a record that is none", { Records: [null] }, "Records[0]"],
  ["a body that is no JSON", { Records: [{ eventSource: "aws:sqs", body: "hello" }] }, "Records[0].body"],
  ["a body that is missing", { Records: [{ eventSource: "aws:sqs" }] }, "Records[0].body"],
  ["an action nobody knows", notice({ receipt: { action: { type: "Fax" } } }), "receipt.action.type"],
  [
    "an S3 action without a key",
    notice({ receipt: { action: { type: "S3", bucketName: "b" } } }),
    "receipt.action.objectKey",
  ],
  ["recipients that are missing", notice({ receipt: { recipients: undefined } }), "receipt.recipients"],
  ["a time that is none", notice({ mail: { timestamp: "yesterday" } }), "mail.timestamp"],
  ["a Message-ID for an id", notice({ mail: { messageId: "<m1@sender.example>" } }), "mail.messageId"],
  ["a header without a value", notice({ mail: { headers: [{ name: "From" }] } }), "mail.headers[0].value"],
])("an error that names its place and a remedy: %s", ([, event, place]) => {
  const error = failure(event);
  expect(error).toMatchObject({ code: "ERR_NOTICE_UNREADABLE", retryable: false, place });
  expect(error.message).toMatch(/^(?:event|[\w.[\]]+): .+; .+/);
});

test("an error says where in the wrapping", () => {
  const body = JSON.stringify({
    Type: "Notification",
    TopicArn: "t",
    Message: JSON.stringify(notice({ mail: { timestamp: 1 } })),
  });
  expect(failure({ Records: [{ eventSource: "aws:sqs", body }] }).place).toBe("Records[0].body.Message.mail.timestamp");
});

test("an error quotes no mail", () => {
  const body = "Subject: very private\r\n\r\nsecret";
  expect(failure({ Records: [{ eventSource: "aws:sqs", body }] }).message).not.toMatch(/private|secret/);
  expect(
    failure(notice({ receipt: { action: { type: "S3", bucketName: 7, objectKey: "very private" } } })).message,
  ).not.toContain("private");
});

test("wrapped without end, too many records, too much text, too deep: refused, not suffered", () => {
  let nested = JSON.stringify(notice());
  for (let depth = 0; depth < 12; depth++) nested = JSON.stringify({ Type: "Notification", Message: nested });
  expect(() => parseNoticeText(nested)).toThrow(NoticeError);
  expect(() => parseNotices({ Records: new Array(10_001).fill({}) })).toThrow(NoticeError);
  expect(() => parseNoticeText(" ".repeat(8_388_609))).toThrow(NoticeError);
  expect(() => parseNoticeText(`${"[".repeat(200_000)}${"]".repeat(200_000)}`)).toThrow(NoticeError);
  expect(() =>
    parseNoticeText(`{"notificationType":"Received","mail":${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}}`),
  ).toThrow(NoticeError);
});

test("whatever comes in is read, or refused with our own error", () => {
  const mutated = fc
    .tuple(fc.constantFrom("mail", "receipt", "notificationType", "content"), fc.jsonValue({ maxDepth: 2 }))
    .map(([member, value]) => ({ ...notice(), [member]: value }));
  const inner = fc
    .tuple(
      fc.constantFrom("source", "headers", "commonHeaders", "recipients", "action", "dmarcPolicy", "timestamp"),
      fc.jsonValue({ maxDepth: 2 }),
    )
    .map(([member, value]) => notice({ mail: { [member]: value }, receipt: { [member]: value } }));
  fc.assert(
    fc.property(fc.oneof(mutated, inner, fc.jsonValue(), fc.anything()), (event) => {
      try {
        expect(Array.isArray(parseNotices(event))).toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(NoticeError);
      }
    }),
    { numRuns: 500 },
  );
});
