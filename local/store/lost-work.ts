import type { Topology } from "../../shared/config/topology.ts";
import type { Clock, Random, RecipientState } from "../../shared/ports.ts";
import { parseSesMessageId, type SesMessageId } from "../../shared/ses-message-id.ts";
import type { Database, Sql, Transaction } from "./database.ts";
import { failRecipient } from "./ledger.ts";
import { createObjectEvents } from "./object-events.ts";
import { createSending } from "./queues.ts";

/** A recipient that the ledger calls unfinished, while nothing is left anywhere that would finish it. */
export interface LostWork {
  readonly sesMessageId: SesMessageId;
  readonly recipient: string;
  /** Where it was lost: `received` before anybody decided, `decided` before it was sent, `routed` or `working` from its queue. */
  readonly state: RecipientState;
  readonly stream: string | null;
  readonly outcome: "sent again" | "failed";
  readonly cause: string;
}

// Longer than a step of the pipeline takes; what is tried again has a row, however long it waits.
const patienceMs = 30 * 60_000;
const page = 500;
// Of one transaction: each looks through the queues once more.
const batch = 10;

/**
 * Looks for open recipients whose work is gone: their rules have ended, nothing changed for half an hour, and no message of a
 * queue, no invocation will finish them. From the stored mail the router is asked anew, which sends what is not routed; effects
 * that happened before are not repeated. Without a stored mail they end as failed, with the cause.
 */
export function createLostWork(
  database: Pick<Database, "read" | "write">,
  parts: { readonly topology: Topology; readonly clock: Clock; readonly random: Random },
): { find(): Promise<readonly LostWork[]> } {
  const { topology, clock, random } = parts;
  const tellOfObject = createObjectEvents(topology, createSending(topology.queues, clock, random), clock, random);
  const told = new Set(topology.buckets.flatMap(({ name, eventQueue }) => (eventQueue === undefined ? [] : [name])));

  const repair = (tx: Transaction, candidate: Candidate, before: number): readonly LostWork[] => {
    const { seq, sesMessageId } = candidate;
    const texts = textsNaming(tx, sesMessageId);
    const lost = openRecipients(tx, seq, before).filter((open) => !texts.some((text) => willFinish(text, open)));
    if (lost.length === 0) return [];
    const object = tx
      .all("SELECT bucket, key, size_bytes, content FROM objects WHERE key LIKE '%' || ?", sesMessageId)
      .find(({ bucket }) => told.has(String(bucket)));
    const now = clock.now().getTime();
    if (object) {
      const { bucket, key, size_bytes: size, content } = object;
      const place = { bucket: String(bucket), key: String(key), sizeBytes: Number(size), content: Number(content) };
      tellOfObject(tx, place, 0);
    }
    return lost.map(({ recipient, state, stream }) => {
      const cause = `lost ${whereLost[state] ?? `as ${state}`}${stream === null ? "" : `, stream ${stream}`}`;
      if (!object) failRecipient(tx, seq, recipient, now, `${cause}; no stored mail is left to send again`);
      else {
        // The router sends only what is not routed yet.
        tx.run(
          "UPDATE recipients SET state = 'decided', cause = ?, updated_at = ? WHERE seq = ? AND recipient = ? AND state IN ('routed', 'working')",
          ...[`${cause}; sent again`, now, seq, recipient],
        );
        tx.run("UPDATE recipients SET updated_at = ? WHERE seq = ? AND recipient = ?", now, seq, recipient);
      }
      return { sesMessageId, recipient, state, stream, cause, outcome: object ? "sent again" : "failed" } as const;
    });
  };

  return {
    async find() {
      const before = clock.now().getTime() - patienceMs;
      const candidates = await unnamed(database, await stale(database, before), before);
      const found: LostWork[] = [];
      for (let at = 0; at < candidates.length; at += batch) {
        const some = candidates.slice(at, at + batch);
        found.push(
          ...(await database.write((tx) => {
            const lost = some.flatMap((candidate) => repair(tx, candidate, before));
            if (lost.length > 0) tx.wake();
            return lost;
          })),
        );
      }
      return found;
    },
  };
}

const whereLost: Readonly<Partial<Record<RecipientState, string>>> = {
  received: "before anybody decided: neither a notice nor the bucket's event is left",
  decided: "between its decision and its queue",
  routed: "from its queue before a worker took it",
  working: "from its queue while a worker had it",
};

