import { existsSync } from "node:fs";
import { readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { openDatabase } from "../store/database.ts";
import {
  errorCode,
  makeFolder,
  nodeFileSystem,
  readChunks,
  removeFile,
  replaceFile,
  syncFolderNow,
  writeSynced,
} from "../store/files.ts";
import { type DataFolder, dataFolder } from "../store/layout.ts";
import { addBackupFolder, forgottenIn, rememberForgotten } from "./backup-folders.ts";
import { BackupError } from "./errors.ts";

const fs = nodeFileSystem;

/** One backup: a folder named by its time, whole when it has its manifest. */
export interface Backup {
  readonly path: string;
  /** ISO 8601. */
  readonly at: string;
  /** ISO 8601: the first backup into the same folder after that deletes it. */
  readonly agesOutAt: string;
  readonly messages: number;
  readonly files: number;
}

export const manifestName = "manifest.json";
const partialEnd = ".partial";
const dayMs = 86_400_000;
const maxTries = 5;

/**
 * Copies a data folder, also while its engine runs: the database as it is at one moment with the files that it names then,
 * and behind it Maildirs and the outbox folder, so that whatever the database calls delivered is in the copy. Deletes
 * backups that have aged out, and what an interrupted one left.
 */
export async function makeBackup(
  dataRoot: string,
  into: string,
  { now, keepDays }: { readonly now: Date; readonly keepDays: number },
): Promise<Backup> {
  const folder = dataFolder(resolve(dataRoot));
  const root = resolve(into);
  if (!existsSync(folder.database))
    throw new BackupError(`No mail is kept in ${folder.root}: name its folder with --data`);
  await makeFolder(fs, root);
  for (const name of await readdir(root)) {
    if (name.endsWith(partialEnd)) await rm(join(root, name), { recursive: true });
  }
  await addBackupFolder(folder, root);
  const at = now.toISOString();
  const path = join(root, at.replaceAll(":", "-"));
  if (existsSync(path)) throw new BackupError(`${path} is there already: run it again`);
  const copy = dataFolder(`${path}${partialEnd}`);
  await makeFolder(fs, copy.root);
  const { messages, named } = await copyDatabase(folder, copy);
  let files = named;
  for (const name of ["maildir", "outbox", "keys"] as const) files += await copyTree(folder[name], copy[name]);
  await rememberForgotten(root, await forgottenIn(copy));
  for (const end of ["-wal", "-shm"]) await removeFile(fs, `${copy.database}${end}`);
  const agesOutAt = new Date(now.getTime() + keepDays * dayMs).toISOString();
  await replaceFile(fs, join(copy.root, manifestName), `${JSON.stringify({ at, agesOutAt, messages, files })}\n`);
  await rename(copy.root, path);
  await syncFolderNow(fs, root);
  for (const old of await listBackups(root)) {
    if (Date.parse(old.agesOutAt) <= now.getTime()) await rm(old.path, { recursive: true });
  }
  return { path, at, agesOutAt, messages, files };
}

/** Those that are whole, oldest first. */
export async function listBackups(root: string): Promise<readonly Backup[]> {
  const backups: Backup[] = [];
  for (const name of (await readdir(root)).toSorted()) {
    const backup = name.endsWith(partialEnd) ? undefined : await readManifest(resolve(root, name));
    if (backup) backups.push(backup);
  }
  return backups;
}

export async function readManifest(path: string): Promise<Backup | undefined> {
  try {
    const manifest = JSON.parse(await readFile(join(path, manifestName), "utf8")) as Omit<Backup, "path">;
    return { path, ...manifest };
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errorCode(error) ?? "")) return undefined;
    throw error;
  }
}

/**
 * Files below contents/ never change, but go with the last row that names them: those of now are copied first, the
 * database then, and behind it what came in between. Where such a file has gone already, the database is copied again.
 */
async function copyDatabase(
  folder: DataFolder,
  copy: DataFolder,
): Promise<{ readonly messages: number; readonly named: number }> {
  await copyTree(folder.contents, copy.contents);
  for (let tries = 1; ; tries++) {
    const live = openDatabase({ file: folder.database, folder: folder.root, readOnly: true });
    try {
      live.copyTo(copy.database);
    } finally {
      await live.close();
    }
    const saved = openDatabase({ file: copy.database, folder: copy.root, readOnly: true });
    try {
      const names = saved.read((sql) =>
        sql.all("SELECT path FROM contents WHERE path IS NOT NULL").map(({ path }) => String(path)),
      );
      const missing = names.filter((name) => !existsSync(join(copy.contents, name)));
      let gone = 0;
      for (const name of missing)
        if (!(await copyFileSynced(join(folder.contents, name), join(copy.contents, name)))) gone += 1;
      const messages = saved.read((sql) => Number(sql.get("SELECT count(*) AS n FROM messages")?.["n"]));
      if (gone === 0) {
        await removeUnnamed(copy.contents, new Set(names));
        return { messages, named: names.length };
      }
    } finally {
      await saved.close();
    }
    if (tries === maxTries)
      throw new BackupError("Large mail is deleted faster than it can be copied: run it again later");
    for (const end of ["", "-wal", "-shm"]) await removeFile(fs, `${copy.database}${end}`);
  }
}

async function removeUnnamed(contents: string, named: ReadonlySet<string>): Promise<void> {
  for (const path of await filesBelow(contents)) {
    if (!named.has(path.slice(contents.length + 1))) await removeFile(fs, path);
  }
}

/** A file that goes meanwhile is left out. */
export async function copyTree(from: string, to: string): Promise<number> {
  let copied = 0;
  for (const path of await filesBelow(from)) {
    if (await copyFileSynced(path, join(to, path.slice(from.length + 1)))) copied += 1;
  }
  return copied;
}

async function copyFileSynced(from: string, to: string): Promise<boolean> {
  await makeFolder(fs, dirname(to));
  try {
    await writeSynced(fs, to, readChunks(fs, from));
  } catch (error) {
    if (errorCode(error) !== "ENOENT") throw error;
    await removeFile(fs, to);
    return false;
  }
  await syncFolderNow(fs, dirname(to));
  return true;
}

/** In a Maildir `new` before `cur`: a mail that a reader moves meanwhile is seen twice rather than never. */
async function filesBelow(start: string): Promise<readonly string[]> {
  let entries: Awaited<ReturnType<typeof list>>;
  try {
    entries = await list(start);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
  const files: string[] = [];
  for (const entry of entries) {
    const path = join(start, entry.name);
    if (entry.isDirectory()) files.push(...(await filesBelow(path)));
    else if (entry.isFile()) files.push(path);
  }
  return files;
}

const list = async (folder: string) =>
  (await readdir(folder, { withFileTypes: true })).toSorted((a, b) => (a.name < b.name ? 1 : -1));
