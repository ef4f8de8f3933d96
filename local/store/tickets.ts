import { normaliseAddress } from "../../shared/mail/address.ts";
import type {
  Clock,
  MailEntry,
  Ticket,
  TicketChange,
  TicketEntry,
  TicketFilter,
  TicketLink,
  TicketPlan,
  TicketSummary,
  Tickets,
  TicketThread,
} from "../../shared/ports.ts";
import type { TicketPropagation } from "../../shared/propagation/message.ts";
import { newsOfChange, newsOfMail } from "../../shared/tickets/news.ts";
import { assertClaim, effectResult, noteEffect } from "./claims.ts";
import type { Database, Row, Sql, Transaction } from "./database.ts";

const effect = "ticket";
// A thread that never ends must not make every entry slower.
const maxParticipants = 500;

/** Tickets, their entries, and which Message-ID belongs to which ticket: one each, decided by the primary key. */
export function createTickets(
  database: Database,
  clock: Clock,
  /** Puts what the sinks are to hear on its way in the transaction that makes it. */
  handOver: (tx: Transaction, message: TicketPropagation) => void = () => undefined,
): Tickets {
  return {
    threads: async (messageIds, ticketIds = []) => database.read((sql) => threadsOf(sql, messageIds, ticketIds)),
    record: (claim, plan, entry) =>
      database.write((tx) => {
        const seq = assertClaim(tx, claim);
        const done = effectResult(tx, seq, claim.recipient, effect);
        const earlier = done ?? ticketHolding(tx, entry);
        if (earlier !== undefined) {
          if (done === undefined) noteEffect(tx, seq, claim.recipient, effect, String(earlier));
          return { kind: "repeated", ticketId: survivorOf(tx, Number(earlier)) };
        }
        const taken = threadsOf(tx, plan.claims).filter(
          ({ ticketId }) => plan.kind === "open" || ![plan.ticketId, ...(plan.merges ?? [])].includes(ticketId),
        );
        if (taken.length > 0) return { kind: "conflict", threads: taken };
        const now = clock.now().getTime();
        const author = normaliseAddress(entry.author.address);
        const isProven = entry.trust === "aligned" || entry.trust === "token";
        const proven = isProven && plan.participants.includes(author) ? [author] : [];
        const ticketId = plan.kind === "open" ? openTicket(tx, plan, proven, now) : joinTicket(tx, plan, proven, now);
        if (ticketId === undefined) return { kind: "conflict", threads: [] };
        for (const id of plan.claims) claimMessageId(tx, id, ticketId);
        addEntry(tx, ticketId, entry);
        noteEffect(tx, seq, claim.recipient, effect, String(ticketId));
        handOver(tx, newsOfMail(ticketId, plan, entry));
        return { kind: plan.kind === "open" ? "opened" : "joined", ticketId };
      }, "repeatable"),
    change: (ticketId, change) =>
      database.write((tx) => {
        const result = changeTicket(tx, ticketId, change, clock.now().getTime());
        const news = newsOfChange(ticketId, change);
        if (result?.repeated === false && news) handOver(tx, news);
        return result;
      }),
    get: async (ticketId) =>
      database.read((sql) => {
        const row = sql.get("SELECT * FROM tickets WHERE id = ?", ticketId);
        return row && toTicket(sql, row);
      }),
    list: async ({ order = "oldest", after, limit, ...filter }) =>
      database.read((sql) => {
        const { where, values } = conditions(filter);
        const rows = sql.all(
          order === "oldest"
            ? `SELECT * FROM tickets t WHERE merged_into IS NULL AND id > ?${where} ORDER BY id LIMIT ?`
            : `SELECT * FROM tickets t WHERE merged_into IS NULL AND id < ?${where} ORDER BY id DESC LIMIT ?`,
          after ?? (order === "oldest" ? 0 : Number.MAX_SAFE_INTEGER),
          ...values,
          limit + 1,
        );
        const tickets = rows.slice(0, limit).map(toSummary);
        const last = tickets.at(-1);
        return { tickets, ...(rows.length > limit && last && { next: last.id }) };
      }),
  };
}

/** The very same mail: to another recipient, or under another SES id with the same Message-ID and body. */
function ticketHolding(sql: Sql, { sesMessageId, headerMessageId, bodySha256 }: MailEntry): number | undefined {
  const same = sql.get(
    `SELECT e.result FROM ids i JOIN effects e ON e.seq = i.seq WHERE i.ses_message_id = ? AND e.effect = ? LIMIT 1`,
    sesMessageId,
    effect,
  );
  if (same) return Number(same["result"]);
  if (headerMessageId === undefined) return undefined;
  const row = sql.get(
    `SELECT e.ticket FROM ticket_message_ids m JOIN ticket_entries e ON e.ticket = m.ticket
     WHERE m.message_id = ?1 AND e.header_message_id = ?1 AND e.body_sha256 = ?2 LIMIT 1`,
    headerMessageId,
    bodySha256,
  );
  return row && Number(row["ticket"]);
}

