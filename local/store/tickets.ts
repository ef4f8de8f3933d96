import type { Clock, Ticket, TicketEntry, TicketPlan, Tickets, TicketThread } from "../../shared/ports.ts";
import { assertClaim, effectResult, noteEffect } from "./claims.ts";
import type { Database, Row, Sql, Transaction } from "./database.ts";

const effect = "ticket";
// A thread that never ends must not make every entry slower.
const maxParticipants = 500;

/** Tickets, their entries, and which Message-ID belongs to which ticket: one each, decided by the primary key. */
export function createTickets(database: Database, clock: Clock): Tickets {
  return {
    threads: async (messageIds) => database.read((sql) => threadsOf(sql, messageIds)),
    record: (claim, plan, entry) =>
      database.write((tx) => {
        const seq = assertClaim(tx, claim);
        const earlier = effectResult(tx, seq, claim.recipient, effect) ?? ticketHolding(tx, entry);
        if (earlier !== undefined) {
          if (effectResult(tx, seq, claim.recipient, effect) === undefined) {
            noteEffect(tx, seq, claim.recipient, effect, String(earlier));
          }
          return { kind: "repeated", ticketId: Number(earlier) };
        }
        const taken = threadsOf(tx, plan.claims).filter(
          ({ ticketId }) => plan.kind === "open" || ticketId !== plan.ticketId,
        );
        if (taken.length > 0) return { kind: "conflict", threads: taken };
        const now = clock.now().getTime();
        const ticketId = plan.kind === "open" ? openTicket(tx, plan, now) : joinTicket(tx, plan, now);
        if (ticketId === undefined) return { kind: "conflict", threads: [] };
        for (const id of plan.claims) {
          tx.run("INSERT OR IGNORE INTO ticket_message_ids (message_id, ticket) VALUES (?, ?)", id, ticketId);
        }
        tx.run(
          `INSERT INTO ticket_entries (ticket, number, header_message_id, body_sha256, entry)
           VALUES (?1, (SELECT coalesce(max(number), 0) + 1 FROM ticket_entries WHERE ticket = ?1), ?2, ?3, ?4)`,
          ticketId,
          entry.headerMessageId ?? null,
          entry.bodySha256,
          JSON.stringify(entry),
        );
        noteEffect(tx, seq, claim.recipient, effect, String(ticketId));
        return { kind: plan.kind === "open" ? "opened" : "joined", ticketId };
      }),
    get: async (ticketId) =>
      database.read((sql) => {
        const row = sql.get("SELECT * FROM tickets WHERE id = ?", ticketId);
        return row && toTicket(sql, row);
      }),
    list: async ({ state, after = 0, limit }) =>
      database.read((sql) =>
        (state === undefined
          ? sql.all("SELECT * FROM tickets WHERE id > ? ORDER BY id LIMIT ?", after, limit)
          : sql.all("SELECT * FROM tickets WHERE state = ? AND id > ? ORDER BY id LIMIT ?", state, after, limit)
        ).map((row) => toTicket(sql, row)),
      ),
  };
}

/** The very same mail under another SES id: same Message-ID, same body. */
function ticketHolding(sql: Sql, { headerMessageId, bodySha256 }: TicketEntry): number | undefined {
  if (headerMessageId === undefined) return undefined;
  const row = sql.get(
    `SELECT e.ticket FROM ticket_message_ids m JOIN ticket_entries e ON e.ticket = m.ticket
     WHERE m.message_id = ?1 AND e.header_message_id = ?1 AND e.body_sha256 = ?2 LIMIT 1`,
    headerMessageId,
    bodySha256,
  );
  return row && Number(row["ticket"]);
}

function openTicket(tx: Transaction, plan: Extract<TicketPlan, { kind: "open" }>, now: number): number {
  return tx.run(
    `INSERT INTO tickets (state, subject, participants, related_to, created_at, updated_at) VALUES ('open', ?, ?, ?, ?, ?)`,
    plan.subject,
    JSON.stringify(union([], plan.participants)),
    plan.relatedTo ?? null,
    now,
    now,
  ).lastId;
}

/** An answer opens a closed ticket again; whoever wants a new one plans a new one. `undefined`: there is no such ticket. */
function joinTicket(tx: Transaction, plan: Extract<TicketPlan, { kind: "join" }>, now: number): number | undefined {
  const row = tx.get("SELECT participants FROM tickets WHERE id = ?", plan.ticketId);
  if (!row) return undefined;
  tx.run(
    "UPDATE tickets SET state = 'open', participants = ?, updated_at = ? WHERE id = ?",
    JSON.stringify(union(JSON.parse(String(row["participants"])) as string[], plan.participants)),
    now,
    plan.ticketId,
  );
  return plan.ticketId;
}

const union = (present: readonly string[], more: readonly string[]) =>
  [...new Set([...present, ...more])].slice(0, maxParticipants);

function threadsOf(sql: Sql, messageIds: readonly string[]): TicketThread[] {
  const threads = new Map<number, string[]>();
  for (const id of new Set(messageIds)) {
    const row = sql.get("SELECT ticket FROM ticket_message_ids WHERE message_id = ?", id);
    if (!row) continue;
    const ticket = Number(row["ticket"]);
    threads.set(ticket, [...(threads.get(ticket) ?? []), id]);
  }
  return [...threads].flatMap(([ticketId, ids]) => {
    const row = sql.get("SELECT participants, state FROM tickets WHERE id = ?", ticketId);
    if (!row) return [];
    const participants = JSON.parse(String(row["participants"])) as string[];
    return [{ ticketId, participants, state: stateOf(row), messageIds: ids }];
  });
}

function toTicket(sql: Sql, row: Row): Ticket {
  const id = Number(row["id"]);
  return {
    id,
    state: stateOf(row),
    subject: String(row["subject"]),
    participants: JSON.parse(String(row["participants"])) as string[],
    ...(row["related_to"] !== null && { relatedTo: Number(row["related_to"]) }),
    entries: sql
      .all("SELECT entry FROM ticket_entries WHERE ticket = ? ORDER BY number", id)
      .map((entry) => JSON.parse(String(entry["entry"])) as TicketEntry),
    createdAt: new Date(Number(row["created_at"])).toISOString(),
    updatedAt: new Date(Number(row["updated_at"])).toISOString(),
  };
}

const stateOf = (row: Row): Ticket["state"] => (row["state"] === "closed" ? "closed" : "open");
