import type { MailEntry, Ticket, Tickets } from "../shared/ports.ts";

/** Every ticket with its entries, oldest first. */
export async function allTickets(tickets: Pick<Tickets, "list" | "get">): Promise<Ticket[]> {
  const all: Ticket[] = [];
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page = await tickets.list({ after, limit: 100 });
    for (const { id } of page.tickets) {
      const ticket = await tickets.get(id);
      if (ticket) all.push(ticket);
    }
    after = page.next;
  }
  return all;
}

/** The mails that a ticket holds. */
export const mailsOf = (ticket: Ticket): MailEntry[] => ticket.entries.filter((entry) => entry.kind === "mail");
