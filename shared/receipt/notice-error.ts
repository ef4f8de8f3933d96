import { MailweirError } from "../errors.ts";

/** An event that is none of SES's, SNS's, S3's or SQS's shapes, or one of them broken. The same event will fail again. */
export class NoticeError extends MailweirError {
  readonly code = "ERR_NOTICE_UNREADABLE";
  readonly retryable = false;
  /** Where in the event, as a path: `Records[0].body › Message › receipt.action.type`. */
  readonly place: string;

  constructor(place: string, problem: string, remedy: string, options?: ErrorOptions) {
    super(`${place === "" ? "event" : place}: ${problem}; ${remedy}`, options);
    this.place = place;
  }
}
