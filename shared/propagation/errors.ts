import { MailweirError } from "../errors.ts";

export class QueueRefusedError extends MailweirError {
  readonly code = "ERR_QUEUE_REFUSED";
  readonly retryable = true;
  constructor(queue: string, cause: string) {
    super(`The queue ${queue} took not everything (${cause}): the message comes again`);
  }
}

export class PropagationGaveUpError extends MailweirError {
  readonly code = "ERR_PROPAGATION_GAVE_UP";
  readonly retryable = true;
  constructor(target: string, cause: string) {
    super(`${target} did not take a change for more than a day (${cause}): mend it, then redrive the dead letters`);
  }
}
