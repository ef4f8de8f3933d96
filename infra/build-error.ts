import { MailweirError } from "../shared/errors.ts";

export class BuildError extends MailweirError {
  readonly code = "ERR_BUILD";
  readonly retryable = false;
}
