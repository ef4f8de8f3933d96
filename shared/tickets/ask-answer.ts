import type { ResolvedConfig } from "../config/types.ts";
import { MailweirError } from "../errors.ts";
import type { Ports } from "../ports.ts";
import type { AnswerJob } from "./answer-job.ts";

export class AnswerRefusedError extends MailweirError {
  readonly code = "ERR_ANSWER_REFUSED";
  readonly retryable = false;
}

export interface AnswerRequest {
  readonly ticketId: number;
  readonly text: string;
  /** Who writes it, for the ticket; the customer does not see it. */
  readonly by: string;
  readonly close?: boolean;
  /** Whoever sends the same id again, because no answer came back, writes one answer. Default: a new one. */
  readonly id?: string;
}

const maxTextLength = 100_000;

/**
 * Hands an answer to the queue of `answer-ticket`: when this resolves it will be written and sent, once.
 *
 * @returns the answer's id
 * @throws {AnswerRefusedError} there is no such ticket, or nothing in it that could be answered
 */
export async function askAnswer(ports: Ports, config: ResolvedConfig, request: AnswerRequest): Promise<string> {
  const { ticketId, text, by, close, id } = request;
  const refused = (why: string) => new AnswerRefusedError(`Ticket ${ticketId} was not answered: ${why}`);
  if (text.trim() === "") throw refused("the text is empty");
  if (text.length > maxTextLength) throw refused(`the text is longer than ${maxTextLength} characters`);
  if (id !== undefined && !/^[\w.-]{1,100}$/.test(id))
    throw refused("its id may have letters, digits, _ . and -, at most 100");
  const ticket = await ports.tickets.get(ticketId);
  if (ticket === undefined) throw refused("there is no such ticket");
  if (ticket.mergedInto !== undefined) throw refused(`it was merged into ticket ${ticket.mergedInto}: answer that one`);
  if (!ticket.entries.some((entry) => entry.kind === "mail" && entry.author.address !== "")) {
    throw refused("it holds no mail whose author has an address");
  }
  const unique = id ?? Buffer.from(ports.random.bytes(12)).toString("hex");
  const job: AnswerJob = {
    version: 1,
    kind: "answer",
    id: `ticket/${ticketId}/${unique}`,
    ticketId,
    at: ports.clock.now().toISOString(),
    text,
    by: by.trim() === "" ? "somebody" : by.trim().slice(0, 200),
    ...(close !== undefined && { close }),
  };
  const [failed] = await ports.queues.send(config.names.answerQueue, [{ id: "0", body: JSON.stringify(job) }]);
  if (failed) throw refused(`its queue did not take it: ${failed.cause}`);
  return unique;
}
