import { isClearAuthor } from "./clear-author.ts";
import type { Trust, Verdicts } from "./judgement.ts";
import type { MailFacts } from "./mail-facts.ts";
import { organisation } from "./organisation.ts";
import { isSignedWhole } from "./signed-whole.ts";

/**
 * Whether the author can be believed. A DKIM verdict PASS means an aligned signature, here as at SES
 * (ses-receiving.md §4); SPF passes for the envelope domain, which must share the author's organisational domain
 * (RFC 7489 §3.1.2, relaxed). A message that names two authors proves nothing about either, and a signature nothing about
 * what it leaves out.
 */
export function judgeTrust(
  facts: MailFacts,
  { verdicts, replyTokenValid }: { readonly verdicts?: Verdicts; readonly replyTokenValid?: boolean },
): Trust {
  if (replyTokenValid === true) return "token";
  if (verdicts === undefined) return "unaligned";
  if (verdicts.dmarc === "FAIL") return "failed";
  const author = facts.authors[0];
  if (author === undefined || facts.authors.length !== 1 || facts.repeated.has("from")) return "unaligned";
  // The verdicts are of the author that their reader found; ours must be able to be no other.
  if (!isClearAuthor(facts.header("from") ?? "")) return "unaligned";
  const passes = verdicts.dmarc === "PASS" || verdicts.dkim === "PASS";
  if (passes && isSignedWhole(facts, author.address)) return "aligned";
  const sender = facts.envelopeFrom.includes("@") ? organisation(facts.envelopeFrom) : undefined;
  return verdicts.spf === "PASS" && sender !== undefined && sender === organisation(author.address)
    ? "aligned"
    : "unaligned";
}
