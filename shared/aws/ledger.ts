import { createHash } from "node:crypto";
import type { Claim, Clock, Decision, Finish, Ledger, ReceiptMeta, RecipientRecord, RecipientState } from "../ports.ts";
import { forgottenRecord } from "../retention/forgotten-record.ts";
import type { SesMessageId } from "../ses-message-id.ts";
import { type Dynamo, type Expression, type Item, json, jsonOf, number, numberOf, text, textOf } from "./dynamo.ts";
import { inParallel } from "./in-parallel.ts";
import { recipientKey } from "./recipient-key.ts";

export interface LedgerOptions {
  readonly table: string;
  readonly clock: Clock;
  /** How long a mail is remembered, counted from its last decision. */
  readonly keepDays: number;
}

const dayMs = 86_400_000;
/** Each takes 1,000 writes a second: 16 carry more mail than any other quota lets in. */
export const unfinishedShards = 16;
// SQS keeps a message for 14 days at most: as long, a duplicate may still ask who was first.
const keepFingerprintMs = 16 * dayMs;
const maxRecipientsAtOnce = 10;

/**
 * The ledger in one DynamoDB table (`tables.ts`). Every change is one conditional write of one item of less than 1 KB, as
 * a rule: META 1 unit, decision 1 + 1 for the index, routed 1, claim 1, first of its kind 1, end 1 + 1. `at` never
 * changes, so the index is written when work begins and ends, and not between.
 *
 * Attributes of a recipient: `s` state, `d` decision, `st` stream, `att` attempts, `o` outcome, `c` cause, `dup`, `det`, `at`
 * when it was received, `up` updated, `us` while unfinished; `e:…` effects (`effects.ts`).
 */
