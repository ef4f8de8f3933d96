import type * as z from "zod";
import type { SecretSource } from "../config/types.ts";
import { MailweirError } from "../errors.ts";
import type { Ports, Ticket, TicketAttachment, TicketEntry } from "../ports.ts";

/**
 * A place outside Mailweir that tickets are brought to. A kind of sink is one file beside this one that exports a
 * `SinkKind`, and one line in kinds.ts; docs/sinks.md shows how to add one, test/contract/sinks.ts what it must pass.
 * Queue, order, retries, backoff, dead letters and the journey are not its concern (bring-ticket.ts).
 */
export interface SinkKind<Settings extends SinkSettings> {
  readonly kind: Settings["kind"];
  /** What may stand below `tickets.sinks.<name>`, with `kind: z.literal(…)`. */
  readonly settings: z.ZodObject;
  /** The words that may stand in some of its settings: to suggest one for a typo. */
  readonly keys: Readonly<Record<string, readonly string[]>>;
  /** What the shape alone does not show. */
  check(settings: Settings): readonly SinkFault[];
  /** Where its secrets are kept, so that on AWS its function may read them. */
  secrets(settings: Settings): readonly SecretSource[];
  create(settings: Settings, tools: SinkTools): Promise<Sink>;
}

export interface SinkFault {
  /** Below the sink's own place. */
  readonly path: readonly PropertyKey[];
  readonly problem: string;
  /** The remedy. */
  readonly allowed: string;
}

export interface SinkSettings {
  readonly kind: string;
}

export interface SinkTools {
  /** Its name in the configuration. */
  readonly name: string;
  readonly clock: Ports["clock"];
  readonly secrets: Pick<Ports["secrets"], "read">;
  readonly http: Ports["webhooks"];
  /** A file of an entry, in the clear; at most `maxFileBytes`. */
  file(attachment: TicketAttachment): Promise<Uint8Array>;
}

/** Larger files are named to the target, not brought to it. */
export const maxFileBytes = 10 * 1024 * 1024;

export type Sink = AskedSink | ToldSink;

/**
 * A target that can be asked what it has. It is asked before every attempt, the first one too, so that nothing is there
 * twice. One attempt at a time works on a ticket.
 */
export interface AskedSink {
  readonly kind: "asked";
  /**
   * What the target has of the ticket, by the marks that `open` and `add` left there. Of several, which only attempts at
   * the very same moment can make, the oldest.
   *
   * @param ref - what `open` answered, where that is known: after a crash it is not
   * @throws {SinkError} the target could not be asked
   */
  find(ticket: SinkTicket, ref: string | undefined): Promise<SinkIssue | undefined>;
  /** Makes the issue, with the ticket's mark and its first entry. @throws {SinkError} */
  open(ticket: SinkTicket, entry: SinkEntry): Promise<SinkIssue>;
  /** Adds an entry under its mark. @throws {SinkError} */
  add(issue: SinkIssue, entry: SinkEntry): Promise<void>;
  /** Opens or closes the issue as the ticket is, tags and assignee where it knows such. May be repeated. @throws {SinkError} */
  settle(issue: SinkIssue, ticket: SinkTicket): Promise<void>;
}

/** A target that can only be told: at least once, every time under the same id. */
export interface ToldSink {
  readonly kind: "told";
  /** @throws {SinkError} */
  tell(news: SinkNews): Promise<void>;
}

export interface SinkTicket {
  /** Names the ticket in the target: `mailweir-12-1785834902`, its number and the second it was opened in. */
  readonly mark: string;
  readonly ticket: Ticket;
}

export interface SinkEntry {
  /** Names the entry in the target: a mail's SES message id, an answer's or a note's own id. No spaces, at most 200. */
  readonly mark: string;
  readonly entry: TicketEntry;
}

export interface SinkIssue {
  /** How the target calls it. */
  readonly ref: string;
  /** Where people see it. */
  readonly url?: string;
  readonly state: Ticket["state"];
  /** Marks of the entries that it has. */
  readonly marks: ReadonlySet<string>;
}

export interface SinkNews {
  /** Stable: the receiver can tell repetitions by it. */
  readonly id: string;
  readonly what: "opened" | "mail" | "answer" | "note" | "change";
  /** As it is now. */
  readonly ticket: Ticket;
  /** Absent for a change of state, assignee or tags. */
  readonly entry?: TicketEntry;
}

/** What a target did not take. */
export class SinkError extends MailweirError {
  readonly code = "ERR_SINK";
  readonly retryable: boolean;
  /** `setback`: tried again, later and later. `refused`: this entry will never be taken; the others go on. */
  readonly kind: "setback" | "refused";
  readonly retryAfter?: string;
  constructor(
    message: string,
    {
      kind = "setback",
      retryAfter,
      ...rest
    }: ErrorOptions & { kind?: "setback" | "refused"; retryAfter?: string } = {},
  ) {
    super(message, rest);
    this.kind = kind;
    this.retryable = kind === "setback";
    if (retryAfter !== undefined) this.retryAfter = retryAfter;
  }
}
