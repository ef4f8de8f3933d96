import type { MailFacts } from "./mail-facts.ts";
import { organisation } from "./organisation.ts";

/** Fields that a message may hold once (RFC 5322 §3.6, RFC 2045 §3): of two, a reader shows one, and a signature may cover the other. */
export const onceFields: ReadonlySet<string> = new Set([
  ...["from", "sender", "reply-to", "to", "cc", "date", "subject", "message-id", "in-reply-to", "references"],
  ...["mime-version", "content-type", "content-transfer-encoding"],
]);

/** Names, in lower case, of fields that may stand once and stand there again. */
export function repeatedFields(names: Iterable<string>): ReadonlySet<string> {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const name of names) {
    if (seen.has(name) && onceFields.has(name)) repeated.add(name);
    seen.add(name);
  }
  return repeated;
}

// What the author is taken to have said, and where answers go.
const shown = ["subject", "reply-to"];

/**
 * Whether a valid signature of the author's can have covered what a reader is shown. DKIM lets whoever passes a signed message
 * on put text behind `l=` octets, a second Subject above the signed one, and any Subject or Reply-To where `h=` names none
 * (RFC 6376 §8.2, §8.15). Which of several signatures was the valid one is not known here, so each of the author's has to hold.
 */
export function isSignedWhole(facts: MailFacts, author: string): boolean {
  for (const name of facts.repeated) if (onceFields.has(name)) return false;
  if (facts.field("dkim-signature") === undefined) return true;
  const wanted = organisation(author);
  return facts.headers.every(({ name, value }) => {
    if (name.toLowerCase() !== "dkim-signature") return true;
    const tags = tagsOf(value);
    const domain = tags.get("d");
    if (domain === undefined || organisation(domain) !== wanted) return true;
    const signed = (tags.get("h") ?? "").split(":").map((field) => field.trim().toLowerCase());
    return !tags.has("l") && shown.every((field) => facts.header(field) === undefined || signed.includes(field));
  });
}

function tagsOf(value: string): ReadonlyMap<string, string> {
  const tags = new Map<string, string>();
  for (const part of value.split(";")) {
    const equals = part.indexOf("=");
    if (equals > 0) tags.set(part.slice(0, equals).trim(), part.slice(equals + 1).trim());
  }
  return tags;
}
