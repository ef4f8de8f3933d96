import type { ResolvedConfig } from "../config/types.ts";
import type { Clock, Ports, PropagationRecord } from "../ports.ts";
import { endsAnyMail, extremeDays, periodDays } from "../retention/period.ts";
import { retentionText } from "../retention/shortened.ts";
import { parseSesMessageId, type SesMessageId } from "../ses-message-id.ts";
import { type Dynamo, type Item, json, jsonOf, type TransactWrite, text, textOf } from "./dynamo.ts";
import { expireTicketsOnStage, finishTickets } from "./expire-tickets.ts";
import { keyOf, wordsOf } from "./forget-rows.ts";
import { type HeldWords, heldWords, openVersion } from "./held-words.ts";
import type { StageHold, StageHolds } from "./holds.ts";
import { inParallel } from "./in-parallel.ts";
import { type MailEnd, mailEnd } from "./mail-end.ts";
import type { ObjectVersion, ObjectVersions, VersionPlace } from "./object-versions.ts";
import { storePlaces } from "./permissions.ts";

export interface StageExpiryParts {
  readonly config: ResolvedConfig;
  readonly dynamo: Dynamo;
  readonly ledgerTable: string;
  readonly storeTable: string;
  readonly versions: ObjectVersions;
  readonly holds: Pick<StageHolds, "asOfNow">;
  readonly ports: Pick<Ports, "ledger" | "keys">;
  readonly clock: Clock;
  /** So long the ledger remembers a mail. */
  readonly keepDays: number;
}

export interface StageExpired {
  readonly messages: number;
  /** Versions and delete markers. */
  readonly objects: number;
  readonly tickets: number;
  /** Mail that stays beyond its period, by the hold that keeps it. */
  readonly held: readonly { readonly hold: StageHold; readonly messages: number; readonly first: string }[];
  /** Mail that cannot be opened while addresses are held: whether it names one is not known, so it stays. */
  readonly unread: readonly string[];
  /**
   * `waits`: nothing is to be looked at yet. `changed`: other periods than until now, and an hour to think again. `more`: the
   * next run goes on. `ended`: everything was looked at.
   */
  readonly kind: "waits" | "changed" | "more" | "ended";
}

/** A row of the store table: how far a pass over all mail is, or when the next one begins. */
export interface ExpiryState {
  /** The periods that the function goes by, as `retentionText` writes them. */
  readonly applied: string;
  /** ISO 8601: when it last ran. */
  readonly seenAt: string;
  /** ISO 8601: no pass goes on before. */
  readonly dueAt: string;
  /** ISO 8601, while a pass is under way. */
  readonly beganAt?: string;
  /** Of the places where mail is stored, the one that is looked at; behind the last of them come tickets. */
  readonly place: number;
  readonly from?: VersionPlace;
  readonly ticket?: number;
}

export const expiryStateKey = { pk: "retention", sk: "state" };

const hourMs = 3_600_000;
const dayMs = 86_400_000;
// Mail is read whole to look for a held address: one at a time, for the function's memory.
const chunk = 50;
// It runs every hour.
const mostSilentMs = 2 * dayMs;
const asksAtOnce = 20;
const removesAtOnce = 8;
const holdTries = 5;
const mostTold = 100;

/**
 * Removes mail whose periods are over with everything that was made of it, as one machine does it: place by place where rules
 * store mail, then closed tickets. What happens in one call is bounded by `mayGoOn`; the next one goes on from where this one came
 * to. Every step may be done again.
 */
export async function expireOnStage(parts: StageExpiryParts, mayGoOn: () => boolean): Promise<StageExpired> {
  const { config, dynamo, storeTable, clock } = parts;
  const { retention } = config;
  const now = clock.now();
  const sum = { messages: 0, objects: 0, tickets: 0, held: new Map<string, Kept>(), unread: new Set<string>() };
  const told = (kind: StageExpired["kind"]): StageExpired => ({
    ...sum,
    held: [...sum.held.values()],
    unread: [...sum.unread].slice(0, mostTold),
    kind,
  });
  const applied = retentionText(retention);
  const write = (rest: Omit<ExpiryState, "applied" | "seenAt">) => {
    const state: ExpiryState = { ...rest, applied, seenAt: now.toISOString() };
    return dynamo.put(storeTable, { pk: text(expiryStateKey.pk), sk: text(expiryStateKey.sk), j: json(state) });
  };

  const known = await readExpiryState(dynamo, storeTable);
  if (known === undefined || appliedNow(known, now) !== applied) {
    await write({ dueAt: new Date(now.getTime() + hourMs).toISOString(), place: 0 });
    return told("changed");
  }
  if (Date.parse(known.dueAt) > now.getTime()) {
    await write(known);
    return told("waits");
  }
  const beganAt = known.beganAt ?? now.toISOString();
  const { dueAt } = known;

  await finishTickets(parts);
  const places = endsAnyMail(retention) ? storePlaces(config) : [];
  for (let place = Math.min(known.place, places.length); place < places.length; place++) {
    const where = places[place];
    if (where === undefined) break;
    for (let from = place === known.place ? known.from : undefined; ; ) {
      const reached = { dueAt, beganAt, place, ...(from && { from }) };
      if (!mayGoOn()) {
        await write(reached);
        return told("more");
      }
      const page = await parts.versions.page(where.bucket, where.prefix, from);
      const stopped = await expirePage(parts, where, page.versions, now, sum, mayGoOn);
      if (stopped !== undefined) {
        await write({ ...reached, ...(stopped.behind !== undefined && { from: { key: stopped.behind } }) });
        return told("more");
      }
      if (page.next === undefined) break;
      from = page.next;
    }
  }

  const { ticketDays = Number.POSITIVE_INFINITY } = retention;
  for (let after: number | undefined = known.ticket ?? 0; Number.isFinite(ticketDays) && after !== undefined; ) {
    if (!mayGoOn()) {
      await write({ dueAt, beganAt, place: places.length, ticket: after });
      return told("more");
    }
    const looked: { readonly removed: number; readonly next?: number } = await expireTicketsOnStage(parts, {
      ticketDays,
      now,
      after,
    });
    sum.tickets += looked.removed;
    after = looked.next;
  }
  await write({ dueAt: new Date(Date.parse(beganAt) + passEveryMs(retention)).toISOString(), place: 0 });
  return told("ended");
}

