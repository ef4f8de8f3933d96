import { isMoment } from "../iso-time.ts";
import type { Header } from "../mail/headers.ts";
import { type VerdictStatus, verdictStatuses } from "../mail/judgement.ts";
import type { DmarcPolicy } from "./authentication.ts";
import type { NoticeAction } from "./notice.ts";
import type { SesCommonHeaders } from "./notification.ts";

/*
 * The checks of notice-schemas.ts by hand: they run for every mail, where a schema takes several times as long, and a function that
 * needs no schema starts without the library. The schemas are the contract; read-notice.test.ts holds both together.
 */

/** What is not as SES writes it; whoever reads the event knows where it was found. */
export class NoticeFault extends Error {
  /** As a path below what was read: `receipt.action.type`, `mail.headers[2].name`. */
  readonly path: string;
  constructor(path: string, expected: string) {
    super(`expected ${expected}`);
    this.path = path;
  }
}

export interface NoticeMail {
  readonly timestamp: string;
  readonly source: string;
  readonly messageId: string;
  readonly destination: readonly string[];
  readonly headersTruncated: boolean;
  readonly headers: readonly Header[];
  readonly commonHeaders: SesCommonHeaders;
}

export interface NoticeReceipt {
  readonly timestamp: string | undefined;
  readonly processingTimeMillis: number | undefined;
  readonly recipients: readonly string[];
  readonly spamVerdict: VerdictStatus | undefined;
  readonly virusVerdict: VerdictStatus | undefined;
  readonly spfVerdict: VerdictStatus | undefined;
  readonly dkimVerdict: VerdictStatus | undefined;
  readonly dmarcVerdict: VerdictStatus | undefined;
  readonly dmarcPolicy: DmarcPolicy | undefined;
  readonly action: NoticeAction;
}

type Fields = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function readMail(value: unknown, at: string): NoticeMail {
  const mail = fields(value, at);
  const { timestamp, messageId, headersTruncated } = mail;
  if (typeof timestamp !== "string" || !isMoment(timestamp)) {
    throw new NoticeFault(`${at}.timestamp`, "a time such as 2026-08-04T09:15:02.417Z");
  }
  const source = optionalText(mail["source"], at, "source") ?? "";
  if (typeof messageId !== "string" || messageId.length === 0 || messageId.length > 998) {
    throw new NoticeFault(`${at}.messageId`, "an id of 1 to 998 characters");
  }
  return {
    timestamp,
    source: source.startsWith("<") ? source.replace(/^<([^<>]*)>$/, "$1") : source,
    messageId,
    destination: optionalTexts(mail["destination"], at, "destination") ?? [],
    headersTruncated: readTruncated(headersTruncated, at),
    headers: readHeaders(mail["headers"], at),
    commonHeaders: readCommonHeaders(mail["commonHeaders"], at),
  };
}

export function readReceipt(value: unknown, at: string): NoticeReceipt {
  const receipt = fields(value, at);
  return {
    timestamp: optionalText(receipt["timestamp"], at, "timestamp"),
    processingTimeMillis: readMillis(receipt["processingTimeMillis"], at),
    recipients: texts(receipt["recipients"], at, "recipients"),
    spamVerdict: readVerdict(receipt["spamVerdict"], at, "spamVerdict"),
    virusVerdict: readVerdict(receipt["virusVerdict"], at, "virusVerdict"),
    spfVerdict: readVerdict(receipt["spfVerdict"], at, "spfVerdict"),
    dkimVerdict: readVerdict(receipt["dkimVerdict"], at, "dkimVerdict"),
    dmarcVerdict: readVerdict(receipt["dmarcVerdict"], at, "dmarcVerdict"),
    dmarcPolicy: readPolicy(receipt["dmarcPolicy"], at),
    action: readAction(receipt["action"], at),
  };
}

/** A member that must be text: of an envelope, a record. */
export function readText(value: unknown, at: string, name: string): string {
  if (typeof value !== "string") throw new NoticeFault(within(at, name), "text");
  return value;
}

export function optionalText(value: unknown, at: string, name: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  return readText(value, at, name);
}

