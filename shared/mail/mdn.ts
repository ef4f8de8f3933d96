import type { Finding } from "./finding.ts";
import { type MailFacts, quote, quoteHeader } from "./mail-facts.ts";

/**
 * RFC 8098 disposition notifications ("read receipts"). A refusal in the same dress (RFC 5429 §2.1.2: Sieve `reject`
 * after delivery) is left to the bounce rule.
 */
export function judgeMdn(facts: MailFacts): Finding | undefined {
  const { contentType, body } = facts;
  const declared =
    contentType.value === "multipart/report" &&
    contentType.parameters["report-type"]?.toLowerCase().trim() === "disposition-notification";
  const part = body?.parts.find((candidate) => candidate.contentType === "message/disposition-notification");
  if (!declared && !part) return undefined;
  if (isRefusal(facts)) return undefined;
  const line = part?.text?.split("\n").find((candidate) => /^disposition:/i.test(candidate));
  const evidence = declared ? [quoteHeader(facts, "content-type")] : [`part ${part?.path}: ${part?.contentType}`];
  if (line) evidence.push(quote(line));
  return { kind: "mdn", confidence: declared ? 0.99 : 0.95, evidence, final: true };
}

/** Sieve `reject`: an MDN that says "deleted" without a person, with the keyword that implementations add. */
export function isRefusal(facts: MailFacts): boolean {
  return (
    facts.contentType.parameters["report-type"]?.toLowerCase().trim() === "disposition-notification" &&
    /\(\s*reject/i.test(facts.header("auto-submitted") ?? "")
  );
}
