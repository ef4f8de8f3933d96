import { isLocked, lockFile } from "./database.ts";
import { DataFolderError, FolderInUseError, folderTrouble } from "./errors.ts";
import { errorCode, type FileSystem, makeFolder, nodeFileSystem, removeFile, replaceFile } from "./files.ts";
import { dataFolder } from "./layout.ts";

/** The running engine, for those who want to talk to it. */
export interface EngineInfo {
  readonly pid: number;
  /** `host:port`. */
  readonly http: string;
  readonly smtp: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** Opens the local API to whoever may read the data folder. */
  readonly token: string;
}

export interface FolderLock {
  /** Tells the command line where this engine listens. */
  publish(info: EngineInfo): Promise<void>;
  /** Withdraws what was published and lets the next engine in. Ending the process does the latter too. */
  release(): Promise<void>;
}

// A look by `findEngine` holds the lock for a moment: a start waits longer than that.
const waitMs = 500;

/**
 * One engine per data folder. The operating system frees the lock with the process, so that the next start after SIGKILL
 * asks nobody.
 *
 * @throws {FolderInUseError} when another engine runs there; names it
 * @throws {DataFolderError} when the folder cannot be made or written
 */
export async function lockFolder(root: string, fs: FileSystem = nodeFileSystem): Promise<FolderLock> {
  const folder = dataFolder(root);
  let unlock: (() => void) | undefined;
  try {
    await makeFolder(fs, folder.root);
    unlock = lockFile(folder.lock, waitMs);
  } catch (error) {
    throw new DataFolderError(root, folderTrouble(errorCode(error)), { cause: error });
  }
  if (!unlock) throw new FolderInUseError(root, await readInfo(fs, folder.engine));
  // What lies there is of an engine that ended without a word.
  await removeFile(fs, folder.engine);
  let held: (() => void) | undefined = unlock;
  return {
    publish: (info) => replaceFile(fs, folder.engine, `${JSON.stringify(info)}\n`),
    async release() {
      if (!held) return;
      await removeFile(fs, folder.engine);
      held();
      held = undefined;
    },
  };
}

/** The engine that runs on this data folder; `undefined` when none does, or when it is still starting. */
export async function findEngine(root: string, fs: FileSystem = nodeFileSystem): Promise<EngineInfo | undefined> {
  const folder = dataFolder(root);
  return isLocked(folder.lock) ? readInfo(fs, folder.engine) : undefined;
}

async function readInfo(fs: FileSystem, path: string): Promise<EngineInfo | undefined> {
  try {
    const info = JSON.parse(await fs.readFile(path, "utf8")) as Partial<EngineInfo> | null;
    return typeof info?.pid === "number" && typeof info.http === "string" && typeof info.smtp === "string"
      ? (info as EngineInfo)
      : undefined;
  } catch (error) {
    // Not published yet, or just withdrawn.
    if (errorCode(error) === "ENOENT" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
