import type { Database } from "./database.ts";

/**
 * Gives back what a process that is no more had taken: queue messages in flight and invocations under way become due at
 * once, instead of after their visibility timeout. For the start only; the folder's lock is the proof that the process is
 * gone. Receive counts and attempts stay: a mail that ends the engine each time must end in a dead-letter queue.
 */
export function releaseTaken(database: Database, now: Date): Promise<void> {
  return database.write((tx) => {
    tx.run(
      // Never received is delayed on purpose, and stays so.
      "UPDATE queue_messages SET visible_at = ?1, receipt = receipt + 1 WHERE visible_at > ?1 AND receive_count > 0",
      now.getTime(),
    );
    tx.run("UPDATE invocations SET due_at = ?1 WHERE due_at > ?1 AND attempts > 0", now.getTime());
  });
}
