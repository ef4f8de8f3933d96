import type { Finding } from "./finding.ts";
import { type MailFacts, quote, quoteHeader } from "./mail-facts.ts";
import { extractReply } from "./reply/extract-reply.ts";
import {
  besideTheRequest,
  closing,
  greeting,
  isSureRequest,
  requestSentence,
  vagueRequest,
} from "./unsubscribe-words.ts";

export interface UnsubscribeRequest {
  readonly confidence: number;
  readonly evidence: readonly string[];
}

export function judgeUnsubscribeRequest(facts: MailFacts): Finding | undefined {
  const request = readUnsubscribeRequest(facts);
  return request && { kind: "unsubscribe-request", ...request, final: true };
}

/**
 * A person (or the person's mail client, RFC 2369 §3.2) who asks to get no more mail: the subject says so, or the own
 * text of the message says nothing else. A suggestion; whether it is acted upon is the stream's policy.
 * Ask only when the message is known to be no automatic one.
 */
export function readUnsubscribeRequest(facts: MailFacts): UnsubscribeRequest | undefined {
  if (pressedUnsubscribe(facts)) {
    return { confidence: 0.95, evidence: [quoteHeader(facts, "x-apple-unsubscribe")] };
  }
  if (automatic(facts)) return undefined;
  const subject = strip(facts.subject.replace(/^(?:\s*(?:subject|betreff)\s*:)+/i, ""));
  const own = facts.body && ownText(facts);
  if (isSureRequest(subject)) return { confidence: 0.95, evidence: [quoteHeader(facts, "subject")] };
  if (vagueRequest.test(subject) && own === "") {
    return { confidence: 0.85, evidence: [quoteHeader(facts, "subject")] };
  }
  const said = own === undefined ? undefined : saidOnly(own);
  if (said !== undefined) return { confidence: 0.85, evidence: [quote(said)] };
  const address = facts.recipients.find((recipient) => addressed.test(recipient));
  if (address !== undefined && (facts.subject.trim() === "" || own === "")) {
    return { confidence: 0.8, evidence: [quote(`recipient ${address}`)] };
  }
  return undefined;
}

function ownText(facts: MailFacts): string {
  const { text, html } = facts.body ?? {};
  // Long mails are no one-word requests; do not spend time on them.
  if ((text?.length ?? 0) > 100_000) return "";
  return extractReply({
    text,
    html: (html?.length ?? 0) > 400_000 ? undefined : html,
    headers: facts.headers,
  }).text.trim();
}

/** The request, when the author's own text says that and nothing else between greeting and signature. */
function saidOnly(own: string): string | undefined {
  if (own.length > 600) return undefined;
  const lines = own
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  if (lines.length > 1 && greeting.test(lines[0] ?? "") && !isSureRequest(strip(lines[0] ?? ""))) lines.shift();
  const end = lines.findIndex((line, at) => at > 0 && closing.test(line));
  const rest = end === -1 ? lines : lines.slice(0, end);
  if (rest.length === 0 || rest.length > 4) return undefined;
  // The greeting may share its line with the request, and a mail program may have wrapped it.
  const text = rest.join(" ").replace(/^(?:hi|hello|hey|hallo|bonjour|hola|olá)\b[^,.!]{0,30}[,.!]\s*/iu, "");
  if (request(strip(text))) return rest[0];
  if (request(strip(rest[0] ?? "")) && rest.slice(1).every((line) => line.length <= 60 && !/[?]/.test(line))) {
    return rest[0];
  }
  const sentences = text
    .split(/[.!?;]+(?:\s+|$)|,\s+(?=please\b|bitte\b)/i)
    .map(strip)
    .filter((sentence) => sentence !== "" && !besideTheRequest.test(sentence));
  return sentences.length > 0 && sentences.length <= 2 && sentences.every(request) ? rest[0] : undefined;
}

function request(sentence: string): boolean {
  return isSureRequest(sentence) || vagueRequest.test(sentence) || requestSentence.test(sentence);
}

/** True when the subject could be a request if the mail says nothing else: the body has to be seen. */
export function maybeUnsubscribe(subject: string): boolean {
  return vagueRequest.test(strip(subject));
}

function automatic({ header, envelopeFrom }: MailFacts): boolean {
  const submitted = header("auto-submitted")?.trim().toLowerCase() ?? "no";
  return envelopeFrom === "" || !/^no\b|^$/.test(submitted);
}

/**
 * Apple Mail marks what it sends when its user presses "unsubscribe", and calls it auto-replied as well: a program wrote
 * the text, a person gave the order.
 */
export function pressedUnsubscribe({ header, envelopeFrom }: MailFacts): boolean {
  return /^true$/i.test(header("x-apple-unsubscribe")?.trim() ?? "") && envelopeFrom !== "";
}

function strip(line: string): string {
  return line
    .slice(0, 1000)
    .replace(/^(?:\s*(?:(?:re|aw|sv|antw|fwd?)\s*:|\[[\w .-]{1,40}\]))+\s*/i, "")
    .replace(/^[\s"'<*_([{.!-]+|[\s"'>*_)\]}.!,;:-]+$/g, "")
    .trim()
    .slice(0, 300);
}

const addressed =
  /^(?:unsubscribe|unsub|leave|optout|opt-out|abmelden|desinscription)(?:[-+.][^@]*)?@|[-+](?:unsubscribe|leave)(?:[-+=][^@]*)?@/i;
