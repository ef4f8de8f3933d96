import type { AddressPattern } from "../../shared/retention/address-pattern.ts";
import { namesMessage } from "../../shared/retention/names-message.ts";
import type { Contents } from "../store/contents.ts";
import type { Row, SqlValue, Transaction } from "../store/database.ts";
import { rowHolds, tablesOf } from "./find-traces.ts";
import { isForgetting } from "./forget-record.ts";

// Everything of one message lies under its number.
const ofMessage = [
  "verifications",
  "actions",
  "metas",
  "recipients",
  "fingerprints",
  "effects",
  "bounces",
  "quarantine",
  "stream_feed",
];
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

/** What stands in the place of an address in a row that stays. */
export const redacted = "forgotten@mailweir.invalid";

/**
 * Deletes the messages with all that was made of them, and the address from every other row, in one transaction.
 *
 * @param contentIds - contents that hold the address
 * @param messages - SES ids by sequence number
 * @returns how many rows were deleted or changed, beside those under a message's number
 */
export function removeRows(
  tx: Transaction,
  contents: Pick<Contents, "release">,
  pattern: AddressPattern,
  contentIds: ReadonlySet<number>,
  messages: ReadonlyMap<number, string>,
): number {
  const ids = new Set(messages.values());
  let changed = 0;
  for (const seq of messages.keys()) {
    tx.run("INSERT OR IGNORE INTO forgotten_messages (seq) VALUES (?)", seq);
    removeMessage(tx, contents, seq);
  }
  changed += removeObjects(tx, contents, pattern, contentIds, ids);
  changed += removeOutgoing(tx, contents, pattern, contentIds, ids);
  const tickets = new Set<number>();
  for (const table of tablesOf(tx)) {
    if (!kept.has(table)) changed += cleanTable(tx, table, pattern, ids, (row) => tickets.add(Number(row["ticket"])));
  }
  for (const ticket of tickets) if (Number.isInteger(ticket)) endEmptyTicket(tx, ticket);
  return changed;
}

/** A message with everything that lies under its number. */
export function removeMessage(tx: Transaction, contents: Pick<Contents, "release">, seq: number): void {
  for (const table of ofMessage) tx.run(`DELETE FROM ${table} WHERE seq = ?`, seq);
  const row = tx.get("SELECT raw, size_bytes, ended_at FROM messages WHERE seq = ?", seq);
  if (!row) return;
  tx.run("DELETE FROM messages WHERE seq = ?", seq);
  contents.release(tx, Number(row["raw"]));
  tx.run("UPDATE totals SET value = value - 1 WHERE name = 'messages'");
  tx.run("UPDATE totals SET value = value - ? WHERE name = 'bytes'", Number(row["size_bytes"]));
  if (row["ended_at"] === null) tx.run("UPDATE totals SET value = value - 1 WHERE name = 'unended'");
}

function removeObjects(
  tx: Transaction,
  contents: Pick<Contents, "release">,
  pattern: AddressPattern,
  contentIds: ReadonlySet<number>,
  ids: ReadonlySet<string>,
): number {
  let removed = 0;
  for (const row of tx.all("SELECT id, key, metadata, block, content FROM objects")) {
    // An encrypted object shows nothing, and its key names its message.
    const gone =
      contentIds.has(Number(row["content"])) || namesMessage(String(row["key"]), ids) || rowHolds(row, pattern);
    if (!gone) continue;
    tx.run("DELETE FROM objects WHERE id = ?", Number(row["id"]));
    contents.release(tx, Number(row["content"]));
    removed += 1;
  }
  return removed;
}

function removeOutgoing(
  tx: Transaction,
  contents: Pick<Contents, "release">,
  pattern: AddressPattern,
  contentIds: ReadonlySet<number>,
  ids: ReadonlySet<string>,
): number {
  let removed = 0;
  for (const row of tx.all("SELECT id, key, about, mail_from, message_id, cause, content FROM outbox")) {
    const id = Number(row["id"]);
    const gone =
      contentIds.has(Number(row["content"])) ||
      ids.has(String(row["about"])) ||
      rowHolds(row, pattern) ||
      tx.all("SELECT recipient, reply FROM outbox_recipients WHERE mail = ?", id).some((to) => rowHolds(to, pattern));
    if (!gone) continue;
    tx.run("DELETE FROM outbox_recipients WHERE mail = ?", id);
    tx.run("DELETE FROM outbox WHERE id = ?", id);
    contents.release(tx, Number(row["content"]));
    removed += 1;
  }
  return removed;
}

function cleanTable(
  tx: Transaction,
  table: string,
  pattern: AddressPattern,
  ids: ReadonlySet<string>,
  onRemoved: (row: Row) => void,
): number {
  const columns = tx.all("SELECT name, pk FROM pragma_table_info(?)", table);
  const keys = columns.filter(({ pk }) => Number(pk) > 0).map(({ name }) => String(name));
  const where = keys.map((key) => `"${key}" = ?`).join(" AND ");
  let changed = 0;
  for (const row of tx.all(`SELECT * FROM "${table}"`)) {
    // What is being forgotten is written down until it is.
    if (table === "settings" && isForgetting(row)) continue;
    const holds = rowHolds(row, pattern);
    const names =
      byId.has(table) && Object.values(row).some((value) => typeof value === "string" && namesMessage(value, ids));
    if (!holds && !names) continue;
    const key = keys.map((name) => row[name] ?? null);
    changed += 1;
    if (names || whole.has(table)) {
      tx.run(`DELETE FROM "${table}" WHERE ${where}`, ...key);
      if (table === "ticket_entries") {
        onRemoved(row);
        tx.run("DELETE FROM ticket_message_ids WHERE message_id = ?", row["header_message_id"] ?? null);
      }
      continue;
    }
    for (const [name, value] of Object.entries(row)) {
      if (typeof value !== "string" || !pattern.isIn(value)) continue;
      const clean: SqlValue = pattern.replace(value, () => redacted);
      tx.run(`UPDATE OR REPLACE "${table}" SET "${name}" = ? WHERE ${where}`, clean, ...key);
    }
  }
  return changed;
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