function openTicket(
  tx: Transaction,
  plan: Extract<TicketPlan, { kind: "open" }>,
  proven: readonly string[],
  now: number,
): number {
  return tx.run(
    `INSERT INTO tickets (state, subject, participants, proven, related_to, created_at, updated_at)
     VALUES ('open', ?, ?, ?, ?, ?, ?)`,
    plan.subject,
    JSON.stringify(union([], plan.participants)),
    JSON.stringify(proven),
    plan.relatedTo ?? null,
    now,
    now,
  ).lastId;
}

/**
 * An answer opens a closed ticket again; whoever wants a new one plans a new one. `undefined`: there is no such ticket, or
 * one that was to be merged has other participants by now.
 */
function joinTicket(
  tx: Transaction,
  plan: Extract<TicketPlan, { kind: "join" }>,
  proven: readonly string[],
  now: number,
): number | undefined {
  const row = tx.get("SELECT * FROM tickets WHERE id = ? AND merged_into IS NULL", plan.ticketId);
  if (!row) return undefined;
  const participants = stringsOf(row, "participants");
  const merged: Row[] = [];
  for (const id of plan.merges ?? []) {
    const other = tx.get("SELECT * FROM tickets WHERE id = ? AND merged_into IS NULL", id);
    if (!other || !sameMembers(stringsOf(other, "participants"), participants)) return undefined;
    merged.push(other);
  }
  for (const other of merged) takeOver(tx, Number(other["id"]), plan.ticketId, now);
  tx.run(
    "UPDATE tickets SET state = 'open', closed_at = NULL, participants = ?, proven = ?, updated_at = ? WHERE id = ?",
    JSON.stringify(union(participants, plan.participants)),
    JSON.stringify(
      union(
        [row, ...merged].flatMap((each) => stringsOf(each, "proven")),
        proven,
      ),
    ),
    now,
    plan.ticketId,
  );
  return plan.ticketId;
}

function takeOver(tx: Transaction, from: number, to: number, now: number): void {
  tx.run("UPDATE ticket_message_ids SET ticket = ? WHERE ticket = ?", to, from);
  const highest = Number(
    tx.get("SELECT coalesce(max(number), 0) AS n FROM ticket_entries WHERE ticket = ?", to)?.["n"],
  );
  tx.run("UPDATE ticket_entries SET ticket = ?, number = number + ? WHERE ticket = ?", to, highest, from);
  tx.run("UPDATE tickets SET merged_into = ? WHERE merged_into = ?", to, from);
  tx.run("UPDATE tickets SET merged_into = ?, updated_at = ? WHERE id = ?", to, now, from);
}

function changeTicket(
  tx: Transaction,
  ticketId: number,
  change: TicketChange,
  now: number,
): { readonly repeated: boolean } | undefined {
  const row = tx.get("SELECT * FROM tickets WHERE id = ? AND merged_into IS NULL", ticketId);
  if (!row) return undefined;
  const { changes } = tx.run("INSERT OR IGNORE INTO ticket_changes (id, ticket) VALUES (?, ?)", change.id, ticketId);
  if (changes === 0) return { repeated: true };
  const state = change.state ?? stateOf(row);
  const removed = new Set((change.removeTags ?? []).map(tagOf));
  const tags = [...new Set([...stringsOf(row, "tags"), ...(change.addTags ?? []).map(tagOf)])].filter(
    (tag) => !removed.has(tag),
  );
  const { link } = change;
  const links = linksOf(row);
  tx.run(
    "UPDATE tickets SET state = ?, closed_at = ?, assignee = ?, tags = ?, links = ?, updated_at = ? WHERE id = ?",
    state,
    state === "closed" ? (row["closed_at"] ?? now) : null,
    change.assignee === undefined ? (row["assignee"] ?? null) : change.assignee,
    JSON.stringify(tags.sort()),
    JSON.stringify(link === undefined ? links : [...links.filter(({ sink }) => sink !== link.sink), link]),
    now,
    ticketId,
  );
  if (change.entry) addEntry(tx, ticketId, change.entry);
  for (const id of change.messageIds ?? []) claimMessageId(tx, id, ticketId);
  return { repeated: false };
}

const tagOf = (tag: string) => tag.trim().toLowerCase();

function claimMessageId(tx: Transaction, messageId: string, ticketId: number): void {
  tx.run("INSERT OR IGNORE INTO ticket_message_ids (message_id, ticket) VALUES (?, ?)", messageId, ticketId);
}

function addEntry(tx: Transaction, ticketId: number, entry: TicketEntry): void {
  tx.run(
    `INSERT INTO ticket_entries (ticket, number, header_message_id, body_sha256, entry)
     VALUES (?1, (SELECT coalesce(max(number), 0) + 1 FROM ticket_entries WHERE ticket = ?1), ?2, ?3, ?4)`,
    ticketId,
    entry.kind === "note" ? null : (entry.headerMessageId ?? null),
    entry.kind === "mail" ? entry.bodySha256 : "",
    JSON.stringify(entry),
  );
}

