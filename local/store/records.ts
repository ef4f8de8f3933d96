import type { MailRecord, Records } from "../../shared/ports.ts";
import { assertClaim, effectResult, noteEffect } from "./claims.ts";
import type { Database } from "./database.ts";

// design: facts are at most 32 KB of JSON.
const maxFactsBytes = 32_768;

/** What bounces, complaints, auto-replies and list mail told us. Pages go on behind `recordCursor` of the last record. */
export function createRecords(database: Database): Records {
  return {
    record: (claim, record) =>
      database.write((tx) => {
        const seq = assertClaim(tx, claim);
        const effect = `record ${record.kind}`;
        if (effectResult(tx, seq, claim.recipient, effect) !== undefined) return "repeated";
        if (Buffer.byteLength(JSON.stringify(record.facts ?? null)) > maxFactsBytes) {
          throw new RangeError(`the facts of a record take at most ${maxFactsBytes} octets of JSON`);
        }
        const key = recordCursor(record);
        tx.run(
          "INSERT OR REPLACE INTO records (sort_key, kind, record) VALUES (?, ?, ?)",
          key,
          record.kind,
          JSON.stringify(record),
        );
        noteEffect(tx, seq, claim.recipient, effect, key);
        return "recorded";
      }),
    list: async ({ kind, after = "", limit }) =>
      database.read((sql) =>
        (kind === undefined
          ? sql.all("SELECT record FROM records WHERE sort_key > ? ORDER BY sort_key LIMIT ?", after, limit)
          : sql.all(
              "SELECT record FROM records WHERE kind = ? AND sort_key > ? ORDER BY sort_key LIMIT ?",
              kind,
              after,
              limit,
            )
        ).map((row) => JSON.parse(String(row["record"])) as MailRecord),
      ),
  };
}

/** Where a record stands in the list: by time, oldest first. */
export function recordCursor({ at, sesMessageId, recipient, kind }: MailRecord): string {
  return `${at} ${sesMessageId} ${recipient} ${kind}`;
}
