import { setTimeout as sleep } from "node:timers/promises";
import { type AddressPattern, addressPattern } from "../../shared/retention/address-pattern.ts";
import { ForgetRefusedError, ForgetUnfinishedError, NoAddressError } from "../../shared/retention/errors.ts";
import { namesMessage } from "../../shared/retention/names-message.ts";
import type { Database, Sql } from "../store/database.ts";
import type { Store } from "../store/open-store.ts";
import { oweCompaction, settleCompaction } from "../store/owed-compaction.ts";
import { tellBackups } from "./backup-folders.ts";
import { findTraces, rowHolds } from "./find-traces.ts";
import { countInForgetRecord, deleteForgetRecord, forgetRecord, writeForgetRecord } from "./forget-record.ts";
import { heldAddresses, holdOf } from "./hold-of.ts";
import { type Hold, holdAmong, holdSubjects, holdsIn } from "./holds.ts";
import { removeFiles } from "./remove-files.ts";
import { removeRows } from "./remove-rows.ts";
import { pagesOf } from "./table-pages.ts";

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

export type ForgetStep = "looking" | "deleting" | "looking again" | "search index" | "compacting";

export interface ForgetProgress {
  readonly step: ForgetStep;
  /** While it looks: stored contents that it has read, of how many. */
  readonly done?: number;
  readonly of?: number;
}

const passes = 5;
const passPauseMs = 200;
const busyTries = 40;
const busyPauseMs = 250;
const idBatch = 1_000;
const searchBatch = 200;

/**
 * Takes an address out of everything that this folder holds. A message that names it is deleted whole, also for its other
 * recipients: signed octets cannot be changed. From before the first deletion a record of it is kept (forget-record.ts), and
 * every step may be done again: whoever calls it with the same address goes on where a run ended that died.
 *
 * @throws {NoAddressError | ForgetRefusedError | ForgetUnfinishedError}
 */
export async function forgetAddress(
  parts: ForgetParts,
  text: string,
  onProgress: (progress: ForgetProgress) => void = () => undefined,
): Promise<Forgotten> {
  const { store, search, forgetPerson } = parts;
  const { database, contents, folder } = store;
  const pattern = patternOf(text);
  const { address } = pattern;
  if (!parts.again) refuseWhatIsConfigured(parts, pattern);
  const judge = (messages: ReadonlyMap<number, string>) =>
    parts.again ? "" : refuseWhatNamesHeld(store, messages, () => database.read((sql) => isBegun(sql, address)));
  const look = (step: "looking" | "looking again") =>
    findTraces(database, contents, pattern, (done, of) => onProgress({ step, done, of }));
  let traces = await look("looking");
  let judgedBy = await judge(traces.messages);
  let known = await database.write((tx) => {
    if (!parts.again) refuseWhatIsHeld(tx, holdSubjects(address, traces.messages.values()), () => isBegun(tx, address));
    const begun = forgetRecord(tx, address) ?? { address, messages: [], rows: 0, files: 0 };
    writeForgetRecord(tx, begun);
    return begun.messages;
  });

  const { person } = await forgetPerson(address);
  const untold = await tellBackups(folder, person);
  // What was under way during one pass may have written behind it: the next one finds that.
  for (let pass = 1; ; pass++) {
    onProgress({ step: "deleting" });
    const messages = new Map([...(await idsOf(database, known)), ...traces.messages]);
    const ids = new Set(messages.values());
    const subjects = holdSubjects(address, ids);
    // Somebody may have held it while we looked, and between two transactions.
    const deletable = (tx: Sql) => {
      if (parts.again) return;
      refuseWhatIsHeld(tx, subjects, () => isBegun(tx, address));
      if (heldText(tx) !== judgedBy) throw new HoldsChanged();
    };
    judgedBy = await judge(messages);
    const remove = async () => {
      await database.write((tx) => {
        deletable(tx);
        const begun = forgetRecord(tx, address) ?? { address, rows: 0, files: 0 };
        writeForgetRecord(tx, { ...begun, messages: [...messages.keys()] });
      });
      known = [...messages.keys()];
      await removeRows(database, contents, pattern, { contents: traces.contents, messages }, deletable, (tx, rows) =>
        countInForgetRecord(tx, address, { rows }),
      );
      return removeFiles(
        folder,
        pattern,
        (text) => namesMessage(text, ids),
        () => database.read(deletable),
      );
    };
    let files: number | undefined;
    while (files === undefined) {
      try {
        files = await remove();
      } catch (error) {
        if (!(error instanceof HoldsChanged)) throw error;
        judgedBy = await judge(messages);
      }
    }
    const removed = files;
    if (removed > 0) await database.write((tx) => countInForgetRecord(tx, address, { files: removed }));
    for (let start = 0; start < known.length; start += searchBatch)
      await search.forget(known.slice(start, start + searchBatch));
    traces = await look("looking again");
    if (traces.contents.size === 0 && traces.messages.size === 0 && !(await isLeft(parts, pattern))) break;
    if (pass === passes) throw new ForgetUnfinishedError("mail of this address goes on arriving");
    await sleep(passPauseMs);
  }
  onProgress({ step: "search index" });
  await search.sweep();
  for (let tries = 1; ; tries++) {
    const left = Number(database.read((sql) => sql.get("SELECT count(*) AS n FROM unlinks")?.["n"]));
    if (left === 0) break;
    if (tries === busyTries) throw new ForgetUnfinishedError("files below contents/ could not be deleted");
    await sleep(busyPauseMs);
  }
  onProgress({ step: "compacting" });
  // The record names the address too: it goes, and what is left to do is known without it.
  const record = await database.write((tx) => {
    const done = forgetRecord(tx, address);
    deleteForgetRecord(tx, address);
    oweCompaction(tx);
    return done;
  });
  if (!(await settleCompaction(database, busyTries)))
    throw new ForgetUnfinishedError("a long reader keeps the database's log");
  return { person, messages: known.length, rows: record?.rows ?? 0, files: record?.files ?? 0, untold };
}

