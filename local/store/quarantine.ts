import type { HeldMessage, Quarantine } from "../../shared/ports.ts";
import { assertClaim } from "./claims.ts";
import type { Database } from "./database.ts";
import { findSequence } from "./ids.ts";

/** Held messages. Pages go on behind `heldCursor` of the last one. */
export function createQuarantine(database: Database): Quarantine {
  return {
    hold: (claim, held) =>
      database.write((tx) => {
        const seq = assertClaim(tx, claim);
        // Unique on (message, recipient): a second hold keeps the first one's date.
        tx.run(
          "INSERT OR IGNORE INTO quarantine (sort_key, seq, recipient, held) VALUES (?, ?, ?, ?)",
          heldCursor(held),
          seq,
          claim.recipient,
          JSON.stringify(held),
        );
      }),
    get: async (sesMessageId, recipient) => {
      const row = database.read((sql) =>
        sql.get(
          "SELECT held FROM quarantine JOIN ids USING (seq) WHERE ses_message_id = ? AND recipient = ?",
          sesMessageId,
          recipient,
        ),
      );
      return row && (JSON.parse(String(row["held"])) as HeldMessage);
    },
    list: async ({ order = "oldest", after, limit }) =>
      database.read((sql) =>
        sql
          .all(
            order === "oldest"
              ? "SELECT held FROM quarantine WHERE sort_key > ? ORDER BY sort_key LIMIT ?"
              : "SELECT held FROM quarantine WHERE sort_key < ? ORDER BY sort_key DESC LIMIT ?",
            after ?? (order === "oldest" ? "" : behindEveryTime),
            limit,
          )
          .map((row) => JSON.parse(String(row["held"])) as HeldMessage),
      ),
    remove: (sesMessageId, recipient) =>
      database.write((tx) => {
        const seq = findSequence(tx, sesMessageId);
        if (seq !== undefined) tx.run("DELETE FROM quarantine WHERE seq = ? AND recipient = ?", seq, recipient);
      }),
  };
}

// Cursors begin with a digit.
const behindEveryTime = "~";

/** Where a held message stands in the list: by time. */
export function heldCursor({ heldAt, sesMessageId, recipient }: HeldMessage): string {
  return `${heldAt} ${sesMessageId} ${recipient}`;
}
