import { createHash } from "node:crypto";
import type { QueueTopology } from "../../shared/config/topology.ts";
import type {
  Claim,
  Clock,
  Decision,
  Ledger,
  ReceiptMeta,
  RecipientRecord,
  RecipientState,
} from "../../shared/ports.ts";
import { forgottenRecord } from "../../shared/retention/forgotten-record.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import type { Database, Row, Sql, Transaction } from "./database.ts";
import { dropAnsweredLetters } from "./dead-letter.ts";
import { findSequence, sequenceOf } from "./ids.ts";
import { feed } from "./stream-feed.ts";
import { countEvent, type StreamEvent } from "./stream-minutes.ts";

const dayMs = 86_400_000;

const columns = `ids.ses_message_id, r.recipient, r.state, r.stream, r.decision, r.attempts, r.outcome, r.cause,
  r.duplicate_of, r.detail, r.received_at, r.updated_at`;
const selectOne = `SELECT ${columns} FROM recipients r JOIN ids ON ids.seq = r.seq WHERE r.seq = ? AND r.recipient = ?`;
const selectAll = `SELECT ${columns} FROM recipients r JOIN ids ON ids.seq = r.seq WHERE r.seq = ? ORDER BY r.recipient`;
const selectUnfinished = `SELECT ${columns} FROM recipients r JOIN ids ON ids.seq = r.seq
  WHERE r.open = 1 AND r.received_at < ? ORDER BY r.received_at, r.seq LIMIT ?`;