export function createLedger(dynamo: Dynamo, { table, clock, keepDays }: LedgerOptions): Ledger {
  const now = () => clock.now().toISOString();
  const expiry = (after: number) => number(Math.ceil((clock.now().getTime() + after) / 1000));

  const change = async (claim: Claim, update: string, values: Expression["values"] = {}): Promise<boolean> => {
    const { kind } = await dynamo.update(table, recipientKey(claim), `${update}`, {
      condition: "#att = :att AND #s = :working",
      values: { ":att": number(claim.attempt), ":working": text("working"), ":up": text(now()), ...values },
    });
    return kind === "written";
  };

  // Only where nobody decided: a recipient that nothing is known of, or that failed before anybody could.
  const nobodyDecided = {
    condition: "attribute_not_exists(pk) OR (attribute_not_exists(#d) AND #s IN (:received, :failed))",
    values: { ":received": text("received"), ":failed": text("failed") },
  };
  const settled = {
    condition: "#s IN (:done, :quarantined, :failed, :wasDecided)",
    values: {
      ":done": text("done"),
      ":quarantined": text("quarantined"),
      ":failed": text("failed"),
      ":wasDecided": text("decided"),
    },
  };

  const writeDecision = (
    decision: Decision,
    where: typeof nobodyDecided | typeof settled,
    forget: readonly string[],
  ) => {
    const { sesMessageId, recipient, stream, outcome, ...rest } = decision;
    const optional = Object.entries({ st: stream ?? undefined, o: outcome }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const],
    );
    const absent = ["c", ...forget, ...(stream === null ? ["st", "us"] : []), ...(outcome === undefined ? ["o"] : [])];
    const sets = [
      "#s = :s",
      "#d = :d",
      "#at = :at",
      "#up = :up",
      "#ttl = :ttl",
      "#att = if_not_exists(#att, :zero)",
      ...optional.map(([name]) => `#${name} = :${name}`),
      ...(stream === null ? [] : ["#us = :us"]),
    ];
    return dynamo.update(
      table,
      recipientKey(decision),
      `SET ${sets.join(", ")} REMOVE ${absent.map((name) => `#${name}`).join(", ")}`,
      {
        condition: where.condition,
        values: {
          ...where.values,
          ":s": text(stream === null ? "done" : "decided"),
          ":d": json(rest),
          ":at": text(isoTime(decision.receivedAt)),
          ":up": text(now()),
          ":ttl": expiry(keepDays * dayMs),
          ":zero": number(0),
          ...Object.fromEntries(optional.map(([name, value]) => [`:${name}`, text(value)])),
          ...(stream !== null && { ":us": text(shardOf(sesMessageId)) }),
        },
      },
    );
  };
  const decideOne = async (decision: Decision): Promise<RecipientRecord> =>
    toRecord((await writeDecision(decision, nobodyDecided, [])).item ?? {});

  const isForgotten = async (sesMessageId: string): Promise<boolean> => {
    const item = await dynamo.get(table, { pk: sesMessageId, sk: "meta" });
    return item !== undefined && numberOf(item, "gone") === 1;
  };
  /** All but what says that it was forgotten. */
  const removeItems = async (sesMessageId: string) => {
    const items = await dynamo.query(table, { where: "#pk = :pk", values: { ":pk": text(sesMessageId) } });
    const keys = items.map((item) => ({ pk: sesMessageId, sk: textOf(item, "sk") ?? "" }));
    await inParallel(
      keys.filter(({ sk }) => sk !== "meta"),
      maxRecipientsAtOnce,
      (key) => dynamo.delete(table, key),
    );
  };

  return {
    async putMeta(meta) {
      await dynamo.put(
        table,
        {
          pk: text(meta.sesMessageId),
          sk: text("meta"),
          m: json(meta),
          ...(meta.recipientsIncomplete && { inc: number(1) }),
          ttl: expiry(keepDays * dayMs),
        },
        {
          condition: meta.recipientsIncomplete
            ? "attribute_not_exists(pk)"
            : "attribute_not_exists(pk) OR attribute_exists(#inc)",
        },
      );
    },
    async meta(sesMessageId) {
      const item = await dynamo.get(table, { pk: sesMessageId, sk: "meta" });
      return item && jsonOf<ReceiptMeta>(item, "m");
    },
    async decide(decisions) {
      const records = await inParallel(decisions, maxRecipientsAtOnce, decideOne);
      // Behind the write: `forget` notes before it looks what to delete, so one of the two sees the other.
      const forgotten = new Set<string>();
      for (const id of new Set(decisions.map(({ sesMessageId }) => sesMessageId))) {
        if (await isForgotten(id)) forgotten.add(id);
      }
      for (const id of forgotten) await removeItems(id);
      return records.map((record, at) => {
        const { sesMessageId, recipient } = decisions[at] ?? record;
        return forgotten.has(sesMessageId) ? forgottenRecord(sesMessageId, recipient, clock.now()) : record;
      });
    },
    async redecide(decision) {
      const { kind, item } = await writeDecision(decision, settled, ["dup", "det"]);
      return kind === "written" ? toRecord(item ?? {}) : undefined;
    },
    async routed(sesMessageId, recipients) {
      await inParallel(recipients, maxRecipientsAtOnce, (recipient) =>
        dynamo.update(table, recipientKey({ sesMessageId, recipient }), "SET #s = :routed, #up = :up", {
          condition: "#s = :decided",
          values: { ":routed": text("routed"), ":decided": text("decided"), ":up": text(now()) },
        }),
      );
    },
    async claim(sesMessageId, recipient) {
      const { kind, item } = await dynamo.update(
        table,
        recipientKey({ sesMessageId, recipient }),
        "SET #att = #att + :one, #s = :working, #us = :us, #up = :up",
        {
          condition: "attribute_exists(#d) AND NOT #s IN (:done, :quarantined)",
          values: {
            ":one": number(1),
            ":working": text("working"),
            ":us": text(shardOf(sesMessageId)),
            ":done": text("done"),
            ":quarantined": text("quarantined"),
            ":up": text(now()),
          },
        },
      );
      if (item === undefined) {
        if (!(await isForgotten(sesMessageId))) return { kind: "unknown" };
        return { kind: "ended", record: forgottenRecord(sesMessageId, recipient, clock.now()) };
      }
      const record = toRecord(item);
      if (kind === "written") {
        return { kind: "claimed", claim: { sesMessageId, recipient, attempt: record.attempts }, record };
      }
      return record.state === "done" || record.state === "quarantined"
        ? { kind: "ended", record }
        : { kind: "unknown" };
    },
    async setback(claim, cause) {
      await change(claim, "SET #c = :c, #up = :up", { ":c": text(shortened(cause)) });
    },
    finish(claim, finish) {
      const { sets, removes, values } = ending(finish);
      return change(claim, `SET ${sets.join(", ")}, #up = :up REMOVE ${removes.join(", ")}`, values);
    },
    async fail(sesMessageId, recipient, cause) {
      if (await isForgotten(sesMessageId)) return;
      await dynamo.update(
        table,
        recipientKey({ sesMessageId, recipient }),
        "SET #s = :failed, #c = :c, #up = :up, #at = if_not_exists(#at, :up), #att = if_not_exists(#att, :zero), #ttl = if_not_exists(#ttl, :ttl) REMOVE #us",
        {
          condition: "attribute_not_exists(pk) OR #s IN (:received, :decided, :routed, :working)",
          values: {
            ":failed": text("failed"),
            ":c": text(shortened(cause)),
            ":up": text(now()),
            ":zero": number(0),
            ":ttl": expiry(keepDays * dayMs),
            ...Object.fromEntries(unfinishedStates.map((state) => [`:${state}`, text(state)])),
          },
        },
      );
    },
    async reopen(sesMessageId, recipient, stream) {
      const { kind } = await dynamo.update(
        table,
        recipientKey({ sesMessageId, recipient }),
        "SET #s = :decided, #st = :st, #us = :us, #up = :up REMOVE #o, #c",
        {
          condition: "#s = :quarantined",
          values: {
            ":decided": text("decided"),
            ":quarantined": text("quarantined"),
            ":st": text(stream),
            ":us": text(shardOf(sesMessageId)),
            ":up": text(now()),
          },
        },
      );
      return kind === "written";
    },
    async endHeld(sesMessageId, recipient, outcome) {
      const { kind } = await dynamo.update(
        table,
        recipientKey({ sesMessageId, recipient }),
        "SET #s = :done, #o = :o, #up = :up",
        {
          condition: "#s = :quarantined",
          values: {
            ":done": text("done"),
            ":quarantined": text("quarantined"),
            ":o": text(outcome),
            ":up": text(now()),
          },
        },
      );
      return kind === "written";
    },
    async recipients(sesMessageId) {
      const items = await dynamo.query(table, {
        where: "#pk = :pk AND begins_with(#sk, :r)",
        values: { ":pk": text(sesMessageId), ":r": text("r#") },
      });
      return items.map(toRecord);
    },
    async unfinished({ olderThan, limit }) {
      const found = await inParallel(
        Array.from({ length: unfinishedShards }, (_, shard) => shard),
        unfinishedShards,
        (shard) =>
          dynamo.query(table, {
            index: "unfinished",
            where: "#us = :us AND #at < :at",
            values: { ":us": text(shardName(shard)), ":at": text(olderThan.toISOString()) },
            limit,
          }),
      );
      const oldest = found.flat().sort(byReceipt).slice(0, limit);
      const items = await dynamo.batchGet(
        table,
        oldest.map((item) => ({ pk: textOf(item, "pk") ?? "", sk: textOf(item, "sk") ?? "" })),
      );
      // The index is a moment behind: what has ended meanwhile is left out.
      const open: readonly RecipientState[] = unfinishedStates;
      return [...items]
        .sort(byReceipt)
        .map(toRecord)
        .filter(({ state }) => open.includes(state));
    },
    firstOf: (fingerprint) => firstOf(dynamo, table, fingerprint, expiry(keepFingerprintMs)),
    async forget(sesMessageId) {
      // Without an expiry: a copy of the mail may come out of a backup whenever it likes.
      await dynamo.put(table, { pk: text(sesMessageId), sk: text("meta"), gone: number(1) });
      await removeItems(sesMessageId);
    },
    isForgotten,
  };
}

