import type { BeginResult, Clock, PropagationRecord, Propagations } from "../../shared/ports.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import type { Database, Row } from "./database.ts";

/** How far every change is on its way to every target. */
export function createPropagations(database: Database, clock: Clock): Propagations {
  const now = () => clock.now().toISOString();
  return {
    begin: ({ change, target, sesMessageId }, leaseMs) =>
      database.write((tx): BeginResult => {
        const row = tx.get("SELECT * FROM propagations WHERE change = ? AND target = ?", change, target);
        const known = row && toRecord(row);
        if (known?.state === "done" || known?.state === "stopped") return { kind: "ended" };
        const at = clock.now().getTime();
        if (known?.state === "waiting") {
          if (known.dueAt === undefined && Date.parse(known.updatedAt) + leaseMs > at) return { kind: "busy" };
          if (known.dueAt !== undefined && Date.parse(known.dueAt) > at) return { kind: "early", dueAt: known.dueAt };
        }
        const attempt = (known?.attempts ?? 0) + 1;
        tx.run(
          `INSERT INTO propagations (change, target, ses_message_id, state, attempts, updated_at) VALUES (?, ?, ?, 'waiting', ?, ?)
            ON CONFLICT DO UPDATE SET state = 'waiting', attempts = excluded.attempts, due_at = NULL, updated_at = excluded.updated_at`,
          change,
          target,
          sesMessageId ?? null,
          attempt,
          now(),
        );
        return { kind: "begun", attempt };
      }),
    note: ({ change, target, attempt, state, cause, dueAt }) =>
      database.write((tx) => {
        const { changes } = tx.run(
          `UPDATE propagations SET state = ?, cause = ?, due_at = ?, updated_at = ?
            WHERE change = ? AND target = ? AND attempts = ? AND state = 'waiting'`,
          state,
          cause ?? null,
          dueAt ?? null,
          now(),
          change,
          target,
          attempt,
        );
        return changes === 1;
      }),
    of: async (sesMessageId) =>
      database.read((sql) =>
        sql
          .all("SELECT * FROM propagations WHERE ses_message_id = ? ORDER BY change, target", sesMessageId)
          .map(toRecord),
      ),
    get: async (change, target) =>
      database.read((sql) => {
        const row = sql.get("SELECT * FROM propagations WHERE change = ? AND target = ?", change, target);
        return row && toRecord(row);
      }),
  };
}

function toRecord(row: Row): PropagationRecord {
  return {
    change: String(row["change"]),
    target: String(row["target"]),
    ...(row["ses_message_id"] !== null && { sesMessageId: String(row["ses_message_id"]) as SesMessageId }),
    state: String(row["state"]) as PropagationRecord["state"],
    attempts: Number(row["attempts"]),
    ...(row["cause"] !== null && { cause: String(row["cause"]) }),
    ...(row["due_at"] !== null && { dueAt: String(row["due_at"]) }),
    updatedAt: String(row["updated_at"]),
  };
}
