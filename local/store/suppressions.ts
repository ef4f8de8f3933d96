import type {
  Clock,
  EffectOf,
  Suppression,
  SuppressionChange,
  SuppressionEvidence,
  SuppressionReason,
  Suppressions,
} from "../../shared/ports.ts";
import type { Propagation } from "../../shared/propagation/message.ts";
import { everything, listKeys } from "../../shared/unsubscribe/list-id.ts";
import { personFromOctets, personToOctets } from "../../shared/unsubscribe/person.ts";
import { crowded, hasEnded, outlasts } from "../../shared/unsubscribe/suppression-terms.ts";
import { assertClaim, effectResult, noteEffect } from "./claims.ts";
import type { Database, Row, Sql, Transaction } from "./database.ts";
import { oweCompaction } from "./owed-compaction.ts";

/** Who does not want mail. Pages go on behind `suppressionCursor` of the last one. */
export function createSuppressions(
  database: Database,
  clock: Clock,
  /** Puts a change on its way in the transaction that makes it. */
  handOver: (tx: Transaction, message: Propagation) => void = () => undefined,
): Suppressions {
  const now = () => clock.now().getTime();

  const suppress = (tx: Transaction, given: Suppression): "added" | "already-suppressed" => {
    const suppression = withoutForgotten(tx, given);
    const existing = find(tx, suppression.person, suppression.list);
    const replaces = existing === undefined || hasEnded(existing, now()) || outlasts(suppression, existing);
    const change = noteChange(tx, replaces ? "suppressed" : "noted", suppression, suppression.since);
    if (!replaces) {
      if (existing.address === undefined && suppression.address !== undefined) {
        tx.run(
          "UPDATE suppressed SET address = ? WHERE person = ? AND list = ?",
          suppression.address,
          personToOctets(suppression.person),
          suppression.list,
        );
      }
      return "already-suppressed";
    }
    insert(tx, "INSERT OR REPLACE", suppression);
    handOver(tx, { version: 1, change: { ...change, kind: "suppressed", ...about(suppression) } });
    return "added";
  };

  return {
    suppress: (by, suppression) =>
      database.write((tx) => {
        dropOldEvidence(tx, now());
        return once(tx, by, `suppress ${suppressionCursor(suppression)}`, () => suppress(tx, suppression));
      }, "repeatable"),
    softBounce: (by, bounce, { count, windowMs }) =>
      database.write((tx) =>
        once(tx, by, `soft-bounce ${suppressionCursor(bounce)}`, () => {
          const suppression = { ...bounce, reason: "soft-bounce" } as const;
          noteChange(tx, "soft-bounce", suppression, bounce.since);
          const rows = tx.all(
            "SELECT at FROM suppression_changes WHERE person = ? AND list = ? AND kind = 'soft-bounce'",
            personToOctets(bounce.person),
            bounce.list,
          );
          const times = rows.map(({ at }) => Date.parse(String(at))).sort((a, b) => a - b);
          return crowded(times, Date.parse(bounce.since), count, windowMs) ? suppress(tx, suppression) : "noted";
        }),
      ),
    remove: (by, { person, list, at, evidence, reasons }) =>
      database.write((tx) =>
        once(tx, by, `remove ${suppressionCursor({ person, list })}`, () => {
          const existing = find(tx, person, list);
          if (existing === undefined) return "not-suppressed";
          const allowed = reasons?.includes(existing.reason) ?? existing.reason !== "forgotten";
          if (!allowed) return "kept";
          tx.run("DELETE FROM suppressed WHERE person = ? AND list = ?", personToOctets(person), existing.list);
          const removed = { ...existing, evidence };
          const change = noteChange(tx, "removed", removed, at);
          handOver(tx, { version: 1, change: { ...change, kind: "removed", ...about(removed) } });
          return "removed";
        }),
      ),
    check: async (person, list = everything) => {
      const names = new Set([everything, ...listKeys(list)]);
      const rows = database.read((sql) => allOf(sql, person));
      const at = now();
      const counting = rows.filter((row) => names.has(row.list) && !hasEnded(row, at));
      return counting.find((row) => row.list === everything) ?? counting[0];
    },
    of: async (person) => database.read((sql) => allOf(sql, person)),
    history: async (person) =>
      database.read((sql) =>
        sql.all("SELECT * FROM suppression_changes WHERE person = ? ORDER BY id", personToOctets(person)).map(toChange),
      ),
    list: async ({ after, limit }) => {
      const [person, list = ""] = after?.split(" ") ?? [];
      // Text that is no cursor starts from the beginning.
      const from = person !== undefined && /^[a-z2-7]{26}$/.test(person) ? personToOctets(person) : new Uint8Array(0);
      return database.read((sql) =>
        sql
          .all(
            "SELECT * FROM suppressed WHERE (person, list) > (?, ?) ORDER BY person, list LIMIT ?",
            from,
            list,
            limit,
          )
          .map(toSuppression),
      );
    },
    importAll: (suppressions) =>
      database.write((tx) => {
        let added = 0;
        for (const suppression of suppressions)
          added += insert(tx, "INSERT OR IGNORE", withoutForgotten(tx, suppression));
        return added;
      }),
    forget: (person, at) =>
      database.write((tx) => {
        const octets = personToOctets(person);
        tx.run("INSERT OR IGNORE INTO forgotten (person) VALUES (?)", octets);
        insert(tx, "INSERT OR IGNORE", {
          person,
          list: everything,
          reason: "forgotten",
          since: at,
          evidence: forgottenEvidence,
        });
        const evidence = JSON.stringify(forgottenEvidence);
        tx.run(
          "UPDATE suppressed SET address = NULL, evidence = ?, keep_until = NULL WHERE person = ?",
          evidence,
          octets,
        );
        tx.run("UPDATE suppression_changes SET evidence = ?, keep_until = NULL WHERE person = ?", evidence, octets);
        // What waits to be propagated names the person by the hash from now on.
        tx.run(
          "UPDATE queue_messages SET body = json_remove(body, '$.change.address') " +
            "WHERE instr(body, ?) > 0 AND json_valid(body) AND json_extract(body, '$.change.person') = ?",
          `"person":"${person}"`,
          person,
        );
        noteChange(tx, "forgotten", { person, list: everything, reason: "forgotten", evidence: forgottenEvidence }, at);
        oweCompaction(tx);
      }),
  };
}

