import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { normaliseAddress, parseMailAddress } from "../../shared/mail/address.ts";
import { headerValue, parseHeaderSection } from "../../shared/mail/headers.ts";
import { checkOutgoingMail } from "../../shared/outgoing/check-outgoing-mail.ts";
import type { BounceRequest, Clock, Outbox, OutgoingMail } from "../../shared/ports.ts";
import { parseSesMessageId, type SesMessageId } from "../../shared/ses-message-id.ts";
import type { Contents, Prepared } from "./contents.ts";
import type { Database, Sql, Transaction } from "./database.ts";
import { createFolderMaker, createRounds, type FileSystem, syncFolderNow, writeSynced } from "./files.ts";
import { sequenceOf } from "./ids.ts";
import { orDiscard } from "./objects.ts";
import { type OutboxReading, readOutbox } from "./outbox-entries.ts";
import { createOutboxSending, type OutboxSending } from "./outbox-sending.ts";

const retryMs = 5_000;
// Together in the folder before one sync of it and one commit.
const filedAtOnce = 50;

/** A DSN that an action or SendBounce wrote; small, so that it may come with a transaction. */
export interface OutgoingBounce {
  /** A repeated key sends nothing. */
  readonly key: string;
  /** Envelope recipient; the envelope sender is null. */
  readonly to: string;
  /** The DSN's SES id, without angle brackets or domain. */
  readonly messageId: string;
  readonly raw: Uint8Array;
  /** The mail that is bounced. */
  readonly about: SesMessageId;
}

/** Writes the DSN that `sendBounce` sends: the caller knows the original message and the RFC 3464 form. */
export type ComposeBounce = (
  request: BounceRequest,
) => Promise<{ readonly messageId: string; readonly to: string; readonly raw: Uint8Array }>;

export interface LocalOutbox extends Outbox, OutboxReading, OutboxSending {
  enqueue(tx: Transaction, bounce: OutgoingBounce): void;
  /** Resolves when every committed mail that is kept is a file in the outbox folder. */
  filed(): Promise<void>;
  /** Files what is still to be filed, if that can be done; tries nothing again afterwards. */
  close(): Promise<void>;
}

export interface OutboxParts {
  readonly contents: Pick<Contents, "open" | "prepare" | "discard" | "insert">;
  readonly fs: FileSystem;
  readonly folder: string;
  readonly clock: Clock;
  readonly composeBounce: ComposeBounce;
  readonly newName: () => string;
  /** Whether somebody sends: otherwise mail is kept in the folder, for people. */
  readonly sends: boolean;
  /** Puts what became of a forwarded mail on its way to the feedback queue. */
  readonly feedback: (tx: Transaction, event: object) => void;
}

/**
 * Outgoing mail. The row is the truth; where nobody sends, a file in `outbox/` follows the commit and is made up for at the
 * next start. What was kept stays kept when a smarthost is configured later: old mail must not leave unasked (`retry`).
 */
