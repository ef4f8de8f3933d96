import type { ImapAccount, SecretSource } from "./config/types.ts";
import type { Keys } from "./encryption/keys.ts";
import type { Nature, NatureFinding, Safety, Trust, Verdicts } from "./mail/judgement.ts";
import type { SesMessageId } from "./ses-message-id.ts";
import type { StreamMessage } from "./streams/stream-message.ts";
import type { KeyRing } from "./tokens/key-ring.ts";

/**
 * Everything that the domain asks of the world. One adapter family is `shared/aws`, the other `local/store`; each port has
 * a suite in `test/contract/` that runs on every adapter. All values can be structured-cloned: a port may live in
 * another thread.
 */
export interface Ports {
  readonly clock: Clock;
  readonly random: Random;
  readonly objects: ObjectStore;
  readonly queues: Queues;
  readonly topics: Topics;
  readonly keys: Keys;
  readonly secrets: Secrets;
  readonly ledger: Ledger;
  readonly suppressions: Suppressions;
  readonly propagations: Propagations;
  readonly webhooks: Webhooks;
  readonly accountList: AccountList;
  readonly tickets: Tickets;
  readonly mailboxes: Mailboxes;
  readonly quarantine: Quarantine;
  readonly records: Records;
  readonly outbox: Outbox;
  readonly limits: Limits;
  readonly tallies: Tallies;
  readonly senders: Senders;
}

export interface Clock {
  now(): Date;
}

export interface Random {
  bytes(count: number): Uint8Array;
}

/** What the configuration names but does not hold. On AWS read at the first use and kept for minutes, not for ever. */
export interface Secrets {
  /** The keys of our signed tokens, checked. @throws {SecretError} */
  keyRing(): Promise<KeyRing>;
  /** @throws {SecretError} it is not there, or this home has no such source */
  read(source: SecretSource): Promise<string>;
}

// ---- objects (S3) ----

export interface ObjectRef {
  readonly bucket: string;
  readonly key: string;
}

export interface ObjectHead {
  readonly sizeBytes: number;
  /** User metadata, names in lower case without `x-amz-meta-`. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly lastModified: Date;
}

export interface StoredObject extends ObjectHead {
  /** The stored bytes in chunks of at most 64 KB; may be consumed once. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface ObjectStore {
  /** Writes the whole object; durable when it resolves. Replaces what was there. */
  put(
    ref: ObjectRef,
    body: Uint8Array | AsyncIterable<Uint8Array>,
    metadata?: Readonly<Record<string, string>>,
  ): Promise<void>;
  head(ref: ObjectRef): Promise<ObjectHead | undefined>;
  /** @throws {ObjectNotFoundError} */
  open(ref: ObjectRef): Promise<StoredObject>;
  /** Deleting what is not there is a success. */
  delete(ref: ObjectRef): Promise<void>;
  /** Keys in byte order behind `after`. */
  list(
    bucket: string,
    options: { readonly prefix?: string; readonly after?: string; readonly limit: number },
  ): Promise<readonly { readonly key: string; readonly sizeBytes: number; readonly lastModified: Date }[]>;
}

// ---- queues (SQS) and topics (SNS) ----

export interface OutgoingQueueMessage {
  /** Names the entry in the answer; unique within one call. */
  readonly id: string;
  readonly body: string;
  /** 0 to 900. */
  readonly delaySeconds?: number;
}

export interface ReceivedQueueMessage {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  /** ApproximateReceiveCount, this receive included. */
  readonly receiveCount: number;
  readonly sentAt: Date;
  readonly firstReceivedAt: Date;
}

export interface Queues {
  /** Sends any number of messages; resolves with the ids of those that were not taken and why. */
  send(
    queue: string,
    messages: readonly OutgoingQueueMessage[],
  ): Promise<readonly { readonly id: string; readonly cause: string }[]>;
  receive(
    queue: string,
    options: { readonly max: number; readonly visibilityTimeoutMs?: number },
  ): Promise<readonly ReceivedQueueMessage[]>;
  /** A handle whose visibility ended deletes nothing and is no error. */
  delete(queue: string, receiptHandles: readonly string[]): Promise<void>;
  changeVisibility(queue: string, receiptHandle: string, visibilityTimeoutMs: number): Promise<void>;
  counts(queue: string): Promise<{ readonly visible: number; readonly inFlight: number; readonly delayed: number }>;
}

