import { MailweirError } from "../shared/errors.ts";

export class TestKitError extends MailweirError {
  readonly code = "ERR_TEST_KIT";
  readonly retryable = false;
}
