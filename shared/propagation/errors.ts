import { MailweirError } from "../errors.ts";

export class QueueRefusedError extends MailweirError {
  readonly code = "ERR_QUEUE_REFUSED";
  readonly retryable = true;
  constructor(queue: string, cause: string) {
    super(`The queue ${queue} took not everything (${cause}): the message comes again`);
  }
}
