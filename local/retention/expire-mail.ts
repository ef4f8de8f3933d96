import type { ResolvedRetention } from "../../shared/config/types.ts";
import type { Clock } from "../../shared/ports.ts";
import { namesMessage } from "../../shared/retention/names-message.ts";
import { endsAnyMail, periodDays } from "../../shared/retention/period.ts";
import { createPump, type Pump } from "../invoke/pump.ts";
import type { Log } from "../log.ts";
import type { Sql, Transaction } from "../store/database.ts";
import type { Store } from "../store/open-store.ts";
import { expireTickets } from "./expire-tickets.ts";
import { heldAddresses, holdOf } from "./hold-of.ts";
import { type Hold, holdsIn } from "./holds.ts";
import { removeMessages } from "./remove-rows.ts";

export interface ExpiryParts {
  readonly store: Pick<Store, "database" | "contents">;
  readonly search: { forget(sequences: readonly number[]): Promise<void>; sweep(): Promise<void> };
  readonly retention: ResolvedRetention;
  readonly clock: Clock;
  readonly log: Pick<Log, "info" | "error">;
}

const hourMs = 3_600_000;
const dayMs = 86_400_000;
// A look at so many rows takes a few milliseconds; between two of them the engine gets its turn.
const page = 500;
// Objects and queues are gone through once for so many messages.
const portion = 1_000;
// Of one transaction: new mail waits for its commit no longer than for that of a burst.
const batch = 25;
const beganName = "began expire-mail";
// Stands from a removal until the index does not hold its words either.
const unsweptName = "expired in search";

/** The next run comes an hour from now: time to think again. */
export function postponeExpiry(tx: Transaction, now: Date): void {
  setSetting(tx, beganName, String(now.getTime()));
}

/**
 * Every hour removes the mail whose periods are over, with everything that was made of it. What was removed is committed in
 * small transactions, so a run that was killed is gone on with by the next one.
 */
export function createExpiry(parts: ExpiryParts): Pump & { nextDue(): Date | undefined } {
  const { store, retention, clock, log } = parts;
  const { database } = store;
  if (!endsAnyMail(retention) && !Number.isFinite(retention.ticketDays ?? Number.POSITIVE_INFINITY)) {
    return { tick: async () => undefined, idle: async () => undefined, stop() {}, nextDue: () => undefined };
  }
  let stopped = false;
  const dueAt = () => {
    const began = database.read((sql) => sql.get("SELECT value FROM settings WHERE name = ?", beganName));
    return began ? Number(began["value"]) + hourMs : 0;
  };
  const pump = createPump<Date>({
    concurrency: 1,
    async take() {
      const now = clock.now();
      if (dueAt() > now.getTime()) return undefined;
      await database.write((tx) => setSetting(tx, beganName, String(now.getTime())));
      return now;
    },
    work: (now) => expireMail(parts, now, () => stopped),
    onError: (error) =>
      log.error("mail could not be expired", { cause: error instanceof Error ? error.message : String(error) }),
  });
  return {
    ...pump,
    stop() {
      stopped = true;
      pump.stop();
    },
    nextDue: () => new Date(dueAt()),
  };
}

async function expireMail(parts: ExpiryParts, now: Date, isStopped: () => boolean): Promise<void> {
  const { store, search, retention, log } = parts;
  const { database } = store;
  if (database.read((sql) => sql.get("SELECT 1 FROM settings WHERE name = ?", unsweptName))) {
    await search.sweep();
    await database.write(clearUnswept);
  }
  let removed = 0;
  const kept = new Map<string, { readonly hold: Hold; readonly ids: string[] }>();
  let after = 0;
  for (let more = true; more && !isStopped(); ) {
    const found = new Map<number, string>();
    while (more && found.size < portion) {
      const seqs = database.read((sql) => expiredBehind(sql, after, retention, now, found));
      more = seqs.looked === page;
      after = seqs.last;
      await turn();
    }
    const around = await whatNames(database, new Set(found.values()));
    const free = [...found].filter(([, id]) => !around.busy.has(id));
    for (let at = 0; at < free.length && !isStopped(); at += batch) {
      removed += await removeBatch(parts, free.slice(at, at + batch), around, now, kept);
      await turn();
    }
  }
  const tickets = isStopped() ? 0 : await expireTickets(database, retention, now);
  for (const { hold, ids } of kept.values()) {
    log.info("mail stays beyond its period: it is held", {
      messages: ids.length,
      first: ids[0],
      by: hold.by,
      since: hold.at,
      reason: hold.reason,
    });
  }
  if (removed > 0) log.info("mail expired", { removed });
  if (tickets > 0) log.info("tickets expired", { removed: tickets });
}

async function removeBatch(
  { store: { database, contents }, search, retention }: ExpiryParts,
  messages: readonly (readonly [number, string])[],
  around: Around,
  now: Date,
  kept: Map<string, { readonly hold: Hold; readonly ids: string[] }>,
): Promise<number> {
  const list = database.read(holdsIn);
  const addresses = heldAddresses(list);
  const going: (readonly [number, string])[] = [];
  for (const [seq, id] of messages) {
    const hold = await holdOf({ database, contents }, seq, id, addresses);
    if (!hold) going.push([seq, id]);
    else {
      const known = kept.get(hold.subject);
      if (known) known.ids.push(id);
      else kept.set(hold.subject, { hold, ids: [id] });
    }
  }
  if (going.length === 0) return 0;
  const gone = await database.write((tx) => {
    // Somebody changed a hold meanwhile: the next run asks again.
    if (JSON.stringify(holdsIn(tx)) !== JSON.stringify(list)) return [];
    const over = going.filter(([seq]) => isOver(tx, seq, retention, now));
    for (const [seq, id] of over) removeWhole(tx, contents, seq, around.of(id));
    if (over.length > 0) setSetting(tx, unsweptName, "1");
    return over.map(([seq]) => seq);
  });
  if (gone.length > 0) {
    await search.forget(gone);
    await database.write(clearUnswept);
  }
  return gone.length;
}

