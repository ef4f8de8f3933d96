import type { Clock } from "../../shared/ports.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import type { Database, Transaction } from "./database.ts";

/** One recipient of one message that was decided for a stream. Numbers grow in the order of the decisions. */
export interface FeedEntry {
  readonly id: number;
  readonly sesMessageId: SesMessageId;
  readonly recipient: string;
}

export interface Consumer {
  readonly consumer: string;
  /** Everything up to this entry was taken over. */
  readonly acked: number;
  /** ISO 8601. */
  readonly updatedAt: string;
}

export interface StreamFeed {
  /** Behind `after`, in their order. */
  entries(stream: string, options: { readonly after: number; readonly limit: number }): readonly FeedEntry[];
  /** The newest entry of the stream; 0: there is none. */
  newest(stream: string): number;
  /** The lowest entry of all that may still be there: what is below was let go. */
  kept(): number;
  consumer(stream: string, consumer: string): Consumer | undefined;
  consumers(stream: string): readonly Consumer[];
  /** Acknowledgements only go forward; answers where it stands. */
  acknowledge(stream: string, consumer: string, id: number): Promise<number>;
  forgetConsumer(stream: string, consumer: string): Promise<boolean>;
}

// Of all streams together. Who is further behind has to read the messages another way.
const keptEntries = 1_000_000;

/** In the transaction in which the decision is written. */
export function feed(tx: Transaction, stream: string, seq: number, recipient: string): void {
  const { lastId } = tx.run(
    "INSERT INTO stream_feed (stream, seq, recipient) VALUES (?, ?, ?)",
    stream,
    seq,
    recipient,
  );
  tx.run("DELETE FROM stream_feed WHERE id <= ?", lastId - keptEntries);
}

export function createStreamFeed(database: Pick<Database, "read" | "write">, clock: Clock): StreamFeed {
  const toConsumer = (row: Readonly<Record<string, unknown>>): Consumer => ({
    consumer: String(row["consumer"]),
    acked: Number(row["acked"]),
    updatedAt: new Date(Number(row["updated_at"])).toISOString(),
  });
  return {
    entries: (stream, { after, limit }) =>
      database.read((sql) =>
        sql
          .all(
            `SELECT id, ses_message_id, recipient FROM stream_feed JOIN ids USING (seq)
             WHERE stream = ? AND id > ? ORDER BY id LIMIT ?`,
            stream,
            after,
            limit,
          )
          .map((row) => ({
            id: Number(row["id"]),
            sesMessageId: String(row["ses_message_id"]) as SesMessageId,
            recipient: String(row["recipient"]),
          })),
      ),
    newest: (stream) =>
      database.read((sql) =>
        Number(sql.get("SELECT max(id) AS id FROM stream_feed WHERE stream = ?", stream)?.["id"] ?? 0),
      ),
    kept: () =>
      database.read((sql) => Number(sql.get("SELECT max(id) AS id FROM stream_feed")?.["id"] ?? 0) - keptEntries + 1),
    consumer: (stream, consumer) =>
      database.read((sql) => {
        const row = sql.get("SELECT * FROM stream_consumers WHERE stream = ? AND consumer = ?", stream, consumer);
        return row && toConsumer(row);
      }),
    consumers: (stream) =>
      database.read((sql) =>
        sql.all("SELECT * FROM stream_consumers WHERE stream = ? ORDER BY consumer LIMIT 1000", stream).map(toConsumer),
      ),
    acknowledge: (stream, consumer, id) =>
      database.write((tx) => {
        tx.run(
          `INSERT INTO stream_consumers VALUES (?1, ?2, ?3, ?4)
           ON CONFLICT DO UPDATE SET acked = max(acked, ?3), updated_at = ?4`,
          ...[stream, consumer, id, clock.now().getTime()],
        );
        const row = tx.get("SELECT acked FROM stream_consumers WHERE stream = ? AND consumer = ?", stream, consumer);
        return Number(row?.["acked"] ?? id);
      }),
    forgetConsumer: (stream, consumer) =>
      database.write(
        (tx) =>
          tx.run("DELETE FROM stream_consumers WHERE stream = ? AND consumer = ?", stream, consumer).changes === 1,
      ),
  };
}
