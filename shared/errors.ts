/**
 * A promise that could not be kept. `code` is stable and public; `message` is for the operator: what, where, what to do.
 * Branch on `code`, because bundlers rename classes; `retryable` says whether the same call may succeed later.
 */
export abstract class MailweirError extends Error {
  abstract readonly code: `ERR_${string}`;
  abstract readonly retryable: boolean;
}

/** The compile-time end of a `switch` over a union: a new member does not compile until it is handled. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
