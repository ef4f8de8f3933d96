import type { VerdictStatus, Verdicts } from "../mail/judgement.ts";
import { parseSesMessageId, setupNotificationId } from "../ses-message-id.ts";
import type { Notice, ReceivedNotice } from "./notice.ts";
import { NoticeError } from "./notice-error.ts";
import { decodeEventKey, isSetupNotificationKey } from "./object-key.ts";
import {
  fields,
  isRecord,
  NoticeFault,
  type NoticeMail,
  type NoticeReceipt,
  optionalText,
  readMail,
  readReceipt,
  readS3Fields,
  readText,
} from "./read-notice.ts";

/**
 * Reads an event of any shape in which news of mail arrives, in the order of ses-receiving.md §6.7: SES Lambda event;
 * SNS to Lambda; SQS with an enveloped or raw SNS message or S3 event; S3 event; a bare SNS envelope; a bare notification.
 * One notice per record, test events and set-up proofs included as `ignore`.
 *
 * @throws {NoticeError} for anything else: names the place and what to do. One bad record of a batch fails the call, so
 *   give batch records one by one (`parseNoticeText` with the record's body).
 */
export function parseNotices(event: unknown): Notice[] {
  return readEvent(event, "", 0);
}

/**
 * Reads JSON text: the body of one SQS message, or one SNS message.
 *
 * @param place - names the text in errors, like `Records[3].body`
 * @throws {NoticeError}
 */
export function parseNoticeText(text: string, place = "body"): Notice[] {
  return readJson(text, place, 1);
}

// SQS in SNS in S3 is three; what nests deeper was made by nobody.
const maxDepth = 4;
// One Lambda batch holds 10 000 SQS records at most, and 6 MB.
const maxRecords = 10_000;
const maxTextLength = 8_388_608;

function readEvent(event: unknown, place: string, depth: number): Notice[] {
  if (depth > maxDepth) throw new NoticeError(place, "wrapped too deep", "send SES's own notifications to this queue");
  if (!isRecord(event)) throw notOurs(place, `${describe(event)} instead of an object`);

  const records = event["Records"];
  if (Array.isArray(records)) {
    if (records.length > maxRecords) throw notOurs(place, `${records.length} records`);
    return records.flatMap((record, index) => readRecord(record, within(place, `Records[${index}]`), depth));
  }
  if (event["Event"] === "s3:TestEvent") return ignore("S3's test event");
  if (typeof event["Type"] === "string" && "Message" in event) return readSnsEnvelope(event, place, depth);
  return readNotification(event, place);
}

function readRecord(record: unknown, place: string, depth: number): Notice[] {
  if (!isRecord(record)) throw notOurs(place, `${describe(record)} instead of a record`);
  const source = record["eventSource"] ?? record["EventSource"];
  switch (source) {
    case "aws:ses": {
      const { mail, receipt } = read(record, place, ({ ses }) => readSes(fields(ses, "ses"), "ses."));
      return [received(mail, receipt, undefined, within(place, "ses"))];
    }
    case "aws:sns": {
      const message = read(record, place, ({ Sns }) => readText(fields(Sns, "Sns")["Message"], "Sns", "Message"));
      return readJson(message, within(place, "Sns.Message"), depth + 1);
    }
    case "aws:sqs":
      return readJson(
        read(record, place, ({ body }) => readText(body, "", "body")),
        within(place, "body"),
        depth + 1,
      );
    case "aws:s3":
      return [readS3Record(record, place)];
    default:
      throw notOurs(place, `event source ${describe(source)}`);
  }
}

function readJson(text: string, place: string, depth: number): Notice[] {
  if (text.length > maxTextLength) throw notOurs(place, `${text.length} characters of text`);
  // SES writes one line of plain text to a topic that is set up for event publishing.
  if (/^Successfully validated SNS topic for Amazon SES/.test(text)) return ignore("SES validated the topic");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    // The parser's own message quotes the text, and that may be mail.
    throw notOurs(place, "no JSON");
  }
  return readEvent(value, place, depth);
}

function readSnsEnvelope(event: Readonly<Record<string, unknown>>, place: string, depth: number): Notice[] {
  const type = event["Type"];
  if (type === "Notification") {
    const message = read(event, place, ({ Message }) => readText(Message, "", "Message"));
    return readJson(message, within(place, "Message"), depth + 1);
  }
  if (type === "SubscriptionConfirmation" || type === "UnsubscribeConfirmation") return ignore(`SNS ${type}`);
  throw notOurs(within(place, "Type"), describe(type));
}

const feedbackTypes = { bounce: "bounce", complaint: "complaint", delivery: "delivery" } as const;

function readNotification(event: Readonly<Record<string, unknown>>, place: string): Notice[] {
  const type = event["notificationType"] ?? event["eventType"];
  if (type === "Received") {
    const { mail, receipt, content } = read(event, place, (given) => ({
      ...readSes(given, ""),
      content: optionalText(given["content"], "", "content"),
    }));
    return [received(mail, receipt, content, place)];
  }
  if (type === "AmazonSnsSubscriptionSucceeded") return ignore("SES was given the topic for feedback");
  const feedback = typeof type === "string" ? type.toLowerCase() : "";
  if (feedback === "bounce" || feedback === "complaint" || feedback === "delivery") {
    const mail = event["mail"];
    const sesMessageId = isRecord(mail) ? mail["messageId"] : undefined;
    return [
      {
        kind: "feedback",
        type: feedbackTypes[feedback],
        ...(typeof sesMessageId === "string" && { sesMessageId }),
        raw: event,
      },
    ];
  }
  // The rest of event publishing (Send, Open, Click, …) says nothing that a mail pipeline acts on.
  if (typeof event["eventType"] === "string" && isRecord(event["mail"]))
    return ignore(`SES ${event["eventType"]} event`);
  throw notOurs(
    place,
    type === undefined ? "neither Records nor notificationType" : `notificationType ${describe(type)}`,
  );
}

