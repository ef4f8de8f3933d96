import type { NatureFinding, Safety, Trust, Verdicts } from "../mail/judgement.ts";
import type { SesMessageId } from "../ses-message-id.ts";

/** Workers accept this version and the one before it. */
export const streamMessageVersion = 1;

/**
 * What lies on every stream's queue: a claim check of at most 200 KB as JSON, never the mail itself unless the notice
 * brought it and it is small. The JSON Schema is `docs/stream-message.schema.json`.
 */
export interface StreamMessage {
  readonly version: 1;
  readonly sesMessageId: SesMessageId;
  readonly stream: string;
  /** Envelope recipients that were decided for this stream. */
  readonly recipients: readonly string[];
  readonly nature: NatureFinding;
  readonly safety: Safety;
  readonly trust: Trust;
  readonly envelope: {
    /** Envelope sender without angle brackets; `""` is the null sender. */
    readonly from: string;
    /** All recipients that the notice named, not only this stream's. */
    readonly to: readonly string[];
  };
  readonly verdicts: Verdicts;
  readonly headers: {
    /** The first address of `From:`; forgeable. */
    readonly author?: { readonly name: string; readonly address: string };
    readonly subject?: string;
    /** With angle brackets, as the sender wrote it. */
    readonly messageId?: string;
    readonly inReplyTo?: readonly string[];
    readonly references?: readonly string[];
    /** ISO 8601, when the Date header could be read. */
    readonly date?: string;
    readonly listId?: string;
    readonly autoSubmitted?: string;
  };
  readonly content: StreamContent;
  readonly reasons: readonly string[];
  /** Names of the fields that were cut to keep the whole within its limit. */
  readonly cut?: readonly ("references" | "recipients" | "reasons" | "evidence")[];
  /** ISO 8601 with milliseconds: when SES (or the local engine) received the message. */
  readonly receivedAt: string;
}

export type StreamContent =
  | {
      readonly kind: "s3";
      readonly bucket: string;
      readonly key: string;
      /** Size of the stored object in octets when it is known; with encryption that of the ciphertext. */
      readonly sizeBytes?: number;
      /** True, false, or absent when only the object's metadata can tell. */
      readonly encrypted?: boolean;
    }
  /** Base64 of the stored bytes, at most 64 KB before encoding. */
  | { readonly kind: "inline"; readonly base64: string };