export async function openOutbox(database: Database, parts: OutboxParts): Promise<LocalOutbox> {
  const { contents, fs, folder, clock, composeBounce, sends } = parts;
  await createFolderMaker(fs, dirname(folder))(folder);
  const sending = createOutboxSending(database, clock, parts.feedback);
  await sending.afterStart(sends);
  let retry: NodeJS.Timeout | undefined;
  let closing = false;
  const file = createRounds(async () => {
    clearTimeout(retry);
    try {
      await fileAll(database, contents, fs, folder);
    } catch (error) {
      // Nobody else may come who would try again, when the disk has space.
      if (!closing) retry = setTimeout(() => void file().catch(() => undefined), retryMs).unref();
      throw error;
    }
  });
  const insert = (
    tx: Transaction,
    mail: Pick<OutgoingMail, "kind" | "envelopeSender" | "recipients"> & {
      readonly key: string;
      readonly messageId: string;
      readonly about: SesMessageId | undefined;
    },
    prepared: Prepared,
  ) => {
    const now = clock.now().getTime();
    const state = sends ? "waiting" : "kept";
    const { lastId } = tx.run(
      `INSERT INTO outbox (key, kind, about, mail_from, message_id, created_at, waiting_since, state, due_at, filed, content)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      mail.key,
      mail.kind,
      mail.about ?? null,
      mail.envelopeSender,
      mail.messageId,
      now,
      now,
      state,
      sends ? now : null,
      sends ? 1 : 0,
      contents.insert(tx, prepared),
    );
    for (const [position, recipient] of mail.recipients.entries()) {
      tx.run(
        "INSERT INTO outbox_recipients (mail, position, recipient, state, updated_at) VALUES (?, ?, ?, ?, ?)",
        lastId,
        position,
        recipient,
        state,
        now,
      );
    }
    if (sends) tx.wake();
    else tx.afterCommit(() => void file().catch(() => undefined));
  };
  const enqueue = (tx: Transaction, { key, to, messageId, raw, about }: OutgoingBounce) => {
    if (sentAs(tx, key) !== undefined) return;
    const prepared = { kind: "inline", bytes: raw, sizeBytes: raw.length } as const;
    insert(tx, { kind: "bounce", envelopeSender: "", recipients: [to], key, messageId, about }, prepared);
  };
  await file();

  return {
    ...readOutbox(database, contents),
    ...sending,
    enqueue,
    filed: file,
    close() {
      closing = true;
      clearTimeout(retry);
      return file();
    },
    forwardSentAs: async (messageId) => {
      const rows = database.read((sql) =>
        sql.all(
          `SELECT key FROM outbox WHERE kind = 'forward' AND ${/^outbox-\d{1,15}$/.test(messageId) ? "id" : "message_id"} = ? LIMIT 2`,
          messageId.replace(/^outbox-(?=\d{1,15}$)/, ""),
        ),
      );
      const [row, ...more] = rows;
      return row && more.length === 0 ? { id: String(row["key"]).replace(/^mail /, "") } : undefined;
    },
    async sendMail(mail) {
      checkOutgoingMail(mail);
      const key = `mail ${mail.id}`;
      const earlier = database.read((sql) => sentAs(sql, key));
      if (earlier !== undefined) return { messageId: earlier, repeated: true };
      const { raw, messageId } = withMessageId(mail);
      const prepared = await contents.prepare(raw, parts.newName());
      const about = parseSesMessageId(/^[^/ ]*(?=[/ ])/.exec(mail.id)?.[0] ?? "");
      const recipients = [...new Set(mail.recipients)];
      const first = await orDiscard(contents, [prepared], () =>
        database.write((tx) => {
          const known = sentAs(tx, key);
          if (known === undefined) insert(tx, { ...mail, recipients, key, messageId, about }, prepared);
          return known;
        }),
      );
      if (first === undefined) return { messageId, repeated: false };
      await contents.discard(prepared);
      return { messageId: first, repeated: true };
    },
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
          enqueue(tx, { key: `send-bounce ${dsn.messageId}`, about: request.originalMessageId, ...dsn });
          return true;
        });
        if (sent) return { messageId: dsn.messageId, repeated: false };
      }
    },
  };
}

function sentAs(sql: Sql, key: string): string | undefined {
  const row = sql.get("SELECT message_id FROM outbox WHERE key = ?", key);
  return row && String(row["message_id"]);
}

/** The id that the mail brings; or one that follows from its id, so that it is the same at every attempt. */
function withMessageId({ id, envelopeSender, raw }: OutgoingMail): { raw: Uint8Array; messageId: string } {
  const { headers } = parseHeaderSection(raw);
  const own = /<([^<>\s]{1,900})>/.exec(headerValue(headers, "Message-ID") ?? "")?.[1];
  if (own !== undefined) return { raw, messageId: own };
  const author = /([^\s<>"]+@[^\s<>"]+)>?\s*$/.exec(headerValue(headers, "From") ?? "")?.[1] ?? "";
  const domain = (parseMailAddress(author) ?? parseMailAddress(envelopeSender))?.domain ?? "mailweir.invalid";
  const messageId = `${createHash("sha256").update(id).digest("hex").slice(0, 40)}@${domain}`;
  return { raw: Buffer.concat([Buffer.from(`Message-ID: <${messageId}>\r\n`), raw]), messageId };
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

/** Writes what has no file yet; a commit and a sync of the folder are shared by as many as are looked up at once. */
async function fileAll(
  database: Database,
  contents: Pick<Contents, "open">,
  fs: FileSystem,
  folder: string,
): Promise<void> {
  for (;;) {
    const rows = database.read((sql) =>
      sql.all("SELECT id, message_id, content FROM outbox WHERE filed = 0 ORDER BY id LIMIT ?", filedAtOnce),
    );
    if (rows.length === 0) return;
    for (const row of rows) {
      // The id may be a stranger's, and a file name takes no chances.
      const name = String(row["message_id"])
        .replace(/[^A-Za-z0-9._-]/g, "_")
        .replace(/^\.+/, "_")
        .slice(0, 120);
      // Two mails may carry the same Message-ID, as when one is forwarded to two people.
      const path = join(folder, `${name || "mail"}-${Number(row["id"])}.eml`);
      await writeSynced(fs, `${path}.tmp`, contents.open(Number(row["content"])) ?? []);
      await fs.rename(`${path}.tmp`, path);
    }
    await syncFolderNow(fs, folder);
    await database.write((tx) => {
      for (const row of rows) tx.run("UPDATE outbox SET filed = 1 WHERE id = ?", Number(row["id"]));
    });
  }
}
