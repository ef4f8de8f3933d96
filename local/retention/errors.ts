import { MailweirError } from "../../shared/errors.ts";

/** A backup or its restoring cannot be done as it stands. */
export class BackupError extends MailweirError {
  readonly code = "ERR_BACKUP";
  readonly retryable = false;
}
