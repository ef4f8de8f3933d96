import { createHash } from "node:crypto";
import { MailweirError } from "../errors.ts";
import type {
  Clock,
  EffectOf,
  Queues,
  Suppression,
  SuppressionChange,
  SuppressionEvidence,
  Suppressions,
  SuppressResult,
} from "../ports.ts";
import { QueueRefusedError } from "../propagation/errors.ts";
import type { Propagation, SuppressionPropagation } from "../propagation/message.ts";
import { everything, listKeys } from "../unsubscribe/list-id.ts";
import { personToOctets } from "../unsubscribe/person.ts";
import { crowded, hasEnded, outlasts } from "../unsubscribe/suppression-terms.ts";
import {
  type Dynamo,
  type Item,
  json,
  jsonOf,
  type Key,
  number,
  numberOf,
  type TransactWrite,
  text,
  textOf,
} from "./dynamo.ts";
import type { Effects } from "./effects.ts";
import { inParallel } from "./in-parallel.ts";
import { leftovers } from "./leftovers.ts";
import { pauseUpTo } from "./pause.ts";
import { listedAs, readList } from "./sharded-list.ts";

export interface SuppressionOptions {
  readonly table: string;
  readonly clock: Clock;
  readonly queues: Pick<Queues, "send">;
  readonly propagateQueue: string;
}

/** So many changes of one person at the same moment that this one never came through. Nothing of it was written. */
export class SuppressionBusyError extends MailweirError {
  readonly code = "ERR_SUPPRESSION_BUSY";
  readonly retryable = true;
  constructor() {
    super("A person's suppressions were changed by others too often while this change was tried: try again");
  }
}

export interface AwsSuppressions extends Suppressions {
  /**
   * Hands over what somebody wrote and died before handing over, if it is older than a minute. To be called now and then:
   * the functions that propagate and unsubscribe do, at every cold start.
   */
  handOverLeftovers(): Promise<number>;
}

const list = "suppression";
const leftoverAfterMs = 60_000;
const maxRounds = 60;
const forgottenEvidence: SuppressionEvidence = { note: "forgotten" };
const goneEvidence: SuppressionEvidence = { note: "the evidence was kept as long as it was to be" };

/** What is read before a change. */
interface Person {
  /** Counts the changes; every change is conditional on it. */
  readonly version: number;
  readonly isForgotten: boolean;
  readonly rows: readonly Suppression[];
}

/** What a change writes. */
interface Step<Result> {
  readonly result: Result;
  readonly put?: Suppression;
  readonly drop?: Suppression;
  /** For the history, in this order. */
  readonly changes?: readonly Omit<SuppressionChange, "id">[];
  /** Others must hear of the last of them. */
  readonly tell?: { readonly kind: SuppressionPropagation["change"]["kind"]; readonly about: Suppression };
  readonly forget?: true;
}

/**
 * A person is one partition `p#<hash>`: `a` counts the changes, `b#<list>` is a suppression, `c#<number>` evidence that ends
 * (by the table's TTL), `e#<hash>` an effect that no mail asked for, `h#<number>` the history, `o#<number>` what the
 * propagation queue has not got yet.
 */
