import { readAutoReply } from "./auto-reply.ts";
import { answered, type BounceSigns, readBounceSigns } from "./bounce-signs.ts";
import { readDsn } from "./dsn.ts";
import type { Finding } from "./finding.ts";
import { addressedToListAdmin, postedToList } from "./list.ts";
import { machineAddress } from "./machine.ts";
import { type MailFacts, quoteHeader } from "./mail-facts.ts";
import { isRefusal } from "./mdn.ts";

/** Delivery reports: RFC 3464 in its RFC 6522 dress, and the free-text ones. */
export function judgeBounce(facts: MailFacts): Finding | undefined {
  // Somebody's bounce that a mailing list passed on tells about the list's mail, not about ours.
  if (postedToList(facts) && !addressedToListAdmin(facts)) return undefined;
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
  if (dsn && dsn.recipients.length > 0 && reportsItself(facts, signs)) {
    const structured =
      facts.body?.parts.some((part) => /^message\/(?:global-)?delivery-status$/.test(part.contentType)) === true;
    if (
      structured ||
      signs.author ||
      signs.subject ||
      (system && saysUndelivered(facts)) ||
      (returnsMail(facts) && saysUndelivered(facts))
    ) {
      evidence.push(...dsn.evidence);
      return bounce(structured ? 0.97 : 0.9, true);
    }
  }
  if (signs.sender === "envelope sender <>" && signs.subject) return bounce(0.95, true);
  if (signs.sender && signs.author) return bounce(0.85, facts.body !== undefined);
  return undefined;
}

/** A person's answer or forward may hold a report, and so may somebody's absence; only one that is the message itself reports to us. */
function reportsItself(facts: MailFacts, signs: BounceSigns): boolean {
  if (signs.subject !== undefined) return true;
  if (facts.contentType.value !== "multipart/report" && answered.test(facts.subject)) return false;
  return signs.author !== undefined || readAutoReply(facts) === undefined;
}

/** The sentence that every text report has in one form or another. */
function saysUndelivered({ body }: MailFacts): boolean {
  return undelivered.test(body?.text.slice(0, 4000) ?? "");
}

/** An automatic sender that gives the message back as a part: what is left of a report when every usual sign is missing. */
function returnsMail({ body, authors }: MailFacts): boolean {
  const automatic = authors[0] !== undefined && machineAddress.test(authors[0].address);
  return automatic && body?.parts.some((part) => part.embedded !== undefined && part.path !== "") === true;
}

const undelivered =
  /(?:could|can|was|were|has|have|is|been)\s*(?:not|n't)\s+(?:yet )?(?:be(?:en)? )?(?:deliver|sent|reach|process|accept)|cannot be (?:delivered|sent)|undeliver|unable to deliver|deliver(?:y|ed)? (?:has |to .{1,100} )?(?:fail|error|problem|unsuccess)|failed to (?:deliver|send|reach)|(?:returned|rejected|refused|bounced)\b.{0,60}(?:mail|message|address|sender)|(?:mail|message)\b.{0,80}(?:returned|rejected|refused|bounced|not delivered)|did not reach|no such user|user unknown|unknown user|mailbox (?:is )?(?:full|unavailable)|nicht (?:zugestellt|zustellbar)|n'a pas pu|no (?:se pudo|pudo|ha podido) |não (?:pôde|foi) |non è stato|не (?:было|может|удалось)|配信|送信でき|届け|退回|无法|無法|반송/i;
