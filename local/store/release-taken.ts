import type { Database } from "./database.ts";

// A receipt number counts each receive and each release, and is never set back: 40 are some twenty ends of the process.
const forgivenReceipts = 40;

/**
 * Gives back what a process that is no more had taken: queue messages in flight and invocations under way become due at
 * once, instead of after their visibility timeout. For the start only; the folder's lock is the proof that the process is
 * gone. A receive that the end of the process cut short is not counted: a machine that is switched off five times must not
 * make dead letters. Not for ever, though: a mail that ends the engine each time must become one.
 */
export function releaseTaken(database: Database, now: Date): Promise<void> {
  return database.write((tx) => {
    tx.run(
      // Never received is delayed on purpose, and stays so.
      `UPDATE queue_messages SET visible_at = ?1, receipt = receipt + 1,
         receive_count = CASE WHEN receipt < ?2 THEN receive_count - 1 ELSE receive_count END
       WHERE visible_at > ?1 AND receive_count > 0`,
      now.getTime(),
      forgivenReceipts,
    );
    tx.run("UPDATE invocations SET due_at = ?1 WHERE due_at > ?1 AND attempts > 0", now.getTime());
  });
}
