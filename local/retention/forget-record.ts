import type { Row, Sql, Transaction } from "../store/database.ts";

/** An address that is being forgotten: kept from before the first deletion until the last one, so that any start can go on. */
export interface ForgetRecord {
  readonly address: string;
  /** Sequence numbers of the messages that are deleted. */
  readonly messages: readonly number[];
  readonly rows: number;
  readonly files: number;
}

const start = "forget ";

export const isForgetting = (row: Row) => String(row["name"]).startsWith(start);

export function forgetRecord(sql: Sql, address: string): ForgetRecord | undefined {
  const row = sql.get("SELECT value FROM settings WHERE name = ?", start + address);
  return row && (JSON.parse(String(row["value"])) as ForgetRecord);
}

/** Everybody whose forgetting was begun. */
export function forgetRecords(sql: Sql): readonly ForgetRecord[] {
  return sql
    .all("SELECT name, value FROM settings ORDER BY name")
    .filter(isForgetting)
    .map(({ value }) => JSON.parse(String(value)) as ForgetRecord);
}

export function writeForgetRecord(tx: Transaction, record: ForgetRecord): void {
  tx.run("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", start + record.address, JSON.stringify(record));
}

export function deleteForgetRecord(tx: Transaction, address: string): void {
  tx.run("DELETE FROM settings WHERE name = ?", start + address);
}
