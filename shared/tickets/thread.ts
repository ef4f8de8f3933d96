import type { ResolvedConfig } from "../config/types.ts";
import { normaliseAddress, parseMailAddress } from "../mail/address.ts";
import type { Trust } from "../mail/judgement.ts";
import type { Ticket, TicketPlan, TicketThread } from "../ports.ts";

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
}

// Enough for a thread of years; a sender chooses this list.
const maxReferences = 100;
const maxParticipants = 50;

/** The Message-IDs by which a mail may belong to a ticket: its own, what it answers, its thread from the latest back. */
export function messageIdsToAsk({ headerMessageId, inReplyTo, references }: ThreadInput): string[] {
  const own = headerMessageId === undefined ? [] : [headerMessageId];
  return [...new Set([...own, ...inReplyTo, ...[...references].reverse()])].slice(0, maxReferences);
}

/**
 * Whether a mail opens a ticket or joins one. It joins the ticket of what it answers (In-Reply-To, then References from the
 * latest back) only where its author takes part and DMARC did not fail; otherwise a new ticket is linked as related.
 *
 * @param threads - the tickets that hold any of `messageIdsToAsk`
 * @param holder - the whole ticket that holds the mail's own Message-ID, if one does
 */
export function planTicket(
  config: Pick<ResolvedConfig, "domains">,
  mail: ThreadInput,
  threads: readonly TicketThread[],
  holder: Ticket | undefined,
): TicketPlan {
  const author = normaliseAddress(mail.author);
  const mayJoin = (thread: TicketThread | undefined): thread is TicketThread =>
    thread !== undefined &&
    mail.trust !== "failed" &&
    parseMailAddress(author) !== undefined &&
    thread.participants.includes(author);
  const threadOf = (id: string | undefined) =>
    id === undefined ? undefined : threads.find(({ messageIds }) => messageIds.includes(id));

  const ownThread = threadOf(mail.headerMessageId);
  if (ownThread !== undefined) return planHeld(ownThread);

  const answered = [...mail.inReplyTo, ...[...mail.references].reverse()]
    .map(threadOf)
    .find((thread) => thread !== undefined);
  const own = mail.headerMessageId === undefined ? [] : [mail.headerMessageId];
  if (mail.isForward) return open(own, answered);
  if (mayJoin(answered)) return join(answered, own);
  if (answered !== undefined) return open(own, answered);
  // The parent may still come, or came at the same time: whoever claims the root first opens the ticket.
  const root = mail.references[0] ?? mail.inReplyTo[0];
  return open(root === undefined ? own : [...own, root], undefined);

  /** A ticket has this Message-ID already: as an entry, or as the root that an earlier answer named. */
  function planHeld(thread: TicketThread): TicketPlan {
    const entry = holder?.entries.find(({ headerMessageId }) => headerMessageId === mail.headerMessageId);
    // The very same mail by another way: the store knows it and writes nothing.
    if (entry?.bodySha256 === mail.bodySha256) return join(thread, []);
    // Another mail under the same Message-ID: some programs never change it, and anybody can copy one.
    if (entry !== undefined) return open([], thread);
    return mayJoin(thread) ? join(thread, []) : open([], thread);
  }

  function open(claims: readonly string[], related: TicketThread | undefined): TicketPlan {
    return {
      kind: "open",
      subject: mail.subject,
      participants: participants(true),
      claims: [...new Set(claims)],
      ...(related !== undefined && { relatedTo: related.ticketId }),
    };
  }

  function join({ ticketId }: TicketThread, claims: readonly string[]): TicketPlan {
    // Whoever forges a participant must not bring in somebody else by naming them in Cc.
    const proven = mail.trust === "aligned" || mail.trust === "token";
    return { kind: "join", ticketId, participants: participants(proven), claims };
  }

  function participants(withAddressees: boolean): string[] {
    const all = [author, ...(withAddressees ? mail.addressees.map(normaliseAddress) : [])];
    const outside = all.filter((address, index) => {
      const domain = parseMailAddress(address)?.domain;
      return domain !== undefined && (index === 0 || !config.domains.some((ours) => isUnder(domain, ours)));
    });
    return [...new Set(outside)].slice(0, maxParticipants);
  }
}

function isUnder(domain: string, ours: string): boolean {
  return domain === ours || domain.endsWith(`.${ours}`);
}
