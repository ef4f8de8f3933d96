import type { ResolvedRetention } from "../../shared/config/types.ts";
import { periodDays } from "../../shared/retention/period.ts";
import type { Database, Transaction } from "../store/database.ts";
import { countExpiredTickets } from "./expire-tickets.ts";

/** What an engine's next hour would delete by these periods, that those it went by before still keep. */
export interface Shortened {
  readonly messages: number;
  /** ISO 8601, of the oldest of these messages. */
  readonly oldest?: string;
  /** Messages by stream (`-`: of none) and nature, as `ticket auto-reply`. */
  readonly byKind: Readonly<Record<string, number>>;
  readonly tickets: number;
}

const appliedName = "retention applied";
const dayMs = 86_400_000;
const page = 2_000;

/** The periods that the last engine of this folder went by; none of them: it kept everything. */
export function appliedRetention(database: Pick<Database, "read">): ResolvedRetention {
  const row = database.read((sql) => sql.get("SELECT value FROM settings WHERE name = ?", appliedName));
  const keepsAll: ResolvedRetention = { streamDays: {}, natureDays: {}, streamNatureDays: {} };
  return row ? { ...keepsAll, ...(JSON.parse(String(row["value"]), revive) as ResolvedRetention) } : keepsAll;
}

export function noteRetention(tx: Transaction, retention: ResolvedRetention): void {
  tx.run("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", appliedName, toText(retention));
}

const toText = (retention: ResolvedRetention) =>
  JSON.stringify(retention, (_, value: unknown) => (value === Number.POSITIVE_INFINITY ? "forever" : value));

const revive = (_: string, value: unknown) => (value === "forever" ? Number.POSITIVE_INFINITY : value);

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
  if (toText(retention) === toText(before)) return undefined;
  const ticketsBefore = before.ticketDays ?? Number.POSITIVE_INFINITY;
  const ticketDays = retention.ticketDays ?? Number.POSITIVE_INFINITY;
  const tickets = database.read(
    (sql) =>
      countExpiredTickets(sql, ticketDays, now) - countExpiredTickets(sql, Math.max(ticketDays, ticketsBefore), now),
  );
  const found = { messages: 0, oldest: Number.POSITIVE_INFINITY, byKind: new Map<string, number>() };
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
      const kinds = recipients.map(({ stream, nature }) => [textOrNull(stream), textOrNull(nature)] as const);
      const receivedAt = Number(recipients[0]?.["received_at"]);
      const isOver = (by: ResolvedRetention) =>
        receivedAt + Math.max(...kinds.map(([stream, nature]) => periodDays(by, stream, nature))) * dayMs <=
        now.getTime();
      if (!isOver(retention) || isOver(before)) continue;
      found.messages += 1;
      found.oldest = Math.min(found.oldest, receivedAt);
      for (const kind of new Set(kinds.map(([stream, nature]) => `${stream ?? "-"} ${nature ?? "-"}`)))
        found.byKind.set(kind, (found.byKind.get(kind) ?? 0) + 1);
    }
    if (rows.length === 0) break;
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (found.messages === 0 && tickets <= 0) return undefined;
  return {
    messages: found.messages,
    ...(found.messages > 0 && { oldest: new Date(found.oldest).toISOString() }),
    byKind: Object.fromEntries([...found.byKind].toSorted(([a], [b]) => a.localeCompare(b))),
    tickets: Math.max(0, tickets),
  };
}

/** As a sentence, for people. */
export function describeShortened({ messages, oldest, byKind, tickets }: Shortened): string {
  const parts = [
    ...(messages > 0
      ? [
          `${messages} messages since ${oldest?.slice(0, 10)} (${Object.entries(byKind)
            .map(([kind, count]) => `${count} × ${kind.replace(" -", "").replace(/^-$/, "of no stream")}`)
            .join(", ")})`,
        ]
      : []),
    ...(tickets > 0 ? [`${tickets} closed tickets`] : []),
  ];
  return parts.join(" and ");
}

const textOrNull = (value: unknown) => (typeof value === "string" ? value : null);
