/** How tickets behave: `tickets` of the configuration, complete. */
export interface TicketPolicy {
  /** What stands around a ticket's number in a subject. */
  readonly subjectTag: { readonly before: string; readonly after: string };
  /** Days after closing within which an answer opens the same ticket again; later it opens a new one, linked. */
  readonly reopenDays: number;
  /** Whether the ticket of somebody who does not take part in the one they refer to is linked to that one. */
  readonly outsiders: "related" | "unrelated";
}

export const defaultTicketPolicy: TicketPolicy = {
  subjectTag: { before: "[#", after: "]" },
  reopenDays: 30,
  outsiders: "related",
};
