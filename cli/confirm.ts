import { createInterface } from "node:readline/promises";
import { MailweirError } from "../shared/errors.ts";

/** The question was not answered with yes: nothing was done. */
export class NotConfirmedError extends MailweirError {
  readonly code = "ERR_NOT_CONFIRMED";
  readonly retryable = false;
}

/**
 * Asks on the terminal; the answer has to be the expected word.
 *
 * @throws {NotConfirmedError} on another answer, or where there is no terminal to ask on
 */
export async function confirm(question: string, expected = "yes"): Promise<void> {
  if (!process.stdin.isTTY) {
    throw new NotConfirmedError(`${question} Nobody can be asked here: give --yes if it is meant. Nothing was done.`);
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${question} Type "${expected}" to go on: `);
    if (answer.trim() !== expected) throw new NotConfirmedError("Nothing was done.");
  } finally {
    terminal.close();
  }
}
