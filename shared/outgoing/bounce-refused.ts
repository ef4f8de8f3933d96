import { MailweirError } from "../errors.ts";

/** SES's MessageRejected: this mail cannot be bounced, now or later. */
export class BounceRefusedError extends MailweirError {
  readonly code = "ERR_BOUNCE_REFUSED";
  readonly retryable = false;
}
