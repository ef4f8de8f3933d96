import type { Verdicts } from "../../shared/mail/judgement.ts";
import type { Decision, ObjectRef, OutgoingQueueMessage, ReceiptMeta, RecipientRecord } from "../../shared/ports.ts";
import type { Authentication } from "../../shared/receipt/authentication.ts";
import type { IpFilter, RuleSet } from "../../shared/receipt/model.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import type { Injected } from "../play/injected.ts";

/**
 * What only the engine on one machine keeps: accepted messages, their action log, refusals, rule sets. The ports of the
 * domain live beside it on the same database, so that an action and its log row are one transaction.
 */
export interface EngineStore {
  /** Durable when it resolves (raw and envelope in one commit, shared with whatever else is ready): then say 250. */
  accept(message: AcceptedMessage, raw: RawInput): Promise<void>;
  message(sesMessageId: SesMessageId): Promise<AcceptedMessage | undefined>;
  /** The bytes as received, without SES's block, in chunks of at most 64 KB. Throws ObjectNotFoundError. */
  openRaw(sesMessageId: SesMessageId): AsyncIterable<Uint8Array>;
  /** Messages whose rules have not ended, oldest first: what to resume after a start. */
  unended(options: { readonly limit: number }): Promise<readonly SesMessageId[]>;
  countUnended(): Promise<number>;

  /** Put-if-absent; answers what is stored. */
  recordVerification(sesMessageId: SesMessageId, verification: Verification): Promise<Verification>;
  verification(sesMessageId: SesMessageId): Promise<Verification | undefined>;
  /** For a replay from raw, which somebody asked for: the new findings in the place of the recorded ones. */
  replaceVerification(sesMessageId: SesMessageId, verification: Verification): Promise<void>;

  /** The rule set as it was at receipt, stored once by its content's hash. */
  snapshotRuleSet(ruleSet: RuleSet | undefined): Promise<string>;
  ruleSetSnapshot(id: string): Promise<RuleSet | undefined>;

  actionLog(sesMessageId: SesMessageId): Promise<readonly ActionLogEntry[]>;
  /** One transaction: the log row and everything the action does inside this machine. Same row twice: replaced. */
  recordAction(sesMessageId: SesMessageId, entry: ActionLogEntry, effects: readonly ActionEffect[]): Promise<void>;
  /**
   * What one run of a message's rules has come to, in one transaction: the verification (put-if-absent), the log rows with
   * their effects as `recordAction` takes them, and the end.
   *
   * @throws {PipelineConflictError} when somebody decided about the message meanwhile: nothing was kept
   */
  recordRun(sesMessageId: SesMessageId, run: MessageRun): Promise<void>;
  /** A small object that no message brought, with the event that its bucket sends for it. */
  putObject(ref: ObjectRef, bytes: Uint8Array): Promise<void>;
  /**
   * The rule set has ended for this message. Recipients that no action told the router about end `done` with stream
   * null and `outcome`; they are listed by the caller.
   */
  endMessage(sesMessageId: SesMessageId, end: MessageEnd): Promise<void>;
  /** Messages with a pending action that is due, and when the next one will be. */
  dueActions(now: Date, limit: number): Promise<readonly SesMessageId[]>;

  refuse(refusal: Refusal): Promise<void>;
  refusals(options: {
    readonly limit: number;
    readonly before?: number;
  }): Promise<readonly (Refusal & { readonly id: number })[]>;
  refusalCount(): Promise<number>;

  /** Invocations (asynchronous Lambda) that are due, locked until `lockedUntil`. */
  takeInvocations(now: Date, lockedUntil: Date, limit: number): Promise<readonly Invocation[]>;
  /** `retryAt`: when to try again; without it the invocation is over (done, or given up with its cause). */
  settleInvocation(id: number, result: { readonly retryAt?: Date; readonly cause?: string }): Promise<void>;

  /** Newest first; before `before` (a sequence number) when given. */
  list(options: { readonly limit: number; readonly before?: number }): Promise<readonly ListedMessage[]>;
  /** Counts by stream and state, and what is unfinished. */
  status(): Promise<EngineStatus>;
  /** When the earliest row of any kind (queue, invocation, action, …) becomes due, to sleep until then. */
  nextDue(now: Date): Promise<Date | undefined>;
  /** Called after every commit that may have made something due. */
  onChange(listener: () => void): () => void;

  ipFilters(): Promise<readonly IpFilter[]>;
}

export interface AcceptedMessage {
  readonly sesMessageId: SesMessageId;
  readonly receivedAt: Date;
  readonly client: {
    readonly ip: string;
    readonly rdns?: string;
    readonly helo: string;
    readonly tls?: { readonly protocol: string; readonly cipher: string };
    /** There when it did not come over SMTP. */
    readonly injected?: Injected;
  };
  /** Without angle brackets; `""` is the null sender. */
  readonly from: string;
  /** As accepted, in envelope order, written as the sender wrote them. */
  readonly recipients: readonly string[];
  readonly ruleSetSnapshot: string;
  readonly sizeBytes: number;
}

export type RawInput =
  | { readonly kind: "inline"; readonly bytes: Uint8Array }
  | {
      /** A file in the spool folder, which the store takes over. */
      readonly kind: "file";
      readonly path: string;
      /** Its header section, or its first 64 KB. */
      readonly beginning: Uint8Array;
      /** Its octets, not its name, are synced. */
      readonly durable: Promise<void>;
    };

