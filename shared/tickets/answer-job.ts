import * as z from "zod";
import { MailweirError } from "../errors.ts";

export class AnswerJobError extends MailweirError {
  readonly code = "ERR_ANSWER_JOB";
  readonly retryable = false;
}

const base = {
  version: z.literal(1),
  /** Stable: what bears it is written and sent once. */
  id: z.string().min(1).max(400),
  ticketId: z.number().int().min(1),
  /** When somebody asked for it; it stands in the mail. */
  at: z.iso.datetime(),
};

/** What lies on the queue of `answer-ticket`: something to be written to the people of a ticket. */
export const answerJobSchema = z.discriminatedUnion("kind", [
  z.looseObject({
    ...base,
    kind: z.literal("answer"),
    text: z.string().min(1).max(100_000),
    by: z.string().min(1).max(320),
    /** Close the ticket with it. */
    close: z.boolean().optional(),
  }),
  z.looseObject({
    ...base,
    kind: z.literal("acknowledgement"),
    /** SES id of the mail to be acknowledged. */
    sesMessageId: z.string(),
  }),
]);

export type AnswerJob = z.infer<typeof answerJobSchema>;

/** @throws {AnswerJobError} */
export function decodeAnswerJob(body: string): AnswerJob {
  try {
    return answerJobSchema.parse(JSON.parse(body));
  } catch (error) {
    const issue = error instanceof z.ZodError ? error.issues[0] : undefined;
    const where = issue === undefined ? "it is no JSON" : `${issue.path.join(".") || "it"}: ${issue.message}`;
    throw new AnswerJobError(`A message on the answer queue cannot be read: ${where}`, { cause: error });
  }
}
