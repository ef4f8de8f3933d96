import { answered } from "./bounce-signs.ts";
import type { Finding } from "./finding.ts";
import { type MailFacts, quote, quoteHeader } from "./mail-facts.ts";
import { parseMailboxes } from "./mailboxes.ts";

/** Discussion lists, announcements and newsletters: RFC 2369, RFC 2919 and what came before them. */
export function judgeList(facts: MailFacts): Finding | undefined {
  const precedence = facts.header("precedence")?.trim().toLowerCase() ?? "";
  const names = facts.present(certain);
  if (names.length > 0) {
    return {
      kind: "list",
      confidence: 0.97,
      evidence: names.slice(0, 4).map((name) => quoteHeader(facts, name)),
      // Bounces to a list's administration wear the list's headers too.
      final: !addressedToListAdmin(facts),
    };
  }
  const list = (confidence: number, evidence: readonly string[]): Finding => ({
    kind: "list",
    confidence,
    evidence,
    // Bounces to a list's administration wear the list's marks too.
    final: !addressedToListAdmin(facts),
  });
  if (/^(?:list|bulk)\b/.test(precedence)) return list(0.85, [quoteHeader(facts, "precedence")]);
  const evidence = readOldSigns(facts);
  if (evidence.length > 0) return list(0.8, evidence);
  const tag = tagOfOthers(facts);
  if (tag) return list(0.7, [tag]);
  const footer = answers(facts) ? listFooter(facts) : undefined;
  return footer === undefined ? undefined : { kind: "list", confidence: 0.7, evidence: [footer], final: true };
}

/**
 * The subject's tag names the list that the mail is addressed to, and it reached somebody else. (Where it reached that very
 * address, the tag is our own: a ticket system's, say.)
 */
function tagOfOthers(facts: MailFacts): string | undefined {
  const tag = /^(?:\s*[a-z]{1,3}\s*:)*\s*\[([a-z][a-z .+_-]{1,40})\]/i.exec(facts.subject)?.[1];
  if (tag === undefined) return undefined;
  const letters = (text: string) => text.toLowerCase().replace(/[^a-z]/g, "");
  const reached = new Set(
    [...facts.recipients, ...["delivered-to", "x-original-to", "envelope-to"].map((name) => facts.header(name) ?? "")]
      .map((text) => text.trim().replace(/^<|>$/g, "").toLowerCase())
      .filter((address) => address !== ""),
  );
  if (reached.size === 0) return undefined;
  const list = [...parseMailboxes(facts.header("to")), ...parseMailboxes(facts.header("cc"))].find(
    ({ address }) =>
      letters(address.split("@")[0] ?? "").replace(/(?:list|users?|dev)$/, "") ===
        letters(tag).replace(/(?:list|users?|dev)$/, "") && !reached.has(address.toLowerCase()),
  );
  return list && quoteHeader(facts, "subject");
}

/** Headers alone let an answer's nature open for the same reason (see judgeHuman). */
function answers({ header, subject }: MailFacts): boolean {
  return header("in-reply-to") !== undefined || answered.test(subject);
}

/** What list software writes under each post. Not below a quoted mail: there it was under that one. */
function listFooter({ body }: MailFacts): string | undefined {
  const text = body?.text.slice(-4000) ?? "";
  if (/^[^\S\n]*(?:--+ ?\S+ \S+ ?--|(?:from|von|de|van|da) ?:)/im.test(body?.text.slice(0, 100_000) ?? ""))
    return undefined;
  const footer =
    /^[_-]{10,}\s*\n(.{1,80} mailing list\s*\n.*|to (?:unsubscribe|remove yourself).*|you received this message because you are subscribed.*)/im.exec(
      text,
    );
  return footer ? quote(footer[1] as string) : undefined;
}

/** True when list software handed this message to its subscribers. */
export function postedToList(facts: MailFacts): boolean {
  return facts.header("list-id") !== undefined || facts.header("list-post") !== undefined;
}

/** What list software gives out as envelope sender gets the list's bounces, often decorated with the list's headers. */
export function addressedToListAdmin(facts: MailFacts): boolean {
  const to = facts.header("to");
  const addresses = mayNameListAdmin(to) ? parseMailboxes(to).map(({ address }) => address) : [];
  return [...addresses, ...facts.recipients].some((address) => listAdmin.test(address.slice(0, 320)));
}

const listAdmin = /^(?:owner-.+|.+-(?:admin|owner|bounces?|errors|request)(?:[-+=].*)?)@/i;

/**
 * False only where no address of the header can be such a one: reading them all takes longer than the other rules together. An address
 * is a piece of the header without its quotes and escapes; a comment may stand in the middle of one.
 */
function mayNameListAdmin(header: string | undefined): boolean {
  if (header === undefined || header.includes("(")) return header !== undefined;
  const plain = /["\\]/.test(header) ? header.replace(/["\\]/g, "") : header;
  return /owner-|-(?:admin|owner|bounce|errors|request)/i.test(plain);
}

const certain: readonly string[] = [
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
  const evidence: string[] = [];
  for (const name of oldSigns) {
    if (relays.test(facts.header(name)?.trim() ?? "")) evidence.push(quoteHeader(facts, name));
  }
  if (evidence.length === 0 && relays.test(facts.envelopeFrom))
    evidence.push(`envelope sender <${facts.envelopeFrom.slice(0, 150)}>`);
  return evidence;
}

const oldSigns = ["sender", "errors-to", "x-envelope-from", "return-path"];
const relays =
  /(?:^|<)(?:owner-[^@]+|[^@<]+-(?:owner|admin|bounces?|request|errors|return)(?:[-+][^@]*)?|sentto-[^@]+|listserv(?:er)?|majordomo|bounce-[^@]*list[^@]*|[^@<]+\.(?:errors|bounces))@/i;
