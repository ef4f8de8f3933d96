import type { SinkConfig } from "../sinks/kinds.ts";
import type { AcknowledgementText } from "./acknowledgement-texts.ts";

/** How tickets behave: `tickets` of the configuration, complete. */
export interface TicketPolicy {
  /** What stands around a ticket's number in a subject. */
  readonly subjectTag: { readonly before: string; readonly after: string };
  /** Days after closing within which an answer opens the same ticket again; later it opens a new one, linked. */
  readonly reopenDays: number;
  /** Whether the ticket of somebody who does not take part in the one they refer to is linked to that one. */
  readonly outsiders: "related" | "unrelated";
  /** The name that stands before the address of what we write. */
  readonly fromName: string;
  /** Whether who opens a ticket is told so, at most once an hour. Only authors that are proven are: see `acknowledge.ts`. */
  readonly acknowledge: boolean;
  /** By language (BCP 47, two letters); `{{ticket}}` is the ticket's number. They win over the built-in ones. */
  readonly acknowledgements: Readonly<Record<string, AcknowledgementText>>;
  /** By name: where else tickets are brought to. docs/sinks.md. */
  readonly sinks: Readonly<Record<string, SinkConfig>>;
}

export const defaultTicketPolicy: TicketPolicy = {
  subjectTag: { before: "[#", after: "]" },
  reopenDays: 30,
  outsiders: "related",
  fromName: "",
  acknowledge: false,
  acknowledgements: {},
  sinks: {},
};
