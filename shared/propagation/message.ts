import * as z from "zod";
import { MailweirError } from "../errors.ts";
import { type SuppressionChange, suppressionReasons } from "../ports.ts";
import { parseSesMessageId } from "../ses-message-id.ts";

/** What lies on the queue `propagate`: a change that somebody outside must hear of, first for all targets, then for one. */
export type Propagation = SuppressionPropagation | TicketPropagation;

export interface SuppressionPropagation {
  readonly version: 1;
  readonly change: Pick<SuppressionChange, "id" | "person" | "list" | "reason" | "at"> & {
    readonly kind: "suppressed" | "removed";
    /** Absent when nobody knows it, or nobody may. */
    readonly address?: string;
    readonly sesMessageId?: string;
  };
  /** `ses-account-list`, or `webhook:<name>`. Absent: a message for each target is to be sent. */
  readonly target?: string;
}

/** Something about a ticket: the worker reads the ticket itself. */
export interface TicketPropagation {
  readonly version: 1;
  readonly ticket: {
    readonly id: number;
    /** Stable, and of no other change: `mail/<SES id>`, `answer/…`, `note/…`, `change/…`. */
    readonly change: string;
    /** Whether the state, the assignee or the tags may be others now. */
    readonly settles: boolean;
    /** Tickets that this one took over with it. */
    readonly merged?: readonly number[];
    /** The mail that caused it, when one did. */
    readonly sesMessageId?: string;
  };
  /** `sink:<name>`. Absent: a message for each sink is to be sent. */
  readonly target?: string;
}

export class PropagationMessageError extends MailweirError {
  readonly code = "ERR_PROPAGATION_MESSAGE";
  readonly retryable = false;
}

const sesMessageId = z
  .string()
  .refine((id) => parseSesMessageId(id) !== undefined)
  .optional();
const target = z.string().max(100).optional();

const suppressionSchema = z.object({
  version: z.literal(1),
  change: z.object({
    id: z.string().min(1).max(100),
    kind: z.enum(["suppressed", "removed"]),
    person: z.string(),
    list: z.string(),
    reason: z.enum(suppressionReasons),
    at: z.string(),
    address: z.string().optional(),
    sesMessageId,
  }),
  target,
});
const ticketSchema = z.object({
  version: z.literal(1),
  ticket: z.object({
    id: z.int().min(1),
    change: z.string().min(1).max(500),
    settles: z.boolean(),
    merged: z.array(z.int().min(1)).optional(),
    sesMessageId,
  }),
  target,
});

/** @throws {PropagationMessageError} */
export function decodePropagation(body: string): Propagation {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch (cause) {
    throw new PropagationMessageError("A message on the queue propagate is no JSON: who else sends there?", { cause });
  }
  const isOfTicket = typeof json === "object" && json !== null && "ticket" in json;
  const { success, data, error } = (isOfTicket ? ticketSchema : suppressionSchema).safeParse(json);
  // zod says `undefined` where the type says absent; JSON knows no difference.
  if (success) return data as Propagation;
  const [issue] = error.issues;
  throw new PropagationMessageError(
    `A message on the queue propagate has a wrong ${issue?.path.join(".") || "shape"} (${issue?.code}): who else sends there?`,
  );
}
