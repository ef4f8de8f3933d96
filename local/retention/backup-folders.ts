import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { personFromOctets } from "../../shared/unsubscribe/person.ts";
import { openDatabase } from "../store/database.ts";
import { errorCode, nodeFileSystem, replaceFile } from "../store/files.ts";
import type { DataFolder } from "../store/layout.ts";

// In a data folder: where its backups are, a path a line. In such a folder: who was forgotten since, a keyed hash a line.
const foldersName = "backup-folders";
const forgottenName = "forgotten";

/** From now on whoever is forgotten is noted in that folder too. */
export async function addBackupFolder(folder: DataFolder, root: string): Promise<void> {
  await addLines(join(folder.root, foldersName), [root]);
}

/** Notes a forgotten person beside every backup of this data folder; answers the folders that could not be reached. */
export async function tellBackups(folder: DataFolder, person: string): Promise<readonly string[]> {
  const missed: string[] = [];
  for (const root of await linesOf(join(folder.root, foldersName))) {
    try {
      await addLines(join(root, forgottenName), [person]);
    } catch (error) {
      if (errorCode(error) === undefined) throw error;
      missed.push(root);
    }
  }
  return missed;
}

export async function rememberForgotten(root: string, persons: readonly string[]): Promise<void> {
  await addLines(join(root, forgottenName), persons);
}

/** Keyed hashes of whoever was forgotten since backups are made into this folder. */
export async function forgottenBeside(root: string): Promise<readonly string[]> {
  return linesOf(join(root, forgottenName));
}

/** Keyed hashes of the forgotten that a database knows; none where there is no database. */
export async function forgottenIn({ database: file, root }: DataFolder): Promise<readonly string[]> {
  if (!existsSync(file)) return [];
  const database = openDatabase({ file, folder: root, readOnly: true });
  try {
    return database.read((sql) =>
      sql.all("SELECT person FROM forgotten").map(({ person }) => personFromOctets(person as Uint8Array)),
    );
  } finally {
    await database.close();
  }
}

async function linesOf(path: string): Promise<readonly string[]> {
  try {
    return (await readFile(path, "utf8")).split("\n").filter((line) => line !== "");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}

async function addLines(path: string, lines: readonly string[]): Promise<void> {
  const known = new Set(await linesOf(path));
  const before = known.size;
  for (const line of lines) known.add(line);
  if (known.size > before) await replaceFile(nodeFileSystem, path, `${[...known].join("\n")}\n`);
}