/** Where a suppression stands in the list: by the hash, then the list. */
export function suppressionCursor({ person, list }: Pick<Suppression, "person" | "list">): string {
  return `${person} ${list}`;
}

const forgottenEvidence: SuppressionEvidence = { note: "forgotten" };

/** Does it once per claim, or per name of what asks; answers "repeated" the next time. */
function once<Result extends string>(
  tx: Transaction,
  by: EffectOf,
  name: string,
  act: () => Result,
): Result | "repeated" {
  // Rows of messages have sequence numbers from 1.
  const seq = "claim" in by ? assertClaim(tx, by.claim) : 0;
  const recipient = "claim" in by ? by.claim.recipient : "";
  const effect = "claim" in by ? name : `${by.effect} ${name}`;
  if (effectResult(tx, seq, recipient, effect) !== undefined) return "repeated";
  const result = act();
  noteEffect(tx, seq, recipient, effect, result);
  return result;
}

/** The row of this list: under its id, or under the key by which a token named it. */
function find(sql: Sql, person: string, list: string): Suppression | undefined {
  const names = listKeys(list);
  return allOf(sql, person).find((row) => names.includes(row.list));
}

function allOf(sql: Sql, person: string): readonly Suppression[] {
  return sql.all("SELECT * FROM suppressed WHERE person = ? ORDER BY list", personToOctets(person)).map(toSuppression);
}

function withoutForgotten(sql: Sql, suppression: Suppression): Suppression {
  if (suppression.address === undefined) return suppression;
  if (!sql.get("SELECT 1 FROM forgotten WHERE person = ?", personToOctets(suppression.person))) return suppression;
  const { address: _, ...rest } = suppression;
  return rest;
}

function insert(tx: Transaction, how: "INSERT OR IGNORE" | "INSERT OR REPLACE", suppression: Suppression): number {
  const { person, list, address, reason, since, until, evidence } = suppression;
  return tx.run(
    `${how} INTO suppressed (person, list, address, reason, since, until, evidence, keep_until) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    personToOctets(person),
    list,
    address ?? null,
    reason,
    since,
    until ?? null,
    JSON.stringify(evidence),
    keepUntil(evidence),
  ).changes;
}

function noteChange(
  tx: Transaction,
  kind: SuppressionChange["kind"],
  { person, list, reason, evidence }: Pick<Suppression, "person" | "list" | "reason" | "evidence">,
  at: string,
): Pick<SuppressionChange, "id" | "person" | "list" | "reason" | "at"> {
  const { lastId } = tx.run(
    "INSERT INTO suppression_changes (person, list, kind, reason, at, evidence, keep_until) VALUES (?, ?, ?, ?, ?, ?, ?)",
    personToOctets(person),
    list,
    kind,
    reason,
    at,
    JSON.stringify(evidence),
    keepUntil(evidence),
  );
  return { id: changeId(lastId), person, list, reason, at };
}

function about({ address, evidence }: Pick<Suppression, "address" | "evidence">) {
  return {
    ...(address !== undefined && { address }),
    ...(evidence.sesMessageId !== undefined && { sesMessageId: evidence.sesMessageId }),
  };
}

const keepUntil = (evidence: SuppressionEvidence) => (evidence.keepUntil ? Date.parse(evidence.keepUntil) : null);

// A few rows with every write: evidence whose time is over goes without a job of its own, and nobody waits for it.
const droppedAtOnce = 20;

function dropOldEvidence(tx: Transaction, now: number): void {
  const gone = JSON.stringify({ note: "evidence no longer kept" } satisfies SuppressionEvidence);
  tx.run(
    `UPDATE suppression_changes SET evidence = ?, keep_until = NULL WHERE id IN
      (SELECT id FROM suppression_changes WHERE keep_until <= ? LIMIT ${droppedAtOnce})`,
    gone,
    now,
  );
  tx.run(
    `UPDATE suppressed SET evidence = ?, keep_until = NULL WHERE (person, list) IN
      (SELECT person, list FROM suppressed WHERE keep_until <= ? LIMIT ${droppedAtOnce})`,
    gone,
    now,
  );
}

const changeId = (id: number) => `chg_${String(id).padStart(12, "0")}`;

function toSuppression(row: Row): Suppression {
  return {
    person: personFromOctets(row["person"] as Uint8Array),
    ...(row["address"] !== null && { address: String(row["address"]) }),
    list: String(row["list"]),
    reason: String(row["reason"]) as SuppressionReason,
    since: String(row["since"]),
    ...(row["until"] !== null && { until: String(row["until"]) }),
    evidence: JSON.parse(String(row["evidence"])) as SuppressionEvidence,
  };
}

function toChange(row: Row): SuppressionChange {
  return {
    id: changeId(Number(row["id"])),
    kind: String(row["kind"]) as SuppressionChange["kind"],
    person: personFromOctets(row["person"] as Uint8Array),
    list: String(row["list"]),
    reason: String(row["reason"]) as SuppressionReason,
    at: String(row["at"]),
    evidence: JSON.parse(String(row["evidence"])) as SuppressionEvidence,
  };
}
