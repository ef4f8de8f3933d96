import type { Keys } from "../../shared/encryption/keys.ts";
import type { Header } from "../../shared/mail/headers.ts";
import type { Verdicts } from "../../shared/mail/judgement.ts";
import type { Random } from "../../shared/ports.ts";
import type { PerformStep } from "../../shared/receipt/evaluate.ts";
import type { Disposition, ReceiptAction } from "../../shared/receipt/model.ts";
import type { AcceptedMessage, ActionEffect } from "../store/engine-store.ts";

/** One action of one rule on one message: what it may look at. */
export interface ActionInput<Action extends ReceiptAction = ReceiptAction> {
  readonly message: AcceptedMessage;
  readonly step: Omit<PerformStep, "action">;
  readonly action: Action;
  /** As this rule sees them: scan verdicts are DISABLED where its scanning is off. */
  readonly verdicts: Verdicts;
  /** SES's header block and the headers added so far: what stands in front of the message. */
  readonly block: Uint8Array;
  /** Size of block and message together. */
  readonly storedBytes: number;
  /** Block and message, to be read once per call, in chunks of at most 64 KB. */
  readonly stored: () => AsyncIterable<Uint8Array>;
  /** All headers of the stored message, block first. Read once per message. */
  readonly headers: () => Promise<readonly Header[]>;
  /** The stored message's header section as it is, at most 64 KB of it. */
  readonly headerOctets: () => Promise<Uint8Array>;
  readonly now: Date;
}

/** What actions reach outside the store's transaction. */
export interface ActionTools {
  readonly region: string;
  readonly accountId: string;
  /** From of the bounce that a message too large for SNS gets. */
  readonly bounceSender: string;
  readonly random: Random;
  readonly keys: Pick<Keys, "generateDataKey">;
  /** Folder for encrypted objects over 64 KB on their way into the store: its spool. */
  readonly spoolFolder: string;
  readonly knowsFunction: (functionArn: string) => boolean;
  /**
   * Runs a function and answers what it returned, parsed. Rejects when it throws, cannot run, or takes longer than
   * `timeoutMs`. May be called again for the same message after a crash.
   */
  readonly invokeSync: (functionArn: string, payload: string, timeoutMs: number) => Promise<unknown>;
  /** A WorkMail action's delivery, on this machine: once per (message, recipient). Answers where it is. */
  readonly deliverToMailbox: (delivery: {
    readonly sesMessageId: AcceptedMessage["sesMessageId"];
    readonly recipient: string;
    readonly receivedAt: Date;
    readonly body: AsyncIterable<Uint8Array>;
  }) => Promise<string>;
}

/** The action has happened once `effects` are committed with its log row. A failure is thrown. */
export interface Performed {
  /** What it did, for people: object key, DSN id, disposition. No mail content. */
  readonly result: string;
  readonly effects: readonly ActionEffect[];
  readonly disposition?: Disposition;
  /** Removes what `effects` refers to, when they could not be committed. */
  readonly discard?: () => Promise<void>;
}

export type PerformAction<Action extends ReceiptAction> = (
  input: ActionInput<Action>,
  tools: ActionTools,
) => Promise<Performed>;
