import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { ResolvedConfig } from "../config/types.ts";
import type { Clock, Ports } from "../ports.ts";
import { type AddressPattern, addressPattern } from "../retention/address-pattern.ts";
import { ForgetRefusedError, ForgetUnfinishedError, NoAddressError } from "../retention/errors.ts";
import { holds } from "../retention/holds-address.ts";
import { namesMessage } from "../retention/names-message.ts";
import { parseSesMessageId, type SesMessageId } from "../ses-message-id.ts";
import { createPersonOf } from "../unsubscribe/person.ts";
import { type Dynamo, json, jsonOf, type Key, text, textOf } from "./dynamo.ts";
import { cleanRow, fateOf, keyOf, messageOf, scanTable, wordsOf } from "./forget-rows.ts";
import { forgetInTicket } from "./forget-tickets.ts";
import { openVersion } from "./held-words.ts";
import type { StageHolds } from "./holds.ts";
import { inParallel } from "./in-parallel.ts";
import type { ObjectVersion, ObjectVersions, VersionPlace } from "./object-versions.ts";
import { storePlaces } from "./permissions.ts";
import { removeLetters } from "./remove-letters.ts";

export interface StageForgetParts {
  readonly config: ResolvedConfig;
  readonly dynamo: Dynamo;
  /** For scanning, which no function does. */
  readonly client: DynamoDBClient;
  readonly ledgerTable: string;
  readonly storeTable: string;
  readonly versions: ObjectVersions;
  readonly holds: Pick<StageHolds, "on">;
  readonly ports: Pick<Ports, "ledger" | "suppressions" | "secrets" | "queues" | "keys" | "objects">;
  readonly clock: Clock;
  /** Dead-letter queues: what lies there lies there for days. Other queues empty themselves. */
  readonly deadLetterQueues: readonly string[];
}

export type StageForgetStep = "looking" | "deleting" | "looking again";

export interface StageForgetProgress {
  readonly step: StageForgetStep;
  /** Rows and versions of objects that were looked at. */
  readonly done: number;
}

export interface StageForgotten {
  /** The keyed hash: all that is left. */
  readonly person: string;
  readonly messages: number;
  readonly rows: number;
  /** Versions and delete markers. */
  readonly objects: number;
  readonly letters: number;
  /** Objects that could not be opened, and so stay unless their name says whose they are. */
  readonly unread: readonly string[];
}

/** What is found before anything is deleted. */
interface Found {
  readonly ids: Set<SesMessageId>;
  /** Objects that hold the address, under a key that names no message: by bucket and key. */
  readonly objects: Set<string>;
  readonly unread: Set<string>;
}

/** How far a run is; a row of the store table until it has ended. */
interface RunState {
  readonly beganAt: string;
  readonly place: "looking" | "deleting";
  /** Of the sources to look at, the one that is looked at, and where in it. */
  readonly source: number;
  readonly from?: Key | VersionPlace;
}

const passes = 5;
const marginMs = 5 * 60_000;
const readsAtOnce = 4;
/** Who was forgotten, beside the mail and in no table: what comes out of a backup of the tables is held to it. */
export const forgottenPrefix = "forgotten/";

/**
 * Takes an address out of everything that a stage keeps: the mail bucket with all versions, both tables, dead letters. A message
 * that names it is deleted whole. Nothing is deleted before everything was looked at and nobody holds any of it. Every step may
 * be done again: a run that died is finished by the same command, which goes on where it was.
 *
 * @throws {NoAddressError | ForgetRefusedError | ForgetUnfinishedError}
 */
