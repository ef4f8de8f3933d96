import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { MailweirError } from "../shared/errors.ts";

export interface FolderOptions {
  readonly data?: string;
  readonly config?: string;
}

export class NoDataError extends MailweirError {
  readonly code = "ERR_NO_DATA";
  readonly retryable = false;
}

/** The data folder that a command means: `--data`, else the configuration's, else `data`. */
export async function dataFolderOf({ data, config }: FolderOptions): Promise<string> {
  if (data !== undefined) return resolve(data);
  const file = config ?? "mailweir.config.ts";
  if (config === undefined && !existsSync(file)) return resolve("data");
  const { loadConfig } = await import("../shared/config/load-config.ts");
  return resolve((await loadConfig(file)).local.data);
}

/**
 * Opens a data folder for reading, beside a running engine or without one.
 *
 * @throws {NoDataError} when no engine ever ran there
 */
export async function openForReading(options: FolderOptions) {
  const folder = await dataFolderOf(options);
  if (!existsSync(resolve(folder, "mailweir.sqlite3"))) {
    throw new NoDataError(
      `No mail is kept in ${folder}: start an engine there (npm start), or name its folder with --data`,
    );
  }
  const { openStoreReadOnly } = await import("../local/store/open-read-only.ts");
  return openStoreReadOnly(folder);
}