export function fields(value: unknown, at: string): Fields {
  if (!isRecord(value)) throw new NoticeFault(at, "an object");
  return value;
}

export function readS3Fields(record: Fields) {
  const eventName = readText(record["eventName"], "", "eventName");
  const s3 = fields(record["s3"], "s3");
  const bucket = fullText(fields(s3["bucket"], "s3.bucket")["name"], "s3.bucket", "name");
  const object = fields(s3["object"], "s3.object");
  const key = fullText(object["key"], "s3.object", "key");
  const { size } = object;
  if (size === undefined || size === null) return { eventName, bucket, key };
  if (typeof size !== "number" || !Number.isFinite(size) || size < 0) {
    throw new NoticeFault("s3.object.size", "a number of octets");
  }
  return { eventName, bucket, key, size };
}

const within = (at: string, name: string) => (at === "" ? name : `${at}.${name}`);

function fullText(value: unknown, at: string, name: string): string {
  if (typeof value !== "string" || value === "") throw new NoticeFault(within(at, name), "text");
  return value;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}

/** One string, or a list of them; SES writes lists, hand-made events often a string. */
function texts(value: unknown, at: string, name: string): readonly string[] {
  if (typeof value === "string") return [value];
  if (!isTexts(value)) throw new NoticeFault(within(at, name), "a list of texts");
  return value;
}

function optionalTexts(value: unknown, at: string, name: string): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  return texts(value, at, name);
}

function readTruncated(value: unknown, at: string): boolean {
  if (value === true || value === "true") return true;
  if (value === undefined || value === false || value === "false") return false;
  throw new NoticeFault(`${at}.headersTruncated`, "true or false");
}

function readHeaders(value: unknown, at: string): readonly Header[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new NoticeFault(`${at}.headers`, "a list");
  const headers: Header[] = [];
  for (let index = 0; index < value.length; index += 1) {
    const header: unknown = value[index];
    if (!isRecord(header)) throw new NoticeFault(`${at}.headers[${index}]`, "an object");
    const { name, value: content } = header;
    if (typeof name !== "string") throw new NoticeFault(`${at}.headers[${index}].name`, "text");
    if (typeof content !== "string") throw new NoticeFault(`${at}.headers[${index}].value`, "text");
    headers.push({ name, value: content });
  }
  return headers;
}

function readCommonHeaders(value: unknown, mail: string): SesCommonHeaders {
  if (value === undefined || value === null) return {};
  const at = `${mail}.commonHeaders`;
  const given = fields(value, at);
  // Member by member: ten objects that are spread into one take a fifth of all the time that reading an event takes.
  const read: { -readonly [Name in keyof SesCommonHeaders]: SesCommonHeaders[Name] } = {};
  const returnPath = optionalText(given["returnPath"], at, "returnPath");
  if (returnPath !== undefined) read.returnPath = returnPath;
  const from = optionalTexts(given["from"], at, "from");
  if (from !== undefined) read.from = from;
  const sender = optionalTexts(given["sender"], at, "sender");
  if (sender !== undefined) read.sender = sender.join(", ");
  const replyTo = optionalTexts(given["replyTo"], at, "replyTo");
  if (replyTo !== undefined) read.replyTo = replyTo;
  const date = optionalText(given["date"], at, "date");
  if (date !== undefined) read.date = date;
  const to = optionalTexts(given["to"], at, "to");
  if (to !== undefined) read.to = to;
  const cc = optionalTexts(given["cc"], at, "cc");
  if (cc !== undefined) read.cc = cc;
  const bcc = optionalTexts(given["bcc"], at, "bcc");
  if (bcc !== undefined) read.bcc = bcc;
  const messageId = optionalText(given["messageId"], at, "messageId");
  if (messageId !== undefined) read.messageId = messageId;
  const subject = optionalText(given["subject"], at, "subject");
  if (subject !== undefined) read.subject = subject;
  return read;
}

/** A number in every recording, a string by the guide's table. */
function readMillis(value: unknown, at: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (typeof value === "string" && /^[0-9]{1,15}$/.test(value)) return Number(value);
  throw new NoticeFault(`${at}.processingTimeMillis`, "a number");
}

