import type { Header } from "../mail/headers.ts";
import type { Verdicts } from "../mail/judgement.ts";
import type { SesMessageId } from "../ses-message-id.ts";
import type { SesAction, SesCommonHeaders } from "./notification.ts";

/** What an event told us, whatever wrapped it. */
export type Notice = ReceivedNotice | ObjectNotice | FeedbackNotice | IgnoredNotice;

/** SES received a mail: a notification through SNS, or a Lambda action's event. */
export interface ReceivedNotice {
  readonly kind: "received";
  readonly sesMessageId: SesMessageId;
  /** ISO 8601 with milliseconds. */
  readonly receivedAt: string;
  /** Envelope sender without angle brackets; `""` is the null sender, however SES wrote it. */
  readonly source: string;
  /** Envelope recipients that the rule matched. */
  readonly recipients: readonly string[];
  /** Addresses of To and Cc; never route on them. */
  readonly destination: readonly string[];
  readonly headers: readonly Header[];
  /** True: a header that is missing from `headers` is unknown, not absent. */
  readonly headersTruncated: boolean;
  readonly commonHeaders: SesCommonHeaders;
  readonly verdicts: Verdicts;
  readonly action: NoticeAction;
  readonly processingTimeMillis?: number;
  /** The stored message, SES block first, when the notice carried it (SNS action). Never from an encrypted object. */
  readonly content?: Uint8Array;
}

/** `receipt.action` as read: `topicArn` and `encoding` may be missing in old or hand-made events. */
export type NoticeAction = Readable<SesAction>;
type Readable<Action> = Action extends { readonly type: infer Type }
  ? { readonly type: Type; readonly topicArn?: string } & Relaxed<Omit<Action, "type" | "topicArn">>
  : never;
type Relaxed<Fields> = Fields extends { readonly encoding: infer Encoding } ? { readonly encoding?: Encoding } : Fields;

/** An object was written: the S3 bucket's own event. Names neither recipients nor verdicts. */
export interface ObjectNotice {
  readonly kind: "object";
  readonly bucket: string;
  /** URL-decoded. */
  readonly key: string;
  readonly sizeBytes?: number;
}

/** Feedback on mail that was *sent* through SES and reached the same topic. */
export interface FeedbackNotice {
  readonly kind: "feedback";
  readonly type: "bounce" | "complaint" | "delivery";
  /** The SES id of the mail that was sent, when it is named. */
  readonly sesMessageId?: string;
  /** The whole JSON object. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** Nothing to do: a test event or a set-up proof. */
export interface IgnoredNotice {
  readonly kind: "ignore";
  readonly why: string;
}