/** The ledger in SQLite. Recipients of accepted messages stand in it as `received` from the moment of the 250. */
export function createLedger(database: Database, clock: Clock, queues: readonly QueueTopology[] = []): Ledger {
  const record = (sql: Sql, seq: number, recipient: string): RecipientRecord | undefined => {
    const row = sql.get(selectOne, seq, recipient);
    return row && toRecord(row);
  };
  /** Changes one claimed recipient; false when the claim is stale or the work has ended. */
  const change = (
    tx: Transaction,
    claim: Claim,
    set: string,
    ...values: readonly (string | number | null)[]
  ): boolean => {
    const seq = findSequence(tx, claim.sesMessageId);
    if (seq === undefined) return false;
    const { changes } = tx.run(
      `UPDATE recipients SET ${set}, updated_at = ? WHERE seq = ? AND recipient = ? AND attempts = ? AND state = 'working'`,
      ...values,
      clock.now().getTime(),
      seq,
      claim.recipient,
      claim.attempt,
    );
    return changes === 1;
  };

  return {
    putMeta: (meta) => database.write((tx) => writeMeta(tx, sequenceOf(tx, meta.sesMessageId), meta)),
    meta: async (sesMessageId) => {
      const row = database.read((sql) =>
        sql.get("SELECT meta FROM metas JOIN ids USING (seq) WHERE ses_message_id = ?", sesMessageId),
      );
      return row && parse<ReceiptMeta>(row["meta"]);
    },
    decide: (decisions) =>
      database.write((tx) =>
        decisions.map((decision) => {
          const seq = sequenceOf(tx, decision.sesMessageId);
          writeDecision(tx, seq, decision, clock.now().getTime());
          const { sesMessageId, recipient } = decision;
          return record(tx, seq, recipient) ?? forgottenRecord(sesMessageId, recipient, clock.now());
        }),
      ),
    redecide: (decision) =>
      database.write((tx) => {
        const { sesMessageId, recipient, stream, outcome, ...rest } = decision;
        const seq = findSequence(tx, sesMessageId);
        if (seq === undefined) return undefined;
        const { changes } = tx.run(
          `UPDATE recipients SET state = ?, open = ?, stream = ?, decision = ?, outcome = ?, cause = NULL,
             duplicate_of = NULL, detail = NULL, updated_at = ?
           WHERE seq = ? AND recipient = ? AND state IN ('done', 'quarantined', 'failed', 'decided')`,
          stream === null ? "done" : "decided",
          stream === null ? 0 : 1,
          stream,
          JSON.stringify(rest),
          outcome ?? null,
          clock.now().getTime(),
          seq,
          recipient,
        );
        if (changes === 0) return undefined;
        dropAnsweredLetters(tx, queues, { seq, sesMessageId, recipient }, clock.now().getTime());
        if (stream !== null) feed(tx, stream, seq, recipient);
        return record(tx, seq, recipient);
      }),
    routed: (sesMessageId, recipients) =>
      database.write((tx) => {
        const seq = findSequence(tx, sesMessageId);
        if (seq !== undefined) markRouted(tx, seq, recipients, clock.now().getTime());
      }),
    claim: (sesMessageId, recipient) =>
      database.write((tx) => {
        const seq = findSequence(tx, sesMessageId);
        if (seq === undefined) return { kind: "unknown" };
        const { changes } = tx.run(
          `UPDATE recipients SET attempts = attempts + 1, state = 'working', open = 1, updated_at = ?
           WHERE seq = ? AND recipient = ? AND decision IS NOT NULL AND state NOT IN ('done', 'quarantined')`,
          clock.now().getTime(),
          seq,
          recipient,
        );
        const row = tx.get(selectOne, seq, recipient);
        if (!row) {
          if (!isForgotten(tx, seq)) return { kind: "unknown" };
          return { kind: "ended", record: forgottenRecord(sesMessageId, recipient, clock.now()) };
        }
        const stored = toRecord(row);
        if (changes === 1)
          return { kind: "claimed", claim: { sesMessageId, recipient, attempt: stored.attempts }, record: stored };
        return stored.state === "done" || stored.state === "quarantined"
          ? { kind: "ended", record: stored }
          : { kind: "unknown" };
      }, "repeatable"),
    setback: (claim, cause) =>
      database.write((tx) => {
        if (change(tx, claim, "cause = ?", shortened(cause))) countOf(tx, claim, "retried", clock.now().getTime());
      }),
    finish: (claim, finish) =>
      database.write((tx) => {
        const taken = change(
          tx,
          claim,
          "state = ?, open = 0, outcome = ?, cause = ?, duplicate_of = ?, detail = ?",
          finish.state,
          finish.outcome,
          finish.cause === undefined ? null : shortened(finish.cause),
          finish.duplicateOf ?? null,
          finish.detail === undefined ? null : JSON.stringify(finish.detail),
        );
        if (taken) countOf(tx, claim, finish.state, clock.now().getTime());
        return taken;
      }, "repeatable"),
    fail: (sesMessageId, recipient, cause) =>
      database.write((tx) => {
        failRecipient(tx, sequenceOf(tx, sesMessageId), recipient, clock.now().getTime(), cause);
      }),
    reopen: (sesMessageId, recipient, stream) =>
      database.write((tx) => {
        const seq = findSequence(tx, sesMessageId);
        if (seq === undefined) return false;
        const { changes } = tx.run(
          `UPDATE recipients SET state = 'decided', open = 1, stream = ?, outcome = NULL, cause = NULL, updated_at = ?
           WHERE seq = ? AND recipient = ? AND state = 'quarantined'`,
          stream,
          clock.now().getTime(),
          seq,
          recipient,
        );
        if (changes === 1) feed(tx, stream, seq, recipient);
        return changes === 1;
      }),
    endHeld: (sesMessageId, recipient, outcome) =>
      database.write((tx) => {
        const seq = findSequence(tx, sesMessageId);
        if (seq === undefined) return false;
        const { changes } = tx.run(
          `UPDATE recipients SET state = 'done', outcome = ?, updated_at = ?
           WHERE seq = ? AND recipient = ? AND state = 'quarantined'`,
          outcome,
          clock.now().getTime(),
          seq,
          recipient,
        );
        return changes === 1;
      }),
    recipients: async (sesMessageId) =>
      database.read((sql) => {
        const seq = findSequence(sql, sesMessageId);
        return seq === undefined ? [] : sql.all(selectAll, seq).map(toRecord);
      }),
    unfinished: async ({ olderThan, limit }) =>
      database.read((sql) => sql.all(selectUnfinished, olderThan.getTime(), limit).map(toRecord)),
    firstOf: (fingerprint) =>
      database.write((tx) => {
        const { bodySha256, headerMessageId, recipient, sesMessageId, receivedAt } = fingerprint;
        const hash = createHash("sha256")
          .update(JSON.stringify([bodySha256, headerMessageId, recipient]))
          .digest();
        const at = time(receivedAt);
        const seq = sequenceOf(tx, sesMessageId);
        // The own row first, so that asking again answers the same; then the earliest of the day before; then one that
        // was received a little later but asked first.
        const first = tx.get(
          `SELECT ids.ses_message_id FROM fingerprints f JOIN ids ON ids.seq = f.seq
           WHERE f.hash = ? AND f.received_at BETWEEN ? AND ?
           ORDER BY f.seq <> ?, f.received_at > ?, f.received_at, f.seq LIMIT 1`,
          hash,
          at - dayMs,
          at + dayMs,
          seq,
          at,
        );
        if (first) return String(first["ses_message_id"]) as SesMessageId;
        tx.run("INSERT INTO fingerprints (hash, received_at, seq) VALUES (?, ?, ?)", hash, at, seq);
        return sesMessageId;
      }, "repeatable"),
    forget: (sesMessageId) =>
      database.write((tx) => {
        const seq = sequenceOf(tx, sesMessageId);
        tx.run("INSERT OR IGNORE INTO forgotten_messages (seq) VALUES (?)", seq);
        for (const table of ["metas", "recipients", "fingerprints", "effects", "stream_feed"]) {
          tx.run(`DELETE FROM ${table} WHERE seq = ?`, seq);
        }
      }),
    isForgotten: async (sesMessageId) =>
      database.read((sql) => {
        const seq = findSequence(sql, sesMessageId);
        return seq !== undefined && isForgotten(sql, seq);
      }),
  };
}