/** A status we do not know is one that did not say PASS. */
function readVerdict(value: unknown, at: string, name: string): VerdictStatus | undefined {
  if (value === undefined || value === null) return undefined;
  const word = isRecord(value) ? value["status"] : value;
  if (typeof word !== "string") throw new NoticeFault(`${at}.${name}`, "a verdict");
  return statuses.get(word) ?? statuses.get(word.toUpperCase()) ?? "PROCESSING_FAILED";
}

const statuses: ReadonlyMap<string, VerdictStatus> = new Map(verdictStatuses.map((status) => [status, status]));

/** A string as recorded; an object with `status`, upper case, in an edition of 2018 and in sample code. */
function readPolicy(value: unknown, at: string): DmarcPolicy | undefined {
  if (value === undefined || value === null) return undefined;
  const word = isRecord(value) ? value["status"] : value;
  if (typeof word !== "string") throw new NoticeFault(`${at}.dmarcPolicy`, "a policy");
  const lower = word.toLowerCase();
  return lower === "none" || lower === "quarantine" || lower === "reject" ? lower : undefined;
}

function readAction(value: unknown, receipt: string): NoticeAction {
  const at = `${receipt}.action`;
  const action = fields(value, at);
  const arn = () => {
    const topicArn = optionalText(action["topicArn"], at, "topicArn");
    return topicArn === undefined ? {} : { topicArn };
  };
  switch (action["type"]) {
    case "S3": {
      const topic = arn();
      const bucketName = fullText(action["bucketName"], at, "bucketName");
      const objectKeyPrefix = optionalText(action["objectKeyPrefix"], at, "objectKeyPrefix");
      const objectKey = fullText(action["objectKey"], at, "objectKey");
      return {
        type: "S3",
        ...topic,
        bucketName,
        ...(objectKeyPrefix !== undefined && { objectKeyPrefix }),
        objectKey,
      };
    }
    case "SNS":
      return { type: "SNS", ...arn(), ...readEncoding(action["encoding"], at) };
    case "Lambda": {
      const topic = arn();
      const functionArn = readText(action["functionArn"], at, "functionArn");
      const { invocationType = "Event" } = action;
      if (invocationType !== "Event" && invocationType !== "RequestResponse") {
        throw new NoticeFault(`${at}.invocationType`, "Event or RequestResponse");
      }
      return { type: "Lambda", ...topic, functionArn, invocationType };
    }
    case "Bounce": {
      const topic = arn();
      const smtpReplyCode = asText(action, at, "smtpReplyCode");
      const statusCode = optionalText(action["statusCode"], at, "statusCode");
      const message = readText(action["message"], at, "message");
      const sender = readText(action["sender"], at, "sender");
      return {
        type: "Bounce",
        ...topic,
        smtpReplyCode,
        ...(statusCode !== undefined && { statusCode }),
        message,
        sender,
      };
    }
    case "Stop":
      return { type: "Stop", ...arn() };
    // The API says `WorkmailAction`, the payload `WorkMail`.
    case "Workmail":
    case "WorkMail":
      return {
        type: "WorkMail",
        ...arn(),
        organizationArn: readText(action["organizationArn"], at, "organizationArn"),
      };
    default:
      throw new NoticeFault(`${at}.type`, "S3, SNS, Lambda, Bounce, Stop or WorkMail");
  }
}

function readEncoding(value: unknown, at: string): { readonly encoding?: "UTF8" | "BASE64" } {
  const encoding = optionalText(value, at, "encoding")?.toUpperCase().replace("-", "");
  if (encoding === undefined) return {};
  if (encoding !== "UTF8" && encoding !== "BASE64") throw new NoticeFault(`${at}.encoding`, "UTF-8 or Base64");
  return { encoding };
}

/** A reply code is a number in some events. */
function asText(from: Fields, at: string, name: string): string {
  if (!(name in from)) throw new NoticeFault(within(at, name), "text");
  try {
    return String(from[name]);
  } catch {
    // An object that cannot be text, such as one with a member toString.
    throw new NoticeFault(within(at, name), "text");
  }
}
