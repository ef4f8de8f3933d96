import type { QueueTopology } from "../../shared/config/topology.ts";
import { normaliseAddress } from "../../shared/mail/address.ts";
import { parseSesMessageId, type SesMessageId } from "../../shared/ses-message-id.ts";
import type { Sql, Transaction } from "./database.ts";
import { findSequence } from "./ids.ts";
import { failRecipient } from "./ledger.ts";

const maxRecipients = 1000;

/**
 * Ends as `failed` whom a dead letter concerns: the recipients of a stream message; all that nobody decided for, when the
 * letter is the S3 event of the safety net. Behind a dead notice the S3 event still comes. Whatever else: nobody.
 */
export function failDeadLetter(tx: Transaction, body: string, queue: string, receives: number, now: number): void {
  const subject = subjectOf(body);
  if (!subject) return;
  const seq = findSequence(tx, subject.sesMessageId);
  if (seq === undefined) return;
  const given = `gave up after ${receives} receives from ${queue}`;
  if (subject.recipients === "undecided") {
    for (const recipient of undecided(tx, seq)) failRecipient(tx, seq, recipient, now, `not routed: ${given}`);
    return;
  }
  for (const recipient of subject.recipients) {
    // The worker's own words, when it noted any, say more than the count.
    const noted = tx.get("SELECT cause FROM recipients WHERE seq = ? AND recipient = ?", seq, recipient)?.["cause"];
    failRecipient(tx, seq, recipient, now, typeof noted === "string" ? undefined : given);
  }
}

/**
 * Takes away the dead letters of a recipient that is decided anew: with it they have had their answer, and a later failure
 * makes a letter of its own. Where one concerns others too, it stays until none of them is `failed`. So does what was received
 * for the last time and only waits to be moved: later, it would end as failed what is under way again.
 */
export function dropAnsweredLetters(
  tx: Transaction,
  queues: readonly QueueTopology[],
  { seq, sesMessageId, recipient }: { seq: number; sesMessageId: SesMessageId; recipient: string },
  now: number,
): void {
  const states = new Map(
    tx
      .all("SELECT recipient, state, open FROM recipients WHERE seq = ?", seq)
      .map((row) => [String(row["recipient"]), { failed: row["state"] === "failed", open: row["open"] === 1 }]),
  );
  const answers = (body: unknown, isMoved: boolean): boolean => {
    const subject = subjectOf(String(body));
    if (subject?.sesMessageId !== sesMessageId) return false;
    const concerned = subject.recipients === "undecided" ? [...states.keys()] : subject.recipients;
    if (!concerned.includes(recipient)) return false;
    return concerned.every((address) => {
      const { failed = false, open = false } = states.get(address) ?? {};
      // In its queue somebody may be working through it just now.
      return !failed && (isMoved || !open || address === recipient);
    });
  };
  const drop = (isMoved: boolean, where: string, ...values: readonly (string | number)[]) => {
    const rows = tx.all(
      `SELECT id, body FROM queue_messages WHERE ${where} AND instr(body, ?) > 0`,
      ...values,
      sesMessageId,
    );
    for (const { id, body } of rows) {
      if (answers(body, isMoved)) tx.run("DELETE FROM queue_messages WHERE id = ?", Number(id));
    }
  };
  for (const { name, deadLetterQueue, maxReceiveCount, delayMs = 0 } of queues) {
    if (deadLetterQueue === undefined || maxReceiveCount === undefined) continue;
    drop(true, "queue = ? AND dead_from IS NOT NULL", deadLetterQueue);
    // A queue with a delay holds everything of its last minutes: too much to be looked through.
    if (delayMs === 0) drop(false, "queue = ? AND visible_at > ? AND receive_count >= ?", name, now, maxReceiveCount);
  }
}

interface Subject {
  readonly sesMessageId: SesMessageId;
  readonly recipients: readonly string[] | "undecided";
}

function subjectOf(body: string): Subject | undefined {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    // Somebody else's letter: it concerns no recipient of ours.
    return undefined;
  }
  const sesMessageId = parseSesMessageId(member(value, "sesMessageId"));
  const recipients = member(value, "recipients");
  if (sesMessageId && typeof member(value, "stream") === "string" && Array.isArray(recipients)) {
    const addresses = recipients.filter((item): item is string => typeof item === "string").slice(0, maxRecipients);
    return { sesMessageId, recipients: addresses.map(normaliseAddress) };
  }
  const records = member(value, "Records");
  const key = Array.isArray(records) ? member(member(member(records[0], "s3"), "object"), "key") : undefined;
  const stored = typeof key === "string" ? parseSesMessageId(key.split("/").at(-1)) : undefined;
  return stored && { sesMessageId: stored, recipients: "undecided" };
}

function undecided(sql: Sql, seq: number): string[] {
  return sql
    .all("SELECT recipient FROM recipients WHERE seq = ? AND open = 1 AND decision IS NULL LIMIT ?", seq, maxRecipients)
    .map((row) => String(row["recipient"]));
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