const isForgotten = (sql: Sql, seq: number): boolean =>
  sql.get("SELECT 1 FROM forgotten_messages WHERE seq = ?", seq) !== undefined;

/** Notes an accepted message's recipient; nothing when it is there. */
export function receiveRecipient(tx: Transaction, seq: number, recipient: string, at: number): void {
  tx.run(
    `INSERT OR IGNORE INTO recipients (seq, recipient, state, open, received_at, updated_at)
     SELECT ?1, ?2, 'received', 1, ?3, ?3 WHERE NOT EXISTS (SELECT 1 FROM forgotten_messages WHERE seq = ?1)`,
    seq,
    recipient,
    at,
  );
}

/** The same for a message whose number was drawn just now: nobody can have forgotten it. */
export function receiveFirst(tx: Transaction, seq: number, recipient: string, at: number): void {
  tx.run(
    `INSERT OR IGNORE INTO recipients (seq, recipient, state, open, received_at, updated_at)
     VALUES (?1, ?2, 'received', 1, ?3, ?3)`,
    seq,
    recipient,
    at,
  );
}

/** Ends as `failed` what has not ended; a cause that a setback noted stays when none is given. */
export function failRecipient(tx: Transaction, seq: number, recipient: string, now: number, cause?: string): void {
  receiveRecipient(tx, seq, recipient, now);
  const { changes } = tx.run(
    `UPDATE recipients SET state = 'failed', open = 0, cause = coalesce(?, cause, 'no cause was noted'), updated_at = ?
     WHERE seq = ? AND recipient = ? AND open = 1`,
    cause === undefined ? null : shortened(cause),
    now,
    seq,
    recipient,
  );
  if (changes === 0) return;
  const row = tx.get("SELECT stream, received_at FROM recipients WHERE seq = ? AND recipient = ?", seq, recipient);
  if (row) countEvent(tx, streamOf(row), "failed", now, now - Number(row["received_at"]));
}

/** Ends `done` without a stream, unless somebody decided. */
export function endUntold(tx: Transaction, seq: number, recipient: string, outcome: string, now: number): void {
  receiveRecipient(tx, seq, recipient, now);
  tx.run(
    `UPDATE recipients SET state = 'done', open = 0, outcome = ?, updated_at = ?
     WHERE seq = ? AND recipient = ? AND open = 1 AND decision IS NULL`,
    outcome,
    now,
    seq,
    recipient,
  );
}

