import { normaliseAddress } from "../../shared/mail/address.ts";
import { decodeWords } from "../../shared/mail/encoded-words.ts";
import { headerValue, parseHeaderSection } from "../../shared/mail/headers.ts";
import type { Clock } from "../../shared/ports.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import { ObjectNotFoundError } from "../../shared/streams/errors.ts";
import type { Contents, Prepared } from "./contents.ts";
import type { Database, Row, Sql, Transaction } from "./database.ts";
import type { AcceptedMessage, EngineStore, MessageEnd, RawInput, Verification } from "./engine-store.ts";
import { MessageExistsError, UnknownMessageError } from "./errors.ts";
import { chunkBytes } from "./files.ts";
import { drawSequence, findSequence } from "./ids.ts";
import { endUntold, receiveFirst, receiveRecipient } from "./ledger.ts";
import { orDiscard } from "./objects.ts";

type Messages = Pick<EngineStore, "accept" | "recordVerification" | "replaceVerification" | "endMessage">;
type MessageReading = Pick<EngineStore, "message" | "openRaw" | "unended" | "countUnended" | "verification">;

// What a list shows of a header: longer ones are cut, whatever a sender puts there.
const maxShownCharacters = 200;
const maxReasonCharacters = 1000;

/** Accepted messages: envelope, raw octets, verification, and the end of their rules. */
export function createMessages(
  database: Database,
  contents: Pick<Contents, "open" | "takeFile" | "insert" | "discard">,
  clock: Clock,
): Messages & MessageReading {
  const write = (message: AcceptedMessage, shown: ReturnType<typeof shownHeaders>, prepared: Prepared) =>
    database.write((tx) => {
      const { seq, isNew } = drawSequence(tx, message.sesMessageId);
      if (!isNew && tx.get("SELECT 1 FROM messages WHERE seq = ?", seq)) {
        throw new MessageExistsError(message.sesMessageId);
      }
      const receivedAt = message.receivedAt.getTime();
      tx.run(
        `INSERT INTO messages (seq, received_at, mail_from, recipients, client, rule_set, size_bytes, raw, subject, author)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        seq,
        receivedAt,
        message.from,
        JSON.stringify(message.recipients),
        JSON.stringify(message.client),
        message.ruleSetSnapshot,
        message.sizeBytes,
        contents.insert(tx, prepared),
        shown.subject,
        shown.author,
      );
      const receive = isNew ? receiveFirst : receiveRecipient;
      for (const recipient of message.recipients) receive(tx, seq, normaliseAddress(recipient), receivedAt);
      tx.run("UPDATE totals SET value = value + iif(name = 'bytes', ?, 1)", message.sizeBytes);
      tx.wake();
    }, "repeatable");
  const acceptFile = async (message: AcceptedMessage, raw: RawInput & { readonly kind: "file" }) => {
    const shown = shownHeaders(raw.beginning);
    const { sesMessageId, sizeBytes } = message;
    const prepared = await contents.takeFile(raw.path, `${sesMessageId}.eml`, { sizeBytes, durable: raw.durable });
    await orDiscard(contents, [prepared], () => write(message, shown, prepared));
  };
  return {
    ...readMessages(database, contents),
    accept(message, raw) {
      if (raw.kind === "file") return acceptFile(message, raw);
      const { bytes } = raw;
      return write(message, shownHeaders(bytes), { kind: "inline", bytes, sizeBytes: bytes.length });
    },
    recordVerification: (sesMessageId, verification) =>
      database.write((tx) => {
        writeVerification(tx, knownSequence(tx, sesMessageId), verification);
        return verificationOf(tx, sesMessageId) as Verification;
      }),
    replaceVerification: (sesMessageId, verification) =>
      database.write((tx) => {
        const seq = knownSequence(tx, sesMessageId);
        tx.run(
          "INSERT OR REPLACE INTO verifications (seq, verification) VALUES (?, ?)",
          seq,
          JSON.stringify(verification),
        );
      }),
    endMessage: (sesMessageId, end) =>
      database.write((tx) => writeEnd(tx, knownSequence(tx, sesMessageId), end, clock.now().getTime())),
  };
}

/** Put-if-absent. */
export function writeVerification(tx: Transaction, seq: number, verification: Verification): void {
  tx.run("INSERT OR IGNORE INTO verifications (seq, verification) VALUES (?, ?)", seq, JSON.stringify(verification));
}

export function writeEnd(tx: Transaction, seq: number, { reason, untold }: MessageEnd, now: number): void {
  const { changes } = tx.run(
    "UPDATE messages SET ended_at = ?, end_reason = ? WHERE seq = ? AND ended_at IS NULL",
    now,
    reason.slice(0, maxReasonCharacters),
    seq,
  );
  if (changes === 0) return;
  tx.run("UPDATE totals SET value = value - 1 WHERE name = 'unended'");
  for (const { recipient, outcome } of untold) endUntold(tx, seq, normaliseAddress(recipient), outcome, now);
}

export function readMessages(database: Database, contents: Pick<Contents, "open">): MessageReading {
  return {
    message: async (sesMessageId) =>
      database.read((sql) => {
        const row = sql.get("SELECT * FROM messages JOIN ids USING (seq) WHERE ses_message_id = ?", sesMessageId);
        return row && toMessage(row);
      }),
    openRaw: (sesMessageId) => openRaw(database, contents, sesMessageId),
    unended: async ({ limit }) =>
      database.read((sql) =>
        sql
          .all(
            `SELECT ses_message_id FROM messages JOIN ids USING (seq) WHERE ended_at IS NULL ORDER BY messages.seq LIMIT ?`,
            limit,
          )
          .map((row) => String(row["ses_message_id"]) as SesMessageId),
      ),
    countUnended: async () => database.read((sql) => total(sql, "unended")),
    verification: async (sesMessageId) => database.read((sql) => verificationOf(sql, sesMessageId)),
  };
}

export function total(sql: Sql, name: "messages" | "bytes" | "unended"): number {
  return Number(sql.get("SELECT value FROM totals WHERE name = ?", name)?.["value"] ?? 0);
}

/** @throws {UnknownMessageError} when it was not accepted here */
export function knownSequence(sql: Sql, sesMessageId: SesMessageId): number {
  const seq = findSequence(sql, sesMessageId);
  if (seq === undefined || !sql.get("SELECT 1 FROM messages WHERE seq = ?", seq)) {
    throw new UnknownMessageError(sesMessageId);
  }
  return seq;
}

async function* openRaw(database: Database, contents: Pick<Contents, "open">, sesMessageId: SesMessageId) {
  const row = database.read((sql) =>
    sql.get("SELECT raw FROM messages JOIN ids USING (seq) WHERE ses_message_id = ?", sesMessageId),
  );
  const body = row && contents.open(Number(row["raw"]));
  if (!body) throw new ObjectNotFoundError({ bucket: "raw", key: sesMessageId });
  yield* body;
}

function shownHeaders(raw: Uint8Array): { subject: string | null; author: string | null } {
  const { headers } = parseHeaderSection(raw, chunkBytes);
  const shown = (name: string) => {
    const value = headerValue(headers, name);
    // Cut before decoding, so that a long header costs no time, and again behind it.
    return value === undefined
      ? null
      : decodeWords(value.slice(0, 4 * maxShownCharacters)).slice(0, maxShownCharacters);
  };
  return { subject: shown("Subject"), author: shown("From") };
}

function verificationOf(sql: Sql, sesMessageId: SesMessageId): Verification | undefined {
  const row = sql.get(
    "SELECT verification FROM verifications JOIN ids USING (seq) WHERE ses_message_id = ?",
    sesMessageId,
  );
  return row && (JSON.parse(String(row["verification"])) as Verification);
}

function toMessage(row: Row): AcceptedMessage {
  return {
    sesMessageId: String(row["ses_message_id"]) as SesMessageId,
    receivedAt: new Date(Number(row["received_at"])),
    client: JSON.parse(String(row["client"])) as AcceptedMessage["client"],
    from: String(row["mail_from"]),
    recipients: JSON.parse(String(row["recipients"])) as string[],
    ruleSetSnapshot: String(row["rule_set"]),
    sizeBytes: Number(row["size_bytes"]),
  };
}