export interface Topics {
  /** At least once to every subscription. */
  publish(topicArn: string, notice: { readonly subject?: string; readonly message: string }): Promise<void>;
}

// ---- the ledger: what became of each recipient of each message ----

export const recipientStates = ["received", "decided", "routed", "working", "done", "quarantined", "failed"] as const;
export type RecipientState = (typeof recipientStates)[number];

/** Envelope and verdicts, written by `journal`. Below 1 KB on DynamoDB as a rule; all recipients are kept. */
export interface ReceiptMeta {
  readonly sesMessageId: SesMessageId;
  /** ISO 8601. */
  readonly receivedAt: string;
  /** `""` is the null sender. */
  readonly from: string;
  readonly recipients: readonly string[];
  readonly recipientsIncomplete?: boolean;
  readonly verdicts: Verdicts;
}

/** One recipient's decision, to be written if there is none. `stream: null`: nothing is sent to a queue. */
export interface Decision {
  readonly sesMessageId: SesMessageId;
  /** Normalised (see `normaliseAddress`). */
  readonly recipient: string;
  readonly stream: string | null;
  /** For `stream: null`: `rejected`, `bounced`, `dropped`, `not-routed`, … */
  readonly outcome?: string;
  readonly configVersion: string;
  readonly nature: NatureFinding;
  readonly safety: Safety;
  readonly trust: Trust;
  readonly reasons: readonly string[];
  /** ISO 8601. */
  readonly receivedAt: string;
}

export interface RecipientRecord extends Decision {
  readonly state: RecipientState;
  /** How often a worker claimed it. */
  readonly attempts: number;
  /** What the worker did, in its own word: `ticket-opened`, `suppressed`, `delivered`, `held`, … */
  readonly outcome?: string;
  /** Why the last attempt failed; kept when a later one succeeds is not promised. */
  readonly cause?: string;
  readonly duplicateOf?: SesMessageId;
  /** Whatever the worker wants shown in the journey: ticket id, path, … Small. */
  readonly detail?: Readonly<Record<string, string>>;
  /** ISO 8601. */
  readonly updatedAt: string;
}

/** The right to do effects for one recipient, drawn from the ledger. A later claim makes it stale. */
export interface Claim {
  readonly sesMessageId: SesMessageId;
  readonly recipient: string;
  /** From 1. */
  readonly attempt: number;
}

export type ClaimResult =
  | { readonly kind: "claimed"; readonly claim: Claim; readonly record: RecipientRecord }
  /** `done` or `quarantined`: acknowledge the message, do nothing. */
  | { readonly kind: "ended"; readonly record: RecipientRecord }
  /** No decision is stored: the message is not ours or was forgotten. */
  | { readonly kind: "unknown" };

export interface Finish {
  readonly state: "done" | "quarantined" | "failed";
  readonly outcome: string;
  readonly cause?: string;
  readonly duplicateOf?: SesMessageId;
  readonly detail?: Readonly<Record<string, string>>;
}