interface Candidate {
  readonly seq: number;
  readonly sesMessageId: SesMessageId;
}

async function stale(database: Pick<Database, "read">, before: number): Promise<readonly Candidate[]> {
  const found: Candidate[] = [];
  for (let after = -1, looked = page; looked === page; ) {
    const rows = database.read((sql) =>
      sql.all(
        `SELECT DISTINCT r.seq, ses_message_id FROM recipients r JOIN ids USING (seq) JOIN messages m ON m.seq = r.seq
         WHERE r.open = 1 AND r.updated_at < ? AND m.ended_at IS NOT NULL AND r.seq > ? ORDER BY r.seq LIMIT ?`,
        ...[before, after, page],
      ),
    );
    for (const row of rows) {
      const sesMessageId = parseSesMessageId(String(row["ses_message_id"]));
      if (sesMessageId) found.push({ seq: Number(row["seq"]), sesMessageId });
    }
    looked = rows.length;
    after = Number(rows.at(-1)?.["seq"] ?? after);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return found;
}

/** Those with a recipient that no row of a queue and no invocation will finish: one look through all of them. */
async function unnamed(
  database: Pick<Database, "read">,
  candidates: readonly Candidate[],
  before: number,
): Promise<readonly Candidate[]> {
  const left = new Map<string, { readonly candidate: Candidate; readonly open: Open[] }>();
  for (const candidate of candidates) {
    const open = database.read((sql) => openRecipients(sql, candidate.seq, before));
    left.set(candidate.sesMessageId, { candidate, open });
  }
  for (const [table, column, alive] of waitingIn) {
    for (let after = -1, looked = page; looked === page && left.size > 0; ) {
      const rows = database.read((sql) =>
        sql.all(
          `SELECT id, ${column} AS text FROM ${table} WHERE id > ? AND ${alive} ORDER BY id LIMIT ?`,
          after,
          page,
        ),
      );
      for (const { text } of rows) {
        for (const word of new Set(String(text).match(/[A-Za-z0-9]{20,}/g) ?? [])) {
          const known = left.get(word);
          if (!known) continue;
          const open = known.open.filter((recipient) => !willFinish(String(text), recipient));
          if (open.length === 0) left.delete(word);
          else left.set(word, { ...known, open });
        }
      }
      looked = rows.length;
      after = Number(rows.at(-1)?.["id"] ?? after);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return [...left.values()].map(({ candidate }) => candidate);
}

/**
 * Whether a text that names the message brings a recipient of it further: a stream message those it is for, a notice or an event
 * of the bucket whoever is not routed yet.
 */
function willFinish(text: string, { recipient, state }: Open): boolean {
  const { stream, recipients } = parsed(text);
  return typeof stream === "string" && Array.isArray(recipients)
    ? recipients.includes(recipient)
    : state === "received" || state === "decided";
}

function parsed(text: string): { readonly stream?: unknown; readonly recipients?: unknown } {
  try {
    return Object(JSON.parse(text)) as { readonly stream?: unknown; readonly recipients?: unknown };
  } catch {
    // Somebody else's.
    return {};
  }
}

// Dead letters and invocations that were given up wait for somebody, and finish nothing by themselves.
const waitingIn = [
  ["queue_messages", "body", "dead_from IS NULL"],
  ["invocations", "payload", "due_at IS NOT NULL"],
] as const;

const textsNaming = (sql: Sql, id: string) =>
  waitingIn.flatMap(([table, column, alive]) =>
    sql
      .all(`SELECT ${column} AS text FROM ${table} WHERE ${alive} AND instr(${column}, ?) > 0`, id)
      .map(({ text }) => String(text)),
  );

interface Open {
  readonly recipient: string;
  readonly state: RecipientState;
  readonly stream: string | null;
}

function openRecipients(sql: Sql, seq: number, before: number): Open[] {
  return sql
    .all("SELECT recipient, state, stream FROM recipients WHERE seq = ? AND open = 1 AND updated_at < ?", seq, before)
    .map(({ recipient, state, stream }) => ({
      recipient: String(recipient),
      state: String(state) as RecipientState,
      stream: stream === null ? null : String(stream),
    }));
}