const union = (present: readonly string[], more: readonly string[]) =>
  [...new Set([...present, ...more])].slice(0, maxParticipants);

const sameMembers = (a: readonly string[], b: readonly string[]) =>
  a.length === b.length && a.every((member) => b.includes(member));

function survivorOf(sql: Sql, ticketId: number): number {
  const row = sql.get("SELECT merged_into FROM tickets WHERE id = ?", ticketId);
  return row && row["merged_into"] !== null ? Number(row["merged_into"]) : ticketId;
}

function threadsOf(sql: Sql, messageIds: readonly string[], ticketIds: readonly number[] = []): TicketThread[] {
  const threads = new Map<number, string[]>();
  for (const id of new Set(messageIds)) {
    const row = sql.get("SELECT ticket FROM ticket_message_ids WHERE message_id = ?", id);
    if (!row) continue;
    const ticket = Number(row["ticket"]);
    threads.set(ticket, [...(threads.get(ticket) ?? []), id]);
  }
  const former = new Map<number, number[]>();
  for (const id of ticketIds) {
    const survivor = survivorOf(sql, id);
    if (!threads.has(survivor)) threads.set(survivor, []);
    if (survivor !== id) former.set(survivor, [...(former.get(survivor) ?? []), id]);
  }
  return [...threads].flatMap(([ticketId, ids]) => {
    const row = sql.get("SELECT * FROM tickets WHERE id = ?", ticketId);
    if (!row) return [];
    return [
      {
        ticketId,
        ...(former.has(ticketId) && { formerIds: former.get(ticketId) ?? [] }),
        createdAt: new Date(Number(row["created_at"])).toISOString(),
        participants: stringsOf(row, "participants"),
        proven: stringsOf(row, "proven"),
        state: stateOf(row),
        ...closing(row),
        messageIds: ids,
      },
    ];
  });
}

function conditions({ state, assignee, tag, participant, text }: TicketFilter): { where: string; values: string[] } {
  const where: string[] = [];
  const values: string[] = [];
  const add = (sql: string, ...given: readonly string[]) => {
    where.push(` AND ${sql}`);
    values.push(...given);
  };
  if (state !== undefined) add("state = ?", state);
  if (assignee !== undefined) add("assignee = ?", assignee);
  if (tag !== undefined) add("EXISTS (SELECT 1 FROM json_each(t.tags) WHERE value = ?)", tagOf(tag));
  if (participant !== undefined) add("EXISTS (SELECT 1 FROM json_each(t.participants) WHERE value = ?)", participant);
  for (const word of text?.split(/\s+/).filter((each) => each !== "") ?? []) {
    const like = `%${word.replace(/[\\%_]/g, "\\$&")}%`;
    add(
      `(t.subject LIKE ? ESCAPE '\\' OR EXISTS (
        SELECT 1 FROM ticket_entries e WHERE e.ticket = t.id AND json_extract(e.entry, '$.text') LIKE ? ESCAPE '\\'))`,
      like,
      like,
    );
  }
  return { where: where.join(""), values };
}

function toTicket(sql: Sql, row: Row): Ticket {
  const entries = sql
    .all("SELECT entry FROM ticket_entries WHERE ticket = ? ORDER BY number", Number(row["id"]))
    .map((entry) => toEntry(JSON.parse(String(entry["entry"])) as TicketEntry));
  return { ...toSummary(row), entries: entries.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0)) };
}

/** Entries of the first schema were mails and did not say so. */
function toEntry(entry: TicketEntry): TicketEntry {
  return "kind" in entry
    ? entry
    : {
        kind: "mail",
        recipient: "",
        to: [],
        cc: [],
        ...(entry as Omit<MailEntry, "kind" | "recipient" | "to" | "cc">),
      };
}

function toSummary(row: Row): TicketSummary {
  return {
    id: Number(row["id"]),
    state: stateOf(row),
    subject: String(row["subject"]),
    participants: stringsOf(row, "participants"),
    ...(row["related_to"] !== null && { relatedTo: Number(row["related_to"]) }),
    ...(row["merged_into"] !== null && { mergedInto: Number(row["merged_into"]) }),
    ...(row["assignee"] !== null && { assignee: String(row["assignee"]) }),
    tags: stringsOf(row, "tags"),
    ...(linksOf(row).length > 0 && { links: linksOf(row) }),
    ...closing(row),
    createdAt: new Date(Number(row["created_at"])).toISOString(),
    updatedAt: new Date(Number(row["updated_at"])).toISOString(),
  };
}

const closing = (row: Row) =>
  row["closed_at"] !== null && { closedAt: new Date(Number(row["closed_at"])).toISOString() };

const stringsOf = (row: Row, column: string) => JSON.parse(String(row[column])) as string[];

const linksOf = (row: Row) => JSON.parse(String(row["links"])) as TicketLink[];

const stateOf = (row: Row): Ticket["state"] => (row["state"] === "closed" ? "closed" : "open");
