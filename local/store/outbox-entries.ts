import type { OutgoingMail } from "../../shared/ports.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import type { Contents } from "./contents.ts";
import type { Database, Row, Sql } from "./database.ts";

/** `kept`: for people, in the outbox folder; `failed`: for at least one recipient, for good. */
export type OutboxState = "kept" | "waiting" | "sent" | "failed";

/** One mail that leaves or is kept, without its bytes. */
export interface OutboxEntry {
  /** Counted from 1, for paging and for people. */
  readonly number: number;
  readonly kind: OutgoingMail["kind"];
  /** The mail that caused it. */
  readonly about: SesMessageId | null;
  /** `""` is the null sender. */
  readonly envelopeSender: string;
  /** Without angle brackets; the same at every attempt. */
  readonly messageId: string;
  readonly sizeBytes: number;
  /** ISO 8601. */
  readonly createdAt: string;
  /** When its time to live began (ISO 8601): at its creation, or when somebody asked for it again. */
  readonly waitingSince: string;
  readonly state: OutboxState;
  /** Attempts begun so far. */
  readonly attempts: number;
  /** While it waits: the next attempt (ISO 8601). */
  readonly dueAt: string | null;
  /** Why the last attempt came to nothing, where that was no recipient's matter. */
  readonly cause: string | null;
  readonly recipients: readonly OutboxRecipient[];
}

export interface OutboxRecipient {
  readonly recipient: string;
  readonly state: OutboxState;
  /** What the next hop said last. */
  readonly reply: string | null;
  readonly updatedAt: string;
}

export interface OutboxReading {
  /** Newest first; `before`: the last number of the page before. */
  list(options: {
    readonly before?: number;
    readonly limit: number;
    readonly state?: OutboxState;
  }): Promise<readonly OutboxEntry[]>;
  entry(number: number): Promise<OutboxEntry | undefined>;
  /** What a mail caused, oldest first. */
  about(sesMessageId: SesMessageId): Promise<readonly OutboxEntry[]>;
  /** The mail's bytes; `undefined` when there is no such mail. */
  open(number: number): AsyncIterable<Uint8Array> | undefined;
}

// A mail causes a few mails; who looks at its journey needs no more.
const maxAbout = 100;
const selectEntry = "SELECT outbox.*, size_bytes FROM outbox JOIN contents ON contents.id = content";

export function readOutbox(database: Database, contents: Pick<Contents, "open">): OutboxReading {
  return {
    list: async ({ before = Number.MAX_SAFE_INTEGER, limit, state }) =>
      database.read((sql) =>
        (state === undefined
          ? sql.all(`${selectEntry} WHERE outbox.id < ? ORDER BY outbox.id DESC LIMIT ?`, before, limit)
          : sql.all(
              `${selectEntry} WHERE state = ? AND outbox.id < ? ORDER BY outbox.id DESC LIMIT ?`,
              state,
              before,
              limit,
            )
        ).map((row) => toEntry(sql, row)),
      ),
    entry: async (number) =>
      database.read((sql) => {
        const row = sql.get(`${selectEntry} WHERE outbox.id = ?`, number);
        return row && toEntry(sql, row);
      }),
    about: async (sesMessageId) =>
      database.read((sql) =>
        sql
          .all(`${selectEntry} WHERE about = ? ORDER BY outbox.id LIMIT ${maxAbout}`, sesMessageId)
          .map((row) => toEntry(sql, row)),
      ),
    open(number) {
      const row = database.read((sql) => sql.get("SELECT content FROM outbox WHERE id = ?", number));
      return row && contents.open(Number(row["content"]));
    },
  };
}

export function countOutbox(sql: Sql): Readonly<Record<string, number>> {
  return Object.fromEntries(
    sql
      .all("SELECT state, count(*) AS n FROM outbox GROUP BY state")
      .map((row) => [String(row["state"]), Number(row["n"])]),
  );
}

export function toEntry(sql: Sql, row: Row): OutboxEntry {
  const number = Number(row["id"]);
  const dueAt = row["due_at"];
  return {
    number,
    kind: String(row["kind"]) as OutgoingMail["kind"],
    about: text(row["about"]) as SesMessageId | null,
    envelopeSender: String(row["mail_from"]),
    messageId: String(row["message_id"]),
    sizeBytes: Number(row["size_bytes"]),
    createdAt: new Date(Number(row["created_at"])).toISOString(),
    waitingSince: new Date(Number(row["waiting_since"])).toISOString(),
    state: String(row["state"]) as OutboxState,
    attempts: Number(row["attempts"]),
    dueAt: typeof dueAt === "number" ? new Date(dueAt).toISOString() : null,
    cause: text(row["cause"]),
    recipients: sql
      .all("SELECT recipient, state, reply, updated_at FROM outbox_recipients WHERE mail = ? ORDER BY position", number)
      .map((recipient) => ({
        recipient: String(recipient["recipient"]),
        state: String(recipient["state"]) as OutboxState,
        reply: text(recipient["reply"]),
        updatedAt: new Date(Number(recipient["updated_at"])).toISOString(),
      })),
  };
}

const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
