import { MailweirError } from "../errors.ts";
import type { Claim, ObjectRef } from "../ports.ts";
import type { SesMessageId } from "../ses-message-id.ts";

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

/** A queue holds something that is no StreamMessage of this version or the one before: it goes round to the dead letters. */
export class StreamMessageUnreadableError extends MailweirError {
  readonly code = "ERR_STREAM_MESSAGE_UNREADABLE";
  readonly retryable = false;
  constructor(what: string, options?: ErrorOptions) {
    super(`This queue message is no StreamMessage (${what}): find out who else writes to the queue`, options);
  }
}

/** A worker was given a recipient that nobody decided, or whose decision has been forgotten since. */
export class RecipientUndecidedError extends MailweirError {
  readonly code = "ERR_RECIPIENT_UNDECIDED";
  readonly retryable = false;
  constructor(sesMessageId: SesMessageId) {
    super(
      `The ledger knows no decision for a recipient of ${sesMessageId}: the queue message is foreign or older than the ledger's ` +
        `memory; replay the mail instead of redriving it`,
    );
  }
}

export class StreamUnknownError extends MailweirError {
  readonly code = "ERR_STREAM_UNKNOWN";
  readonly retryable = false;
  constructor(stream: string, known: readonly string[]) {
    super(
      `The configuration has no stream "${stream}" (it has ${known.join(", ")}): it was renamed or removed while mail was under ` +
        "way; put it back until its queue is empty",
    );
  }
}

/** Some queue did not take its message. Whatever was taken is noted as routed; a retry sends the rest. */
export class QueueSendError extends MailweirError {
  readonly code = "ERR_QUEUE_SEND";
  readonly retryable = true;
  constructor(sesMessageId: SesMessageId, failures: readonly { readonly queue: string; readonly cause: string }[]) {
    super(
      `${sesMessageId} could not be sent to ${failures.map(({ queue, cause }) => `${queue} (${cause.slice(0, 200)})`).join(", ")}: ` +
        "check that the queue exists and that this function may write to it",
    );
  }
}

/** The safety net came before the journal: worth a few tries, since the envelope is known nowhere else. */
export class ReceiptMetaMissingError extends MailweirError {
  readonly code = "ERR_RECEIPT_META_MISSING";
  readonly retryable = true;
  constructor(sesMessageId: SesMessageId) {
    super(
      `The journal has not recorded ${sesMessageId} yet: trying again later; if it stays so, look at the journal function`,
    );
  }
}

/** The same mail under another SES id is still under way: wait for its end before deciding whether to act. */
export class OriginalUnfinishedError extends MailweirError {
  readonly code = "ERR_ORIGINAL_UNFINISHED";
  readonly retryable = true;
  constructor(original: SesMessageId) {
    super(`The same mail came as ${original} before and is still being worked on: waiting for its end`);
  }
}

/** Redelivery will come: two mails of one thread keep taking each other's Message-IDs. */
export class TicketContentionError extends MailweirError {
  readonly code = "ERR_TICKET_CONTENTION";
  readonly retryable = true;
  constructor(sesMessageId: SesMessageId, rounds: number) {
    super(`${sesMessageId} found its thread changed ${rounds} times while it joined: trying again later`);
  }
}

/** A release that cannot be done as asked; the message stays held. */
export class ReleaseRefusedError extends MailweirError {
  readonly code = "ERR_RELEASE_REFUSED";
  readonly retryable = false;
}

/** An object where mail should be, without the header block that SES writes. */
export class ObjectNotStoredBySesError extends MailweirError {
  readonly code = "ERR_OBJECT_NOT_STORED_BY_SES";
  readonly retryable = false;
  constructor(sesMessageId: SesMessageId) {
    super(
      `The object of ${sesMessageId} does not begin with SES's header block for that id, and no journal tells its envelope: it ` +
        "was changed or put there by somebody else",
    );
  }
}

/** A stream's webhook did not take a mail. */
export class StreamWebhookError extends MailweirError {
  readonly code = "ERR_STREAM_WEBHOOK";
  readonly retryable = true;
  /** When the record may be put back with a delay, so that the wait costs no receive; absent: it fails. */
  readonly delaySeconds: number | undefined;
  constructor(cause: string, delaySeconds?: number) {
    super(cause);
    this.delaySeconds = delaySeconds;
  }
}
