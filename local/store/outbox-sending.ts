import type { Clock } from "../../shared/ports.ts";
import type { Database, Transaction } from "./database.ts";
import { type OutboxEntry, toEntry } from "./outbox-entries.ts";

/** What an attempt came to. */
export interface OutboxAttempt {
  /** Of those that waited; who is not named waits on. */
  readonly recipients: readonly {
    readonly recipient: string;
    readonly state: "waiting" | "sent" | "failed";
    readonly reply: string;
  }[];
  /** Why the attempt came to nothing, where that was no recipient's matter. */
  readonly cause?: string;
  /** For those who wait on. */
  readonly retryAt?: Date;
}

export interface OutboxSending {
  /** Mails that are due, oldest first, each counted as begun and locked until `lockedUntil`. */
  takeOutgoing(now: Date, lockedUntil: Date, limit: number): Promise<readonly OutboxEntry[]>;
  settleOutgoing(number: number, attempt: OutboxAttempt): Promise<void>;
  /**
   * Makes what was kept or failed wait again, for the recipients that did not get it. False when there is no such mail, or
   * nobody left to send it to.
   */
  retry(number: number): Promise<boolean>;
}

const maxTextCharacters = 1_000;
const selectDue = `SELECT outbox.*, size_bytes FROM outbox JOIN contents ON contents.id = content
  WHERE due_at <= ? ORDER BY due_at, outbox.id LIMIT ?`;

/** The half of the outbox that a sender works on: rows with a due time, resumed after a crash. */
export function createOutboxSending(
  database: Database,
  clock: Clock,
  /** What the feedback queue is to hear of a forwarded mail, in the transaction that ends it. */
  feedback: (tx: Transaction, event: object) => void = () => undefined,
): OutboxSending & { afterStart(sends: boolean): Promise<void> } {
  return {
    /** What a process that is no more had taken is due at once; where nobody sends any more, what waited is kept. */
    afterStart: (sends) =>
      database.write((tx) => {
        if (sends) {
          tx.run("UPDATE outbox SET due_at = ?, taken = 0 WHERE taken = 1", clock.now().getTime());
          return;
        }
        tx.run(
          `UPDATE outbox_recipients SET state = 'kept' WHERE state = 'waiting'
           AND mail IN (SELECT id FROM outbox WHERE due_at IS NOT NULL)`,
        );
        tx.run("UPDATE outbox SET state = 'kept', due_at = NULL, taken = 0, filed = 0 WHERE due_at IS NOT NULL");
      }),
    async takeOutgoing(now, lockedUntil, limit) {
      if (!database.read((sql) => sql.get(selectDue, now.getTime(), 1))) return [];
      return database.write((tx) =>
        tx.all(selectDue, now.getTime(), limit).map((row) => {
          const number = Number(row["id"]);
          tx.run(
            "UPDATE outbox SET attempts = attempts + 1, taken = 1, due_at = ? WHERE id = ?",
            lockedUntil.getTime(),
            number,
          );
          return { ...toEntry(tx, row), attempts: Number(row["attempts"]) + 1 };
        }),
      );
    },
    settleOutgoing: (number, { recipients, cause, retryAt }) =>
      database.write((tx) => {
        const now = clock.now();
        for (const { recipient, state, reply } of recipients) {
          tx.run(
            `UPDATE outbox_recipients SET state = ?, reply = ?, updated_at = ?
             WHERE mail = ? AND recipient = ? AND state = 'waiting'`,
            state,
            reply.slice(0, maxTextCharacters),
            now.getTime(),
            number,
            recipient,
          );
        }
        const states = tx
          .all("SELECT DISTINCT state FROM outbox_recipients WHERE mail = ?", number)
          .map((row) => row["state"]);
        const state = states.includes("waiting") ? "waiting" : states.includes("failed") ? "failed" : "sent";
        tx.run(
          "UPDATE outbox SET state = ?, due_at = ?, taken = 0, cause = ? WHERE id = ?",
          state,
          state === "waiting" ? (retryAt ?? now).getTime() : null,
          cause?.slice(0, maxTextCharacters) ?? null,
          number,
        );
        if (state === "waiting") tx.wake();
        const row = tx.get("SELECT kind, mail_from FROM outbox WHERE id = ?", number);
        if (row?.["kind"] !== "forward") return;
        for (const failed of recipients.filter((each) => each.state === "failed")) {
          feedback(tx, bounceEvent(number, String(row["mail_from"]), failed, now));
        }
      }),
    retry: (number) =>
      database.write((tx) => {
        const { changes } = tx.run(
          "UPDATE outbox_recipients SET state = 'waiting' WHERE mail = ? AND state IN ('kept', 'failed')",
          number,
        );
        if (changes === 0) return false;
        // Its time to live begins anew: whoever asks again wants more than one attempt.
        tx.run(
          "UPDATE outbox SET state = 'waiting', attempts = 0, waiting_since = ?1, due_at = ?1, cause = NULL WHERE id = ?2",
          clock.now().getTime(),
          number,
        );
        tx.wake();
        return true;
      }),
  };
}

/** What SES would tell of it: that a recipient will not get the mail. Only of a missing mailbox it says "Permanent". */
function bounceEvent(
  number: number,
  source: string,
  { recipient, reply }: OutboxAttempt["recipients"][number],
  now: Date,
): object {
  const [status] = /\b5\.\d{1,3}\.\d{1,3}\b/.exec(reply) ?? [];
  const isGone = /^5\.1\.(?:1|2|3|6|10)$|^5\.2\.1$/.test(status ?? "");
  return {
    eventType: "Bounce",
    bounce: {
      bounceType: isGone ? "Permanent" : "Transient",
      bounceSubType: "General",
      bouncedRecipients: [{ emailAddress: recipient, action: "failed", ...(status !== undefined && { status }) }],
      timestamp: now.toISOString(),
      feedbackId: `outbox-${number} ${now.getTime()}`,
    },
    mail: { messageId: `outbox-${number}`, ...(source !== "" && { source }) },
  };
}