export interface Ledger {
  /** Written once; a second call changes nothing, but completes a META whose recipients were marked incomplete. */
  putMeta(meta: ReceiptMeta): Promise<void>;
  meta(sesMessageId: SesMessageId): Promise<ReceiptMeta | undefined>;
  /**
   * Put-if-absent on (SES message id, recipient); answers what is stored, in the order given. A new decision with a
   * stream is `decided`, one without is `done` with its outcome.
   */
  decide(decisions: readonly Decision[]): Promise<readonly RecipientRecord[]>;
  /**
   * Puts a new decision in the place of one that has ended, or that was not sent yet: `done`, `quarantined`, `failed` or
   * `decided` → `decided` (without a stream: `done` with its outcome). For a replay, which sends it then as the router would;
   * effects that happened do not happen again. `undefined`, and nothing changes, while it is under way or unknown.
   */
  redecide(decision: Decision): Promise<RecipientRecord | undefined>;
  /** `decided` → `routed`; a state further on stays as it is. */
  routed(sesMessageId: SesMessageId, recipients: readonly string[]): Promise<void>;
  /**
   * Draws the next attempt number by a conditional increment; allowed from every state but `done` and `quarantined`
   * (a redriven dead letter starts again from `failed`).
   */
  claim(sesMessageId: SesMessageId, recipient: string): Promise<ClaimResult>;
  /** Notes why an attempt failed; the state stays `working`. A stale claim changes nothing. */
  setback(claim: Claim, cause: string): Promise<void>;
  /** False, and nothing changes, when the claim is stale or the record has ended. */
  finish(claim: Claim, finish: Finish): Promise<boolean>;
  /** Ends as `failed` what has not ended: a dead letter, or an action that told the router nothing. */
  fail(sesMessageId: SesMessageId, recipient: string, cause: string): Promise<void>;
  /** `quarantined` → `decided` for `stream`, for a release. False when it was not quarantined. */
  reopen(sesMessageId: SesMessageId, recipient: string, stream: string): Promise<boolean>;
  /** `quarantined` → `done`: nobody will release it. False when it was not quarantined. */
  endHeld(sesMessageId: SesMessageId, recipient: string, outcome: "discarded" | "expired"): Promise<boolean>;
  recipients(sesMessageId: SesMessageId): Promise<readonly RecipientRecord[]>;
  /** Records in `received`, `decided`, `routed` or `working`, oldest first. */
  unfinished(options: { readonly olderThan: Date; readonly limit: number }): Promise<readonly RecipientRecord[]>;
  /**
   * The first SES id that brought these bytes under this Message-ID to this recipient within 24 hours before
   * `receivedAt`; stores the given one and answers it when there is none.
   */
  firstOf(fingerprint: {
    readonly bodySha256: string;
    readonly headerMessageId: string;
    readonly recipient: string;
    readonly sesMessageId: SesMessageId;
    readonly receivedAt: string;
  }): Promise<SesMessageId>;
  /**
   * Deletes what is kept of a message, but its id: from then on nothing is written of it, whatever was under way. `decide`
   * answers `done` without a stream and the outcome `forgotten`, `claim` that it has ended so.
   */
  forget(sesMessageId: SesMessageId): Promise<void>;
  isForgotten(sesMessageId: SesMessageId): Promise<boolean>;
}

// ---- domain stores: effects are unique on (SES message id, recipient, effect name) by conditional writes; an attempt
// that a later one overtook gets a StaleClaimError (shared/streams/errors.ts) and nothing is written ----

export const suppressionReasons = [
  "mailto",
  "one-click",
  "complaint",
  "hard-bounce",
  "soft-bounce",
  "manual",
  "import",
  "forgotten",
] as const;
export type SuppressionReason = (typeof suppressionReasons)[number];

export interface SuppressionEvidence {
  readonly sesMessageId?: SesMessageId;
  readonly content?: StreamMessage["content"];
  readonly note: string;
  /** ISO 8601: the store drops the evidence then (housekeeping of its own, or a TTL). Absent: kept. */
  readonly keepUntil?: string;
}

export interface Suppression {
  /** Keyed hash of the normalised address (`createPersonOf`): the key, with `list`. */
  readonly person: string;
  /** Normalised. Absent when only a token named the person, and for ever after `forget`. */
  readonly address?: string;
  /** A list's id, its key (`listKeys`), or `*` for everything. */
  readonly list: string;
  readonly reason: SuppressionReason;
  /** ISO 8601. */
  readonly since: string;
  /** ISO 8601: counts until then. Absent: for good. */
  readonly until?: string;
  readonly evidence: SuppressionEvidence;
}

/** What makes one effect unique: the claim of a mail worker, or the name of whatever else asks (an SES event, a form). */
export type EffectOf = { readonly claim: Claim } | { readonly effect: string };