export async function forgetOnStage(
  parts: StageForgetParts,
  address: string,
  report: (progress: StageForgetProgress) => void,
  { again = false }: { readonly again?: boolean } = {},
): Promise<StageForgotten> {
  const { ports, dynamo, storeTable: table, clock } = parts;
  const pattern = patternOf(address);
  if (!again) refuseWhatIsConfigured(parts, pattern);
  const person = createPersonOf(await ports.secrets.keyRing())(pattern.address);
  const run = { pk: `forgetting#${person}`, sk: "a" };
  const write = async (state: RunState) => {
    await dynamo.put(table, { pk: text(run.pk), sk: text(run.sk), j: json(state) });
  };
  const known = await dynamo.get(table, run);
  let state: RunState = (known && jsonOf<RunState>(known, "j")) ?? {
    beganAt: clock.now().toISOString(),
    place: "looking",
    source: 0,
  };
  await write(state);

  const found = await foundBefore(parts, run.pk);
  if (state.place === "looking") {
    await look(parts, pattern, found, {
      state,
      report: (done) => report({ step: "looking", done }),
      async reached(next, news) {
        await inParallel(news, 10, (words) =>
          dynamo.put(table, { pk: text(run.pk), sk: text(`f#${words}`.slice(0, 1_000)), w: text(words) }),
        );
        state = { ...state, ...next };
        await write(state);
      },
    });
  }
  if (!again) {
    try {
      await refuseWhatIsHeld(parts, pattern, found.ids);
    } catch (error) {
      if (state.place === "looking") await endRun(parts, run.pk);
      throw error;
    }
  }
  state = { beganAt: state.beganAt, place: "deleting", source: 0 };
  await write(state);

  await parts.ports.suppressions.forget(person, state.beganAt);
  const sum = { rows: 0, objects: 0, letters: 0 };
  for (let pass = 1; ; pass++) {
    const step = pass === 1 ? "deleting" : "looking again";
    await tellBackups(parts, person, state.beganAt, found.ids);
    // First what keeps the rest from coming back.
    await inParallel([...found.ids], 10, (id) => ports.ledger.forget(id));
    const removed = await removeAll(parts, pattern, found, (done) => report({ step, done }));
    sum.rows += removed.rows;
    sum.objects += removed.objects;
    sum.letters += removed.letters;
    const before = found.ids.size + found.objects.size;
    await look(parts, pattern, found, {
      state: { beganAt: state.beganAt, place: "looking", source: 0 },
      since: Date.parse(state.beganAt) - marginMs,
      report: (done) => report({ step: "looking again", done }),
      reached: async () => undefined,
    });
    const isLeft = found.ids.size + found.objects.size > before;
    if (!isLeft && removed.rows + removed.objects + removed.letters === 0) break;
    if (pass === passes) throw new ForgetUnfinishedError("mail of this address goes on arriving");
  }
  await endRun(parts, run.pk);
  return { person, messages: found.ids.size, ...sum, unread: [...found.unread].sort() };
}

/** Itself last: as long as it is there, the run is not over. */
async function endRun({ dynamo, storeTable }: StageForgetParts, pk: string): Promise<void> {
  const rows = await dynamo.query(storeTable, { where: "#pk = :pk", values: { ":pk": text(pk) } });
  for (const key of rows.map(keyOf).sort((a, b) => (a.sk > b.sk ? -1 : 1))) await dynamo.delete(storeTable, key);
}

/** Which messages would be deleted, or why none would. Writes nothing. */
export async function lookOnStage(
  parts: StageForgetParts,
  address: string,
  report: (progress: StageForgetProgress) => void,
): Promise<{ readonly messages: readonly string[]; readonly unread: readonly string[] }> {
  const pattern = patternOf(address);
  refuseWhatIsConfigured(parts, pattern);
  const found: Found = { ids: new Set(), objects: new Set(), unread: new Set() };
  await look(parts, pattern, found, {
    state: { beganAt: parts.clock.now().toISOString(), place: "looking", source: 0 },
    report: (done) => report({ step: "looking", done }),
    reached: async () => undefined,
  });
  await refuseWhatIsHeld(parts, pattern, found.ids);
  return { messages: [...found.ids].sort(), unread: [...found.unread].sort() };
}

interface Look {
  readonly state: RunState;
  /** Objects that are older were looked at before; milliseconds since the epoch. */
  readonly since?: number;
  readonly report: (done: number) => void;
  readonly reached: (next: Pick<RunState, "source" | "from">, news: readonly string[]) => Promise<void>;
}

