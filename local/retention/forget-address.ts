import { setTimeout as sleep } from "node:timers/promises";
import type { Store } from "../store/open-store.ts";
import { type AddressPattern, addressPattern } from "./address-pattern.ts";
import { tellBackups } from "./backup-folders.ts";
import { ForgetRefusedError, ForgetUnfinishedError, NoAddressError } from "./errors.ts";
import { findTraces, namesMessage, rowHolds } from "./find-traces.ts";
import { holdOn } from "./holds.ts";
import { removeFiles } from "./remove-files.ts";
import { removeRows } from "./remove-rows.ts";

export interface ForgetParts {
  readonly store: Pick<Store, "database" | "contents" | "folder">;
  /** Takes messages out of the search index and its log. */
  readonly search: { forget(sequences: readonly number[]): Promise<void>; sweep(): Promise<void> };
  /** Leaves the keyed hash only (`Suppressions.forget`). */
  readonly forgetPerson: (address: string) => Promise<{ readonly person: string }>;
  /** The configuration as text: an address that it names would come back with the next mail. */
  readonly configuration: string;
  /** In restored data: it was decided before, whatever is configured or held there. */
  readonly again?: boolean;
}

export interface Forgotten {
  /** The keyed hash: all that is left. */
  readonly person: string;
  /** Messages that named the address anywhere and are deleted. */
  readonly messages: number;
  /** Rows deleted or changed beside those of messages. */
  readonly rows: number;
  /** Files deleted or overwritten: Maildir, outbox, log, saved copies of the database. */
  readonly files: number;
  /** Folders of backups that could not be reached: they would not know of it at a restore. */
  readonly untold: readonly string[];
}

const passes = 5;
const busyTries = 40;
const busyPauseMs = 250;

/**
 * Takes an address out of everything that this folder holds. A message that names it is deleted whole, also for its other
 * recipients: signed octets cannot be changed. Every step may be done again, so a run that died is repaired by the next one.
 *
 * @throws {NoAddressError | ForgetRefusedError | ForgetUnfinishedError}
 */
export async function forgetAddress(parts: ForgetParts, text: string): Promise<Forgotten> {
  const { store, search, forgetPerson } = parts;
  const { database, contents, folder } = store;
  const pattern = patternOf(text);
  if (!parts.again) refuseWhatIsConfigured(parts, pattern);
  const first = await findTraces(database, contents, pattern);
  if (!parts.again) refuseWhatIsHeld(parts, pattern, first.messages.values());

  const { person } = await forgetPerson(pattern.address);
  const untold = await tellBackups(folder, person);
  const messages = new Map<number, string>();
  let rows = 0;
  let files = 0;
  let traces = first;
  // What was under way during one pass may have written behind it: the next one finds that.
  for (let pass = 1; ; pass++) {
    for (const [seq, id] of traces.messages) messages.set(seq, id);
    const ids = new Set(messages.values());
    const removed = await database.write((tx) => removeRows(tx, contents, pattern, traces.contents, messages));
    rows += removed;
    files += await removeFiles(folder, pattern, (text) => namesMessage(text, ids));
    await search.forget([...messages.keys()]);
    traces = await findTraces(database, contents, pattern);
    if (traces.contents.size === 0 && traces.messages.size === 0 && !isLeft(parts, pattern)) break;
    if (pass === passes) throw new ForgetUnfinishedError("mail of this address goes on arriving");
  }
  await search.sweep();
  for (let tries = 1; ; tries++) {
    const left = Number(database.read((sql) => sql.get("SELECT count(*) AS n FROM unlinks")?.["n"]));
    if (left === 0) break;
    if (tries === busyTries) throw new ForgetUnfinishedError("files below contents/ could not be deleted");
    await sleep(busyPauseMs);
  }
  // Deleted rows lie in free space, where earlier deletions of the same address may lie too.
  for (let tries = 1; !database.compact(); tries++) {
    if (tries === busyTries) throw new ForgetUnfinishedError("a long reader keeps the database's log");
    await sleep(busyPauseMs);
  }
  return { person, messages: messages.size, rows, files, untold };
}

/** How much `forgetAddress` would delete, and why it would refuse to. */
export async function tryToForget(parts: ForgetParts, text: string): Promise<{ readonly messages: readonly string[] }> {
  const pattern = patternOf(text);
  refuseWhatIsConfigured(parts, pattern);
  const { messages } = await findTraces(parts.store.database, parts.store.contents, pattern);
  refuseWhatIsHeld(parts, pattern, messages.values());
  return { messages: [...messages.values()] };
}

function patternOf(text: string): AddressPattern {
  const pattern = addressPattern(text);
  if (!pattern) throw new NoAddressError(text);
  return pattern;
}

function refuseWhatIsConfigured({ store, configuration }: ForgetParts, pattern: AddressPattern): void {
  const made = store.database.read((sql) =>
    ["rule_sets", "identities"].some((table) =>
      sql.all(`SELECT * FROM ${table}`).some((row) => rowHolds(row, pattern)),
    ),
  );
  if (!made && !pattern.isIn(configuration)) return;
  throw new ForgetRefusedError(
    `${pattern.address} is named by ${made ? "a rule set or an identity" : "the configuration"}: take it out there first, or its next mail brings it back`,
  );
}

function refuseWhatIsHeld({ store }: ForgetParts, pattern: AddressPattern, ids: Iterable<string>): void {
  store.database.read((sql) => {
    for (const subject of [pattern.address, ...ids]) {
      const hold = holdOn(sql, subject);
      if (!hold) continue;
      throw new ForgetRefusedError(
        `${subject} is held since ${hold.at.slice(0, 10)} by ${hold.by}: ${hold.reason}. Nothing was deleted; mailweir hold release ${subject} ends the hold`,
      );
    }
  });
}

function isLeft({ store }: ForgetParts, pattern: AddressPattern): boolean {
  // What a handler has in its hands comes back as a row of a queue or of the ledger.
  return store.database.read((sql) =>
    ["queue_messages", "invocations", "recipients", "records", "quarantine"].some((table) =>
      sql.all(`SELECT * FROM ${table}`).some((row) => rowHolds(row, pattern)),
    ),
  );
}