/** Looks at one page of messages and notes those that are over. */
function expiredBehind(
  sql: Sql,
  after: number,
  retention: ResolvedRetention,
  now: Date,
  found: Map<number, string>,
): { readonly looked: number; readonly last: number } {
  const rows = sql.all(
    "SELECT seq, ses_message_id FROM messages JOIN ids USING (seq) WHERE messages.seq > ? ORDER BY messages.seq LIMIT ?",
    after,
    page,
  );
  for (const row of rows) {
    const seq = Number(row["seq"]);
    if (isOver(sql, seq, retention, now)) found.set(seq, String(row["ses_message_id"]));
  }
  return { looked: rows.length, last: Number(rows.at(-1)?.["seq"] ?? after) };
}

/** Whether all that was to be done with a message is done, and the longest of its streams' periods is behind it. */
function isOver(sql: Sql, seq: number, retention: ResolvedRetention, now: Date): boolean {
  const message = sql.get("SELECT received_at FROM messages WHERE seq = ? AND ended_at IS NOT NULL", seq);
  if (!message) return false;
  const recipients = sql.all(
    "SELECT stream, json_extract(decision, '$.nature.kind') AS nature, open FROM recipients WHERE seq = ?",
    seq,
  );
  // The pipeline took it over, but nobody has been told yet whose it is.
  if (recipients.length === 0 && sql.get("SELECT 1 FROM metas WHERE seq = ?", seq)) return false;
  const text = (value: unknown) => (typeof value === "string" ? value : null);
  const days =
    recipients.length === 0
      ? periodDays(retention, null, null)
      : Math.max(...recipients.map(({ stream, nature }) => periodDays(retention, text(stream), text(nature))));
  if (Number(message["received_at"]) + days * dayMs > now.getTime()) return false;
  // Who is held in quarantine has a period of their own, and may still be let through.
  return recipients.every(({ open }) => Number(open) === 0) && !sql.get("SELECT 1 FROM quarantine WHERE seq = ?", seq);
}

/** What is kept elsewhere under the ids of messages. */
interface Around {
  /** Work for them waits: they are not at their end, whatever the ledger says. */
  readonly busy: ReadonlySet<string>;
  of(id: string): readonly Trace[];
}

interface Trace {
  readonly table: "objects" | "queue_messages" | "invocations" | "outbox";
  readonly id: number;
}

async function whatNames(database: Store["database"], ids: ReadonlySet<string>): Promise<Around> {
  const busy = new Set<string>();
  const traces = new Map<string, Trace[]>();
  const scans = {
    objects: "SELECT id, key AS text, 0 AS busy FROM objects WHERE id > ? ORDER BY id LIMIT ?",
    queue_messages:
      "SELECT id, body AS text, dead_from IS NULL AS busy FROM queue_messages WHERE id > ? ORDER BY id LIMIT ?",
    invocations:
      "SELECT id, payload AS text, due_at IS NOT NULL AS busy FROM invocations WHERE id > ? ORDER BY id LIMIT ?",
    outbox: "SELECT id, about AS text, state = 'waiting' AS busy FROM outbox WHERE id > ? ORDER BY id LIMIT ?",
  } as const;
  for (const [table, text] of Object.entries(scans) as [Trace["table"], string][]) {
    if (ids.size === 0) break;
    for (let after = 0, looked = page; looked === page; ) {
      const rows = database.read((sql) => sql.all(text, after, page));
      for (const row of rows) {
        const named = new Set(String(row["text"]).match(/[A-Za-z0-9]{20,}/g) ?? []);
        for (const id of named) {
          if (!namesMessage(id, ids)) continue;
          if (Number(row["busy"]) === 1) busy.add(id);
          const known = traces.get(id) ?? [];
          known.push({ table, id: Number(row["id"]) });
          traces.set(id, known);
        }
      }
      looked = rows.length;
      after = Number(rows.at(-1)?.["id"] ?? after);
      await turn();
    }
  }
  for (const id of ids) {
    const waits = database.read((sql) =>
      sql.get("SELECT 1 FROM propagations WHERE ses_message_id = ? AND state = 'waiting'", id),
    );
    if (waits) busy.add(id);
  }
  return { busy, of: (id) => traces.get(id) ?? [] };
}

function removeWhole(tx: Transaction, contents: Store["contents"], seq: number, traces: readonly Trace[]): void {
  // The effect of a record names its row.
  for (const row of tx.all("SELECT result FROM effects WHERE seq = ? AND effect LIKE 'record %'", seq)) {
    tx.run("DELETE FROM records WHERE sort_key = ?", String(row["result"]));
  }
  for (const { table, id } of traces) {
    const row =
      table === "objects" || table === "outbox" ? tx.get(`SELECT content FROM ${table} WHERE id = ?`, id) : undefined;
    if (table === "outbox") tx.run("DELETE FROM outbox_recipients WHERE mail = ?", id);
    tx.run(`DELETE FROM ${table} WHERE id = ?`, id);
    if (row) contents.release(tx, Number(row["content"]));
  }
  tx.run("INSERT OR IGNORE INTO forgotten_messages (seq) VALUES (?)", seq);
  removeMessages(tx, contents, [seq]);
}

const clearUnswept = (tx: Transaction) => void tx.run("DELETE FROM settings WHERE name = ?", unsweptName);
const setSetting = (tx: Transaction, name: string, value: string) =>
  void tx.run("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", name, value);
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
