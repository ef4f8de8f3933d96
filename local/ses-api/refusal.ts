import type { ApiError } from "../../shared/receipt/api-error.ts";

/** A request that the SES API refuses: thrown inside an operation, answered as an ErrorResponse. */
export class Refusal extends Error {
  readonly code: string;
  /** Members beside code and message (ses-receiving.md §9.1): `Name`, `Bucket`, `Topic`, `FunctionArn`. */
  readonly members: Readonly<Record<string, string>>;
  readonly status: number;

  constructor(code: string, message: string, members: Readonly<Record<string, string>> = {}, status = 400) {
    super(message);
    this.code = code;
    this.members = members;
    this.status = status;
  }
}

/** @throws {Refusal} when there is an error */
export function refuseOn(error: ApiError | undefined, members?: Readonly<Record<string, string>>): void {
  if (error) throw new Refusal(error.code, error.message, members);
}
