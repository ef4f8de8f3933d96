import type { ResolvedConfig } from "../config/types.ts";
import { normaliseAddress, parseMailAddress } from "../mail/address.ts";
import type { Trust } from "../mail/judgement.ts";
import type { Ticket, TicketPlan, TicketThread } from "../ports.ts";
import type { TicketPolicy } from "./policy.ts";
import type { TicketMark } from "./reply-address.ts";

export interface ThreadInput {
  /** Header Message-ID with angle brackets. */
  readonly headerMessageId?: string;
  readonly bodySha256: string;
  readonly inReplyTo: readonly string[];
  /** The oldest first, as the header has them. */
  readonly references: readonly string[];
  /** The first address of `From`, `""` when there is none. */
  readonly author: string;
  /** Addresses of To and Cc. */
  readonly addressees: readonly string[];
  readonly trust: Trust;
  readonly subject: string;
  /** The mail forwards another one: it begins something new, whatever it refers to. */
  readonly isForward: boolean;
  /** The ticket that the envelope recipient's reply token names; the token is ours and valid. */
  readonly tokenTicket?: TicketMark;
  /** ISO 8601. */
  readonly receivedAt: string;
}

export interface ThreadPlan {
  readonly plan: TicketPlan;
  /** What decided, for the journey. */
  readonly reason: string;
}

// Enough for a thread of years; a sender chooses this list.
const maxReferences = 100;
const maxParticipants = 50;
const dayMs = 86_400_000;

/** The Message-IDs by which a mail may belong to a ticket: its own, what it answers, its thread from the latest back. */
export function messageIdsToAsk({ headerMessageId, inReplyTo, references }: ThreadInput): string[] {
  const own = headerMessageId === undefined ? [] : [headerMessageId];
  return [...new Set([...own, ...inReplyTo, ...[...references].reverse()])].slice(0, maxReferences);
}

/** The tickets that a mail names by number: in its reply token, and in the tags of its subject (at most three). */
export function ticketsToAsk({ tokenTicket, subject }: ThreadInput, { subjectTag }: TicketPolicy): number[] {
  const token = tokenTicket === undefined ? [] : [tokenTicket.ticketId];
  return [...new Set([...token, ...taggedTickets(subject, subjectTag)])];
}

/**
 * Whether a mail opens a ticket or joins one, in this order: the reply token of its recipient, In-Reply-To, References from
 * the latest back, a ticket's tag in the subject. Headers and subjects can be written by anybody, so without a token it
 * joins only where its author takes part and DMARC did not fail; a tag, which can be guessed, counts only from an author who
 * is no less proven than they were. Everything else opens a ticket, linked to the one it referred to where the policy says so.
 *
 * @param threads - the tickets that hold any of `messageIdsToAsk`, and those of `ticketsToAsk`
 * @param holder - the whole ticket that holds the mail's own Message-ID, if one does
 */