export interface SuppressionChange {
  /** Stable, and of no other change. */
  readonly id: string;
  /**
   * `noted`: somebody asked again, or bounced softly, and nothing changed. `forgotten`: addresses and evidence were removed.
   */
  readonly kind: "suppressed" | "noted" | "soft-bounce" | "removed" | "forgotten";
  readonly person: string;
  readonly list: string;
  readonly reason: SuppressionReason;
  /** ISO 8601. */
  readonly at: string;
  readonly evidence: SuppressionEvidence;
}

export type SuppressResult =
  /** There was none, or one that had ended, or one that ends where the new one does not. */
  | "added"
  /** The existing one keeps its date and reason; the request is noted in the history. */
  | "already-suppressed"
  /** This very effect happened before. */
  | "repeated";

/**
 * Who wants no mail. Every call is one transaction. A change of kind `suppressed` or `removed` is handed to the queue
 * `names.propagateQueue` as a `Propagation` message without target (shared/propagation/message.ts), in the same transaction
 * (SQLite), or by an outbox item in it that is sent and deleted behind it, and by a sweep after a crash (DynamoDB).
 * On DynamoDB a person is one partition: one query answers `check` and `history`.
 */
export interface Suppressions {
  /** @throws {StaleClaimError} */
  suppress(by: EffectOf, suppression: Suppression): Promise<SuppressResult>;
  /**
   * Notes a soft bounce; the one that makes `count` of them within `windowMs` suppresses, like `suppress`, until `until`.
   *
   * @throws {StaleClaimError}
   */
  softBounce(
    by: EffectOf,
    bounce: Omit<Suppression, "reason"> & { readonly until: string },
    limit: { readonly count: number; readonly windowMs: number },
  ): Promise<SuppressResult | "noted">;
  /**
   * Takes a suppression away, if one of `reasons` is its reason (default: all but `forgotten`).
   *
   * @throws {StaleClaimError}
   */
  remove(
    by: EffectOf,
    removal: Pick<Suppression, "person" | "list" | "evidence"> & {
      /** ISO 8601. */
      readonly at: string;
      readonly reasons?: readonly SuppressionReason[];
    },
  ): Promise<"removed" | "not-suppressed" | "kept" | "repeated">;
  /** One read: the suppression of everything, of this list, or of its key, that counts now. */
  check(person: string, list?: string): Promise<Suppression | undefined>;
  /** All of a person's, also those that have ended. */
  of(person: string): Promise<readonly Suppression[]>;
  /** Oldest first. */
  history(person: string): Promise<readonly SuppressionChange[]>;
  /** In the order of `suppressionCursor` (person and list), behind it. */
  list(options: { readonly after?: string; readonly limit: number }): Promise<readonly Suppression[]>;
  /**
   * Adds at most 1,000 suppressions that are not there yet, without history and without propagation; importing again
   * changes nothing, and gives nobody an address back who was forgotten. Answers how many were new.
   */
  importAll(suppressions: readonly Suppression[]): Promise<number>;
  /**
   * Leaves the keyed hash only: addresses and evidence go, from the history too. A person without a suppression gets one of
   * everything with reason `forgotten`, so that a later import of addresses cannot bring them back.
   *
   * @param at - ISO 8601
   */
  forget(person: string, at: string): Promise<void>;
}

/** One change on its way to one target, such as a webhook. */
export interface PropagationRecord {
  /** Id of the change, and name of the target: together the key, and what the target can tell repetitions by. */
  readonly change: string;
  readonly target: string;
  /** The mail that caused it, when one did. */
  readonly sesMessageId?: SesMessageId;
  /** `stopped`: the target said that it wants no more. `failed`: given up; its dead letter can be redriven. */
  readonly state: "waiting" | "done" | "stopped" | "failed";
  readonly attempts: number;
  /** Why the last attempt failed, or what the target answered. */
  readonly cause?: string;
  /** ISO 8601: not to be tried before. */
  readonly dueAt?: string;
  /** ISO 8601. */
  readonly updatedAt: string;
}

