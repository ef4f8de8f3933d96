import { readBounceSigns } from "./bounce-signs.ts";
import { readDsn } from "./dsn.ts";
import type { Finding } from "./finding.ts";
import { postedToList } from "./list.ts";
import { type MailFacts, quoteHeader } from "./mail-facts.ts";
import { isRefusal } from "./mdn.ts";

/** Delivery reports: RFC 3464 in its RFC 6522 dress, and the free-text ones. */
export function judgeBounce(facts: MailFacts): Finding | undefined {
  // Somebody's bounce that a mailing list passed on tells about the list's mail, not about ours.
  const posted = postedToList(facts);
  if (posted && facts.envelopeFrom !== "") return undefined;
  const signs = readBounceSigns(facts);
  const evidence = [signs.report, signs.failedRecipients, signs.author, signs.subject, signs.sender].filter(
    (sign): sign is string => sign !== undefined,
  );
  const bounce = (confidence: number, final: boolean): Finding => ({ kind: "bounce", confidence, evidence, final });

  if (isRefusal(facts)) {
    evidence.unshift(quoteHeader(facts, "auto-submitted"));
    return bounce(0.95, true);
  }
  if (signs.report) return bounce(0.99, true);
  const system = signs.sender ?? signs.author;
  if (signs.failedRecipients && (system || signs.subject)) return bounce(0.98, true);
  if (signs.author && signs.subject) return bounce(0.96, true);

  const dsn = facts.body && readDsn(facts.body);
  if (dsn && dsn.recipients.length > 0) {
    const structured =
      facts.body?.parts.some((part) => /^message\/(?:global-)?delivery-status$/.test(part.contentType)) === true;
    if (structured || system || signs.subject) {
      evidence.push(...dsn.evidence);
      return bounce(structured ? 0.97 : 0.9, true);
    }
  }
  if (signs.sender === "envelope sender <>" && signs.subject) return bounce(0.95, true);
  if (signs.sender && signs.author) return bounce(0.85, facts.body !== undefined);
  return undefined;
}