const unfinishedStates = ["received", "decided", "routed", "working"] as const;

function ending({ state, outcome, cause, duplicateOf, detail }: Finish) {
  const optional = {
    c: cause === undefined ? undefined : text(shortened(cause)),
    dup: duplicateOf === undefined ? undefined : text(duplicateOf),
    det: detail === undefined ? undefined : json(detail),
  };
  const present = Object.entries(optional).flatMap(([name, value]) => (value ? [[name, value] as const] : []));
  return {
    sets: ["#s = :s", "#o = :o", ...present.map(([name]) => `#${name} = :${name}`)],
    removes: ["#us", ...Object.entries(optional).flatMap(([name, value]) => (value ? [] : [`#${name}`]))],
    values: {
      ":s": text(state),
      ":o": text(outcome),
      ...Object.fromEntries(present.map(([name, value]) => [`:${name}`, value])),
    },
  };
}

export const shardName = (shard: number) => `u${shard.toString(16)}`;
const shardOf = (sesMessageId: string) =>
  shardName((createHash("sha256").update(sesMessageId).digest()[0] ?? 0) % unfinishedShards);

const byReceipt = (a: Item, b: Item) => {
  const [one, other] = [a, b].map((item) => `${textOf(item, "at")} ${textOf(item, "pk")} ${textOf(item, "sk")}`);
  return (one ?? "") < (other ?? "") ? -1 : 1;
};

