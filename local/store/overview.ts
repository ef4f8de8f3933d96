import type { Topology } from "../../shared/config/topology.ts";
import { normaliseAddress } from "../../shared/mail/address.ts";
import type { Clock, RecipientState } from "../../shared/ports.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import type { Database, Row, Sql } from "./database.ts";
import type { EngineStatus, EngineStore, ListedMessage, ListedRecipient, RuleMetric } from "./engine-store.ts";
import { total } from "./messages.ts";
import { countOutbox } from "./outbox-entries.ts";
import { countQueue } from "./queues.ts";

/** What people look at: the list, the counts, and when something is due. */
export function createOverview(
  database: Database,
  topology: Topology,
  clock: Clock,
): Pick<EngineStore, "list" | "status" | "nextDue"> {
  return {
    list: async ({ limit, before = Number.MAX_SAFE_INTEGER }) =>
      database.read((sql) =>
        sql
          .all(`${selectListed} WHERE m.seq < ? ORDER BY m.seq DESC LIMIT ?`, before, limit)
          .map((row) => toListed(sql, row)),
      ),
    status: async () => database.read((sql) => status(sql, topology, clock.now().getTime())),
    nextDue: async () =>
      database.read((sql) => {
        const consumed = topology.queues.filter((queue) => queue.consumer !== undefined);
        const times = consumed.map(({ name }) =>
          sql.get("SELECT visible_at AS at FROM queue_messages WHERE queue = ? ORDER BY visible_at LIMIT 1", name),
        );
        times.push(
          sql.get("SELECT min(due_at) AS at FROM invocations WHERE due_at IS NOT NULL"),
          sql.get("SELECT min(due_at) AS at FROM actions WHERE due_at IS NOT NULL"),
          sql.get("SELECT min(due_at) AS at FROM outbox WHERE due_at IS NOT NULL"),
        );
        const due = times.flatMap((row) => (row && row["at"] !== null ? [Number(row["at"])] : []));
        return due.length === 0 ? undefined : new Date(Math.min(...due));
      }),
  };
}

const selectListed = `SELECT m.seq, ids.ses_message_id, m.received_at, m.mail_from, m.recipients, m.subject, m.author
  FROM messages m JOIN ids ON ids.seq = m.seq`;

/** These messages, in the order given; without those that are not there any more. */
export function listSequences(sql: Sql, sequences: readonly number[]): readonly ListedMessage[] {
  return sequences.flatMap((seq) => {
    const row = sql.get(`${selectListed} WHERE m.seq = ?`, seq);
    return row ? [toListed(sql, row)] : [];
  });
}

function toListed(sql: Sql, row: Row): ListedMessage {
  const to = JSON.parse(String(row["recipients"])) as string[];
  const stored = new Map(
    sql
      .all(
        "SELECT recipient, state, stream, outcome, cause, duplicate_of FROM recipients WHERE seq = ?",
        Number(row["seq"]),
      )
      .map((recipient) => [String(recipient["recipient"]), toListedRecipient(recipient)]),
  );
  // Envelope order first, then whom only the pipeline knows.
  const ordered = new Set([...to.map(normaliseAddress), ...stored.keys()]);
  return {
    sequence: Number(row["seq"]),
    sesMessageId: String(row["ses_message_id"]) as SesMessageId,
    receivedAt: new Date(Number(row["received_at"])).toISOString(),
    envelope: { from: String(row["mail_from"]), to },
    subject: text(row["subject"]),
    author: text(row["author"]),
    recipients: [...ordered].flatMap((address) => stored.get(address) ?? []),
  };
}

function toListedRecipient(row: Row): ListedRecipient {
  return {
    recipient: String(row["recipient"]),
    state: String(row["state"]) as RecipientState,
    stream: text(row["stream"]),
    outcome: text(row["outcome"]),
    cause: text(row["cause"]),
    duplicateOf: text(row["duplicate_of"]),
  };
}

function status(sql: Sql, topology: Topology, now: number): EngineStatus {
  const byStream: Record<string, Record<string, number>> = {};
  for (const open of [0, 1]) {
    // Two halves, because each has its own index.
    const rows = sql.all(
      open === 0
        ? "SELECT stream, state, count(*) AS n FROM recipients WHERE open = 0 GROUP BY stream, state"
        : "SELECT stream, state, count(*) AS n FROM recipients WHERE open = 1 GROUP BY stream, state",
    );
    for (const row of rows) {
      const stream = text(row["stream"]) ?? "none";
      byStream[stream] = { ...byStream[stream], [String(row["state"])]: Number(row["n"]) };
    }
  }
  const configured = topology.queues.flatMap((queue) => [queue.name, queue.deadLetterQueue]);
  const present = sql.all("SELECT DISTINCT queue FROM queue_messages").map((row) => String(row["queue"]));
  return {
    messages: total(sql, "messages"),
    unended: total(sql, "unended"),
    byStream,
    queues: [...new Set([...configured, ...present])].map((name) => ({ name, ...countQueue(sql, name, now) })),
    rules: countRules(sql),
    outbox: countOutbox(sql),
    refusals: Number(sql.get("SELECT max(id) AS n FROM refusals")?.["n"] ?? 0),
    bytes: total(sql, "bytes"),
  };
}

function countRules(sql: Sql): EngineStatus["rules"] {
  const rules: Record<string, Record<RuleMetric, number>> = {};
  for (const row of sql.all("SELECT rule_name, metric, value FROM rule_counts ORDER BY rule_name")) {
    const name = String(row["rule_name"]);
    rules[name] ??= { PublishSuccess: 0, PublishFailure: 0, PublishExpired: 0 };
    rules[name][String(row["metric"]) as RuleMetric] = Number(row["value"]);
  }
  return rules;
}

const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
