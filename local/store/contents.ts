import { dirname, join } from "node:path";
import type { Database, Sql, SqlValue, Transaction } from "./database.ts";
import {
  chunkBytes,
  createFolderMaker,
  createFolderSync,
  errorCode,
  type FileSystem,
  makeFolder,
  readChunks,
  removeFile,
  syncFolderNow,
  writeSynced,
} from "./files.ts";

/** Octets that are on their way into the store: small ones in memory, larger ones durable in a file of ours. */
export type Prepared =
  | { readonly kind: "inline"; readonly bytes: Uint8Array; readonly sizeBytes: number }
  | { readonly kind: "file"; readonly path: string; readonly sizeBytes: number };

export interface Contents {
  /** Takes a file over: renamed into this start's folder, name and octets durable. Without `arriving` they are synced already. */
  takeFile(
    source: string,
    name: string,
    arriving?: { readonly sizeBytes: number; readonly durable: Promise<void> },
  ): Promise<Prepared>;
  /** Reads a body to its end; beyond 64 KB it goes into a file. */
  prepare(body: Uint8Array | AsyncIterable<Uint8Array>, name: string): Promise<Prepared>;
  /** Removes the file of something prepared that was not stored after all; what fails is left to the next start. */
  discard(prepared: Prepared): Promise<void>;
  /** A row with one reference. */
  insert(tx: Transaction, prepared: Prepared): number;
  addReference(tx: Transaction, id: number): void;
  /** Takes one reference away; with the last one the octets go. */
  release(tx: Transaction, id: number): void;
  sizeBytes(sql: Sql, id: number): number;
  /** The octets in chunks of at most 64 KB; `undefined` when there is no such row. */
  open(id: number): AsyncIterable<Uint8Array> | undefined;
  close(): Promise<void>;
}

/**
 * Octets by number, counted by reference. Files lie in a folder of each start of the engine, so that after a crash only
 * one folder has to be searched for files that no row names.
 */
export async function openContents(database: Database, fs: FileSystem, folder: string): Promise<Contents> {
  await createFolderMaker(fs, dirname(folder))(folder);
  const start = await nextStart(database, fs, folder);
  const syncFolder = createFolderSync(fs);
  const startFolder = join(folder, start);
  await makeFolder(fs, startFolder);
  const removals = new Set<Promise<void>>();
  // Whether a file stayed behind that no row names.
  let left = false;

  const contents: Contents = {
    ...readContents(database, fs, folder),
    async takeFile(source, name, arriving) {
      const path = `${start}/${name}`;
      const sizeBytes = arriving?.sizeBytes ?? (await fs.stat(source)).size;
      await fs.rename(source, join(folder, path));
      try {
        // Both at once: a name without its octets is no more than an orphan, as long as no row names it.
        await Promise.all([syncFolder(startFolder), arriving?.durable]);
      } catch (error) {
        await removeOrRemember(path);
        throw error;
      }
      return { kind: "file", path, sizeBytes };
    },
    async prepare(body, name) {
      if (body instanceof Uint8Array) {
        if (body.length <= chunkBytes) return { kind: "inline", bytes: body, sizeBytes: body.length };
        return spill([body], name);
      }
      const first: Uint8Array[] = [];
      let size = 0;
      const iterator = body[Symbol.asyncIterator]();
      while (size <= chunkBytes) {
        const next = await iterator.next();
        if (next.done) return { kind: "inline", bytes: Buffer.concat(first), sizeBytes: size };
        first.push(next.value);
        size += next.value.length;
      }
      return spill(both(first, iterator), name);
    },
    async discard(prepared) {
      if (prepared.kind === "file") await removeOrRemember(prepared.path);
    },
    insert(tx, prepared) {
      const file = prepared.kind === "file";
      return tx.run(
        "INSERT INTO contents (size_bytes, refs, path, bytes) VALUES (?, 1, ?, ?)",
        prepared.sizeBytes,
        file ? prepared.path : null,
        file ? null : prepared.bytes,
      ).lastId;
    },
    addReference: (tx, id) => void tx.run("UPDATE contents SET refs = refs + 1 WHERE id = ?", id),
    release(tx, id) {
      tx.run("UPDATE contents SET refs = refs - 1 WHERE id = ?", id);
      const row = tx.get("SELECT path FROM contents WHERE id = ? AND refs <= 0", id);
      if (!row) return;
      tx.run("DELETE FROM contents WHERE id = ?", id);
      if (row["path"] === null) return;
      const path = String(row["path"]);
      tx.run("INSERT OR IGNORE INTO unlinks (path) VALUES (?)", path);
      tx.afterCommit(() => {
        // What fails here is tried again at the next start.
        const removal = unlinkNoted(database, fs, folder, path, syncFolder).catch(() => undefined);
        removals.add(removal);
        void removal.then(() => removals.delete(removal));
      });
    },
    async close() {
      await Promise.all(removals);
      // What was discarded must be gone for good before the note says that nothing has to be searched.
      if (!left) await syncFolderNow(fs, startFolder);
      // Without this note the next start searches the folder.
      if (!left) await database.write((tx) => setSetting(tx, "closed", start));
    },
  };

  async function spill(chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>, name: string): Promise<Prepared> {
    const path = `${start}/${name}`;
    try {
      const sizeBytes = await writeSynced(fs, join(folder, path), chunks);
      await syncFolder(startFolder);
      return { kind: "file", path, sizeBytes };
    } catch (error) {
      await removeOrRemember(path);
      throw error;
    }
  }

  async function removeOrRemember(path: string): Promise<void> {
    try {
      await removeFile(fs, join(folder, path));
    } catch {
      // The error that led here is the one to tell.
      left = true;
    }
  }
  return contents;
}