type Fingerprint = Parameters<Ledger["firstOf"]>[0];

interface Seen {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly id: SesMessageId;
}

/**
 * One item for each fingerprint, holding whoever was first in a window of 24 hours: there is one in nearly every case, and then
 * this is one write. `v` keeps two from adding themselves at the same time.
 */
async function firstOf(
  dynamo: Dynamo,
  table: string,
  { bodySha256, headerMessageId, recipient, sesMessageId, receivedAt }: Fingerprint,
  ttl: ReturnType<typeof number>,
): Promise<SesMessageId> {
  const hash = createHash("sha256")
    .update(JSON.stringify([bodySha256, headerMessageId, recipient]))
    .digest("base64url");
  const mine: Seen = { at: Date.parse(isoTime(receivedAt)), id: sesMessageId };
  let known: Item | undefined;
  for (;;) {
    const seen = known ? (jsonOf<Seen[]>(known, "e") ?? []) : [];
    const first = earliestOf(seen, mine);
    if (first) return first.id;
    const version = known ? numberOf(known, "v") : 0;
    const { kind, item } = await dynamo.put(
      table,
      {
        pk: text(`f#${hash}`),
        sk: text("f"),
        // Whoever is that old asks no more.
        e: json([...seen.filter(({ at }) => at > mine.at - keepFingerprintMs).slice(-50), mine]),
        v: number(version + 1),
        ttl,
      },
      version === 0
        ? { condition: "attribute_not_exists(pk)" }
        : { condition: "#v = :v", values: { ":v": number(version) } },
    );
    if (kind === "written") return sesMessageId;
    known = item;
  }
}

/**
 * The own one, so that asking again answers the same; then the earliest of the day before; then one that was received a
 * little later but asked first.
 */
function earliestOf(seen: readonly Seen[], { at, id }: Seen): Seen | undefined {
  const own = seen.find((entry) => entry.id === id);
  if (own) return own;
  const near = seen.filter((entry) => Math.abs(entry.at - at) <= dayMs).sort((a, b) => a.at - b.at);
  return near[0];
}

type StoredDecision = Omit<Decision, "sesMessageId" | "recipient" | "stream" | "outcome">;

function toRecord(item: Item): RecipientRecord {
  const optional = (name: string) => textOf(item, name);
  const outcome = optional("o");
  const cause = optional("c");
  const duplicateOf = optional("dup") as SesMessageId | undefined;
  const detail = jsonOf<Record<string, string>>(item, "det");
  return {
    sesMessageId: (optional("pk") ?? "") as SesMessageId,
    recipient: (optional("sk") ?? "").slice(2),
    stream: optional("st") ?? null,
    ...(jsonOf<StoredDecision>(item, "d") ?? undecided(optional("at") ?? "")),
    state: (optional("s") ?? "received") as RecipientState,
    attempts: numberOf(item, "att"),
    ...(outcome !== undefined && { outcome }),
    ...(cause !== undefined && { cause }),
    ...(duplicateOf !== undefined && { duplicateOf }),
    ...(detail !== undefined && { detail }),
    updatedAt: optional("up") ?? "",
  };
}

const undecided = (receivedAt: string): StoredDecision => ({
  configVersion: "",
  nature: { kind: "human", confidence: 0, evidence: [] },
  safety: { kind: "clean", reasons: [] },
  trust: "unaligned",
  reasons: [],
  receivedAt,
});

/** One form, so that times compare as text. */
function isoTime(iso: string): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) throw new RangeError(`"${iso.slice(0, 40)}" is no ISO 8601 time`);
  return at.toISOString();
}

// A cause may quote a server's answer: enough to act on, and the item stays below 1 KB.
const shortened = (cause: string) => cause.slice(0, 300);
