import type { AddressPattern } from "../../shared/retention/address-pattern.ts";
import { namesMessage } from "../../shared/retention/names-message.ts";
import type { Contents } from "../store/contents.ts";
import type { Database, Row, Sql, SqlValue, Transaction } from "../store/database.ts";
import { rowHolds } from "./find-traces.ts";
import { isForgetting } from "./forget-record.ts";
import { keysOf, pagesOf, tablesOf } from "./table-pages.ts";

// Everything of one message lies under its number, which these tables can be asked by …
const byNumber = ["verifications", "actions", "metas", "recipients", "effects", "bounces", "quarantine"];
// … and these can only be read through for.
const withNumber = ["fingerprints", "stream_feed"];
const ofMessage = [...byNumber, ...withNumber];
// Octets are deleted where they are referred to; ids name no person; a hold is looked at before; the rest is the operator's own.
const kept = new Set([
  "contents",
  "ids",
  "totals",
  "forgotten",
  "forgotten_messages",
  "holds",
  "rule_sets",
  "identities",
]);
// A row that would say nothing without the address goes whole; elsewhere only the address does.
const whole = new Set([
  ...ofMessage,
  "queue_messages",
  "invocations",
  "records",
  "limits",
  "allowed_senders",
  "propagations",
  "ticket_entries",
  "ticket_message_ids",
]);
// What is left behind of a deleted message names it by its SES id.
const byId = new Set(["queue_messages", "invocations", "records", "ticket_entries", "propagations"]);

// Messages of one transaction: others wait for it as long as for a burst of mail.
const batchMessages = 100;

/** What stands in the place of an address in a row that stays. */
export const redacted = "forgotten@mailweir.invalid";

export interface Doomed {
  /** Contents that hold the address. */
  readonly contents: ReadonlySet<number>;
  /** SES ids of the messages, by sequence number. */
  readonly messages: ReadonlyMap<number, string>;
}

/**
 * Deletes the messages with all that was made of them, and the address from every other row, in transactions of a bounded size:
 * one that was cut off between two of them is called again and goes on.
 *
 * @param inEach - runs in every transaction first; when it throws, that one deletes nothing and there is no next one
 * @param onChanged - in the same transaction: rows deleted or changed, beside those under a message's number
 */
export async function removeRows(
  database: Pick<Database, "read" | "write">,
  contents: Pick<Contents, "release">,
  pattern: AddressPattern,
  { contents: contentIds, messages }: Doomed,
  inEach: (tx: Transaction) => void,
  onChanged: (tx: Transaction, rows: number) => void,
): Promise<void> {
  const sequences = [...messages.keys()];
  for (let start = 0; start < sequences.length; start += batchMessages) {
    const batch = sequences.slice(start, start + batchMessages);
    await database.write((tx) => {
      inEach(tx);
      for (const seq of batch) tx.run("INSERT OR IGNORE INTO forgotten_messages (seq) VALUES (?)", seq);
      removeMessages(tx, contents, batch, byNumber);
    });
  }
  const ids = new Set(messages.values());
  const cleaners: Readonly<Record<string, Cleaner>> = {
    outbox: outgoingCleaner(contents, pattern, contentIds, ids),
    objects: objectCleaner(contents, pattern, contentIds, ids),
    ...Object.fromEntries(withNumber.map((table) => [table, numberCleaner(table, pattern, messages)])),
  };
  const tables = [...Object.keys(cleaners), ...database.read(tablesOf).filter((table) => !cleaners[table])];
  for (const table of tables) {
    if (kept.has(table)) continue;
    const keys = database.read((sql) => keysOf(sql, table));
    const clean = cleaners[table] ?? rowCleaner(table, keys, pattern, ids);
    const one = `SELECT * FROM "${table}" WHERE ${keys.map((key) => `"${key}" IS ?`).join(" AND ")}`;
    for await (const page of pagesOf(database, table)) {
      const found = page.filter((row) => database.read((sql) => clean.concerns(sql, row)));
      if (found.length === 0) continue;
      await database.write((tx) => {
        inEach(tx);
        let changed = 0;
        for (const seen of found) {
          const row = tx.get(one, ...keys.map((key) => seen[key] ?? null));
          if (row && clean.concerns(tx, row)) changed += clean.remove(tx, row);
        }
        if (changed > 0) onChanged(tx, changed);
      });
    }
  }
}

/** Messages with everything that lies under their numbers. */
export function removeMessages(
  tx: Transaction,
  contents: Pick<Contents, "release">,
  sequences: readonly number[],
  tables: readonly string[] = ofMessage,
): void {
  const list = JSON.stringify(sequences);
  for (const table of tables) tx.run(`DELETE FROM ${table} WHERE seq IN (SELECT value FROM json_each(?))`, list);
  for (const seq of sequences) {
    const row = tx.get("SELECT raw, size_bytes, ended_at FROM messages WHERE seq = ?", seq);
    if (!row) continue;
    tx.run("DELETE FROM messages WHERE seq = ?", seq);
    contents.release(tx, Number(row["raw"]));
    tx.run("UPDATE totals SET value = value - 1 WHERE name = 'messages'");
    tx.run("UPDATE totals SET value = value - ? WHERE name = 'bytes'", Number(row["size_bytes"]));
    if (row["ended_at"] === null) tx.run("UPDATE totals SET value = value - 1 WHERE name = 'unended'");
  }
}