export interface Verification {
  readonly authentication: Authentication;
  /** With scanning on; a rule without ScanEnabled sees DISABLED. */
  readonly verdicts: Verdicts;
  readonly scanDetail: { readonly spam: string; readonly virus: string };
  /** ISO 8601. */
  readonly at: string;
}

export interface ActionLogEntry {
  readonly ruleIndex: number;
  readonly actionIndex: number;
  readonly ruleName: string;
  readonly actionType: string;
  readonly recipients: readonly string[];
  readonly state: "done" | "pending" | "failed";
  /** What it did, for people: object key, DSN id, disposition, error. No mail content. */
  readonly result: string;
  readonly disposition?: "CONTINUE" | "STOP_RULE" | "STOP_RULE_SET";
  /** Attempts so far. */
  readonly attempts: number;
  /** For `pending`: when to try again (ISO 8601). Absent: the attempt was begun, and its end is not recorded. */
  readonly dueAt?: string;
  readonly startedAt: string;
  readonly durationMs: number;
}

export interface MessageEnd {
  readonly reason: string;
  readonly untold: readonly { readonly recipient: string; readonly outcome: string }[];
}

export interface MessageRun {
  readonly verification?: Verification;
  readonly actions: readonly { readonly entry: ActionLogEntry; readonly effects: readonly ActionEffect[] }[];
  readonly end?: MessageEnd;
}

/** What a function of the pipeline wrote through its ports, kept back until the transaction of what it was told of. */
export type PipelineWrite =
  | { readonly kind: "put-meta"; readonly meta: ReceiptMeta }
  /** Holds only where nobody has decided yet. */
  | { readonly kind: "decide"; readonly decisions: readonly Decision[] }
  | { readonly kind: "send"; readonly queue: string; readonly messages: readonly OutgoingQueueMessage[] }
  | { readonly kind: "routed"; readonly sesMessageId: SesMessageId; readonly recipients: readonly string[] };

/** What an action does inside this machine, as data: applied with its log row in one transaction. */
export type ActionEffect =
  | {
      readonly kind: "put-object";
      readonly bucket: string;
      readonly key: string;
      readonly metadata: Readonly<Record<string, string>>;
      /** Octets in front of the raw message (SES's block, added headers), or the whole object as a file. */
      readonly content:
        | { readonly kind: "block-and-raw"; readonly block: Uint8Array; readonly sesMessageId: SesMessageId }
        | { readonly kind: "inline"; readonly bytes: Uint8Array }
        | { readonly kind: "file"; readonly path: string };
    }
  | { readonly kind: "publish"; readonly topicArn: string; readonly subject: string; readonly message: string }
  | { readonly kind: "invoke"; readonly functionArn: string; readonly event: unknown }
  | {
      readonly kind: "send-bounce";
      /** One DSN per (message, rule, action); a repeated key sends nothing. */
      readonly key: string;
      /** The mail that is bounced. */
      readonly about: SesMessageId;
      readonly to: string;
      readonly messageId: string;
      readonly raw: Uint8Array;
    }
  | {
      readonly kind: "count";
      readonly metric: RuleMetric;
      readonly ruleName: string;
    }
  /** In the place of a notice or an invocation: what its function did when it was run ahead (run-ahead.ts). */
  | { readonly kind: "pipeline"; readonly writes: readonly PipelineWrite[] };

export interface Refusal {
  /** ISO 8601. */
  readonly at: string;
  readonly ip: string;
  readonly helo: string;
  /** Where it was said: `connect`, `MAIL`, `RCPT`, `DATA`. */
  readonly stage: "connect" | "MAIL" | "RCPT" | "DATA";
  readonly from?: string;
  readonly recipient?: string;
  /** At DATA: those that had been accepted, the first ten. */
  readonly recipients?: readonly string[];
  /** How many more of them there were. */
  readonly moreRecipients?: number;
  /** Reply code and text as the sender saw them. */
  readonly reply: string;
  /** Why, for the operator. */
  readonly reason: string;
}

export interface Invocation {
  readonly id: number;
  readonly functionArn: string;
  readonly payload: string;
  readonly attempts: number;
  readonly createdAt: Date;
}

export interface ListedMessage {
  /** Sequence number, for paging. */
  readonly sequence: number;
  readonly sesMessageId: SesMessageId;
  readonly receivedAt: string;
  readonly envelope: { readonly from: string; readonly to: readonly string[] };
  readonly subject: string | null;
  readonly author: string | null;
  readonly recipients: readonly ListedRecipient[];
}

export type ListedRecipient = Pick<RecipientRecord, "recipient" | "state"> & {
  readonly stream: string | null;
  readonly outcome: string | null;
  readonly cause: string | null;
  readonly duplicateOf: string | null;
};

export type RuleMetric = "PublishSuccess" | "PublishFailure" | "PublishExpired";

export interface EngineStatus {
  readonly messages: number;
  readonly unended: number;
  readonly byStream: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly queues: readonly {
    readonly name: string;
    readonly visible: number;
    readonly inFlight: number;
    readonly delayed: number;
  }[];
  /** CloudWatch's rule metrics, by rule. */
  readonly rules: Readonly<Record<string, Readonly<Record<RuleMetric, number>>>>;
  /** Outgoing mail by its state: kept, waiting, sent, failed. */
  readonly outbox: Readonly<Record<string, number>>;
  readonly refusals: number;
  readonly bytes: number;
}
