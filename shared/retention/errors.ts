import { MailweirError } from "../errors.ts";

/** It stays, for a reason that somebody has to take away first. */
export class ForgetRefusedError extends MailweirError {
  readonly code = "ERR_FORGET_REFUSED";
  readonly retryable = false;
}

export class NoAddressError extends MailweirError {
  readonly code = "ERR_NO_ADDRESS";
  readonly retryable = false;
  constructor(text: string) {
    super(`${JSON.stringify(text.slice(0, 100))} is no address: write for example ann@sender.example`);
  }
}

/** The address is gone from the stores, but not yet from everything that held them. */
export class ForgetUnfinishedError extends MailweirError {
  readonly code = "ERR_FORGET_UNFINISHED";
  readonly retryable = true;
  constructor(what: string) {
    super(
      `Not everything is forgotten yet: ${what}. The engine goes on with it at its next start, or run the same command again`,
    );
  }
}

/** A hold that would keep nothing: nobody may believe that it does. */
export class HoldTooLateError extends MailweirError {
  readonly code = "ERR_HOLD_TOO_LATE";
  readonly retryable = false;
  constructor(id: string) {
    super(
      `There is no message ${id}: it was deleted, or a deletion of it has begun, or it never came. Nothing is held; mailweir list shows what is there, and a backup may have what is not`,
    );
  }
}