/** The reading half, which needs no start of its own. */
export function readContents(database: Database, fs: FileSystem, folder: string): Pick<Contents, "open" | "sizeBytes"> {
  return {
    sizeBytes: (sql, id) => Number(sql.get("SELECT size_bytes FROM contents WHERE id = ?", id)?.["size_bytes"] ?? 0),
    open(id) {
      const row = database.read((sql) => sql.get("SELECT path, bytes FROM contents WHERE id = ?", id));
      if (!row) return undefined;
      return row["path"] === null
        ? inChunks(row["bytes"] as Uint8Array)
        : readChunks(fs, join(folder, String(row["path"])));
    },
  };
}

async function* inChunks(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

/** Octets in front of a body; empty ones give no chunk. */
export async function* concatenate(
  front: Uint8Array,
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* inChunks(front);
  yield* body;
}

async function* both(first: readonly Uint8Array[], rest: AsyncIterator<Uint8Array>) {
  yield* first;
  try {
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

/** Removes what the last run left behind, and counts this start. */
async function nextStart(database: Database, fs: FileSystem, folder: string): Promise<string> {
  const last = setting(database, "start");
  const syncFolder = createFolderSync(fs);
  const unlinks = paths(database, "SELECT path FROM unlinks");
  await Promise.all(unlinks.map((path) => unlinkNoted(database, fs, folder, path, syncFolder)));
  if (last !== undefined && setting(database, "closed") !== last) await removeOrphans(database, fs, folder, last);
  const start = String(Number(last ?? 0) + 1);
  await database.write((tx) => setSetting(tx, "start", start));
  return start;
}

// A crash between the rename of a file and the commit of its row leaves a file that nobody will ask for.
async function removeOrphans(database: Database, fs: FileSystem, folder: string, start: string): Promise<void> {
  let names: string[];
  try {
    names = await fs.readdir(join(folder, start));
  } catch {
    // The folder was never made: the crash came before it.
    return;
  }
  const known = new Set(
    paths(
      database,
      "SELECT path FROM contents WHERE path IS NOT NULL AND path >= ? AND path < ?",
      `${start}/`,
      `${start}0`,
    ),
  );
  for (const name of names) {
    if (!known.has(`${start}/${name}`)) await removeFile(fs, join(folder, start, name));
  }
  // Nobody will look into this folder again.
  await syncFolderNow(fs, join(folder, start));
}

/** The note goes when the file has gone for good: a power cut must not bring back what was deleted. */
async function unlinkNoted(
  database: Database,
  fs: FileSystem,
  folder: string,
  path: string,
  syncFolder: (folder: string) => Promise<void>,
): Promise<void> {
  await removeFile(fs, join(folder, path));
  await syncFolder(join(folder, dirname(path))).catch((error: unknown) => {
    // Its folder never came to be.
    if (errorCode(error) !== "ENOENT") throw error;
  });
  await database.write((tx) => void tx.run("DELETE FROM unlinks WHERE path = ?", path));
}

function paths(database: Database, text: string, ...values: readonly SqlValue[]): string[] {
  return database.read((sql) => sql.all(text, ...values)).map((row) => String(row["path"]));
}

function setting(database: Database, name: string): string | undefined {
  const row = database.read((sql) => sql.get("SELECT value FROM settings WHERE name = ?", name));
  return row && String(row["value"]);
}

function setSetting(tx: Transaction, name: string, value: string): void {
  tx.run("INSERT INTO settings VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value);
}