function readS3Record(record: Readonly<Record<string, unknown>>, place: string): Notice {
  const { eventName, bucket, key: eventKey, size } = read(record, place, readS3Fields);
  if (!/^(?:s3:)?ObjectCreated:/.test(eventName)) return { kind: "ignore", why: `S3 event ${describe(eventName)}` };
  const key = decodeEventKey(eventKey);
  if (key === undefined) {
    throw new NoticeError(within(place, "s3.object.key"), "no URL-encoded key", "pass S3's own event on unchanged");
  }
  if (isSetupNotificationKey(key)) return { kind: "ignore", why: "SES's proof that it may write" };
  return {
    kind: "object",
    bucket,
    key,
    ...(size !== undefined && { sizeBytes: size }),
  };
}

function received(mail: NoticeMail, receipt: NoticeReceipt, content: string | undefined, place: string): Notice {
  if (mail.messageId === setupNotificationId) return { kind: "ignore", why: "SES's proof that it may publish" };
  const sesMessageId = parseSesMessageId(mail.messageId);
  if (sesMessageId === undefined) {
    throw new NoticeError(
      within(place, "mail.messageId"),
      "no SES message id",
      "expected 20 to 64 lower-case letters and digits: the id of SES, not the Message-ID header",
    );
  }
  const { action } = receipt;
  const notice: ReceivedNotice = {
    kind: "received",
    sesMessageId,
    receivedAt: inUtc(mail.timestamp),
    source: mail.source,
    recipients: receipt.recipients,
    destination: mail.destination,
    headers: mail.headers,
    headersTruncated: mail.headersTruncated,
    commonHeaders: mail.commonHeaders,
    verdicts: verdictsOf(receipt),
    action,
    ...(receipt.processingTimeMillis !== undefined && { processingTimeMillis: receipt.processingTimeMillis }),
    ...(content !== undefined && { content: decodeContent(content, action) }),
  };
  return notice;
}

/** SES writes milliseconds and Z, as `toISOString` does; other times are checked ones too. */
function inUtc(moment: string): string {
  return moment.length === 24 && moment.endsWith("Z") ? moment : new Date(moment).toISOString();
}

/** A verdict that is missing was not established, and so is no pass: events of 2015 have no `dmarcVerdict`. */
function verdictsOf(receipt: NoticeReceipt): Verdicts {
  const unknown: VerdictStatus = "PROCESSING_FAILED";
  const dmarc = receipt.dmarcVerdict ?? unknown;
  return {
    spam: receipt.spamVerdict ?? unknown,
    virus: receipt.virusVerdict ?? unknown,
    spf: receipt.spfVerdict ?? unknown,
    dkim: receipt.dkimVerdict ?? unknown,
    dmarc,
    // Hand-made fixtures pair a policy with PASS; SES names a policy only where DMARC failed.
    ...(receipt.dmarcPolicy !== undefined && dmarc !== "PASS" && { dmarcPolicy: receipt.dmarcPolicy }),
  };
}

/** Events of 2015 do not name the encoding: then it is base64 only if it can be nothing else. */
function decodeContent(content: string, action: ReceivedNotice["action"]): Uint8Array {
  const encoding = action.type === "SNS" ? action.encoding : undefined;
  const base64 = encoding === undefined ? looksLikeBase64(content) : encoding === "BASE64";
  return new Uint8Array(Buffer.from(content, base64 ? "base64" : "utf8"));
}

/** A mail has a colon in its first line; base64 has none anywhere. */
function looksLikeBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text);
}

function readSes(event: Readonly<Record<string, unknown>>, at: string) {
  return { mail: readMail(event["mail"], `${at}mail`), receipt: readReceipt(event["receipt"], `${at}receipt`) };
}

function read<Value extends Readonly<Record<string, unknown>>, Result>(
  value: Value,
  place: string,
  reader: (value: Value) => Result,
): Result {
  try {
    return reader(value);
  } catch (fault) {
    if (!(fault instanceof NoticeFault)) throw fault;
    throw new NoticeError(
      within(place, fault.path),
      fault.message,
      "compare with events/ in this project: the shape is SES's, so something on the way has changed it",
    );
  }
}

function notOurs(place: string, problem: string): NoticeError {
  return new NoticeError(
    place,
    `${problem} is no news of mail`,
    "subscribe this function or queue to SES receiving, its topic or its bucket only",
  );
}

const ignore = (why: string): Notice[] => [{ kind: "ignore", why }];

const within = (place: string, path: string) => (place === "" || path === "" ? place + path : `${place}.${path}`);

function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 60));
  if (value === null) return "null";
  return Array.isArray(value) ? "a list" : typeof value;
}
