import { isMoment } from "../iso-time.ts";
import { natures, verdictStatuses } from "../mail/judgement.ts";
import { parseSesMessageId } from "../ses-message-id.ts";
import { StreamMessageUnreadableError } from "./errors.ts";
import { type StreamMessage, streamMessageVersion } from "./stream-message.ts";
import { upgradeMessage } from "./upgrade-message.ts";

/*
 * The checks of stream-message-schema.ts by hand: a worker starts without the schema library, and reads each message faster. The
 * schema is the contract; read-stream-message.test.ts holds both together.
 */

/**
 * Reads one queue message's body. Accepts this version and the one before it (of version 1 there is none yet).
 *
 * @throws {StreamMessageUnreadableError} naming the first fault, never the content
 */
export function decodeStreamMessage(body: string): StreamMessage {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch (cause) {
    // The parser's message quotes the text, which may be anybody's mail: only its name goes on.
    throw new StreamMessageUnreadableError(`not JSON, ${cause instanceof Error ? cause.name : "unreadable"}`);
  }
  const version = isFields(json) ? json["version"] : undefined;
  if (typeof version === "number" && version > streamMessageVersion) {
    throw new StreamMessageUnreadableError(
      `version ${version}, newer than ${streamMessageVersion}: deploy the workers before the router`,
    );
  }
  const message = upgradeMessage(json);
  const fault = faultIn(message);
  if (fault !== undefined) throw new StreamMessageUnreadableError(fault);
  const { sesMessageId } = message as { readonly sesMessageId: string };
  if (parseSesMessageId(sesMessageId) === undefined) {
    throw new StreamMessageUnreadableError("sesMessageId is no SES message id");
  }
  // What was checked here says the same as the type.
  return message as StreamMessage;
}

type Fields = Readonly<Record<string, unknown>>;

/** The place of what is wrong, and what is. Members that nobody knows are a later version's, and no fault. */
type Check = (value: unknown) => string | undefined;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const text: Check = (value) => (typeof value === "string" ? undefined : "invalid_type");
const fullText: Check = (value) => text(value) ?? (value === "" ? "too_small" : undefined);
const texts: Check = (value) =>
  Array.isArray(value) && value.every((one) => typeof one === "string") ? undefined : "invalid_type";
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined ? undefined : check(value);
const oneOf =
  (...allowed: readonly unknown[]): Check =>
  (value) =>
    allowed.includes(value) ? undefined : "invalid_value";
const flag: Check = (value) => (typeof value === "boolean" ? undefined : "invalid_type");
const fields =
  (checks: Readonly<Record<string, Check>>): Check =>
  (value) => {
    if (!isFields(value)) return "invalid_type";
    for (const name in checks) {
      const fault = checks[name]?.(value[name]);
      if (fault !== undefined) return /^[a-z_]+$/.test(fault) ? `${name}: ${fault}` : `${name}.${fault}`;
    }
    return undefined;
  };

const verdict = oneOf(...verdictStatuses);
const s3 = fields({
  bucket: fullText,
  key: fullText,
  sizeBytes: optional((value) => (Number.isSafeInteger(value) && Number(value) >= 0 ? undefined : "invalid_type")),
  encrypted: optional(flag),
});
const inline = fields({ base64: text });

const message = fields({
  version: oneOf(streamMessageVersion),
  sesMessageId: (value) => text(value) ?? (/^[0-9a-z]{20,64}$/.test(String(value)) ? undefined : "invalid_format"),
  stream: fullText,
  recipients: (value) => texts(value) ?? (Array.isArray(value) && value.length === 0 ? "too_small" : undefined),
  nature: fields({
    kind: oneOf(...natures),
    confidence: (value) => (typeof value === "number" && value >= 0 && value <= 1 ? undefined : "invalid_type"),
    evidence: texts,
  }),
  safety: fields({ kind: oneOf("clean", "suspicious"), reasons: texts }),
  trust: oneOf("token", "aligned", "failed", "unaligned"),
  envelope: fields({ from: text, to: texts }),
  verdicts: fields({
    spam: verdict,
    virus: verdict,
    spf: verdict,
    dkim: verdict,
    dmarc: verdict,
    dmarcPolicy: optional(oneOf("none", "quarantine", "reject")),
  }),
  headers: fields({
    author: optional(fields({ name: text, address: text })),
    subject: optional(text),
    messageId: optional(text),
    inReplyTo: optional(texts),
    references: optional(texts),
    date: optional(text),
    listId: optional(text),
    autoSubmitted: optional(text),
  }),
  content: (value) => {
    if (!isFields(value)) return "invalid_union";
    return value["kind"] === "s3" ? s3(value) : value["kind"] === "inline" ? inline(value) : "invalid_union";
  },
  reasons: texts,
  cut: optional((value) =>
    Array.isArray(value) && value.every((one) => ["references", "recipients", "reasons", "evidence"].includes(one))
      ? undefined
      : "invalid_value",
  ),
  receivedAt: (value) =>
    text(value) ?? (isMoment(String(value)) && String(value).endsWith("Z") ? undefined : "invalid_format"),
});

function faultIn(value: unknown): string | undefined {
  const fault = message(value);
  return fault !== undefined && /^[a-z_]+$/.test(fault) ? `the whole: ${fault}` : fault;
}
