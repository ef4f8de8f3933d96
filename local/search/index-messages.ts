import { headerValues } from "../../shared/mail/headers.ts";
import { parseMail } from "../../shared/mail/parse-mail.ts";
import type { ParsedMail } from "../../shared/mail/parsed-mail.ts";
import type { Contents } from "../store/contents.ts";
import type { Database } from "../store/database.ts";
import { separated } from "./parse-query.ts";
import { attachmentMark } from "./search-schema.ts";

export interface IndexParts {
  /** The mail, read only. */
  readonly mail: Pick<Database, "read">;
  readonly contents: Pick<Contents, "open">;
  /** The index. */
  readonly index: Pick<Database, "read" | "write">;
}

interface Unindexed {
  readonly seq: number;
  readonly sesMessageId: string;
  readonly receivedAt: number;
  readonly from: string;
  readonly to: readonly string[];
  readonly raw: number;
}

interface Doc {
  readonly message: Unindexed;
  readonly sender: string;
  readonly recipient: string;
  readonly subject: string;
  readonly content: string;
  readonly marks: string;
}

// Of one message. What is behind it is found by its other words.
const maxContentCharacters = 65_536;
const maxFieldCharacters = 4_096;
// What is read of a message: its text stands in front of its files, and a reader of all would cost what a worker costs.
const maxRawBytes = 1_048_576;
const maxTextBytes = 4 * maxContentCharacters;

/**
 * Takes the next messages into the index, oldest first; the texts and how far it has come are one transaction. A message
 * that cannot be read is taken in by its envelope.
 *
 * @returns how many were taken in, and how many of them could not be read
 */
export async function indexMessages(
  { mail, contents, index }: IndexParts,
  limit: number,
): Promise<{ readonly taken: number; readonly unreadable: number; readonly last: number }> {
  const done = index.read((sql) => Number(sql.get("SELECT seq FROM progress")?.["seq"] ?? 0));
  const messages = mail.read((sql) =>
    sql
      .all(
        `SELECT messages.seq, ses_message_id, received_at, mail_from, recipients, raw
         FROM messages JOIN ids USING (seq) WHERE messages.seq > ? ORDER BY messages.seq LIMIT ?`,
        done,
        limit,
      )
      .map(
        (row): Unindexed => ({
          seq: Number(row["seq"]),
          sesMessageId: String(row["ses_message_id"]),
          receivedAt: Number(row["received_at"]),
          from: String(row["mail_from"]),
          to: JSON.parse(String(row["recipients"])) as string[],
          raw: Number(row["raw"]),
        }),
      ),
  );
  let unreadable = 0;
  const docs: Doc[] = [];
  for (const message of messages) {
    const body = contents.open(message.raw);
    const parsed = body && (await parseMail(beginningOf(body), { limits: { maxTextBytes } }).catch(() => undefined));
    if (!parsed) unreadable += 1;
    docs.push(docOf(message, parsed));
  }
  const last = messages.at(-1)?.seq ?? done;
  if (docs.length > 0) {
    await index.write((tx) => {
      for (const { message, sender, recipient, subject, content, marks } of docs) {
        const { seq, sesMessageId, receivedAt } = message;
        tx.run("DELETE FROM words WHERE rowid = ?", seq);
        tx.run("INSERT OR REPLACE INTO docs VALUES (?, ?, ?)", seq, sesMessageId, receivedAt);
        tx.run(
          "INSERT INTO words (rowid, sender, recipient, subject, content, marks) VALUES (?, ?, ?, ?, ?, ?)",
          ...[seq, sender, recipient, subject, content, marks],
        );
      }
      tx.run("UPDATE progress SET seq = ?", last);
    });
  }
  return { taken: docs.length, unreadable, last };
}

/** Takes messages out, with their words. */
export async function removeFromIndex(index: Pick<Database, "write">, sequences: readonly number[]): Promise<void> {
  await index.write((tx) => {
    for (const seq of sequences) {
      tx.run("DELETE FROM words WHERE rowid = ?", seq);
      tx.run("DELETE FROM docs WHERE seq = ?", seq);
    }
  });
}

/** Messages that the mail does not hold any more; looks at `limit` behind `after`. */
export function goneFrom(
  { mail, index }: Pick<IndexParts, "mail" | "index">,
  after: number,
  limit: number,
): { readonly gone: readonly number[]; readonly next: number | undefined } {
  const docs = index.read((sql) => sql.all("SELECT seq FROM docs WHERE seq > ? ORDER BY seq LIMIT ?", after, limit));
  const gone = mail.read((sql) =>
    docs.map((row) => Number(row["seq"])).filter((seq) => !sql.get("SELECT 1 FROM messages WHERE seq = ?", seq)),
  );
  const last = docs.at(-1);
  return { gone, next: docs.length === limit && last ? Number(last["seq"]) : undefined };
}

async function* beginningOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let read = 0;
  for await (const chunk of body) {
    yield chunk;
    read += chunk.length;
    if (read >= maxRawBytes) return;
  }
}

function docOf(message: Unindexed, mail: ParsedMail | undefined): Doc {
  const boxes = (list: readonly { readonly name: string; readonly address: string }[]) =>
    list.slice(0, 100).map(({ name, address }) => `${name} ${address}`);
  const field = (...texts: readonly string[]) => separated(texts.join(" \n ").slice(0, maxFieldCharacters));
  return {
    message,
    sender: field(message.from, ...boxes(mail?.author ? [mail.author] : []), ...boxes(mail?.replyTo ?? [])),
    recipient: field(...message.to, ...boxes([...(mail?.to ?? []), ...(mail?.cc ?? [])])),
    subject: field(mail?.subject ?? ""),
    content: separated(
      [mail?.text ?? "", ...(mail?.attachments ?? []).slice(0, 100).map(({ fileName }) => fileName)]
        .join("\n")
        .slice(0, maxContentCharacters),
    ),
    marks: [
      message.sesMessageId,
      ...(mail ? headerValues(mail.headers, "Message-ID").slice(0, 1) : []).map((id) => id.slice(0, 500)),
      ...(mail && mail.attachments.length > 0 ? [attachmentMark] : []),
    ].join(" \n "),
  };
}
