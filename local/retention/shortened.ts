import type { ResolvedRetention } from "../../shared/config/types.ts";
import { countShortened, readRetention, retentionText, type Shortened } from "../../shared/retention/shortened.ts";
import type { Database, Transaction } from "../store/database.ts";
import { countExpiredTickets } from "./expire-tickets.ts";

const appliedName = "retention applied";
const page = 2_000;

/** The periods that the last engine of this folder went by; none of them: it kept everything. */
export function appliedRetention(database: Pick<Database, "read">): ResolvedRetention {
  const row = database.read((sql) => sql.get("SELECT value FROM settings WHERE name = ?", appliedName));
  return readRetention(row && String(row["value"]));
}

export function noteRetention(tx: Transaction, retention: ResolvedRetention): void {
  tx.run("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", appliedName, retentionText(retention));
}

/**
 * Compares the periods with those that the folder's engine went by. Mail that still waits for something is counted too: it goes
 * when that is done, if nothing holds it.
 *
 * @returns `undefined` when nothing that is stored is over any sooner
 */
export async function whatIsShortened(
  database: Pick<Database, "read">,
  retention: ResolvedRetention,
  now: Date,
): Promise<Shortened | undefined> {
  const before = appliedRetention(database);
  if (retentionText(retention) === retentionText(before)) return undefined;
  const ticketsBefore = before.ticketDays ?? Number.POSITIVE_INFINITY;
  const ticketDays = retention.ticketDays ?? Number.POSITIVE_INFINITY;
  const tickets = database.read(
    (sql) =>
      countExpiredTickets(sql, ticketDays, now) - countExpiredTickets(sql, Math.max(ticketDays, ticketsBefore), now),
  );
  const found = countShortened(before, retention, now);
  for (let after = -1; ; ) {
    const rows = database.read((sql) =>
      sql.all(
        `SELECT m.seq, m.received_at, r.stream, json_extract(r.decision, '$.nature.kind') AS nature
         FROM (SELECT seq, received_at FROM messages WHERE seq > ? ORDER BY seq LIMIT ?) m
         LEFT JOIN recipients r ON r.seq = m.seq ORDER BY m.seq`,
        ...[after, page],
      ),
    );
    for (const [seq, recipients] of Map.groupBy(rows, (row) => Number(row["seq"]))) {
      after = seq;
      found.add(
        Number(recipients[0]?.["received_at"]),
        recipients.map(({ stream, nature }) => [textOrNull(stream), textOrNull(nature)] as const),
      );
    }
    if (rows.length === 0) return found.sum(tickets);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const textOrNull = (value: unknown) => (typeof value === "string" ? value : null);
