import { maybeComplaint } from "./arf.ts";
import { readBounceSigns } from "./bounce-signs.ts";
import type { Finding } from "./finding.ts";
import { type MailFacts, quoteHeader } from "./mail-facts.ts";
import { maybeUnsubscribe } from "./unsubscribe-request.ts";

/** What is left when nothing speaks for a machine. Says itself how much it knows, and whether the body may still object. */
export function judgeHuman(facts: MailFacts): Finding {
  const evidence: string[] = [];
  for (const name of ["in-reply-to", "user-agent", "x-mailer", "x-originating-ip", "thread-index"]) {
    if (facts.header(name) !== undefined) evidence.push(quoteHeader(facts, name));
  }
  if (evidence.length === 0 && facts.authors[0]) evidence.push(quoteHeader(facts, "from"));
  const signs = readBounceSigns(facts);
  const doubtful = signs.author !== undefined || signs.subject !== undefined || signs.sender !== undefined;
  const answers =
    facts.header("in-reply-to") !== undefined || /^\s*(?:re|aw|sv|antw|odp|rv|r)\s*:/i.test(facts.subject);
  // A reply may say nothing but "stop", unless it answers an address of its own (a ticket's, say).
  const conversation = facts.recipients.some((recipient) => recipient.includes("+")) || /#\d+/.test(facts.subject);
  const undecided =
    doubtful ||
    facts.subject === "" ||
    maybeUnsubscribe(facts.subject) ||
    maybeComplaint(facts.subject) ||
    (answers && !conversation);
  return {
    kind: "human",
    confidence: doubtful ? 0.5 : evidence.length > 1 ? 0.9 : 0.75,
    evidence: evidence.slice(0, 3),
    final: !undecided,
  };
}