export async function readExpiryState(dynamo: Dynamo, storeTable: string): Promise<ExpiryState | undefined> {
  const item = await dynamo.get(storeTable, expiryStateKey);
  return item && jsonOf<ExpiryState>(item, "j");
}

/**
 * The periods that the function goes by, as `retentionText` writes them. Where it has not run for days there was none, and
 * everything was kept.
 */
export function appliedNow(state: ExpiryState | undefined, now: Date): string | undefined {
  return state && Date.parse(state.seenAt) + mostSilentMs > now.getTime() ? state.applied : undefined;
}

/** A tenth of the shortest period, from a day to a week: each pass asks the ledger about all mail that is older than that period. */
export function passEveryMs(retention: ResolvedConfig["retention"]): number {
  const shortest = Math.min(extremeDays(retention).shortest, retention.ticketDays ?? Number.POSITIVE_INFINITY);
  return Math.min(7, Math.max(1, shortest / 10)) * dayMs;
}

interface Kept {
  readonly hold: StageHold;
  readonly messages: number;
  readonly first: string;
}

interface Sum {
  messages: number;
  objects: number;
  readonly held: Map<string, Kept>;
  readonly unread: Set<string>;
}

/** @returns the key of the last object that was looked at, if one was, where there was no time for the rest */
async function expirePage(
  parts: StageExpiryParts,
  { prefix }: { readonly prefix: string },
  versions: readonly ObjectVersion[],
  now: Date,
  sum: Sum,
  mayGoOn: () => boolean,
): Promise<{ readonly behind?: string } | undefined> {
  const { shortest } = extremeDays(parts.config.retention);
  // No object is older than its mail's receipt: what is too young by its own time is too young in any case.
  const candidates = [
    ...Map.groupBy(
      versions.filter(({ key, lastModified }) => idOf(key, prefix) && isOlder(lastModified, shortest, now)),
      ({ key }) => key,
    ),
  ].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  for (let at = 0; at < candidates.length; at += chunk) {
    if (!mayGoOn()) {
      const behind = candidates[at - 1]?.[0];
      return behind === undefined ? {} : { behind };
    }
    const some = candidates.slice(at, at + chunk);
    const over = await inParallel(some, asksAtOnce, async ([key, of]) => {
      const id = idOf(key, prefix);
      if (id === undefined) return [];
      const items = await itemsOf(parts, id);
      const end = mailEnd(items, parts.config.retention);
      const storedAt = Math.min(...of.map(({ lastModified }) => lastModified.getTime()));
      return isOver(end, storedAt, parts, now) && !(await isTold(parts, items)) ? [{ id, end }] : [];
    });
    let held = await heldNow(parts);
    await inParallel(over.flat(), held.words.hasAddresses ? 1 : removesAtOnce, async ({ id, end }) => {
      for (let attempt = 1; attempt <= holdTries; attempt++) {
        const outcome = await removeUnlessHeld(parts, id, end, held, sum);
        if (outcome !== "holds changed") return;
        held = await heldNow(parts);
      }
    });
  }
  return undefined;
}

const isOlder = (time: Date, days: number, now: Date) => time.getTime() + days * dayMs <= now.getTime();

/** Rules store a message below their prefix, by its id alone. */
const idOf = (key: string, prefix: string) => parseSesMessageId(key.slice(prefix.length));

const itemsOf = ({ dynamo, ledgerTable }: StageExpiryParts, id: SesMessageId) =>
  dynamo.query(ledgerTable, { where: "#pk = :pk", values: { ":pk": text(id) } });

function isOver(end: MailEnd, storedAt: number, { config, keepDays }: StageExpiryParts, now: Date): boolean {
  const { retention } = config;
  switch (end.kind) {
    case "gone":
      return true;
    case "open":
      return false;
    case "ends":
      return end.at <= now.getTime();
    case "unknown": {
      // What the ledger has forgotten may have had any of the periods.
      const isForgotten = storedAt + keepDays * dayMs <= now.getTime();
      const days = isForgotten ? extremeDays(retention).longest : periodDays(retention, null, null);
      return storedAt + days * dayMs <= now.getTime();
    }
    default:
      return end satisfies never;
  }
}

