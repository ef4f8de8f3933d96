import type { QueueTopology } from "../../shared/config/topology.ts";
import type { Clock, OutgoingQueueMessage, Queues, Random, ReceivedQueueMessage } from "../../shared/ports.ts";
import type { Database, Row, Sql, Transaction } from "./database.ts";
import { failDeadLetter } from "./dead-letter.ts";
import { UnknownQueueError } from "./errors.ts";

/** What the console and the command line do with queues, beside the port. */
export interface LocalQueues extends Queues {
  /** Oldest first, without receiving: what lies in a queue now. `after`: a `number` of the last page. */
  peek(queue: string, options: { readonly after?: number; readonly limit: number }): Promise<readonly PeekedMessage[]>;
  /** Sends messages of a dead-letter queue back to where they came from: those named, or all. Answers how many. */
  redrive(deadLetterQueue: string, messageIds?: readonly string[]): Promise<number>;
  /** Deletes every message; answers how many. */
  purge(queue: string): Promise<number>;
}

export interface PeekedMessage {
  readonly number: number;
  readonly messageId: string;
  readonly body: string;
  readonly sentAt: Date;
  readonly visibleAt: Date;
  readonly receiveCount: number;
  /** In a dead-letter queue: the queue that gave up. */
  readonly deadFrom?: string;
}

// SQS: 256 KB a message, 15 minutes of delay, 12 hours of invisibility.
const maxBodyBytes = 262_144;
const maxDelaySeconds = 900;
const maxVisibilityMs = 43_200_000;
// SQS keeps messages for four days unless told otherwise.
const retentionMs = 345_600_000;

