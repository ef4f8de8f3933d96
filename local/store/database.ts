import { chmodSync, closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import type { MailweirError } from "../../shared/errors.ts";
import {
  ForeignDatabaseError,
  StorageFailedError,
  StorageFullError,
  StoreClosedError,
  StoreReadOnlyError,
} from "./errors.ts";
import { migrations } from "./schema.ts";

/** A value as SQLite keeps it. */
export type SqlValue = null | number | string | Uint8Array;
export type Row = Readonly<Record<string, SqlValue>>;

/** Statements by their text, prepared once. Only constant texts, never mail in them: values are bound. */
export interface Sql {
  run(text: string, ...values: readonly SqlValue[]): { readonly changes: number; readonly lastId: number };
  get(text: string, ...values: readonly SqlValue[]): Row | undefined;
  all(text: string, ...values: readonly SqlValue[]): readonly Row[];
}

/** What one job sees: its own writes and those of the jobs before it in the same transaction. */
export interface Transaction extends Sql {
  /** Something became due: listeners are called after the commit. */
  wake(): void;
  /** Runs after the commit, for files that the transaction let go. Its failure fails nothing. */
  afterCommit(action: () => void): void;
}

export interface Database {
  /**
   * Runs the job in the next group commit and resolves after COMMIT: what it wrote is durable then. A job that throws
   * loses its own writes only. A job must be synchronous, and runs once unless it is `repeatable`.
   *
   * @throws {StorageFullError} the disk is full: no job of the batch was kept
   * @throws {StorageFailedError} the disk failed: no job of the batch was kept
   * @throws {StoreClosedError}
   */
  write<T>(job: (tx: Transaction) => T, kind?: JobKind): Promise<T>;
  /** Reads what is committed. Nothing may be kept open behind the callback's end. */
  read<T>(query: (sql: Sql) => T): T;
  /** Called after every commit in which a job called `wake`. Answers a function that ends it. */
  onWake(listener: () => void): () => void;
  /** Copies the write-ahead log into the database file, as far as readers let it. */
  checkpoint(): void;
  /** Writes what is committed now into a new file, synced, while others go on writing. */
  copyTo(file: string): void;
  /**
   * Writes the whole file anew without what was deleted, and empties the log. Writers wait meanwhile.
   *
   * @returns false when a reader kept the log from being emptied: call it again
   */
  compact(): boolean;
  /** Commits what is queued, then closes. */
  close(): Promise<void>;
}

/**
 * `repeatable`: nothing but the database knows that the job ran. Such jobs share a savepoint, which is cheaper, and run again
 * one by one when one of them throws.
 */
export type JobKind = "once" | "repeatable";

export interface DatabaseOptions {
  /** Created with its tables when it is missing. */
  readonly file: string;
  /** For the messages of errors. */
  readonly folder: string;
  readonly readOnly?: boolean;
  /** An upper bound of the file in pages of 4 KB; beyond, writes get StorageFullError. Default: the disk. */
  readonly maxPages?: number;
  /** The schema's steps. Default: those of `schema.ts`. */
  readonly steps?: readonly string[];
  /** Overwrites what is deleted with zeros. */
  readonly secureDelete?: boolean;
  /** Jobs of one transaction at most. More would make the first one wait for the last. Default 256. */
  readonly maxBatch?: number;
}

interface Queued {
  readonly job: (tx: Transaction) => unknown;
  readonly kind: JobKind;
  readonly resolve: (value: never) => void;
  readonly reject: (cause: unknown) => void;
  /** What it came to, told after the commit. */
  outcome: { readonly value: unknown } | { readonly error: unknown } | undefined;
}

// "MLWR": file(1) and other tools can tell whose database it is.
const applicationId = 0x4d4c5752;
const busyTimeoutMs = 5000;
const maxTurns = 8;
// 16 MB of log before a checkpoint, and no more than 64 MB kept on disk after a burst.
const checkpointPages = 4000;
const journalLimitBytes = 67_108_864;

/**
 * Opens the one SQLite database of a data folder: one connection that writes and reads, and group commits without a
 * timer (everything that is ready when the event loop comes round shares one transaction, so a lone writer never waits).
 */
export function openDatabase(options: DatabaseOptions): Database {
  const { file, folder, readOnly = false, steps = migrations, maxBatch = 256 } = options;
  if (readOnly && !existsSync(file)) throw new ForeignDatabaseError(file, "does not exist: no engine ever ran there");
  const writer = readOnly ? undefined : openWriter(file, steps, options);
  const writing = writer && statements(writer);
  // Between its transactions the writer sees what is committed, and keeps its pages: another connection's are void with each commit.
  let reader = writer ? undefined : openReader(file, steps.length);
  const reading = writing ? { ...writing, run: refuseToWrite } : reader && statements(reader);
  let besideJobs: Sql | undefined;
  const committed = (): Sql => {
    if (reading && !writer?.isTransaction) return reading;
    reader ??= openReader(file, steps.length);
    besideJobs ??= statements(reader);
    return besideJobs;
  };
  const queue: Queued[] = [];
  let scheduled = false;
  let seen = 0;
  let turns = 0;
  let closed = false;
  const listeners = new Set<() => void>();

  const flush = () => {
    scheduled = false;
    seen = 0;
    turns = 0;
    if (!writer || !writing || queue.length === 0) return;
    const batch = queue.splice(0, maxBatch);
    if (queue.length > 0) schedule();
    const { afterCommit, woken } = commitTogether(writer, writing, batch, folder);
    for (const { outcome, resolve, reject } of batch) {
      if (!outcome) reject(new Error("a job was left out of its commit"));
      else if ("error" in outcome) reject(outcome.error);
      else resolve(outcome.value as never);
    }
    for (const action of afterCommit) action();
    if (woken) for (const listener of [...listeners]) listener();
  };
  // As long as each turn of the event loop brings more jobs they share the commit; a lone writer waits for one empty turn.
  const turn = () => {
    if (queue.length > seen && queue.length < maxBatch && turns < maxTurns) {
      seen = queue.length;
      turns += 1;
      setImmediate(turn);
      return;
    }
    flush();
  };
  const schedule = () => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(turn);
  };

  return {
    write: <T>(job: (tx: Transaction) => T, kind: JobKind = "once") =>
      new Promise<T>((resolve, reject) => {
        if (!writer || closed) {
          reject(closed ? new StoreClosedError(folder) : new StoreReadOnlyError(folder));
          return;
        }
        queue.push({ job, kind, resolve, reject, outcome: undefined });
        schedule();
      }),
    read: (query) => {
      if (closed) throw new StoreClosedError(folder);
      return query(committed());
    },
    onWake(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    checkpoint: () => void writer?.exec("PRAGMA wal_checkpoint(TRUNCATE)"),
    copyTo(copy) {
      reader ??= openReader(file, steps.length);
      saveCopy(reader, copy);
    },
    compact() {
      if (!writer) throw new StoreReadOnlyError(folder);
      try {
        // In memory the copy could take all of it.
        writer.exec("PRAGMA temp_store = FILE; VACUUM");
        const log = writer.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get() as { busy: number };
        return log.busy === 0;
      } catch (error) {
        throw storageError(error, folder) ?? error;
      } finally {
        writer.exec("PRAGMA temp_store = MEMORY");
      }
    },
    async close() {
      if (closed) return;
      while (queue.length > 0) flush();
      closed = true;
      reader?.close();
      // The last connection to close copies the log into the database and removes it.
      writer?.close();
    },
  };
}

/**
 * Takes an exclusive lock that the operating system frees with the process, however it ends.
 *
 * @returns a function that frees it; `undefined` when another process holds it
 */
export function lockFile(path: string, waitMs: number): (() => void) | undefined {
  makePrivate(path);
  const database = new DatabaseSync(path, { timeout: waitMs });
  try {
    database.exec("BEGIN EXCLUSIVE");
    return () => database.close();
  } catch (error) {
    database.close();
    if (sqliteCode(error) === sqlite.busy) return undefined;
    throw error;
  }
}

/** Whether somebody holds the lock of `lockFile`. Only looks. */
export function isLocked(path: string): boolean {
  if (!existsSync(path)) return false;
  const database = new DatabaseSync(path, { readOnly: true, timeout: 0 });
  try {
    database.prepare("SELECT count(*) FROM sqlite_master").get();
    return false;
  } catch (error) {
    if (sqliteCode(error) === sqlite.busy) return true;
    throw error;
  } finally {
    database.close();
  }
}

// https://www.sqlite.org/rescode.html
const sqlite = {
  perm: 3,
  busy: 5,
  noMemory: 7,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notADatabase: 26,
};
const storageCodes = new Set<number | undefined>([
  sqlite.perm,
  sqlite.busy,
  sqlite.noMemory,
  sqlite.readOnly,
  sqlite.ioError,
  sqlite.corrupt,
  sqlite.full,
  sqlite.cannotOpen,
  sqlite.notADatabase,
]);

/** SQLite's primary result code; `undefined` when the error is not SQLite's. */
function sqliteCode(error: unknown): number | undefined {
  const { errcode } = (error ?? {}) as { errcode?: unknown };
  return typeof errcode === "number" ? errcode & 0xff : undefined;
}

function storageError(error: unknown, folder: string): MailweirError | undefined {
  const code = sqliteCode(error);
  if (!storageCodes.has(code)) return undefined;
  if (code === sqlite.full) return new StorageFullError(folder, { cause: error });
  return new StorageFailedError(folder, error instanceof Error ? error.message : String(error), { cause: error });
}

/** Runs the jobs of a batch in one transaction, and notes with each what it came to. */
function commitTogether(database: DatabaseSync, sql: Sql, batch: readonly Queued[], folder: string) {
  const afterCommit: (() => void)[] = [];
  let woken = false;
  const tx: Transaction = {
    ...sql,
    wake: () => {
      woken = true;
    },
    afterCommit: (action) => void afterCommit.push(action),
  };
  /** Answers what the job that threw said, with `undo` called; a full or failing disk concerns the whole batch and is thrown. */
  const attempt = (jobs: readonly Queued[], undo: () => void): { readonly error: unknown } | undefined => {
    const before = { actions: afterCommit.length, woken };
    try {
      for (const queued of jobs) queued.outcome = { value: queued.job(tx) };
      return undefined;
    } catch (error) {
      if (storageError(error, folder)) throw error;
      undo();
      afterCommit.length = before.actions;
      woken = before.woken;
      return { error };
    }
  };
  const underSavepoint = (jobs: readonly Queued[]) => {
    sql.run("SAVEPOINT job");
    const failed = attempt(jobs, () => void sql.run("ROLLBACK TO job"));
    sql.run("RELEASE job");
    return failed;
  };
  const alone = (queued: Queued) => {
    const failed = underSavepoint([queued]);
    if (failed) queued.outcome = failed;
  };
  // Under a savepoint SQLite keeps each page as it was: where nothing else would be lost, the transaction itself is undone.
  const asOne = () =>
    attempt(batch, () => {
      sql.run("ROLLBACK");
      sql.run("BEGIN IMMEDIATE");
    });
  try {
    sql.run("BEGIN IMMEDIATE");
    const repeatable = (queued: Queued | undefined) => queued?.kind === "repeatable";
    if (!batch.every(repeatable) || asOne()) {
      for (let at = 0; at < batch.length; ) {
        let end = at;
        while (repeatable(batch[end])) end += 1;
        const together = batch.slice(at, Math.max(end, at + 1));
        if (together.length === 1 || underSavepoint(together)) together.forEach(alone);
        at += together.length;
      }
    }
    sql.run("COMMIT");
    return { afterCommit, woken };
  } catch (error) {
    const reason = storageError(error, folder) ?? error;
    // SQLite ends the transaction itself after some errors (https://www.sqlite.org/lang_transaction.html §3).
    if (database.isTransaction) database.exec("ROLLBACK");
    for (const queued of batch) queued.outcome = { error: reason };
    return { afterCommit: [], woken: false };
  }
}

function openWriter(
  file: string,
  steps: readonly string[],
  { maxPages, secureDelete = false }: Pick<DatabaseOptions, "maxPages" | "secureDelete">,
): DatabaseSync {
  makePrivate(file);
  const database = connect(file, { timeout: busyTimeoutMs, enableForeignKeyConstraints: false });
  try {
    const owner = Number(pragma(database, "application_id"));
    const tables = database.prepare("SELECT count(*) AS n FROM sqlite_master").get() as { n: number };
    if (owner !== applicationId && tables.n > 0) {
      throw new ForeignDatabaseError(file, "belongs to another program: choose another data folder");
    }
    database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA journal_size_limit = ${journalLimitBytes};
      PRAGMA wal_autocheckpoint = ${checkpointPages};
      PRAGMA cache_size = -16384;
      PRAGMA temp_store = MEMORY;
      PRAGMA trusted_schema = OFF;
      PRAGMA secure_delete = ${secureDelete ? "ON" : "OFF"};
    `);
    // It is ours; an older one may be for everybody to read.
    chmodSync(file, 0o600);
    migrate(database, file, steps);
    if (maxPages !== undefined) database.exec(`PRAGMA max_page_count = ${Math.trunc(maxPages)}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Mail is its owner's alone, whatever the umask: SQLite makes its files for everybody to read, and gives log and index of a
 * database the mode of the database.
 */
function makePrivate(file: string): void {
  try {
    closeSync(openSync(file, "a", 0o600));
  } catch {
    // A folder that is not there, or is somebody else's: opening the database says so.
  }
}

function openReader(file: string, known: number): DatabaseSync {
  const database = connect(file, { readOnly: true, timeout: busyTimeoutMs });
  try {
    if (Number(pragma(database, "application_id")) !== applicationId) {
      throw new ForeignDatabaseError(file, "belongs to another program: choose another data folder");
    }
    const version = Number(pragma(database, "user_version"));
    if (version > known) throw tooNew(file, version, known);
    if (version < known) {
      throw new ForeignDatabaseError(file, `has schema ${version}: start the engine once, it brings it to ${known}`);
    }
    database.exec("PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY;");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function connect(file: string, options: ConstructorParameters<typeof DatabaseSync>[1]): DatabaseSync {
  try {
    const database = new DatabaseSync(file, options);
    // Opening is lazy: a file that is no database shows at the first read.
    database.prepare("SELECT count(*) FROM sqlite_master").get();
    return database;
  } catch (error) {
    const code = sqliteCode(error);
    if (code === sqlite.notADatabase)
      throw new ForeignDatabaseError(file, "is no database: choose another data folder");
    throw storageError(error, file) ?? error;
  }
}

/** Brings an older database forward, in one transaction, after saving a copy beside it. */
function migrate(database: DatabaseSync, file: string, steps: readonly string[]): void {
  const version = Number(pragma(database, "user_version"));
  if (version > steps.length) throw tooNew(file, version, steps.length);
  if (version === steps.length) return;
  if (version > 0) saveCopy(database, `${file}.schema-${version}.saved`);
  database.exec("BEGIN IMMEDIATE");
  try {
    for (const step of steps.slice(version)) database.exec(step);
    database.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${steps.length};`);
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

/** A whole copy or none: written under another name, synced (SQLite does not here), renamed. */
function saveCopy(database: DatabaseSync, copy: string): void {
  if (existsSync(copy)) return;
  const temporary = `${copy}.tmp`;
  rmSync(temporary, { force: true });
  database.prepare("VACUUM INTO ?").run(temporary);
  const handle = openSync(temporary, "r+");
  fsyncSync(handle);
  closeSync(handle);
  chmodSync(temporary, 0o600);
  renameSync(temporary, copy);
}

function refuseToWrite(): never {
  throw new Error("a read writes nothing: write in a job");
}

const tooNew = (file: string, version: number, known: number) =>
  new ForeignDatabaseError(
    file,
    `has schema ${version}, this Mailweir knows ${known}: start the newer version that wrote it`,
  );

function pragma(database: DatabaseSync, name: string): unknown {
  const row = database.prepare(`PRAGMA ${name}`).get();
  return row && Object.values(row)[0];
}

function statements(database: DatabaseSync): Sql {
  const prepared = new Map<string, StatementSync>();
  const statement = (text: string): StatementSync => {
    let found = prepared.get(text);
    if (!found) {
      found = database.prepare(text);
      prepared.set(text, found);
    }
    return found;
  };
  return {
    run(text, ...values) {
      const { changes, lastInsertRowid } = statement(text).run(...(values as SQLInputValue[]));
      return { changes: Number(changes), lastId: Number(lastInsertRowid) };
    },
    get: (text, ...values) => statement(text).get(...(values as SQLInputValue[])) as Row | undefined,
    all: (text, ...values) => statement(text).all(...(values as SQLInputValue[])) as Row[],
  };
}