async function idsOf(
  database: Pick<Database, "read">,
  sequences: readonly number[],
): Promise<ReadonlyMap<number, string>> {
  const ids = new Map<number, string>();
  for (let start = 0; start < sequences.length; start += idBatch) {
    const list = JSON.stringify(sequences.slice(start, start + idBatch));
    const rows = database.read((sql) =>
      sql.all("SELECT seq, ses_message_id FROM ids WHERE seq IN (SELECT value FROM json_each(?))", list),
    );
    for (const row of rows) ids.set(Number(row["seq"]), String(row["ses_message_id"]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  return ids;
}

/** How much `forgetAddress` would delete, and why it would refuse to. */
export async function tryToForget(
  parts: ForgetParts,
  text: string,
  onProgress: (progress: ForgetProgress) => void = () => undefined,
): Promise<{ readonly messages: readonly string[] }> {
  const pattern = patternOf(text);
  refuseWhatIsConfigured(parts, pattern);
  const { database, contents } = parts.store;
  const { messages } = await findTraces(database, contents, pattern, (done, of) =>
    onProgress({ step: "looking", done, of }),
  );
  database.read((sql) => refuseWhatIsHeld(sql, holdSubjects(pattern.address, messages.values()), () => false));
  await refuseWhatNamesHeld(parts.store, messages, () => false);
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

function refuseWhatIsHeld(sql: Sql, subjects: () => ReadonlySet<string>, begun: () => boolean): void {
  const hold = holdAmong(sql, subjects);
  if (hold) refuseFor(hold, begun);
}

function refuseFor(hold: Hold, begun: () => boolean, namedBy?: string): never {
  const state = begun() ? "What was deleted before stays so" : "Nothing was deleted";
  const names = namedBy === undefined ? "" : `, and ${namedBy} names it`;
  throw new ForgetRefusedError(
    `${hold.subject} is held since ${hold.at.slice(0, 10)} by ${hold.by}: ${hold.reason}${names}. ${state}; mailweir hold release ${hold.subject} ends the hold`,
  );
}

/** Somebody placed or released a hold since the mail was looked at for those of before. */
class HoldsChanged extends Error {}

const heldText = (sql: Sql) => JSON.stringify(holdsIn(sql));

/** Of mail that names the address some may name another one, which is held. @returns by which holds this was looked at */
async function refuseWhatNamesHeld(
  store: ForgetParts["store"],
  messages: ReadonlyMap<number, string>,
  begun: () => boolean,
): Promise<string> {
  const list = store.database.read(holdsIn);
  const addresses = heldAddresses(list);
  if (addresses.length > 0) {
    for (const [seq, id] of messages) {
      const hold = await holdOf(store, seq, id, addresses);
      if (hold) refuseFor(hold, begun, hold.subject === id ? undefined : id);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return JSON.stringify(list);
}

function isBegun(sql: Sql, address: string): boolean {
  const record = forgetRecord(sql, address);
  if (!record || record.rows > 0) return record !== undefined;
  const gone = "SELECT 1 FROM forgotten_messages WHERE seq IN (SELECT value FROM json_each(?)) LIMIT 1";
  return sql.get(gone, JSON.stringify(record.messages)) !== undefined;
}

/** What a handler has in its hands comes back as a row of a queue or of the ledger. */
async function isLeft({ store }: ForgetParts, pattern: AddressPattern): Promise<boolean> {
  for (const table of ["queue_messages", "invocations", "recipients", "records", "quarantine"]) {
    for await (const page of pagesOf(store.database, table)) {
      if (page.some((row) => rowHolds(row, pattern))) return true;
    }
  }
  return false;
}
