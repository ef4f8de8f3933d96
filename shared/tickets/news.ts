import type { MailEntry, TicketChange, TicketPlan } from "../ports.ts";
import type { TicketPropagation } from "../propagation/message.ts";

/** What the sinks hear when a mail opened a ticket or joined one. */
export function newsOfMail(ticketId: number, plan: TicketPlan, { sesMessageId }: MailEntry): TicketPropagation {
  const merged = plan.kind === "join" ? (plan.merges ?? []) : [];
  return {
    version: 1,
    ticket: {
      id: ticketId,
      change: `mail/${sesMessageId}`,
      // An answer opens a closed ticket again.
      settles: plan.kind === "join",
      ...(merged.length > 0 && { merged }),
      sesMessageId,
    },
  };
}

/** What the sinks hear of a change; `undefined` when it is none of theirs, such as a Message-ID. */
export function newsOfChange(ticketId: number, change: TicketChange): TicketPropagation | undefined {
  const { entry, state, assignee, addTags = [], removeTags = [] } = change;
  const settles = state !== undefined || assignee !== undefined || addTags.length + removeTags.length > 0;
  if (entry === undefined && !settles) return undefined;
  const name = entry === undefined ? withPrefix(change.id) : `${entry.kind}/${entry.id}`;
  return { version: 1, ticket: { id: ticketId, change: name, settles } };
}

const withPrefix = (id: string) => (id.startsWith("change/") ? id : `change/${id}`);
