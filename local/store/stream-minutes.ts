import type { Clock } from "../../shared/ports.ts";
import type { Database, Sql, Transaction } from "./database.ts";

export type StreamEvent = "decided" | "done" | "quarantined" | "failed" | "retried";

/** What happened between two points in time; `stream` is `none` for recipients without one. */
export interface StreamSlice {
  readonly stream: string;
  /** ISO 8601. */
  readonly from: string;
  readonly decided: number;
  readonly done: number;
  readonly quarantined: number;
  readonly failed: number;
  readonly retried: number;
  /** From receipt to end; null where nothing ended. */
  readonly meanLagMs: number | null;
  readonly maxLagMs: number | null;
}

/** What is not at its end yet. */
export interface StreamBacklog {
  readonly stream: string;
  readonly open: number;
  /** ISO 8601: receipt of the oldest; null: nothing is open. */
  readonly oldestReceivedAt: string | null;
}

const minuteMs = 60_000;
// A month of minutes; older ones go when a new one begins.
const keptMinutes = 31 * 24 * 60;

const columns: Readonly<Record<StreamEvent, string>> = {
  decided: insertOf("decided"),
  done: insertOf("done"),
  quarantined: insertOf("quarantined"),
  failed: insertOf("failed"),
  retried: insertOf("retried"),
};

function insertOf(column: string): string {
  return `INSERT INTO stream_minutes (minute, stream, ${column}, lag_ms, max_lag_ms) VALUES (?1, ?2, 1, ?3, ?3)
    ON CONFLICT DO UPDATE SET ${column} = ${column} + 1, lag_ms = lag_ms + ?3, max_lag_ms = max(max_lag_ms, ?3)`;
}

/** Counts in the transaction in which it happens. `lagMs`: since the receipt, for an end. */
export function countEvent(tx: Transaction, stream: string | null, event: StreamEvent, now: number, lagMs = 0): void {
  const minute = Math.floor(now / minuteMs);
  // Mail that was replayed from an archive has been received long ago: that is no lag of ours.
  const lag = lagMs > keptMinutes * minuteMs ? 0 : Math.max(0, Math.round(lagMs));
  tx.run(columns[event], minute, stream ?? "none", lag);
  // Once in a while is enough.
  if (minute % 60 === 0) tx.run("DELETE FROM stream_minutes WHERE minute < ?", minute - keptMinutes);
}

export interface StreamStatistics {
  /** Slices of `stepMinutes` from `from` on, those in which something happened. */
  slices(options: { readonly from: Date; readonly stepMinutes: number }): readonly StreamSlice[];
  backlog(): readonly StreamBacklog[];
  /** When the statistics look. */
  now(): Date;
}

export function readStreamStatistics(database: Pick<Database, "read">, clock: Clock): StreamStatistics {
  return {
    slices: ({ from, stepMinutes }) =>
      database.read((sql) =>
        sql
          .all(
            `SELECT stream, minute / ?1 AS step, sum(decided) AS decided, sum(done) AS done, sum(quarantined) AS quarantined,
               sum(failed) AS failed, sum(retried) AS retried, sum(lag_ms) AS lag_ms, max(max_lag_ms) AS max_lag_ms
             FROM stream_minutes WHERE minute >= ?2 GROUP BY stream, step ORDER BY stream, step`,
            stepMinutes,
            Math.floor(from.getTime() / minuteMs),
          )
          .map((row): StreamSlice => {
            const ended = Number(row["done"]) + Number(row["quarantined"]) + Number(row["failed"]);
            return {
              stream: String(row["stream"]),
              from: new Date(Number(row["step"]) * stepMinutes * minuteMs).toISOString(),
              decided: Number(row["decided"]),
              done: Number(row["done"]),
              quarantined: Number(row["quarantined"]),
              failed: Number(row["failed"]),
              retried: Number(row["retried"]),
              meanLagMs: ended === 0 ? null : Math.round(Number(row["lag_ms"]) / ended),
              maxLagMs: ended === 0 ? null : Number(row["max_lag_ms"]),
            };
          }),
      ),
    backlog: () => database.read(openOf),
    now: () => clock.now(),
  };
}

function openOf(sql: Sql): readonly StreamBacklog[] {
  return sql
    .all(
      `SELECT coalesce(stream, 'none') AS stream, count(*) AS n, min(received_at) AS oldest
       FROM recipients WHERE open = 1 GROUP BY stream`,
    )
    .map((row) => ({
      stream: String(row["stream"]),
      open: Number(row["n"]),
      oldestReceivedAt: new Date(Number(row["oldest"])).toISOString(),
    }));
}
