import * as z from "zod";
import { MailweirError } from "../errors.ts";
import { type SuppressionChange, suppressionReasons } from "../ports.ts";
import { parseSesMessageId } from "../ses-message-id.ts";

/** What lies on the queue `propagate`: a change that somebody outside must hear of, first for all targets, then for one. */
export interface Propagation {
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

export class PropagationMessageError extends MailweirError {
  readonly code = "ERR_PROPAGATION_MESSAGE";
  readonly retryable = false;
}

const schema = z.object({
  version: z.literal(1),
  change: z.object({
    id: z.string().min(1).max(100),
    kind: z.enum(["suppressed", "removed"]),
    person: z.string(),
    list: z.string(),
    reason: z.enum(suppressionReasons),
    at: z.string(),
    address: z.string().optional(),
    sesMessageId: z
      .string()
      .refine((id) => parseSesMessageId(id) !== undefined)
      .optional(),
  }),
  target: z.string().max(100).optional(),
});

/** @throws {PropagationMessageError} */
export function decodePropagation(body: string): Propagation {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch (cause) {
    throw new PropagationMessageError("A message on the queue propagate is no JSON: who else sends there?", { cause });
  }
  const { success, data, error } = schema.safeParse(json);
  // zod says `undefined` where the type says absent; JSON knows no difference.
  if (success) return data as Propagation;
  const [issue] = error.issues;
  throw new PropagationMessageError(
    `A message on the queue propagate has a wrong ${issue?.path.join(".") || "shape"} (${issue?.code}): who else sends there?`,
  );
}
