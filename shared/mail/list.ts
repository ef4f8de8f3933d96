import type { Finding } from "./finding.ts";
import { type MailFacts, quoteHeader } from "./mail-facts.ts";
import { parseMailboxes } from "./mailboxes.ts";

/** Discussion lists, announcements and newsletters: RFC 2369, RFC 2919 and what came before them. */
export function judgeList(facts: MailFacts): Finding | undefined {
  const names = certain.filter((name) => facts.header(name) !== undefined);
  const precedence = facts.header("precedence")?.trim().toLowerCase() ?? "";
  if (names.length > 0) {
    return {
      kind: "list",
      confidence: 0.97,
      evidence: names.slice(0, 4).map((name) => quoteHeader(facts, name)),
      // Bounces to a list's administration wear the list's headers too.
      final: !addressedToListAdmin(facts),
    };
  }
  if (/^(?:list|bulk)\b/.test(precedence)) {
    return { kind: "list", confidence: 0.85, evidence: [quoteHeader(facts, "precedence")], final: true };
  }
  const evidence = readOldSigns(facts);
  return evidence.length === 0 ? undefined : { kind: "list", confidence: 0.8, evidence, final: true };
}

/** True when list software handed this message to its subscribers. */
export function postedToList(facts: MailFacts): boolean {
  return facts.header("list-id") !== undefined || facts.header("list-post") !== undefined;
}

/** What list software gives out as envelope sender gets the list's bounces, often decorated with the list's headers. */
export function addressedToListAdmin(facts: MailFacts): boolean {
  const admin = /^(?:owner-.+|.+-(?:admin|owner|bounces?|errors|request)(?:[-+=].*)?)@/i;
  return [...parseMailboxes(facts.header("to")).map(({ address }) => address), ...facts.recipients].some((address) =>
    admin.test(address.slice(0, 320)),
  );
}

const certain = [
  "list-id",
  "list-post",
  "list-unsubscribe",
  "list-archive",
  "list-subscribe",
  "list-help",
  "list-owner",
  "x-mailing-list",
  "x-mailman-version",
  "x-beenthere",
  "mailing-list",
  "x-listserver",
  "x-list-id",
  "x-listname",
  "x-list",
  "x-mailing-list-id",
  "x-ml-name",
  "x-ml-info",
  "x-sympa-to",
  "x-listmember",
  "x-list-unsubscribe",
  "x-google-loop",
  "x-egroups-return",
  "x-list-administrivia",
  "x-lyris-message-id",
  "x-listmanager",
  "x-mlserver",
  "x-distributionlist-id",
];

/** Who relays for subscribers leaves its own bounce address behind: owner-x, x-owner, x-admin, x-bounces, sentto-x. */
function readOldSigns(facts: MailFacts): string[] {
  const address =
    /(?:^|<)(?:owner-[^@]+|[^@<]+-(?:owner|admin|bounces?|request|errors|return)(?:[-+][^@]*)?|sentto-[^@]+|listserv(?:er)?|majordomo|bounce-[^@]*list[^@]*|[^@<]+\.(?:errors|bounces))@/i;
  const evidence: string[] = [];
  for (const name of ["sender", "errors-to", "x-envelope-from", "return-path"]) {
    if (address.test(facts.header(name)?.trim() ?? "")) evidence.push(quoteHeader(facts, name));
  }
  if (evidence.length === 0 && address.test(facts.envelopeFrom))
    evidence.push(`envelope sender <${facts.envelopeFrom.slice(0, 150)}>`);
  return evidence;
}