export function createSuppressions(dynamo: Dynamo, effects: Effects, options: SuppressionOptions): AwsSuppressions {
  const { table, clock, queues, propagateQueue } = options;
  const now = () => clock.now().getTime();

  const read = async (person: string): Promise<Person> => {
    const items = await dynamo.query(table, {
      where: "#pk = :pk AND #sk < :d",
      values: { ":pk": text(pkOf(person)), ":d": text("d") },
    });
    const own = items.find((item) => textOf(item, "sk") === "a");
    const evidence = evidenceIn(items, now());
    return {
      version: own ? numberOf(own, "v") : 0,
      isForgotten: own !== undefined && numberOf(own, "f") === 1,
      rows: items
        .filter((item) => textOf(item, "sk")?.startsWith("b#"))
        .flatMap((item) => jsonOf<Suppression>(item, "s") ?? [])
        .map((row) => withEvidence(row, evidence)),
    };
  };

  /** One transaction: whatever `plan` says of the person as it is, once per `by` and name. */
  const change = async <Result extends string>(
    by: EffectOf,
    person: string,
    name: string,
    plan: (person: Person) => Promise<Step<Result>> | Step<Result>,
  ): Promise<Result | "repeated"> => {
    personToOctets(person);
    const own = "effect" in by ? effectKey(person, `${by.effect} ${name}`) : undefined;
    for (let round = 1; round <= maxRounds; round++) {
      const before =
        "claim" in by ? await effects.resultOf(by.claim, name) : own && (await dynamo.get(table, own))?.["r"]?.S;
      if (before !== undefined) return "repeated";
      const known = await read(person);
      const step = await plan(known);
      const { writes, handOver } = writesOf(person, known, step);
      if (own) writes.push(putNew(table, own, { r: text(step.result) }));
      const outcome =
        "claim" in by
          ? await effects.perform(by.claim, { name, result: step.result }, writes)
          : await dynamo.transact(writes);
      if (outcome.kind === "repeated") return "repeated";
      if (outcome.kind !== "refused") {
        if (handOver) await deliver(handOver).catch(() => undefined);
        return step.result;
      }
      await pauseUpTo(20 * Math.min(round, 10));
    }
    throw new SuppressionBusyError();
  };

  const writesOf = (person: string, { version, isForgotten }: Person, step: Step<string>) => {
    const pk = pkOf(person);
    const { put, drop, changes = [], tell } = step;
    const next = version + Math.max(1, changes.length);
    const writes: TransactWrite[] = [
      {
        kind: "put",
        table,
        item: { pk: text(pk), sk: text("a"), v: number(next), f: number(isForgotten || step.forget ? 1 : 0) },
        ...(version === 0
          ? { condition: "attribute_not_exists(pk)" }
          : { condition: "#v = :v", values: { ":v": number(version) } }),
      },
    ];
    const changeId = (of: number) => `chg_${person}_${of}`;
    if (put) writes.push({ kind: "put", table, item: suppressionItem(put, next) });
    if (drop) writes.push({ kind: "delete", table, key: { pk, sk: `b#${drop.list}` } });
    for (const [index, noted] of changes.entries()) {
      const of = padded(version + index + 1);
      const { evidence } = noted;
      const endsAt = evidence.keepUntil === undefined ? undefined : Date.parse(evidence.keepUntil);
      const kept = {
        id: changeId(version + index + 1),
        ...noted,
        ...(endsAt !== undefined && { evidence: goneEvidence }),
      };
      writes.push({
        kind: "put",
        table,
        item: { pk: text(pk), sk: text(`h#${of}`), h: json(kept), n: number(version + index + 1) },
      });
      if (endsAt === undefined) continue;
      const ttl = number(Math.ceil(endsAt / 1000));
      writes.push({
        kind: "put",
        table,
        item: { pk: text(pk), sk: text(`c#${of}`), e: json(evidence), until: number(endsAt), ttl },
      });
    }
    const noted = changes.at(-1);
    if (!noted || !tell) return { writes, handOver: undefined };
    const { list: of, reason, at } = noted;
    const { address, evidence } = tell.about;
    const message: SuppressionPropagation = {
      version: 1,
      change: {
        id: changeId(next),
        kind: tell.kind,
        person,
        list: of,
        reason,
        at,
        ...(address !== undefined && { address }),
        ...(evidence.sesMessageId !== undefined && { sesMessageId: evidence.sesMessageId }),
      },
    };
    const key = { pk, sk: `o#${padded(next)}` };
    const place = listedAs(leftovers, `${clock.now().toISOString()} ${changeId(next)}`);
    writes.push({ kind: "put", table, item: { pk: text(pk), sk: text(key.sk), m: json(message), ...place } });
    return { writes, handOver: { key, message } };
  };

  /** At least once: the item goes when the queue has the message. Whatever fails here is found by `handOverLeftovers`. */
  const deliver = async ({ key, message }: { readonly key: Key; readonly message: Propagation }): Promise<void> => {
    const [refused] = await queues.send(propagateQueue, [{ id: "0", body: JSON.stringify(message) }]);
    if (refused) throw new QueueRefusedError(propagateQueue, refused.cause);
    await dynamo.delete(table, key);
  };

  const suppressing = (
    { rows, isForgotten }: Person,
    given: Suppression,
  ): Step<Exclude<SuppressResult, "repeated">> => {
    const suppression = isForgotten ? withoutAddress(given) : given;
    const existing = rows.find((row) => listKeys(suppression.list).includes(row.list));
    const replaces = existing === undefined || hasEnded(existing, now()) || outlasts(suppression, existing);
    const change = changeOf(replaces ? "suppressed" : "noted", suppression, suppression.since);
    if (replaces)
      return { result: "added", put: suppression, changes: [change], tell: { kind: "suppressed", about: suppression } };
    const learnt = existing.address === undefined && suppression.address !== undefined;
    return {
      result: "already-suppressed",
      changes: [change],
      ...(learnt && { put: { ...existing, address: suppression.address } }),
    };
  };

  return {
    suppress: (by, suppression) =>
      change(by, suppression.person, `suppress ${suppressionCursor(suppression)}`, (known) =>
        suppressing(known, suppression),
      ),
    softBounce: (by, bounce, { count, windowMs }) =>
      change(by, bounce.person, `soft-bounce ${suppressionCursor(bounce)}`, async (known) => {
        const suppression = { ...bounce, reason: "soft-bounce" } as const;
        const earlier = (await historyOf(bounce.person)).filter(
          ({ kind, list: of }) => kind === "soft-bounce" && of === bounce.list,
        );
        const times = [...earlier.map(({ at }) => Date.parse(at)), Date.parse(bounce.since)].sort((a, b) => a - b);
        const noted = changeOf("soft-bounce", suppression, bounce.since);
        if (!crowded(times, Date.parse(bounce.since), count, windowMs)) return { result: "noted", changes: [noted] };
        const step = suppressing(known, suppression);
        return { ...step, changes: [noted, ...(step.changes ?? [])] };
      }),
    remove: (by, { person, list: of, at, evidence, reasons }) =>
      change(by, person, `remove ${suppressionCursor({ person, list: of })}`, ({ rows }) => {
        const existing = rows.find((row) => listKeys(of).includes(row.list));
        if (existing === undefined) return { result: "not-suppressed" };
        const allowed = reasons?.includes(existing.reason) ?? existing.reason !== "forgotten";
        if (!allowed) return { result: "kept" };
        const removed = { ...existing, evidence };
        return {
          result: "removed",
          drop: existing,
          changes: [changeOf("removed", removed, at)],
          tell: { kind: "removed", about: removed },
        };
      }),
    async check(person, of = everything) {
      const names = new Set([everything, ...listKeys(of)]);
      const at = now();
      const counting = (await read(person)).rows.filter((row) => names.has(row.list) && !hasEnded(row, at));
      return counting.find((row) => row.list === everything) ?? counting[0];
    },
    of: async (person) => (await read(person)).rows,
    history: historyOf,
    async list({ after, limit }) {
      // Text that is no cursor starts from the beginning.
      const isCursor = after !== undefined && /^[a-z2-7]{26}(?: |$)/.test(after);
      const items = await readList(dynamo, table, [list], { ...(isCursor && { after }), limit });
      return items.flatMap((item) => jsonOf<Suppression>(item, "s") ?? []);
    },
    async importAll(suppressions) {
      const added = await inParallel(suppressions, 10, async (suppression) => {
        const pk = pkOf(suppression.person);
        const put = (row: Suppression): TransactWrite => ({
          kind: "put",
          table,
          item: suppressionItem(row, 0),
          condition: "attribute_not_exists(pk)",
        });
        const known: TransactWrite = {
          kind: "check",
          table,
          key: { pk, sk: "a" },
          condition: "attribute_not_exists(pk) OR #f = :no",
          values: { ":no": number(0) },
        };
        const outcome = await dynamo.transact([known, put(suppression)]);
        if (outcome.kind === "written") return 1;
        if (outcome.index === 1) return 0;
        return (await dynamo.transact([put(withoutAddress(suppression))])).kind === "written" ? 1 : 0;
      });
      return added.reduce<number>((sum, each) => sum + each, 0);
    },
    async forget(person, at) {
      const by = { effect: `forget ${at}` };
      const star = { person, list: everything, reason: "forgotten", since: at, evidence: forgottenEvidence } as const;
      await change(by, person, "forget", ({ rows }) => ({
        result: "forgotten",
        forget: true,
        ...(!rows.some((row) => row.list === everything) && { put: star }),
        changes: [changeOf("forgotten", star, at)],
      }));
      // From here on nothing adds an address; what is there goes row by row, again if this was interrupted.
      const items = await dynamo.query(table, { where: "#pk = :pk", values: { ":pk": text(pkOf(person)) } });
      await inParallel(items, 10, async (item) => {
        const key = { pk: textOf(item, "pk") ?? "", sk: textOf(item, "sk") ?? "" };
        const row = jsonOf<Suppression>(item, "s");
        const noted = jsonOf<SuppressionChange>(item, "h");
        const message = jsonOf<SuppressionPropagation>(item, "m");
        if (row) await rewrite(key, "s", { ...withoutAddress(row), evidence: forgottenEvidence });
        if (noted) await rewrite(key, "h", { ...noted, evidence: forgottenEvidence });
        if (message) {
          const { address: _, ...rest } = message.change;
          await rewrite(key, "m", { ...message, change: rest });
        }
        if (key.sk.startsWith("c#")) await dynamo.delete(table, key);
      });
    },
    async handOverLeftovers() {
      const items = await readList(dynamo, table, [leftovers], { limit: 100 });
      const old = new Date(now() - leftoverAfterMs).toISOString();
      const waiting = items.filter((item) => (textOf(item, "lk") ?? "") < old);
      await inParallel(waiting, 5, async (item) => {
        const message = jsonOf<Propagation>(item, "m");
        if (message) await deliver({ key: { pk: textOf(item, "pk") ?? "", sk: textOf(item, "sk") ?? "" }, message });
      });
      return waiting.length;
    },
  };

  async function historyOf(person: string): Promise<readonly SuppressionChange[]> {
    const items = await dynamo.query(table, {
      where: "#pk = :pk AND #sk BETWEEN :c AND :h",
      values: { ":pk": text(pkOf(person)), ":c": text("c#"), ":h": text("h#~") },
    });
    const evidence = evidenceIn(items, now());
    return items.flatMap((item) => {
      const noted = jsonOf<SuppressionChange>(item, "h");
      const kept = evidence.get(numberOf(item, "n"));
      return noted ? [kept ? { ...noted, evidence: kept } : noted] : [];
    });
  }

  /** Only what is still there: a row that was removed meanwhile does not come back. */
  async function rewrite(key: Key, attribute: string, value: unknown): Promise<void> {
    await dynamo.update(table, key, "SET #attribute = :value REMOVE #e", {
      condition: "attribute_exists(pk)",
      names: { "#attribute": attribute },
      values: { ":value": json(value) },
    });
  }
}

