import { MailweirError } from "../errors.ts";
import type { Claim, ObjectRef } from "../ports.ts";

/** A later attempt drew a newer number: this one may no longer act. Its effect was refused, nothing was written. */
export class StaleClaimError extends MailweirError {
  readonly code = "ERR_STALE_CLAIM";
  readonly retryable = false;
  readonly claim: Claim;
  constructor(claim: Claim) {
    super(
      `Attempt ${claim.attempt} for ${claim.sesMessageId} was overtaken by a later one: nothing was done; ` +
        "if this happens often, the function's time-out is longer than the queue's visibility timeout",
    );
    this.claim = claim;
  }
}

export class ObjectNotFoundError extends MailweirError {
  readonly code = "ERR_OBJECT_NOT_FOUND";
  readonly retryable = true;
  readonly ref: ObjectRef;
  constructor(ref: ObjectRef) {
    super(`No object "${ref.key}" in bucket "${ref.bucket}": check that the S3 action comes first in the rule set`);
    this.ref = ref;
  }
}