export function planTicket(
  { domains, tickets: policy }: Pick<ResolvedConfig, "domains" | "tickets">,
  mail: ThreadInput,
  threads: readonly TicketThread[],
  holder: Ticket | undefined,
): ThreadPlan {
  const author = normaliseAddress(mail.author);
  const isAddress = parseMailAddress(author) !== undefined;
  const isProven = mail.trust === "aligned" || mail.trust === "token";
  const takesPart = (thread: TicketThread | undefined): thread is TicketThread =>
    thread !== undefined && mail.trust !== "failed" && isAddress && thread.participants.includes(author);
  const threadOf = (id: string | undefined) =>
    id === undefined ? undefined : threads.find(({ messageIds }) => messageIds.includes(id));
  const own = mail.headerMessageId === undefined ? [] : [mail.headerMessageId];

  const ownThread = threadOf(mail.headerMessageId);
  if (ownThread !== undefined && holder !== undefined) {
    const known = planKnown(ownThread, holder);
    if (known !== undefined) return known;
  }

  const token = mail.tokenTicket === undefined ? undefined : tokenTicketOf(mail.tokenTicket);
  const answered = [...mail.inReplyTo, ...[...mail.references].reverse()]
    .map(threadOf)
    .filter((thread) => thread !== undefined);
  if (mail.isForward) {
    if (takesPart(token)) return join(token, "the reply token of its recipient, from somebody who takes part", own);
    return open(own, token ?? answered[0], "it forwards another mail");
  }
  if (token !== undefined) return join(token, "the reply token of its recipient", own);

  // An answer that came before this mail holds its Message-ID as that of its parent.
  const candidates = [...(ownThread === undefined ? [] : [ownThread]), ...answered];
  const joinable = candidates.find(takesPart);
  if (joinable !== undefined) {
    const by = joinable === ownThread ? "an answer to it came before it" : "it answers a mail of this ticket";
    return join(joinable, by, own, ownThread === undefined ? [] : sameTickets(joinable, candidates));
  }
  if (candidates[0] !== undefined) {
    const why =
      mail.trust === "failed" ? "DMARC failed" : `its author does not take part in ticket ${candidates[0].ticketId}`;
    return open(ownThread === undefined ? own : [], candidates[0], why);
  }

  for (const number of taggedTickets(mail.subject, policy.subjectTag)) {
    const tagged = ticketOf(number);
    if (!takesPart(tagged)) continue;
    if (tagged.proven.includes(author) && !isProven) {
      return open(claims(), tagged, `the subject names ticket ${number}, but this time its author is not proven`);
    }
    return join(tagged, `the subject names ticket ${number}, in which its author takes part`, own);
  }
  // The parent may still come, or came at the same time: whoever claims the root first opens the ticket.
  return open(claims(), undefined, "it belongs to no ticket");

  /** This very mail is an entry already, or something else bears its Message-ID. */
  function planKnown(thread: TicketThread, ticket: Ticket): ThreadPlan | undefined {
    const entry = ticket.entries.find((each) => each.kind !== "note" && each.headerMessageId === mail.headerMessageId);
    if (entry === undefined) return undefined;
    // The very same mail by another way: the store knows it and writes nothing.
    if (entry.kind === "mail" && entry.bodySha256 === mail.bodySha256) return join(thread, "the ticket holds it", []);
    // Some programs never change their Message-ID, and anybody can copy one.
    return open([], thread, "another mail has its Message-ID");
  }

  function ticketOf(ticketId: number): TicketThread | undefined {
    // A merged ticket answers under the number of the one that took it over.
    return (
      threads.find((thread) => thread.ticketId === ticketId) ??
      threads.find(({ formerIds }) => formerIds?.includes(ticketId))
    );
  }

  /** Not a ticket of another store that had the same number. One that was merged away is known by its number alone. */
  function tokenTicketOf({ ticketId, openedAt }: TicketMark): TicketThread | undefined {
    const thread = ticketOf(ticketId);
    const isSame = thread?.ticketId !== ticketId || Math.floor(Date.parse(thread.createdAt) / 1000) === openedAt;
    return isSame ? thread : undefined;
  }

  function claims(): string[] {
    return [...own, ...mail.references.slice(0, 1), ...mail.inReplyTo.slice(0, 1)];
  }

  /** Other tickets of exactly the same people that this mail ties to the one it joins: their common parent came late. */
  function sameTickets(joined: TicketThread, all: readonly TicketThread[]): number[] {
    const people = [...joined.participants].sort().join(" ");
    const others = all.filter(
      (thread) =>
        thread.ticketId !== joined.ticketId &&
        thread.state === "open" &&
        [...thread.participants].sort().join(" ") === people,
    );
    return [...new Set(others.map(({ ticketId }) => ticketId))];
  }

  function open(taken: readonly string[], related: TicketThread | undefined, reason: string): ThreadPlan {
    return openLinked(taken, policy.outsiders === "related" ? related?.ticketId : undefined, reason);
  }

  function openLinked(taken: readonly string[], relatedTo: number | undefined, reason: string): ThreadPlan {
    const linked = relatedTo !== undefined && { relatedTo };
    return {
      plan: {
        kind: "open",
        subject: mail.subject,
        participants: participants(true),
        claims: [...new Set(taken)],
        ...linked,
      },
      reason,
    };
  }

  function join(
    thread: TicketThread,
    reason: string,
    taken: readonly string[],
    merges: readonly number[] = [],
  ): ThreadPlan {
    if (isPast(thread)) {
      return openLinked(taken, thread.ticketId, `${reason}, but it was closed more than ${policy.reopenDays} days ago`);
    }
    // The oldest ticket stays: its number is the one that people know.
    const [ticketId = thread.ticketId, ...merged] = [thread.ticketId, ...merges].sort((a, b) => a - b);
    const taking = merged.length > 0 && { merges: merged };
    // Whoever forges a participant must not bring in somebody else by naming them in Cc.
    return {
      plan: { kind: "join", ticketId, participants: participants(isProven), claims: [...new Set(taken)], ...taking },
      reason,
    };
  }

  function isPast({ state, closedAt }: TicketThread): boolean {
    if (state !== "closed" || closedAt === undefined) return false;
    return Date.parse(mail.receivedAt) - Date.parse(closedAt) > policy.reopenDays * dayMs;
  }

  function participants(withAddressees: boolean): string[] {
    const all = [author, ...(withAddressees ? mail.addressees.map(normaliseAddress) : [])];
    const outside = all.filter((address, index) => {
      const domain = parseMailAddress(address)?.domain;
      return domain !== undefined && (index === 0 || !domains.some((ours) => isUnder(domain, ours)));
    });
    return [...new Set(outside)].slice(0, maxParticipants);
  }
}

/** Numbers in tags like `[#1207]`, as many as a subject may carry: three. */
function taggedTickets(subject: string, { before, after }: TicketPolicy["subjectTag"]): number[] {
  const literal = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  const tag = new RegExp(`${literal(before)}(\\d{1,15})${literal(after)}`, "gi");
  return [...new Set([...subject.matchAll(tag)].map(([, number]) => Number(number)))].slice(0, 3);
}

function isUnder(domain: string, ours: string): boolean {
  return domain === ours || domain.endsWith(`.${ours}`);
}