/** Source by source: the two tables, then each place where mail is stored. */
async function look(
  parts: StageForgetParts,
  pattern: AddressPattern,
  found: Found,
  { state, since, report, reached }: Look,
): Promise<void> {
  const tables = [parts.ledgerTable, parts.storeTable];
  const places = bucketPlaces(parts.config);
  let done = 0;
  for (let source = state.source; source < tables.length + places.length; source++) {
    const from = source === state.source ? state.from : undefined;
    const table = tables[source];
    if (table !== undefined) {
      for await (const { items, next } of scanTable(parts.client, table, from as Key | undefined)) {
        const news: string[] = [];
        for (const item of items) {
          const id = messageOf(item);
          if (id === undefined || found.ids.has(id) || !pattern.isIn(wordsOf(item))) continue;
          found.ids.add(id);
          news.push(`id ${id}`);
        }
        done += items.length;
        report(done);
        await reached(next ? { source, from: next } : { source: source + 1 }, news);
      }
      continue;
    }
    const place = places[source - tables.length];
    if (place === undefined) break;
    for await (const { versions, next } of pagesOf(parts, place, from as VersionPlace | undefined)) {
      const news: string[] = [];
      await inParallel(
        versions.filter(({ isMarker, lastModified }) => !isMarker && (since ?? 0) <= lastModified.getTime()),
        readsAtOnce,
        async (version) => {
          const words = await lookIntoObject(parts, pattern, place.bucket, version, found);
          if (words !== undefined) news.push(words);
        },
      );
      done += versions.length;
      report(done);
      await reached(next ? { source, from: next } : { source: source + 1 }, news);
    }
  }
}

async function lookIntoObject(
  parts: StageForgetParts,
  pattern: AddressPattern,
  bucket: string,
  version: ObjectVersion,
  found: Found,
): Promise<string | undefined> {
  const { key } = version;
  if (key.startsWith(forgottenPrefix) || namesMessage(key, found.ids)) return undefined;
  const place = `${bucket}/${key}`;
  const isNamed = pattern.isIn(key);
  if (!isNamed) {
    const octets = await openVersion({ versions: parts.versions, keys: parts.ports.keys }, bucket, version);
    if (octets === undefined) return undefined;
    if (octets === "sealed") {
      found.unread.add(place);
      return undefined;
    }
    if (!(await holds(() => once(octets), pattern))) return undefined;
  }
  const id = parseSesMessageId(/(?:^|[/-])([0-9a-z]{40})(?=$|-[0-9a-f]{16}\.eml$)/.exec(key)?.[1]);
  if (id === undefined) {
    found.objects.add(place);
    return `object ${place}`;
  }
  found.ids.add(id);
  return `id ${id}`;
}

/** Deletes what was found, and cleans what stays. */
async function removeAll(
  parts: StageForgetParts,
  pattern: AddressPattern,
  found: Found,
  report: (done: number) => void,
): Promise<{ readonly rows: number; readonly objects: number; readonly letters: number }> {
  const { dynamo, client, ledgerTable, storeTable, config, versions, ports, deadLetterQueues } = parts;
  let [rows, objects, letters, done] = [0, 0, 0, 0];
  const tickets = new Set<number>();
  for (const table of [ledgerTable, storeTable]) {
    for await (const { items } of scanTable(client, table)) {
      await inParallel(items, 10, async (item) => {
        const ticket = /^t#(\d+)$/.exec(keyOf(item).pk)?.[1];
        if (ticket !== undefined) tickets.add(Number(ticket));
        const fate = fateOf(item, pattern, found.ids);
        if (fate === "stays") return;
        rows += 1;
        if (fate === "goes") await dynamo.delete(table, keyOf(item));
        else await cleanRow(dynamo, table, item, pattern, found.ids);
      });
      done += items.length;
      report(done);
    }
  }
  for (const ticket of tickets) rows += await forgetInTicket(dynamo, storeTable, ticket, pattern, found.ids);
  for (const place of bucketPlaces(config)) {
    for await (const page of pagesOf(parts, place)) {
      const gone = page.versions.filter(
        ({ key }) =>
          !key.startsWith(forgottenPrefix) &&
          (namesMessage(key, found.ids) || found.objects.has(`${place.bucket}/${key}`)),
      );
      if (gone.length > 0) await versions.remove(place.bucket, gone);
      objects += gone.length;
      done += page.versions.length;
      report(done);
    }
  }
  for (const queue of deadLetterQueues) {
    const removed = await removeLetters(
      ports.queues,
      queue,
      async (body) => namesMessage(body, found.ids) || (await bodyHolds(body, pattern)),
    );
    letters += removed.count;
    if (removed.inHands) throw new ForgetUnfinishedError(`somebody holds messages of ${queue}`);
  }
  return { rows, objects, letters };
}

