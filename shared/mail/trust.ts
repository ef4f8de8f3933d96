import { getDomain } from "tldts";
import { isClearAuthor } from "./clear-author.ts";
import type { Trust, Verdicts } from "./judgement.ts";
import type { MailFacts } from "./mail-facts.ts";

/**
 * Whether the author can be believed. A DKIM verdict PASS means an aligned signature, here as at SES
 * (ses-receiving.md §4); SPF passes for the envelope domain, which must share the author's organisational domain
 * (RFC 7489 §3.1.2, relaxed). A message that names two authors proves nothing about either.
 */
export function judgeTrust(
  facts: MailFacts,
  { verdicts, replyTokenValid }: { readonly verdicts?: Verdicts; readonly replyTokenValid?: boolean },
): Trust {
  if (replyTokenValid === true) return "token";
  if (verdicts === undefined) return "unaligned";
  if (verdicts.dmarc === "FAIL") return "failed";
  const author = facts.authors[0];
  if (author === undefined || facts.authors.length !== 1 || facts.fromFields !== 1) return "unaligned";
  // The verdicts are of the author that their reader found; ours must be able to be no other.
  if (!isClearAuthor(facts.header("from") ?? "")) return "unaligned";
  if (verdicts.dmarc === "PASS" || verdicts.dkim === "PASS") return "aligned";
  const sender = organisation(facts.envelopeFrom);
  return verdicts.spf === "PASS" && sender !== undefined && sender === organisation(author.address)
    ? "aligned"
    : "unaligned";
}

/** The organisational domain by the Public Suffix List, private suffixes included: customers of one host are strangers. */
function organisation(address: string): string | undefined {
  const domain = address
    .slice(address.lastIndexOf("@") + 1)
    .toLowerCase()
    .replace(/\.$/, "");
  if (!address.includes("@") || domain === "") return undefined;
  return getDomain(domain, { allowPrivateDomains: true }) ?? domain;
}