/** Where a suppression stands in the list: by the hash, then the list. */
function suppressionCursor({ person, list: of }: Pick<Suppression, "person" | "list">): string {
  return `${person} ${of}`;
}

const pkOf = (person: string) => `p#${person}`;
const padded = (value: number) => String(value).padStart(8, "0");

function effectKey(person: string, effect: string): Key {
  return { pk: pkOf(person), sk: `e#${createHash("sha256").update(effect).digest("base64url")}` };
}

const putNew = (table: string, { pk, sk }: Key, attributes: Item): TransactWrite => ({
  kind: "put",
  table,
  item: { pk: text(pk), sk: text(sk), ...attributes },
  condition: "attribute_not_exists(pk)",
});

/** @param change - the number of the change that brought it; 0 for an import, which has none */
function suppressionItem(row: Suppression, change: number): Item {
  const ends = row.evidence.keepUntil !== undefined && change > 0;
  return {
    pk: text(pkOf(row.person)),
    sk: text(`b#${row.list}`),
    s: json(ends ? { ...row, evidence: goneEvidence, evidenceOf: change } : row),
    ...listedAs(list, suppressionCursor(row)),
  };
}

/** Evidence whose time is not over, by the number of its change. The table removes the rest when it gets to it. */
function evidenceIn(items: readonly Item[], now: number): ReadonlyMap<number, SuppressionEvidence> {
  return new Map(
    items.flatMap((item) => {
      const [kind, of] = (textOf(item, "sk") ?? "").split("#");
      const evidence = jsonOf<SuppressionEvidence>(item, "e");
      return kind === "c" && evidence && numberOf(item, "until") > now ? [[Number(of), evidence] as const] : [];
    }),
  );
}

function withEvidence(
  row: Suppression & { readonly evidenceOf?: number },
  evidence: ReadonlyMap<number, SuppressionEvidence>,
): Suppression {
  const { evidenceOf, ...suppression } = row;
  const kept = evidenceOf === undefined ? undefined : evidence.get(evidenceOf);
  return kept ? { ...suppression, evidence: kept } : suppression;
}

function withoutAddress({ address: _, ...rest }: Suppression): Suppression {
  return rest;
}

function changeOf(
  kind: SuppressionChange["kind"],
  { person, list: of, reason, evidence }: Pick<Suppression, "person" | "list" | "reason" | "evidence">,
  at: string,
): Omit<SuppressionChange, "id"> {
  return { kind, person, list: of, reason, at, evidence };
}