/** Also where it carries a small mail in itself. */
async function bodyHolds(body: string, pattern: AddressPattern): Promise<boolean> {
  if (await holds(() => once(Buffer.from(body)), pattern)) return true;
  const inline = /"base64":"([^"]+)"/.exec(body)?.[1];
  return inline !== undefined && holds(() => once(Buffer.from(inline, "base64")), pattern);
}

/** The keyed hash and the messages' ids, which name nobody. */
async function tellBackups(
  { config, ports }: StageForgetParts,
  person: string,
  at: string,
  ids: ReadonlySet<string>,
): Promise<void> {
  const key = `${forgottenPrefix}${person}/${at}.json`;
  const body = Buffer.from(JSON.stringify({ person, at, messages: [...ids].sort() }));
  await ports.objects.put({ bucket: config.names.bucket, key }, body);
}

async function foundBefore({ dynamo, storeTable }: StageForgetParts, pk: string): Promise<Found> {
  const found: Found = { ids: new Set(), objects: new Set(), unread: new Set() };
  const items = await dynamo.query(storeTable, {
    where: "#pk = :pk AND begins_with(#sk, :f)",
    values: { ":pk": text(pk), ":f": text("f#") },
  });
  for (const item of items) {
    const words = textOf(item, "w") ?? "";
    const id = parseSesMessageId(words.slice(3));
    if (words.startsWith("id ") && id) found.ids.add(id);
    if (words.startsWith("object ")) found.objects.add(words.slice(7));
  }
  return found;
}

/** The stage's own bucket whole, and below its prefix each other one that its rules store in. */
export function bucketPlaces(config: ResolvedConfig): readonly { readonly bucket: string; readonly prefix: string }[] {
  const own = { bucket: config.names.bucket, prefix: "" };
  return [own, ...storePlaces(config).filter(({ bucket }) => bucket !== own.bucket)];
}

export async function* pagesOf(
  { versions }: Pick<StageForgetParts, "versions">,
  { bucket, prefix }: { readonly bucket: string; readonly prefix: string },
  from?: VersionPlace,
) {
  for (let place = from; ; ) {
    const page = await versions.page(bucket, prefix, place);
    yield page;
    if (page.next === undefined) return;
    place = page.next;
  }
}

function patternOf(address: string): AddressPattern {
  const pattern = addressPattern(address);
  if (!pattern) throw new NoAddressError(address);
  return pattern;
}

function refuseWhatIsConfigured({ config }: StageForgetParts, pattern: AddressPattern): void {
  if (!pattern.isIn(JSON.stringify(config))) return;
  throw new ForgetRefusedError(
    `${pattern.address} is named by the configuration: take it out there first, or its next mail brings it back`,
  );
}

async function refuseWhatIsHeld(
  { holds: kept }: StageForgetParts,
  pattern: AddressPattern,
  ids: ReadonlySet<string>,
): Promise<void> {
  for (const subject of [pattern.address, ...ids]) {
    const hold = await kept.on(subject);
    if (!hold) continue;
    throw new ForgetRefusedError(
      `${subject} is held since ${hold.at.slice(0, 10)} by ${hold.by}: ${hold.reason}. Nothing more is deleted; mailweir hold release ${subject} ends the hold`,
    );
  }
}

async function* once(octets: Uint8Array): AsyncGenerator<Uint8Array> {
  yield octets;
}
