import { MailweirError } from "../../shared/errors.ts";

/** An action names a function that this engine does not have. */
export class UnknownFunctionError extends MailweirError {
  readonly code = "ERR_UNKNOWN_FUNCTION";
  /** The configuration may name it after a restart. */
  readonly retryable = true;
  constructor(functionArn: string) {
    super(`There is no function "${functionArn}": name it under local.functions in the configuration`);
  }
}

/** A message that the store says is unfinished has no envelope or rule set any more. */
export class MessageIncompleteError extends MailweirError {
  readonly code = "ERR_MESSAGE_INCOMPLETE";
  readonly retryable = false;
  constructor(sesMessageId: string, what: string) {
    super(`${sesMessageId} has no ${what} in the store: restore the data folder from a copy, or delete the message`);
  }
}
