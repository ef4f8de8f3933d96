import { MailweirError } from "../../shared/errors.ts";

/** A zone file that cannot be used; the message names the place and what is allowed there. */
export class ZoneFileError extends MailweirError {
  readonly code = "ERR_ZONE_FILE";
  readonly retryable = false;
}
