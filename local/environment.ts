import { MailweirError } from "../shared/errors.ts";

export class MissingSecretError extends MailweirError {
  readonly code = "ERR_MISSING_SECRET";
  readonly retryable = false;
}

/**
 * A secret that the configuration names: its value stands in the environment, never in a file that is checked in.
 *
 * @param setting - the place in the configuration that names it
 * @throws {MissingSecretError}
 */
export function secretFromEnvironment(name: string, setting: string, environment = process.env): string {
  const value = environment[name];
  if (value !== undefined && value !== "") return value;
  throw new MissingSecretError(
    `The environment variable ${name} is not set, but ${setting} names it: set it before the start, for example in the service's unit file`,
  );
}
