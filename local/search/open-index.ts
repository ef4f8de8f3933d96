import { rmSync } from "node:fs";
import { type Database, openDatabase } from "../store/database.ts";
import { ForeignDatabaseError } from "../store/errors.ts";
import type { DataFolder } from "../store/layout.ts";
import { searchMigrations } from "./search-schema.ts";

/**
 * Opens the index to write in it. One that cannot be used (of another version, damaged) is thrown away: all of it is in the
 * mail.
 */
export function openIndex(folder: Pick<DataFolder, "root" | "search">): Database {
  try {
    return open(folder);
  } catch (error) {
    if (!(error instanceof ForeignDatabaseError) && !isDamage(error)) throw error;
    for (const end of ["", "-wal", "-shm"]) rmSync(`${folder.search}${end}`, { force: true });
    return open(folder);
  }
}

export function openIndexReadOnly({ root, search }: Pick<DataFolder, "root" | "search">): Database {
  return openDatabase({ file: search, folder: root, readOnly: true, steps: searchMigrations });
}

function open({ root, search }: Pick<DataFolder, "root" | "search">): Database {
  return openDatabase({ file: search, folder: root, steps: searchMigrations, secureDelete: true });
}

function isDamage(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_STORAGE_FAILED";
}