export function createQueues(
  database: Database,
  topology: readonly QueueTopology[],
  clock: Clock,
  random: Random,
): LocalQueues {
  const sending = createSending(topology, clock, random);
  const deadLetterQueues = new Set(topology.map((queue) => queue.deadLetterQueue));
  const settings = (name: string): Pick<QueueTopology, "visibilityTimeoutMs"> & Partial<QueueTopology> => {
    const found = topology.find((queue) => queue.name === name);
    if (found) return found;
    if (deadLetterQueues.has(name)) return { visibilityTimeoutMs: 30_000 };
    throw new UnknownQueueError(name, [...topology.map((queue) => queue.name), ...deadLetterQueues]);
  };
  const now = () => clock.now().getTime();

  return {
    async send(queue, messages) {
      const { delayMs = 0 } = settings(queue);
      const refused: { id: string; cause: string }[] = [];
      const taken: OutgoingQueueMessage[] = [];
      for (const message of messages) {
        const cause = reasonToRefuse(message);
        if (cause === undefined) taken.push(message);
        else refused.push({ id: message.id, cause });
      }
      if (taken.length > 0) {
        await database.write((tx) => {
          for (const { body, delaySeconds } of taken) {
            sending.enqueue(tx, queue, body, delaySeconds === undefined ? delayMs : delaySeconds * 1000);
          }
        });
      }
      return refused;
    },
    async receive(queue, { max, visibilityTimeoutMs }) {
      const { visibilityTimeoutMs: usual, maxReceiveCount, deadLetterQueue } = settings(queue);
      const invisibleMs = limited(visibilityTimeoutMs ?? usual);
      // Most looks find nothing: no transaction for them.
      if (!database.read((sql) => sql.get(hasVisible, queue, now()))) return [];
      return database.write((tx) => {
        const at = now();
        const received: ReceivedQueueMessage[] = [];
        while (received.length < max) {
          const rows = tx.all(selectVisible, queue, at, max - received.length);
          if (rows.length === 0) break;
          for (const row of rows) {
            if (
              deadLetterQueue !== undefined &&
              maxReceiveCount !== undefined &&
              Number(row["receive_count"]) >= maxReceiveCount
            ) {
              moveToDeadLetters(tx, row, queue, deadLetterQueue, at);
            } else {
              received.push(take(tx, row, at, at + invisibleMs));
            }
          }
          // Nobody can take what has no invisibility twice in one call.
          if (invisibleMs === 0) break;
        }
        return received;
      });
    },
    async delete(queue, receiptHandles) {
      settings(queue);
      if (receiptHandles.length === 0) return;
      await database.write((tx) => {
        for (const handle of receiptHandles) {
          const receipt = parseHandle(handle);
          if (receipt) {
            tx.run(
              "DELETE FROM queue_messages WHERE id = ? AND receipt = ? AND queue = ? AND visible_at > ?",
              receipt.id,
              receipt.receipt,
              queue,
              now(),
            );
          }
        }
      }, "repeatable");
    },
    async changeVisibility(queue, receiptHandle, visibilityTimeoutMs) {
      settings(queue);
      const receipt = parseHandle(receiptHandle);
      if (!receipt) return;
      await database.write((tx) => {
        tx.run(
          "UPDATE queue_messages SET visible_at = ? WHERE id = ? AND receipt = ? AND queue = ? AND visible_at > ?",
          now() + limited(visibilityTimeoutMs),
          receipt.id,
          receipt.receipt,
          queue,
          now(),
        );
        tx.wake();
      });
    },
    async counts(queue) {
      settings(queue);
      return database.read((sql) => countQueue(sql, queue, now()));
    },
    peek: async (queue, { after = 0, limit }) =>
      database.read((sql) =>
        sql
          .all("SELECT * FROM queue_messages WHERE queue = ? AND id > ? ORDER BY id LIMIT ?", queue, after, limit)
          .map((row) => ({
            number: Number(row["id"]),
            messageId: String(row["message_id"]),
            body: String(row["body"]),
            sentAt: new Date(Number(row["sent_at"])),
            visibleAt: new Date(Number(row["visible_at"])),
            receiveCount: Number(row["receive_count"]),
            ...(row["dead_from"] !== null && { deadFrom: String(row["dead_from"]) }),
          })),
      ),
    async redrive(deadLetterQueue, messageIds) {
      settings(deadLetterQueue);
      return database.write((tx) => {
        const set = `UPDATE queue_messages SET queue = dead_from, dead_from = NULL, visible_at = ?, receive_count = 0,
          receipt = receipt + 1 WHERE queue = ? AND dead_from IS NOT NULL`;
        tx.wake();
        if (messageIds === undefined) return tx.run(set, now(), deadLetterQueue).changes;
        let moved = 0;
        for (const id of messageIds) moved += tx.run(`${set} AND message_id = ?`, now(), deadLetterQueue, id).changes;
        return moved;
      });
    },
    async purge(queue) {
      settings(queue);
      return database.write((tx) => tx.run("DELETE FROM queue_messages WHERE queue = ?", queue).changes);
    },
  };
}

/** Sending inside a transaction of somebody else's: notices, S3 events. */
export interface Sending {
  enqueue(tx: Transaction, queue: string, body: string, delayMs?: number): void;
}

export function createSending(topology: readonly QueueTopology[], clock: Clock, random: Random): Sending {
  const delays = new Map(topology.map((queue) => [queue.name, queue.delayMs]));
  const unread = new Set(topology.flatMap(({ name, consumer }) => (consumer ? [] : [name])));
  return {
    enqueue(tx, queue, body, delayMs = delays.get(queue) ?? 0) {
      const at = clock.now().getTime();
      // What nobody reads must not grow for ever.
      if (unread.has(queue)) {
        tx.run("DELETE FROM queue_messages WHERE queue = ? AND visible_at < ?", queue, at - retentionMs);
      }
      tx.run(
        "INSERT INTO queue_messages (queue, visible_at, message_id, sent_at, body) VALUES (?, ?, ?, ?, ?)",
        queue,
        at + delayMs,
        uuid(random),
        at,
        body,
      );
      tx.wake();
    },
  };
}