/** Whether somebody is to hear yet of what the message asked for. */
async function isTold({ dynamo, ledgerTable }: StageExpiryParts, items: readonly Item[]): Promise<boolean> {
  const keys = items.flatMap((item) => {
    const [change, target] = [textOf(item, "ch"), textOf(item, "ta")];
    return change === undefined || target === undefined ? [] : [{ pk: `pr#${change}`, sk: target }];
  });
  if (keys.length === 0) return false;
  const records = await dynamo.batchGet(ledgerTable, keys);
  return records.some((item) => jsonOf<PropagationRecord>(item, "j")?.state === "waiting");
}

interface HeldNow {
  readonly words: HeldWords;
  readonly unchanged: TransactWrite;
}

async function heldNow({ holds }: StageExpiryParts): Promise<HeldNow> {
  const { holds: list, unchanged } = await holds.asOfNow();
  return { words: heldWords(list), unchanged };
}

async function removeUnlessHeld(
  parts: StageExpiryParts,
  id: SesMessageId,
  end: MailEnd,
  { words, unchanged }: HeldNow,
  sum: Sum,
): Promise<"removed" | "stays" | "holds changed"> {
  const { dynamo, ledgerTable, storeTable, versions, ports } = parts;
  const objects = await objectsOf(parts, id);
  // A deletion that was begun is finished: nobody held it when it began.
  if (end.kind !== "gone") {
    const hold = await holdOf(parts, id, objects, words, sum);
    if (hold === "sealed") return "stays";
    if (hold) {
      const known = sum.held.get(hold.subject);
      sum.held.set(hold.subject, { hold, messages: (known?.messages ?? 0) + 1, first: known?.first ?? id });
      return "stays";
    }
    const outcome = await dynamo.transact([
      unchanged,
      { kind: "put", table: ledgerTable, item: { pk: text(id), sk: text("meta"), gone: { N: "1" } } },
      // Somebody who works on it again makes it stay. A transaction takes a hundred of them.
      ...(end.kind === "ends" ? end.changed.slice(0, 90) : []).map(
        ({ sk, up }): TransactWrite => ({
          kind: "check",
          table: ledgerTable,
          key: { pk: id, sk },
          condition: "#up = :up",
          values: { ":up": text(up) },
        }),
      ),
    ]);
    if (outcome.kind === "refused") return outcome.index === 0 ? "holds changed" : "stays";
  }
  for (const pk of [`rec#${id}`, `q#${id}`, `x#${id}`]) {
    const rows = await dynamo.query(storeTable, { where: "#pk = :pk", values: { ":pk": text(pk) } });
    for (const row of rows) await dynamo.delete(storeTable, keyOf(row));
  }
  await ports.ledger.forget(id);
  // Last: by them a run that died is gone on with.
  for (const { bucket, found } of objects) {
    if (found.length === 0) continue;
    await versions.remove(bucket, found);
    sum.objects += found.length;
  }
  sum.messages += 1;
  return "removed";
}

interface ObjectsOf {
  readonly bucket: string;
  readonly found: readonly ObjectVersion[];
}

/** Everything that rules stored of a message, all versions. */
async function objectsOf({ config, versions }: StageExpiryParts, id: SesMessageId): Promise<readonly ObjectsOf[]> {
  const all: ObjectsOf[] = [];
  for (const { bucket, prefix } of storePlaces(config)) {
    const found: ObjectVersion[] = [];
    for (let from: VersionPlace | undefined, more = true; more; ) {
      const page = await versions.page(bucket, `${prefix}${id}`, from);
      found.push(...page.versions.filter(({ key }) => key === `${prefix}${id}`));
      from = page.next;
      more = from !== undefined;
    }
    all.push({ bucket, found });
  }
  return all;
}

/** The hold that keeps a message: on itself, or on an address that it names anywhere. */
async function holdOf(
  parts: StageExpiryParts,
  id: SesMessageId,
  objects: readonly ObjectsOf[],
  words: HeldWords,
  sum: Sum,
): Promise<StageHold | "sealed" | undefined> {
  const own = words.inText(id);
  if (own || !words.hasAddresses) return own;
  const records = await parts.dynamo.query(parts.storeTable, {
    where: "#pk = :pk",
    values: { ":pk": text(`rec#${id}`) },
  });
  for (const item of [...(await itemsOf(parts, id)), ...records]) {
    const hold = words.inText(wordsOf(item));
    if (hold) return hold;
  }
  for (const { bucket, found } of objects) {
    for (const version of found.filter(({ isMarker }) => !isMarker)) {
      const octets = await openVersion({ versions: parts.versions, keys: parts.ports.keys }, bucket, version);
      if (octets === "sealed") {
        sum.unread.add(`${bucket}/${version.key}`);
        return "sealed";
      }
      const hold = octets && (await words.inOctets(octets));
      if (hold) return hold;
    }
  }
  return undefined;
}
