import { join } from "node:path";
import { normaliseAddress } from "../../shared/mail/address.ts";
import type { BounceRequest, Clock, Outbox } from "../../shared/ports.ts";
import type { Database, Sql, Transaction } from "./database.ts";
import { type FileSystem, makeFolder, syncFolderNow, writeSynced } from "./files.ts";
import { sequenceOf } from "./ids.ts";

export interface OutgoingMail {
  /** A repeated key sends nothing. */
  readonly key: string;
  /** Envelope recipient. */
  readonly to: string;
  /** The DSN's SES id, without angle brackets or domain. */
  readonly messageId: string;
  readonly raw: Uint8Array;
}

/** Writes the DSN that `sendBounce` sends: the caller knows the original message and the RFC 3464 form. */
export type ComposeBounce = (
  request: BounceRequest,
) => Promise<{ readonly messageId: string; readonly to: string; readonly raw: Uint8Array }>;

export interface LocalOutbox extends Outbox {
  enqueue(tx: Transaction, mail: OutgoingMail): void;
  /** What waits, oldest first; `after`: a number of the last page. */
  list(options: {
    readonly after?: number;
    readonly limit: number;
  }): Promise<readonly (OutgoingMail & { readonly number: number })[]>;
  /** Resolves when every committed mail is a file in the outbox folder. */
  filed(): Promise<void>;
}

/** Outgoing mail: the row is the truth, the file in `outbox/` follows the commit and is made up for at the next start. */
export async function openOutbox(
  database: Database,
  fs: FileSystem,
  folder: string,
  clock: Clock,
  composeBounce: ComposeBounce,
): Promise<LocalOutbox> {
  await makeFolder(fs, folder);
  // One at a time; a failure is told to whoever waits for this round, and the next round tries again.
  let round: Promise<void> = Promise.resolve();
  const file = () => {
    const mine = round.then(() => fileAll(database, fs, folder));
    round = mine.catch(() => undefined);
    return mine;
  };
  const enqueue = (tx: Transaction, mail: OutgoingMail) => {
    const { changes } = tx.run(
      "INSERT OR IGNORE INTO outbox (key, recipient, message_id, created_at, raw) VALUES (?, ?, ?, ?, ?)",
      mail.key,
      mail.to,
      mail.messageId,
      clock.now().getTime(),
      mail.raw,
    );
    if (changes > 0) tx.afterCommit(() => void file().catch(() => undefined));
  };
  await file();

  return {
    enqueue,
    filed: file,
    list: async ({ after = 0, limit }) =>
      database.read((sql) =>
        sql.all("SELECT * FROM outbox WHERE id > ? ORDER BY id LIMIT ?", after, limit).map((row) => ({
          number: Number(row["id"]),
          key: String(row["key"]),
          to: String(row["recipient"]),
          messageId: String(row["message_id"]),
          raw: row["raw"] as Uint8Array,
        })),
      ),
    async sendBounce(request) {
      for (;;) {
        const known = database.read((sql) => split(sql, request));
        const first = known.earlier[0];
        if (known.fresh.length === 0 && first !== undefined) return { messageId: first, repeated: true };
        const dsn = await composeBounce({ ...request, recipients: known.fresh });
        const sent = await database.write((tx) => {
          // While the DSN was written somebody else may have bounced one of them: then write another one.
          if (split(tx, request).fresh.length !== known.fresh.length) return false;
          const seq = sequenceOf(tx, request.originalMessageId);
          for (const { recipient } of known.fresh) {
            const address = normaliseAddress(recipient);
            tx.run(
              "INSERT OR IGNORE INTO bounces (seq, recipient, message_id) VALUES (?, ?, ?)",
              seq,
              address,
              dsn.messageId,
            );
          }
          enqueue(tx, { key: `send-bounce ${dsn.messageId}`, ...dsn });
          return true;
        });
        if (sent) return { messageId: dsn.messageId, repeated: false };
      }
    },
  };
}

/** Who has no bounce for this message yet, and the ids of the bounces that the others got. */
function split(sql: Sql, { originalMessageId, recipients }: BounceRequest) {
  const fresh: BounceRequest["recipients"][number][] = [];
  const earlier: string[] = [];
  for (const entry of recipients) {
    const row = sql.get(
      "SELECT message_id FROM bounces JOIN ids USING (seq) WHERE ses_message_id = ? AND recipient = ?",
      originalMessageId,
      normaliseAddress(entry.recipient),
    );
    if (row) earlier.push(String(row["message_id"]));
    else fresh.push(entry);
  }
  return { fresh, earlier };
}

async function fileAll(database: Database, fs: FileSystem, folder: string): Promise<void> {
  for (;;) {
    const row = database.read((sql) =>
      sql.get("SELECT id, message_id, raw FROM outbox WHERE filed = 0 ORDER BY id LIMIT 1"),
    );
    if (!row) return;
    // The id comes from us, but a file name takes no chances.
    const name = String(row["message_id"])
      .replace(/[^A-Za-z0-9._-]/g, "_")
      .replace(/^\.+/, "_")
      .slice(0, 120);
    const path = join(folder, `${name || "mail"}.eml`);
    await writeSynced(fs, `${path}.tmp`, [row["raw"] as Uint8Array]);
    await fs.rename(`${path}.tmp`, path);
    await syncFolderNow(fs, folder);
    await database.write((tx) => void tx.run("UPDATE outbox SET filed = 1 WHERE id = ?", Number(row["id"])));
  }
}
