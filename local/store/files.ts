import * as promises from "node:fs/promises";
import { dirname } from "node:path";

/** What the store asks of the file system; an argument, so that faults can be injected. */
export type FileSystem = Pick<
  typeof promises,
  "open" | "rename" | "unlink" | "mkdir" | "readdir" | "stat" | "readFile" | "chmod"
>;

export const nodeFileSystem: FileSystem = promises;

/** All bodies travel in pieces of at most this many octets. */
export const chunkBytes = 65_536;

/**
 * Creates the folder and those above it, and makes their names durable. Not by Node's recursive mkdir: where the system
 * says ENOENT although the folder above is there, as in /proc, that tries for ever.
 */
export async function makeFolder(fs: FileSystem, path: string): Promise<void> {
  const above = dirname(path);
  let made: boolean;
  try {
    made = await makeOne(fs, path);
  } catch (error) {
    if (errorCode(error) !== "ENOENT" || above === path) throw error;
    await makeFolder(fs, above);
    made = await makeOne(fs, path);
  }
  if (made) await syncFolderNow(fs, above);
}

/**
 * Makes folders below `within` and is sure of their names, also of those that it finds: the process before may have ended
 * between the making and the sync. Once for each folder; whoever removes one meanwhile gets it made again.
 */
export function createFolderMaker(fs: FileSystem, within: string): (path: string) => Promise<void> {
  const sure = new Set<string>();
  return async (path) => {
    await makeFolder(fs, path);
    for (let at = path; at !== within && at !== dirname(at) && !sure.has(at); at = dirname(at)) {
      await syncFolderNow(fs, dirname(at));
      sure.add(at);
    }
  };
}

/** False when it is there already. */
async function makeOne(fs: FileSystem, path: string): Promise<boolean> {
  try {
    await fs.mkdir(path, { mode: 0o700 });
    return true;
  } catch (error) {
    if (errorCode(error) === "EEXIST" && (await fs.stat(path)).isDirectory()) return false;
    throw error;
  }
}

/** Writes the whole file, synced; its name in the folder is not yet. */
export async function writeSynced(
  fs: FileSystem,
  path: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  mode = 0o600,
): Promise<number> {
  const file = await fs.open(path, "w", mode);
  let size = 0;
  try {
    for await (const chunk of chunks) {
      await writeAll(file, chunk);
      size += chunk.length;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return size;
}

// A write may take less than it was given (a full disk, a signal): go on until all is taken or it throws.
async function writeAll(file: promises.FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) {
    const { bytesWritten } = await file.write(chunk, at, chunk.length - at);
    at += bytesWritten;
  }
}

/** Reads a file that must not go again: whoever renamed it into place may have ended before the folder was synced. */
export async function readKept(fs: FileSystem, path: string): Promise<Buffer> {
  const octets = await fs.readFile(path);
  await syncFolderNow(fs, dirname(path));
  return octets;
}

/** Replaces the file in one step: a reader or a crash sees the old one or the new one. */
export async function replaceFile(
  fs: FileSystem,
  path: string,
  content: string | Uint8Array,
  mode = 0o600,
): Promise<void> {
  const temporary = `${path}.tmp`;
  await writeSynced(fs, temporary, [typeof content === "string" ? Buffer.from(content, "utf8") : content], mode);
  await fs.rename(temporary, path);
  await syncFolderNow(fs, dirname(path));
}

/** The file's octets in chunks; opened at the first one, closed behind the last one or when the reader stops. */
export async function* readChunks(fs: FileSystem, path: string): AsyncGenerator<Uint8Array, void, undefined> {
  const file = await fs.open(path, "r");
  try {
    for (;;) {
      // A fresh buffer each time: the consumer may keep or transfer it.
      const buffer = Buffer.allocUnsafeSlow(chunkBytes);
      const { bytesRead } = await file.read(buffer, 0, chunkBytes);
      if (bytesRead === 0) return;
      yield bytesRead === chunkBytes ? buffer : buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** Removes the file; one that is not there is no error. */
export async function removeFile(fs: FileSystem, path: string): Promise<void> {
  try {
    await fs.unlink(path);
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
  }
}

export function errorCode(error: unknown): string | undefined {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === "string" ? code : undefined;
}

/**
 * Does `work` one round at a time. Callers that come while a round runs share the next one, because theirs may have come too
 * late for the running one. A failure is told to those who share the round.
 */
export function createRounds(work: () => Promise<void>, onIdle: () => void = () => {}): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const start = (): Promise<void> => {
    next = undefined;
    running = work().finally(() => {
      if (next !== undefined) return;
      running = undefined;
      onIdle();
    });
    return running;
  };
  return () => {
    if (running === undefined) return start();
    next ??= running.then(start, start);
    return next;
  };
}

/** Makes names in folders durable, in rounds for each folder. */
export function createFolderSync(fs: FileSystem): (folder: string) => Promise<void> {
  const busy = new Map<string, () => Promise<void>>();
  return (folder) => {
    const known = busy.get(folder);
    if (known) return known();
    const sync = createRounds(
      () => syncFolderNow(fs, folder),
      () => busy.delete(folder),
    );
    busy.set(folder, sync);
    return sync();
  };
}

export async function syncFolderNow(fs: FileSystem, folder: string): Promise<void> {
  const handle = await fs.open(folder, "r");
  try {
    await handle.sync();
  } catch (error) {
    // Windows and some network file systems cannot sync a folder; they order names themselves.
    const code = errorCode(error);
    if (code !== "EPERM" && code !== "EINVAL" && code !== "EISDIR") throw error;
  } finally {
    await handle.close();
  }
}
