import type { Topology } from "../../shared/config/topology.ts";
import { unreachable } from "../../shared/errors.ts";
import type { Clock, Random } from "../../shared/ports.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import type { Contents, Prepared } from "./contents.ts";
import type { Database, Transaction } from "./database.ts";
import type { ActionEffect, ActionLogEntry, EngineStore } from "./engine-store.ts";
import { UnknownBucketError } from "./errors.ts";
import { insertInvocation } from "./invocations.ts";
import { knownSequence, writeEnd, writeVerification } from "./messages.ts";
import { createObjectEvents } from "./object-events.ts";
import { orDiscard, writeObject } from "./objects.ts";
import type { LocalOutbox } from "./outbox.ts";
import { applyPipelineWrite, type KnownMessage } from "./pipeline-writes.ts";
import type { Sending } from "./queues.ts";
import type { Publishing } from "./topics.ts";

type PutObject = Extract<ActionEffect, { kind: "put-object" }>;

export interface ActionParts {
  readonly topology: Topology;
  readonly contents: Pick<Contents, "takeFile" | "discard" | "insert" | "addReference" | "release" | "sizeBytes">;
  readonly sending: Sending;
  readonly publishing: Publishing;
  readonly outbox: Pick<LocalOutbox, "enqueue">;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * The action log. A row and its effects are one transaction, and the effects happen once for each (message, rule, action,
 * attempt): recording the same row again, or any row behind one that is done or failed, replaces nothing that counts.
 */
export function createActions(
  database: Database,
  parts: ActionParts,
): Pick<EngineStore, "actionLog" | "recordAction" | "recordRun" | "dueActions" | "putObject"> {
  const { contents, clock } = parts;
  const tellOfObject = createObjectEvents(parts.topology, parts.sending, clock, parts.random);
  const recordRun: EngineStore["recordRun"] = async (sesMessageId, { verification, actions, end }) => {
    const files = await takeFiles(
      parts,
      actions.flatMap(({ effects }) => effects),
    );
    await orDiscard(contents, [...files.values()], async () => {
      const needless = await database.write((tx) => {
        const seq = knownSequence(tx, sesMessageId);
        if (verification) writeVerification(tx, seq, verification);
        const repeated: ActionEffect[] = [];
        for (const { entry, effects } of actions) {
          if (isNews(tx, seq, entry)) {
            writeRow(tx, seq, entry);
            for (const effect of effects) applyEffect(tx, effect, { sesMessageId, seq }, files, parts);
          } else repeated.push(...effects);
        }
        if (end) writeEnd(tx, seq, end, clock.now().getTime());
        return repeated.flatMap((effect) => files.get(effect) ?? []);
      });
      // A repeated row needs no second copy of its files.
      for (const file of needless) await contents.discard(file);
    });
  };
  return {
    ...createActionLog(database),
    recordRun,
    recordAction: (sesMessageId, entry, effects) => recordRun(sesMessageId, { actions: [{ entry, effects }] }),
    putObject: (ref, bytes) =>
      database.write((tx) => {
        const content = contents.insert(tx, { kind: "inline", bytes, sizeBytes: bytes.length });
        const object = { content, sizeBytes: bytes.length };
        writeObject(tx, contents, ref, { ...object, metadata: {} }, clock.now().getTime());
        tellOfObject(tx, { ...ref, ...object });
      }),
  };

  /** False when this attempt was recorded already: its effects were in the same transaction. */
  function isNews(tx: Transaction, seq: number, entry: ActionLogEntry): boolean {
    const stored = tx.get(
      "SELECT state, attempts, due_at FROM actions WHERE seq = ? AND rule_index = ? AND action_index = ?",
      seq,
      entry.ruleIndex,
      entry.actionIndex,
    );
    if (!stored) return true;
    if (stored["state"] !== "pending") return false;
    if (entry.state !== "pending" || entry.attempts > Number(stored["attempts"])) return true;
    // The end of the attempt whose beginning is stored.
    return stored["due_at"] === null && entry.dueAt !== undefined && entry.attempts === Number(stored["attempts"]);
  }

  function writeRow(tx: Transaction, seq: number, entry: ActionLogEntry): void {
    // Pending without a time: it was begun, and whoever begins the message again goes on with it.
    const dueAt = entry.state === "pending" && entry.dueAt !== undefined ? Date.parse(entry.dueAt) : null;
    tx.run(
      "INSERT OR REPLACE INTO actions (seq, rule_index, action_index, state, attempts, due_at, entry) VALUES (?, ?, ?, ?, ?, ?, ?)",
      seq,
      entry.ruleIndex,
      entry.actionIndex,
      entry.state,
      entry.attempts,
      dueAt,
      JSON.stringify(entry),
    );
    if (dueAt !== null) tx.wake();
  }

  function applyEffect(
    tx: Transaction,
    effect: ActionEffect,
    told: KnownMessage,
    files: ReadonlyMap<ActionEffect, Prepared>,
    { publishing, outbox, topology }: ActionParts,
  ): void {
    const now = clock.now();
    switch (effect.kind) {
      case "put-object": {
        const bucket = topology.buckets.find((candidate) => candidate.name === effect.bucket);
        if (!bucket) throw new UnknownBucketError(effect.bucket);
        const object = storeContent(tx, effect, told, files.get(effect));
        writeObject(tx, contents, effect, { ...object, metadata: effect.metadata }, now.getTime());
        tellOfObject(tx, { bucket: effect.bucket, key: effect.key, ...object });
        break;
      }
      case "publish":
        publishing.publish(tx, effect.topicArn, effect);
        break;
      case "invoke":
        insertInvocation(tx, effect.functionArn, JSON.stringify(effect.event), now.getTime());
        break;
      case "send-bounce":
        outbox.enqueue(tx, effect);
        break;
      case "count":
        tx.run(
          `INSERT INTO rule_counts (rule_name, metric, value) VALUES (?, ?, 1)
           ON CONFLICT DO UPDATE SET value = value + 1`,
          effect.ruleName,
          effect.metric,
        );
        break;
      case "pipeline":
        for (const write of effect.writes) applyPipelineWrite(tx, write, told, parts.sending, now.getTime());
        break;
      default:
        unreachable(effect);
    }
  }

  function storeContent(tx: Transaction, { content }: PutObject, told: KnownMessage, file: Prepared | undefined) {
    if (content.kind === "block-and-raw") {
      const raw = rawContent(
        tx,
        content.sesMessageId === told.sesMessageId ? told.seq : knownSequence(tx, content.sesMessageId),
      );
      contents.addReference(tx, raw);
      return { content: raw, block: content.block, sizeBytes: content.block.length + contents.sizeBytes(tx, raw) };
    }
    const prepared: Prepared | undefined =
      content.kind === "inline" ? { kind: "inline", bytes: content.bytes, sizeBytes: content.bytes.length } : file;
    if (!prepared) throw new Error("a file effect came into the transaction without its file");
    return { content: contents.insert(tx, prepared), sizeBytes: prepared.sizeBytes };
  }

  function rawContent(tx: Transaction, seq: number): number {
    return Number(tx.get("SELECT raw FROM messages WHERE seq = ?", seq)?.["raw"]);
  }
}

export function createActionLog(database: Database): Pick<EngineStore, "actionLog" | "dueActions"> {
  return {
    actionLog: async (sesMessageId) =>
      database.read((sql) =>
        sql
          .all(
            `SELECT entry FROM actions JOIN ids USING (seq) WHERE ses_message_id = ? ORDER BY rule_index, action_index`,
            sesMessageId,
          )
          .map((row) => JSON.parse(String(row["entry"])) as ActionLogEntry),
      ),
    dueActions: async (now, limit) =>
      database.read((sql) =>
        sql
          .all(
            // Asked at every tick. Left to itself, SQLite reads all actions that there ever were, for the sake of their order.
            `SELECT ses_message_id
             FROM (SELECT seq, min(due_at) AS due FROM actions INDEXED BY actions_due WHERE due_at <= ? GROUP BY seq)
             JOIN ids USING (seq) ORDER BY due, seq LIMIT ?`,
            now.getTime(),
            limit,
          )
          .map((row) => String(row["ses_message_id"]) as SesMessageId),
      ),
  };
}

/** Files behind `put-object` come into the store before the transaction that names them: all of them or none. */
async function takeFiles({ contents, random }: ActionParts, effects: readonly ActionEffect[]) {
  const files = new Map<ActionEffect, Prepared>();
  try {
    for (const effect of effects) {
      if (effect.kind !== "put-object" || effect.content.kind !== "file") continue;
      files.set(effect, await contents.takeFile(effect.content.path, hex(random.bytes(16))));
    }
    return files;
  } catch (error) {
    for (const file of files.values()) await contents.discard(file);
    throw error;
  }
}

const hex = (octets: Uint8Array) => Buffer.from(octets).toString("hex");

/** How often each rule's actions failed, expired or succeeded. */
export function ruleCounts(database: Database): { ruleName: string; metric: string; value: number }[] {
  return database.read((sql) =>
    sql.all("SELECT rule_name, metric, value FROM rule_counts ORDER BY rule_name, metric").map((row) => ({
      ruleName: String(row["rule_name"]),
      metric: String(row["metric"]),
      value: Number(row["value"]),
    })),
  );
}