/** Written once; completes one whose recipients were marked incomplete. */
export function writeMeta(tx: Transaction, seq: number, meta: ReceiptMeta): void {
  const stored = tx.get("SELECT meta FROM metas WHERE seq = ?", seq);
  if (!stored) {
    tx.run("INSERT INTO metas (seq, meta) VALUES (?, ?)", seq, JSON.stringify(meta));
  } else if (parse<ReceiptMeta>(stored["meta"]).recipientsIncomplete === true && meta.recipientsIncomplete !== true) {
    tx.run("UPDATE metas SET meta = ? WHERE seq = ?", JSON.stringify(meta), seq);
  }
}

export function markRouted(tx: Transaction, seq: number, recipients: readonly string[], now: number): void {
  for (const recipient of recipients) {
    tx.run(
      "UPDATE recipients SET state = 'routed', updated_at = ? WHERE seq = ? AND recipient = ? AND state = 'decided'",
      now,
      seq,
      recipient,
    );
  }
}

/** False when somebody had decided already: what is stored stays. */
export function writeDecision(tx: Transaction, seq: number, decision: Decision, now: number): boolean {
  const { sesMessageId: _, recipient, stream, outcome, ...rest } = decision;
  receiveRecipient(tx, seq, recipient, time(decision.receivedAt));
  // Only where nobody decided: a recipient that is `received`, or that failed before anybody could.
  const { changes } = tx.run(
    `UPDATE recipients SET state = ?, open = ?, stream = ?, decision = ?, outcome = ?, cause = NULL, updated_at = ?
     WHERE seq = ? AND recipient = ? AND decision IS NULL AND state IN ('received', 'failed')`,
    stream === null ? "done" : "decided",
    stream === null ? 0 : 1,
    stream,
    JSON.stringify(rest),
    outcome ?? null,
    now,
    seq,
    recipient,
  );
  if (changes === 0) return false;
  countEvent(tx, stream, "decided", now);
  if (stream !== null) feed(tx, stream, seq, recipient);
  if (stream === null) countEvent(tx, null, "done", now, now - time(decision.receivedAt));
  return true;
}

function countOf(tx: Transaction, { sesMessageId, recipient }: Claim, event: StreamEvent, now: number): void {
  const seq = findSequence(tx, sesMessageId);
  const row =
    seq !== undefined &&
    tx.get("SELECT stream, received_at FROM recipients WHERE seq = ? AND recipient = ?", seq, recipient);
  if (!row) return;
  countEvent(tx, streamOf(row), event, now, event === "retried" ? undefined : now - Number(row["received_at"]));
}

const streamOf = (row: Row) => (row["stream"] === null ? null : String(row["stream"]));

type StoredDecision = Omit<Decision, "sesMessageId" | "recipient" | "stream" | "outcome">;

function toRecord(row: Row): RecipientRecord {
  const decision: StoredDecision =
    row["decision"] === null ? undecided(Number(row["received_at"])) : parse<StoredDecision>(row["decision"]);
  return {
    sesMessageId: String(row["ses_message_id"]) as SesMessageId,
    recipient: String(row["recipient"]),
    stream: row["stream"] === null ? null : String(row["stream"]),
    ...decision,
    state: String(row["state"]) as RecipientState,
    attempts: Number(row["attempts"]),
    ...(row["outcome"] !== null && { outcome: String(row["outcome"]) }),
    ...(row["cause"] !== null && { cause: String(row["cause"]) }),
    ...(row["duplicate_of"] !== null && { duplicateOf: String(row["duplicate_of"]) as SesMessageId }),
    ...(row["detail"] !== null && { detail: parse<Record<string, string>>(row["detail"]) }),
    updatedAt: new Date(Number(row["updated_at"])).toISOString(),
  };
}

const undecided = (receivedAt: number): StoredDecision => ({
  configVersion: "",
  nature: { kind: "human", confidence: 0, evidence: [] },
  safety: { kind: "clean", reasons: [] },
  trust: "unaligned",
  reasons: [],
  receivedAt: new Date(receivedAt).toISOString(),
});

/** Our own JSON, as we wrote it. */
function parse<T>(text: unknown): T {
  return JSON.parse(String(text)) as T;
}

function time(iso: string): number {
  const at = Date.parse(iso);
  if (Number.isNaN(at)) throw new RangeError(`"${iso.slice(0, 40)}" is no ISO 8601 time`);
  return at;
}

// A cause may quote a server's answer: enough to act on, not enough to fill a disk.
const shortened = (cause: string) => cause.slice(0, 1000);
