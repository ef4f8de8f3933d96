import type { Row, Sql, Transaction } from "../store/database.ts";

/** An address that is being forgotten: kept from before the first deletion until the last one, so that any start can go on. */
export interface ForgetRecord {
  readonly address: string;
  /** Sequence numbers of the messages that are deleted or about to be: what they left behind is known by them. */
  readonly messages: readonly number[];
  readonly rows: number;
  readonly files: number;
}

const start = "forget ";
// Beside the record, because the counts change with every transaction and the list may be long.
const listStart = "forget-messages ";

export const isForgetting = (row: Row) =>
  String(row["name"]).startsWith(start) || String(row["name"]).startsWith(listStart);

export function forgetRecord(sql: Sql, address: string): ForgetRecord | undefined {
  const value = setting(sql, start + address);
  if (value === undefined) return undefined;
  const record = JSON.parse(value) as ForgetRecord;
  const list = setting(sql, listStart + address);
  return list === undefined ? record : { ...record, messages: JSON.parse(list) as readonly number[] };
}

/** Everybody whose forgetting was begun. */
export function addressesBeingForgotten(sql: Sql): readonly string[] {
  return sql
    .all("SELECT name FROM settings ORDER BY name")
    .map(({ name }) => String(name))
    .filter((name) => name.startsWith(start))
    .map((name) => name.slice(start.length));
}

export function writeForgetRecord(tx: Transaction, { messages, ...counts }: ForgetRecord): void {
  const text = "INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)";
  // A version before this one reads `messages` here.
  tx.run(text, start + counts.address, JSON.stringify({ ...counts, messages: [] }));
  tx.run(text, listStart + counts.address, JSON.stringify(messages));
}

export function countInForgetRecord(tx: Transaction, address: string, more: { rows?: number; files?: number }): void {
  const value = setting(tx, start + address);
  if (value === undefined) return;
  const record = JSON.parse(value) as ForgetRecord;
  const next = { ...record, rows: record.rows + (more.rows ?? 0), files: record.files + (more.files ?? 0) };
  tx.run("UPDATE settings SET value = ? WHERE name = ?", JSON.stringify(next), start + address);
}

export function deleteForgetRecord(tx: Transaction, address: string): void {
  tx.run("DELETE FROM settings WHERE name IN (?, ?)", start + address, listStart + address);
}

const setting = (sql: Sql, name: string) => {
  const row = sql.get("SELECT value FROM settings WHERE name = ?", name);
  return row && String(row["value"]);
};
