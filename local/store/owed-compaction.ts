import { setTimeout as sleep } from "node:timers/promises";
import type { Database, Transaction } from "./database.ts";

// Stands from the transaction that deleted something for good until the file was written anew without it. The value tells one
// such transaction from the next.
const name = "compaction owed";
const busyPauseMs = 250;

/** To be called in the transaction that deletes what must leave no octet: also a process that dies behind it owes that. */
export function oweCompaction(tx: Transaction): void {
  tx.run("INSERT OR REPLACE INTO settings (name, value) VALUES (?, hex(randomblob(8)))", name);
}

/**
 * Writes the database anew when that is owed: deleted rows lie in its free space, and where a page was split, copies of them do.
 *
 * @param tries - how often readers are waited for, a quarter of a second each time
 * @returns false when a reader keeps the log from being emptied: it is still owed
 */
export async function settleCompaction(
  database: Pick<Database, "read" | "write" | "compact">,
  tries: number,
): Promise<boolean> {
  for (let tried = 1; ; tried++) {
    const owed = database.read((sql) => sql.get("SELECT value FROM settings WHERE name = ?", name));
    if (!owed) return true;
    if (database.compact()) {
      await database.write((tx) =>
        tx.run("DELETE FROM settings WHERE name = ? AND value = ?", name, owed["value"] ?? null),
      );
      return true;
    }
    if (tried >= tries) return false;
    await sleep(busyPauseMs);
  }
}