export type BeginResult =
  | { readonly kind: "begun"; readonly attempt: number }
  /** Done or stopped. */
  | { readonly kind: "ended" }
  /** Another attempt is under way, or died less than the lease ago. */
  | { readonly kind: "busy" }
  /** An attempt failed, and the next one is not due before. */
  | { readonly kind: "early"; readonly dueAt: string };

export interface Propagations {
  /**
   * Draws the next attempt's number, one at a time. `failed` starts again, as after a redrive.
   *
   * @param leaseMs - an attempt that noted nothing for so long is taken for dead
   */
  begin(item: Pick<PropagationRecord, "change" | "target" | "sesMessageId">, leaseMs: number): Promise<BeginResult>;
  /** False, and nothing changes, when a later attempt began or it has ended. */
  note(
    item: Pick<PropagationRecord, "change" | "target" | "state" | "cause" | "dueAt"> & { readonly attempt: number },
  ): Promise<boolean>;
  /** What a mail led to. */
  of(sesMessageId: SesMessageId): Promise<readonly PropagationRecord[]>;
  get(change: string, target: string): Promise<PropagationRecord | undefined>;
}

/** Calls somebody's URL. One adapter for both homes: shared/propagation/guarded-post.ts. */
export interface Webhooks {
  /**
   * Resolves with whatever was answered; redirects are answers. Only public addresses are called, and those of
   * `allowPrivate`.
   *
   * @throws {WebhookError} nothing was answered in time, or the address may not be called
   */
  post(request: {
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
    /** IP addresses and blocks. */
    readonly allowPrivate: readonly string[];
    readonly timeoutMs: number;
  }): Promise<{ readonly status: number; readonly retryAfter?: string }>;
  /** The same, with a method, and with what was answered; for interfaces such as a ticket system's. */
  request(request: WebRequest): Promise<WebAnswer>;
}

export interface WebRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly allowPrivate: readonly string[];
  readonly timeoutMs: number;
  /** A longer answer is an error: half of one could be misread. */
  readonly maxAnswerBytes: number;
}

export interface WebAnswer {
  readonly status: number;
  readonly retryAfter?: string;
  /** The header field of that name (RFC 8288): the next page. */
  readonly link?: string;
  readonly body: Uint8Array;
}

/** The SES account's own suppression list (SES v2 PutSuppressedDestination, DeleteSuppressedDestination). */
export interface AccountList {
  /** `none`: this home has no such list. Both calls may be repeated. */
  put(address: string, reason: "BOUNCE" | "COMPLAINT"): Promise<"done" | "none">;
  /** Deleting what is not there is a success. */
  remove(address: string): Promise<"done" | "none">;
}

export interface TicketAttachment {
  readonly fileName: string;
  readonly contentType: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly object: ObjectRef;
}

/** What a ticket holds, in the order of its time. */
export type TicketEntry = MailEntry | AnswerEntry | NoteEntry;

/** A mail that somebody sent to us. */
export interface MailEntry {
  readonly kind: "mail";
  readonly sesMessageId: SesMessageId;
  /** Header Message-ID with angle brackets; absent when the mail had none. */
  readonly headerMessageId?: string;
  readonly bodySha256: string;
  /** Our address that it came to, normalised. */
  readonly recipient: string;
  readonly author: { readonly name: string; readonly address: string };
  /** Where the author wants answers, if not at their own address. */
  readonly replyTo?: readonly string[];
  /** Addresses as the author wrote them. */
  readonly to: readonly string[];
  readonly cc: readonly string[];
  readonly trust: Trust;
  readonly subject: string;
  /** The author's own words. */
  readonly text: string;
  /** The whole mail as HTML without scripts, styles, forms and anything that loads; absent when it had none. */
  readonly html?: string;
  readonly quote?: string;
  readonly signature?: string;
  /** BCP 47, two letters, when the mail says or its words show it. */
  readonly language?: string;
  /** Machines that answered each other on the way to this mail, when there were any. */
  readonly hops?: number;
  readonly attachments: readonly TicketAttachment[];
  readonly raw: StreamMessage["content"];
  /** ISO 8601. */
  readonly at: string;
}

