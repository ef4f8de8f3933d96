import type { ResolvedRetention } from "../../shared/config/types.ts";
import { addressPattern } from "../../shared/retention/address-pattern.ts";
import { namesMessage } from "../../shared/retention/names-message.ts";
import type { Database, Row, Sql, Transaction } from "../store/database.ts";
import { rowHolds } from "./find-traces.ts";
import { holdsIn } from "./holds.ts";

const dayMs = 86_400_000;
// Of one transaction.
const batch = 25;

/**
 * Removes tickets that were closed, and not touched since, longer than their period; their mail has its own. One whose entries
 * name a held address or a held message stays, and so does one of which a target is still to be told.
 *
 * @returns how many were removed
 */
export async function expireTickets(
  database: Pick<Database, "read" | "write">,
  { ticketDays }: ResolvedRetention,
  now: Date,
): Promise<number> {
  if (ticketDays === undefined || !Number.isFinite(ticketDays)) return 0;
  const until = now.getTime() - ticketDays * dayMs;
  let removed = 0;
  for (let after = 0; ; ) {
    const ids = database.read((sql) =>
      sql
        .all(
          "SELECT id FROM tickets WHERE id > ? AND merged_into IS NULL AND state = 'closed' AND updated_at <= ? ORDER BY id LIMIT ?",
          ...[after, until, batch],
        )
        .map(({ id }) => Number(id)),
    );
    const last = ids.at(-1);
    if (last === undefined) return removed;
    after = last;
    removed += await database.write((tx) => {
      const going = ids.filter((id) => isOver(tx, id, until) && !isKept(tx, id));
      for (const id of going) removeTicket(tx, id);
      return going.length;
    });
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** How many are closed longer than so. */
export function countExpiredTickets(sql: Sql, ticketDays: number, now: Date): number {
  if (!Number.isFinite(ticketDays)) return 0;
  const until = now.getTime() - ticketDays * dayMs;
  const row = sql.get(
    "SELECT count(*) AS n FROM tickets WHERE merged_into IS NULL AND state = 'closed' AND updated_at <= ?",
    until,
  );
  return Number(row?.["n"]);
}

const isOver = (sql: Sql, id: number, until: number) =>
  sql.get("SELECT 1 FROM tickets WHERE id = ? AND state = 'closed' AND updated_at <= ?", id, until) !== undefined;

function isKept(sql: Sql, id: number): boolean {
  const named = sql.get(
    "SELECT 1 FROM queue_messages WHERE dead_from IS NULL AND instr(body, ?) > 0 LIMIT 1",
    `"ticket":{"id":${id},`,
  );
  if (named) return true;
  const held = holdsIn(sql);
  if (held.length === 0) return false;
  const rows: readonly Row[] = [
    ...sql.all("SELECT * FROM tickets WHERE id = ?", id),
    ...sql.all("SELECT * FROM ticket_entries WHERE ticket = ?", id),
  ];
  return held.some(({ subject }) => {
    const pattern = addressPattern(subject);
    if (pattern) return rows.some((row) => rowHolds(row, pattern));
    const ids = new Set([subject]);
    return rows.some((row) =>
      Object.values(row).some((value) => typeof value === "string" && namesMessage(value, ids)),
    );
  });
}

/** With the tickets that became part of it. */
function removeTicket(tx: Transaction, id: number): void {
  for (const table of ["ticket_entries", "ticket_message_ids", "ticket_changes"]) {
    tx.run(`DELETE FROM ${table} WHERE ticket = ?1 OR ticket IN (SELECT id FROM tickets WHERE merged_into = ?1)`, id);
  }
  tx.run("DELETE FROM tickets WHERE id = ?1 OR merged_into = ?1", id);
}