/** What of a table goes, and how. */
interface Cleaner {
  concerns(sql: Sql, row: Row): boolean;
  /** Answers how many rows that were. */
  remove(tx: Transaction, row: Row): number;
}

/** Rows under the numbers of deleted messages; they are not counted. */
function numberCleaner(table: string, pattern: AddressPattern, messages: ReadonlyMap<number, string>): Cleaner {
  const key = table === "fingerprints" ? ["hash", "received_at", "seq"] : ["id"];
  const text = `DELETE FROM ${table} WHERE ${key.map((name) => `${name} = ?`).join(" AND ")}`;
  return {
    concerns: (_, row) => messages.has(Number(row["seq"])) || rowHolds(row, pattern),
    remove(tx, row) {
      tx.run(text, ...key.map((name) => row[name] ?? null));
      return 0;
    },
  };
}

function objectCleaner(
  contents: Pick<Contents, "release">,
  pattern: AddressPattern,
  contentIds: ReadonlySet<number>,
  ids: ReadonlySet<string>,
): Cleaner {
  return {
    // An encrypted object shows nothing, and its key names its message.
    concerns: (_, row) =>
      contentIds.has(Number(row["content"])) || namesMessage(String(row["key"]), ids) || rowHolds(row, pattern),
    remove(tx, row) {
      tx.run("DELETE FROM objects WHERE id = ?", Number(row["id"]));
      contents.release(tx, Number(row["content"]));
      return 1;
    },
  };
}

function outgoingCleaner(
  contents: Pick<Contents, "release">,
  pattern: AddressPattern,
  contentIds: ReadonlySet<number>,
  ids: ReadonlySet<string>,
): Cleaner {
  return {
    concerns: (sql, row) =>
      contentIds.has(Number(row["content"])) ||
      ids.has(String(row["about"])) ||
      rowHolds(row, pattern) ||
      sql
        .all("SELECT recipient, reply FROM outbox_recipients WHERE mail = ?", Number(row["id"]))
        .some((to) => rowHolds(to, pattern)),
    remove(tx, row) {
      const id = Number(row["id"]);
      tx.run("DELETE FROM outbox_recipients WHERE mail = ?", id);
      tx.run("DELETE FROM outbox WHERE id = ?", id);
      contents.release(tx, Number(row["content"]));
      return 1;
    },
  };
}

function rowCleaner(
  table: string,
  keys: readonly string[],
  pattern: AddressPattern,
  ids: ReadonlySet<string>,
): Cleaner {
  const where = keys.map((key) => `"${key}" IS ?`).join(" AND ");
  const names = (row: Row) =>
    byId.has(table) && Object.values(row).some((value) => typeof value === "string" && namesMessage(value, ids));
  return {
    // What is being forgotten is written down until it is.
    concerns: (_, row) => !(table === "settings" && isForgetting(row)) && (rowHolds(row, pattern) || names(row)),
    remove(tx, row) {
      const key = keys.map((name) => row[name] ?? null);
      if (whole.has(table) || names(row)) {
        tx.run(`DELETE FROM "${table}" WHERE ${where}`, ...key);
        if (table === "ticket_entries") {
          tx.run("DELETE FROM ticket_message_ids WHERE message_id = ?", row["header_message_id"] ?? null);
          endEmptyTicket(tx, Number(row["ticket"]));
        }
        return 1;
      }
      const clean = Object.entries(row).flatMap(([name, value]): (readonly [string, SqlValue])[] =>
        typeof value === "string" && pattern.isIn(value) ? [[name, pattern.replace(value, () => redacted)]] : [],
      );
      if (clean.length === 0) return 0;
      const set = clean.map(([name]) => `"${name}" = ?`).join(", ");
      tx.run(`UPDATE OR REPLACE "${table}" SET ${set} WHERE ${where}`, ...clean.map(([, value]) => value), ...key);
      return 1;
    },
  };
}

/** A ticket whose every entry is gone says nothing any more; of another one the subject may be what the forgotten wrote. */
function endEmptyTicket(tx: Transaction, ticket: number): void {
  const first = tx.get("SELECT entry FROM ticket_entries WHERE ticket = ? ORDER BY number LIMIT 1", ticket);
  if (first) {
    const { subject } = JSON.parse(String(first["entry"])) as { readonly subject?: string };
    tx.run("UPDATE tickets SET subject = ? WHERE id = ?", subject ?? "(forgotten)", ticket);
    return;
  }
  for (const table of ["ticket_message_ids", "ticket_changes"]) tx.run(`DELETE FROM ${table} WHERE ticket = ?`, ticket);
  tx.run("DELETE FROM tickets WHERE id = ? OR merged_into = ?", ticket, ticket);
}