/** What we wrote to the people of a ticket. */
export interface AnswerEntry {
  readonly kind: "answer";
  /** The outgoing mail's id (see `OutgoingMail`). */
  readonly id: string;
  /** Header Message-ID that we wrote, with angle brackets. */
  readonly headerMessageId: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly text: string;
  /** Who answered: a person's name or address, or `acknowledgement`. */
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
}

export interface NoteEntry {
  readonly kind: "note";
  readonly id: string;
  readonly text: string;
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
}

/** Where a ticket is, outside. */
export interface TicketLink {
  /** The sink's name in the configuration. */
  readonly sink: string;
  /** How the target calls it. */
  readonly ref: string;
  readonly url?: string;
}

export interface TicketSummary {
  /** Counted from 1. */
  readonly id: number;
  readonly state: "open" | "closed";
  readonly subject: string;
  /** Normalised addresses that take part: authors, and the recipients that are not ours. */
  readonly participants: readonly string[];
  readonly relatedTo?: number;
  /** The ticket that took over this one's entries; it then has none of its own. */
  readonly mergedInto?: number;
  readonly assignee?: string;
  /** In lower case, sorted. */
  readonly tags: readonly string[];
  /** Absent while it is nowhere else; one for each sink. */
  readonly links?: readonly TicketLink[];
  /** ISO 8601; only while it is closed. */
  readonly closedAt?: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface Ticket extends TicketSummary {
  /** Oldest first. */
  readonly entries: readonly TicketEntry[];
}

export interface TicketThread {
  /** Of a merged ticket: the one that took it over. */
  readonly ticketId: number;
  /** Numbers of tickets that this one took over, of those that were asked for. */
  readonly formerIds?: readonly number[];
  readonly participants: readonly string[];
  /** ISO 8601. */
  readonly createdAt: string;
  /** Those of the participants who wrote with trust `aligned` or `token`. */
  readonly proven: readonly string[];
  readonly state: Ticket["state"];
  /** ISO 8601; only while it is closed. */
  readonly closedAt?: string;
  /** Which of the asked Message-IDs it holds. */
  readonly messageIds: readonly string[];
}

export type TicketPlan =
  /** `claims`: Message-IDs (own, and the thread's root) that must not belong to a ticket yet. */
  | {
      readonly kind: "open";
      readonly subject: string;
      readonly participants: readonly string[];
      readonly claims: readonly string[];
      readonly relatedTo?: number;
    }
  | {
      readonly kind: "join";
      readonly ticketId: number;
      readonly participants: readonly string[];
      readonly claims: readonly string[];
      /** Tickets of the same participants that turn out to be this one: it takes over their entries and Message-IDs. */
      readonly merges?: readonly number[];
    };

export type TicketResult =
  | { readonly kind: "opened" | "joined"; readonly ticketId: number }
  /** This claim's effect was there already, or the ticket holds this very mail (same SES id, or same Message-ID and body). */
  | { readonly kind: "repeated"; readonly ticketId: number }
  /** A Message-ID to be claimed belongs to a ticket by now: look at it and plan again. Nothing was written. */
  | { readonly kind: "conflict"; readonly threads: readonly TicketThread[] };

/** What people do to a ticket. */
export interface TicketChange {
  /** The same id changes a ticket once. */
  readonly id: string;
  readonly state?: Ticket["state"];
  /** `null`: nobody. */
  readonly assignee?: string | null;
  readonly addTags?: readonly string[];
  readonly removeTags?: readonly string[];
  readonly entry?: AnswerEntry | NoteEntry;
  /** Message-IDs that belong to the ticket from now on; one that another ticket holds stays there. */
  readonly messageIds?: readonly string[];
  /** In the place of an earlier one of the same sink. */
  readonly link?: TicketLink;
}

/** What comes first; `oldest` where nothing is said. */
export type ListOrder = "oldest" | "newest";

export interface TicketFilter {
  readonly state?: Ticket["state"];
  readonly assignee?: string;
  readonly tag?: string;
  /** Normalised address. */
  readonly participant?: string;
  /** Words of the subject or an entry's text, without case. */
  readonly text?: string;
}

/**
 * Where the store was opened with sinks, each entry and each change of state, assignee or tags is handed to the queue
 * `names.propagateQueue` as a `TicketPropagation` without target: as in `Suppressions`, in the transaction that makes it.
 */
export interface Tickets {
  /** The tickets that hold any of the Message-IDs, and those of the given numbers. */
  threads(messageIds: readonly string[], ticketIds?: readonly number[]): Promise<readonly TicketThread[]>;
  /**
   * One transaction: effect, claims, ticket, entry, merges. A ticket to be merged whose participants differ by now is a
   * conflict. @throws {StaleClaimError}
   */
  record(claim: Claim, plan: TicketPlan, entry: MailEntry): Promise<TicketResult>;
  /** `undefined`: there is no such ticket, or it was merged away. */
  change(ticketId: number, change: TicketChange): Promise<{ readonly repeated: boolean } | undefined>;
  get(ticketId: number): Promise<Ticket | undefined>;
  /**
   * In the order of their numbers, without merged ones; `after` is where the page before ended in that order. A page may hold
   * fewer than `limit`: `next` says whether there are more.
   */
  list(
    options: TicketFilter & { readonly order?: ListOrder; readonly after?: number; readonly limit: number },
  ): Promise<{ readonly tickets: readonly TicketSummary[]; readonly next?: number }>;
}

export type MailboxTarget =
  | {
      readonly kind: "maildir";
      /** Folder name of the Maildir below the data folder; validated by the configuration. */
      readonly name: string;
      /** A folder inside the mailbox, names separated by slashes; validated by the configuration. Default: its inbox. */
      readonly folder?: string;
    }
  | { readonly kind: "imap"; readonly account: ImapAccount; readonly folder: string };

export interface Mailboxes {
  /**
   * Delivers the bytes once per (SES message id, recipient, target): the target is asked before it is written.
   * @throws {StaleClaimError}
   */
  deliver(
    claim: Claim,
    target: MailboxTarget,
    body: AsyncIterable<Uint8Array>,
    receivedAt: Date,
  ): Promise<{ readonly path: string; readonly repeated: boolean }>;
}

export interface HeldMessage {
  readonly sesMessageId: SesMessageId;
  readonly recipient: string;
  /** Where it would have gone. */
  readonly intendedStream: string;
  readonly reasons: readonly string[];
  readonly message: StreamMessage;
  /** ISO 8601. */
  readonly heldAt: string;
}

export interface Quarantine {
  /** @throws {StaleClaimError} */
  hold(claim: Claim, held: HeldMessage): Promise<void>;
  get(sesMessageId: SesMessageId, recipient: string): Promise<HeldMessage | undefined>;
  /** By the time since when; behind `heldAt sesMessageId recipient` of the last one in that order. */
  list(options: {
    readonly order?: ListOrder;
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly HeldMessage[]>;
  remove(sesMessageId: SesMessageId, recipient: string): Promise<void>;
}

/** What bounces, complaints, auto-replies and list mail told us. */
export interface MailRecord {
  readonly kind: Extract<Nature, "bounce" | "complaint" | "auto-reply" | "mdn" | "list" | "machine"> | "other";
  readonly sesMessageId: SesMessageId;
  readonly recipient: string;
  /** Extracted facts: per-recipient status of a DSN, feedback type, list id, … JSON, at most 32 KB. */
  readonly facts: unknown;
  /** ISO 8601. */
  readonly at: string;
}

export interface Records {
  /** @throws {StaleClaimError} */
  record(claim: Claim, record: MailRecord): Promise<"recorded" | "repeated">;
  list(options: {
    readonly kind?: MailRecord["kind"];
    readonly after?: string;
    readonly limit: number;
  }): Promise<readonly MailRecord[]>;
}

/** SES's SendBounce (API v1) without what only sending authorisation needs. */
export interface BounceRequest {
  readonly originalMessageId: SesMessageId;
  /** A verified identity; the DSN's From. */
  readonly bounceSender: string;
  /** The DSN's text for people; default: that it could not be delivered. */
  readonly explanation?: string;
  /** The fields for the whole message in place of the default ones. */
  readonly messageDsn?: {
    /** `dns; mx.example.com`. */
    readonly reportingMta: string;
    readonly arrivalDate?: Date;
    readonly extensionFields?: readonly DsnExtensionField[];
  };
  readonly recipients: readonly {
    readonly recipient: string;
    readonly smtpReplyCode: string;
    readonly statusCode: string;
    readonly message: string;
    /** RFC 3464 §2.3 field by field, in place of what follows from the three members above. */
    readonly dsn?: RecipientDsn;
  }[];
}

export interface RecipientDsn {
  /** Without `rfc822;`. Default: the recipient. */
  readonly finalRecipient?: string;
  readonly action: "failed" | "delayed" | "delivered" | "relayed" | "expanded";
  readonly remoteMta?: string;
  readonly status: string;
  readonly diagnosticCode?: string;
  readonly lastAttemptDate?: Date;
  readonly extensionFields?: readonly DsnExtensionField[];
}

export interface DsnExtensionField {
  readonly name: string;
  readonly value: string;
}

/** A mail that leaves as it is; checked by `checkOutgoingMail` (shared/outgoing). */
export interface OutgoingMail {
  /**
   * Stable: the same id is sent once, whatever the bytes say the second time. Begins with the SES message id of the mail
   * that caused it, if one did, and a slash or a space:
   * its journey shows this mail then.
   */
  readonly id: string;
  readonly kind: "bounce" | "confirmation" | "acknowledgement" | "reply" | "forward" | "notice";
  /** `""` is the null sender. */
  readonly envelopeSender: string;
  readonly recipients: readonly string[];
  /** The whole message, CRLF line ends. It keeps its Message-ID; on one machine it gets one from `id` when it has none. */
  readonly raw: Uint8Array;
}

export interface Outbox {
  /** At most one bounce per (original SES id, recipient); answers the DSN's id. */
  sendBounce(request: BounceRequest): Promise<{ readonly messageId: string; readonly repeated: boolean }>;
  /**
   * Takes the mail; durable when it resolves, sent later and again until the next hop took it (at least once, always with
   * the same Message-ID). Answers the id by which the next hop knows it, on AWS that of SES.
   *
   * @throws {OutgoingMailError} what no next hop could take
   */
  sendMail(mail: OutgoingMail): Promise<{ readonly messageId: string; readonly repeated: boolean }>;
  /** The forwarded mail that the next hop knows by this id; `undefined` for every other, and where two have the same. */
  forwardSentAs(messageId: string): Promise<Pick<OutgoingMail, "id"> | undefined>;
}

/** How often something may happen: at most so many within a time that moves along, whoever asks at the same moment. */
export interface Limits {
  /**
   * Whether the thing named `id` may happen. An id that was let through is let through again until its time is over, so
   * that a retry is no second one; one that was refused may ask again.
   *
   * @param key - what is limited, at most 512 octets: `acknowledge ann@sender.example`
   * @param limit - `max` from 1 to 100
   */
  take(key: string, id: string, limit: { readonly max: number; readonly windowMs: number }): Promise<boolean>;
}

/** How often something happened, by the hour: for rates, not for books. A retry may count again. */
export interface Tallies {
  /** @param name - at most 100 letters, digits and hyphens */
  add(name: string): Promise<void>;
  /** How often within the last so many hours, the running one included. @param hours - 1 to 48 */
  sum(name: string, hours: number): Promise<number>;
}

/** An author whose mail is not held for a spam finding alone, as long as it proves who wrote it. */
export interface AllowedSender {
  /** Normalised. */
  readonly address: string;
  /** Who said so. */
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
}

export interface Senders {
  /** The first one stays. */
  allow(sender: AllowedSender): Promise<void>;
  /** Removing what is not there is a success. */
  disallow(address: string): Promise<void>;
  isAllowed(address: string): Promise<boolean>;
  /** By address, behind `after`. */
  list(options: { readonly after?: string; readonly limit: number }): Promise<readonly AllowedSender[]>;
}
