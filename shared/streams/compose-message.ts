import { decodeWords } from "../mail/encoded-words.ts";
import { type Header, headerValue } from "../mail/headers.ts";
import type { Judgement, Verdicts } from "../mail/judgement.ts";
import { parseMailboxes } from "../mail/mailboxes.ts";
import type { SesMessageId } from "../ses-message-id.ts";
import { type StreamContent, type StreamMessage, streamMessageVersion } from "./stream-message.ts";

export interface ComposeInput {
  readonly sesMessageId: SesMessageId;
  readonly stream: string;
  /** Normalised; at most `maxRecipientsPerMessage`. */
  readonly recipients: readonly string[];
  readonly judgement: Judgement;
  readonly envelope: StreamMessage["envelope"];
  readonly verdicts: Verdicts;
  readonly headers: readonly Header[];
  readonly content: StreamContent;
  readonly reasons: readonly string[];
  readonly receivedAt: string;
}

/** Recipients of one queue message: what a worker does must fit into its time-out. More become several messages. */
export const maxRecipientsPerMessage = 25;

/** Octets of the JSON, below SQS's 256 KiB with room for what a later version adds. */
export const maxStreamMessageBytes = 200 * 1024;

type Cut = NonNullable<StreamMessage["cut"]>[number];

/**
 * The queue message for one stream. Every field is bounded by itself; if the whole is still too long, the longest lists
 * are halved in turn and `cut` names them. The stream's own recipients are never cut: they would be lost.
 */
export function composeMessage(input: ComposeInput): StreamMessage {
  const headers = summariseHeaders(input.headers);
  let references = headers.references ?? [];
  let to = input.envelope.to;
  let reasons = input.reasons.map((reason) => clip(reason, 500));
  let evidence = input.judgement.nature.evidence.map((line) => clip(line, 300));
  const cut = new Set<Cut>();

  const keep = <T>(name: Cut, list: readonly T[], most: number, take: (most: number) => T[]): readonly T[] => {
    if (list.length <= most) return list;
    cut.add(name);
    return take(most);
  };
  const limit = (most: { references: number; to: number; reasons: number; evidence: number }) => {
    // A thread is found by its root or by its latest mails (RFC 5322 §3.6.4), so the middle goes.
    references = [
      ...keep("references", references, most.references, (n) => [
        ...references.slice(0, 1),
        ...references.slice(1 - n),
      ]),
    ];
    to = keep("recipients", to, most.to, (n) => to.slice(0, n));
    reasons = [...keep("reasons", reasons, most.reasons, (n) => reasons.slice(-n))];
    evidence = [...keep("evidence", evidence, most.evidence, (n) => evidence.slice(0, n))];
  };
  const build = (): StreamMessage => {
    const { references: _, ...rest } = headers;
    return {
      version: streamMessageVersion,
      sesMessageId: input.sesMessageId,
      stream: input.stream,
      recipients: input.recipients,
      nature: { ...input.judgement.nature, evidence },
      safety: {
        ...input.judgement.safety,
        reasons: input.judgement.safety.reasons.slice(0, 20).map((r) => clip(r, 500)),
      },
      trust: input.judgement.trust,
      envelope: { from: input.envelope.from, to },
      verdicts: input.verdicts,
      headers: { ...rest, ...(references.length > 0 && { references }) },
      content: input.content,
      reasons,
      ...(cut.size > 0 && { cut: [...cut].sort() }),
      receivedAt: input.receivedAt,
    };
  };

  limit({ references: 100, to: 200, reasons: 20, evidence: 10 });
  for (let most = 50; most > 3; most = Math.floor(most / 2)) {
    const message = build();
    if (Buffer.byteLength(JSON.stringify(message)) <= maxStreamMessageBytes) return message;
    limit({ references: most, to: most, reasons: Math.min(most, 20), evidence: Math.min(most, 10) });
  }
  return build();
}

/**
 * The header fields that workers need, from a message's header list. Identifiers that are too long to be ones are left
 * out, texts are cut.
 */
export function summariseHeaders(headers: readonly Header[]): StreamMessage["headers"] {
  const author = parseMailboxes(headerValue(headers, "from"))[0];
  const subject = headerValue(headers, "subject");
  const messageId = messageIdsOf(headerValue(headers, "message-id"))[0];
  const inReplyTo = messageIdsOf(headerValue(headers, "in-reply-to")).slice(0, 10);
  const references = messageIdsOf(headerValue(headers, "references"));
  const date = isoDate(headerValue(headers, "date"));
  const listId = listIdOf(headerValue(headers, "list-id"));
  const autoSubmitted = headerValue(headers, "auto-submitted")?.trim();
  return {
    ...(author !== undefined && { author: { name: clip(author.name, 200), address: clip(author.address, 400) } }),
    ...(subject !== undefined && { subject: clip(decodeWords(subject).replace(/\s+/g, " ").trim(), 1000) }),
    ...(messageId !== undefined && { messageId }),
    ...(inReplyTo.length > 0 && { inReplyTo }),
    ...(references.length > 0 && { references }),
    ...(date !== undefined && { date }),
    ...(listId !== undefined && { listId }),
    ...(autoSubmitted !== undefined && { autoSubmitted: clip(autoSubmitted, 200) }),
  };
}

// RFC 5322 §2.1.1: a line, and so an identifier on it, has at most 998 octets.
const messageIdPattern = /<[^<>\s]{1,996}>/g;

/** The identifiers of Message-ID, In-Reply-To or References, with their angle brackets, each once. */
export function messageIdsOf(value: string | undefined): string[] {
  if (value === undefined) return [];
  const text = value.slice(0, 131_072);
  const ids = text.match(messageIdPattern);
  if (ids) return [...new Set(ids)];
  // Some clients forget the brackets. One word with an "@" is still an identifier.
  const bare = text.trim();
  return /^[^<>\s]{1,500}$/.test(bare) && bare.includes("@") ? [`<${bare}>`] : [];
}

/** The identifier inside the angle brackets (RFC 2919 §2), or the whole value where a list forgot them. */
function listIdOf(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const inner = /<([^<>]{1,255})>\s*$/.exec(value.slice(-1000))?.[1] ?? value.trim();
  return inner === "" ? undefined : clip(inner, 255);
}

function isoDate(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  // A comment behind the zone, "(CEST)", is legal and stops Date.parse of some formats.
  const time = Date.parse(value.replace(/\([^()]*\)\s*$/, "").trim());
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}

function clip(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1).toWellFormed()}…` : text;
}
