import type { Clock, Limits } from "../../shared/ports.ts";
import type { Database, Transaction } from "./database.ts";

// Rows whose time is over go with the next few that are written, so that the table does not outgrow what it limits.
const sweepRows = 10;

/** One row for each key that was used lately: what was let through, and when. */
export function createLimits(database: Database, clock: Clock): Limits {
  return {
    take: (key, id, limit) => database.write((tx) => take(tx, key, id, limit, clock.now().getTime())),
  };
}

function take(
  tx: Transaction,
  key: string,
  id: string,
  { max, windowMs }: { readonly max: number; readonly windowMs: number },
  now: number,
): boolean {
  const row = tx.get("SELECT taken FROM limits WHERE key = ?", key);
  const taken = row ? (JSON.parse(String(row["taken"])) as [at: number, id: string][]) : [];
  const recent = taken.filter(([at]) => at > now - windowMs);
  if (recent.some(([, known]) => known === id)) return true;
  if (recent.length >= max) return false;
  tx.run("DELETE FROM limits WHERE key IN (SELECT key FROM limits WHERE ends_at <= ? LIMIT ?)", now, sweepRows);
  tx.run(
    `INSERT INTO limits (key, ends_at, taken) VALUES (?1, ?2, ?3)
     ON CONFLICT (key) DO UPDATE SET ends_at = ?2, taken = ?3`,
    key,
    now + windowMs,
    JSON.stringify([...recent, [now, id]]),
  );
  return true;
}
