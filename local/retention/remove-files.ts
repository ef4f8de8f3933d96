import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { AddressPattern } from "../../shared/retention/address-pattern.ts";
import { holds } from "../../shared/retention/holds-address.ts";
import { errorCode, nodeFileSystem, readChunks, removeFile, syncFolderNow } from "../store/files.ts";
import type { DataFolder } from "../store/layout.ts";

const fs = nodeFileSystem;

/**
 * Deletes mail in Maildirs and in the outbox folder that is of a deleted message or names the address, and every copy of the
 * database that a migration saved; overwrites the address in the log.
 *
 * @param inEach - runs before each deletion; when it throws, nothing more is deleted
 */
export async function removeFiles(
  folder: DataFolder,
  pattern: AddressPattern,
  namesDeleted: (text: string) => boolean,
  inEach: () => void,
): Promise<number> {
  let removed = 0;
  for (const start of [folder.maildir, folder.outbox]) {
    for (const path of await filesBelow(start)) {
      const gone = namesDeleted(path.slice(start.length)) || (await holds(() => readChunks(fs, path), pattern));
      if (!gone) continue;
      inEach();
      await removeFile(fs, path);
      await syncFolderNow(fs, join(path, ".."));
      removed += 1;
    }
  }
  for (const name of await fs.readdir(folder.root)) {
    const path = join(folder.root, name);
    // A copy cannot be cleaned without being opened by the version that wrote it.
    if (/^mailweir\.sqlite3\.schema-\d+\.saved(?:\.tmp)?$/.test(name)) {
      inEach();
      await removeFile(fs, path);
      removed += 1;
    } else if (/^engine\.log(?:\.1)?$/.test(name) && overwrite(path, pattern)) removed += 1;
  }
  await syncFolderNow(fs, folder.root);
  return removed;
}

/** In place and of the same length, because the engine goes on writing behind it. */
function overwrite(path: string, pattern: AddressPattern): boolean {
  const text = readFileSync(path, "utf8");
  const found: { readonly at: number; readonly length: number }[] = [];
  let octets = 0;
  let read = 0;
  pattern.replace(text, (match, at) => {
    octets += Buffer.byteLength(text.slice(read, at));
    const length = Buffer.byteLength(match);
    found.push({ at: octets, length });
    octets += length;
    read = at + match.length;
    return match;
  });
  if (found.length === 0) return false;
  const file = openSync(path, "r+");
  try {
    for (const { at, length } of found) writeSync(file, Buffer.alloc(length, "x"), 0, length, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return true;
}

async function filesBelow(start: string): Promise<readonly string[]> {
  let names: string[];
  try {
    names = await fs.readdir(start);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
  const files: string[] = [];
  for (const name of names) {
    const path = join(start, name);
    if ((await fs.stat(path)).isDirectory()) files.push(...(await filesBelow(path)));
    else files.push(path);
  }
  return files;
}