/** A version 4 UUID (RFC 9562 §5.4), as SQS and SNS name messages. */
export function uuid(random: Random): string {
  const octets = Uint8Array.from(random.bytes(16));
  octets[6] = ((octets[6] ?? 0) & 0x0f) | 0x40;
  octets[8] = ((octets[8] ?? 0) & 0x3f) | 0x80;
  const hex = Buffer.from(octets).toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** In flight: received and not visible again yet. Delayed: never received and not visible yet. */
export function countQueue(sql: Sql, queue: string, now: number) {
  const row = sql.get(
    `SELECT count(*) FILTER (WHERE visible_at <= ?1) AS visible,
            count(*) FILTER (WHERE visible_at > ?1 AND receive_count > 0) AS in_flight,
            count(*) FILTER (WHERE visible_at > ?1 AND receive_count = 0) AS delayed
     FROM queue_messages WHERE queue = ?2`,
    now,
    queue,
  );
  return {
    visible: Number(row?.["visible"] ?? 0),
    inFlight: Number(row?.["in_flight"] ?? 0),
    delayed: Number(row?.["delayed"] ?? 0),
  };
}

const hasVisible = "SELECT 1 FROM queue_messages WHERE queue = ? AND visible_at <= ? LIMIT 1";
const selectVisible = `SELECT * FROM queue_messages WHERE queue = ? AND visible_at <= ? ORDER BY visible_at, id LIMIT ?`;

function take(tx: Transaction, row: Row, at: number, visibleAt: number): ReceivedQueueMessage {
  const id = Number(row["id"]);
  const receipt = Number(row["receipt"]) + 1;
  const first = row["first_received_at"] === null ? at : Number(row["first_received_at"]);
  tx.run(
    `UPDATE queue_messages SET visible_at = ?, receive_count = receive_count + 1, receipt = ?, first_received_at = ?
     WHERE id = ?`,
    visibleAt,
    receipt,
    first,
    id,
  );
  return {
    messageId: String(row["message_id"]),
    receiptHandle: `${id}.${receipt}`,
    body: String(row["body"]),
    receiveCount: Number(row["receive_count"]) + 1,
    sentAt: new Date(Number(row["sent_at"])),
    firstReceivedAt: new Date(first),
  };
}

// The mail's end and the move are one transaction: nothing lies in a dead-letter queue that the ledger calls open.
function moveToDeadLetters(tx: Transaction, row: Row, queue: string, deadLetterQueue: string, at: number): void {
  tx.run(
    `UPDATE queue_messages SET queue = ?, dead_from = ?, visible_at = ?, receive_count = 0, receipt = receipt + 1
     WHERE id = ?`,
    deadLetterQueue,
    queue,
    at,
    Number(row["id"]),
  );
  failDeadLetter(tx, String(row["body"]), queue, Number(row["receive_count"]), at);
}

/** Why a queue does not take a message, as SQS says it. */
export function reasonToRefuse({ body, delaySeconds = 0 }: OutgoingQueueMessage): string | undefined {
  const size = Buffer.byteLength(body, "utf8");
  if (size > maxBodyBytes) return `the body has ${size} octets, a queue takes ${maxBodyBytes}`;
  if (size === 0) return "the body is empty";
  if (!Number.isInteger(delaySeconds) || delaySeconds < 0 || delaySeconds > maxDelaySeconds) {
    return `a delay is a whole number of seconds from 0 to ${maxDelaySeconds}`;
  }
  return undefined;
}

function limited(visibilityTimeoutMs: number): number {
  if (!Number.isFinite(visibilityTimeoutMs) || visibilityTimeoutMs < 0) {
    throw new RangeError(`a visibility timeout is 0 to ${maxVisibilityMs} ms, not ${visibilityTimeoutMs}`);
  }
  return Math.min(visibilityTimeoutMs, maxVisibilityMs);
}

function parseHandle(handle: string): { id: number; receipt: number } | undefined {
  const match = /^(\d{1,15})\.(\d{1,15})$/.exec(handle);
  return match ? { id: Number(match[1]), receipt: Number(match[2]) } : undefined;
}
