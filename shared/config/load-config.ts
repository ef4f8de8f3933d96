import { existsSync } from "node:fs";
import { basename, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { MailweirError } from "../errors.ts";
import { type ResolveOptions, resolveConfig } from "./resolve-config.ts";
import type { ResolvedConfig } from "./types.ts";

export class ConfigFileError extends MailweirError {
  readonly code = "ERR_CONFIG_FILE";
  readonly retryable = false;
}

/**
 * Imports and checks a configuration file. A worker thread loads it by the same path, because functions do not cross.
 *
 * @param path - `.ts` or `.js`, relative to the working folder
 * @param options - `fresh`: read the file again, though this process has it in its memory
 * @throws {ConfigFileError} when there is no such file, or it cannot be run
 * @throws {ConfigError} with every mistake in it
 */
export async function loadConfig(
  path: string,
  { fresh = false, ...options }: ResolveOptions & { readonly fresh?: boolean } = {},
): Promise<ResolvedConfig> {
  const file = resolve(path);
  if (!existsSync(file)) {
    throw new ConfigFileError(
      `There is no configuration file ${file}: write one (see docs/configuration.md), or name another with --config`,
    );
  }
  let module: { readonly default?: unknown };
  try {
    const { href } = pathToFileURL(file);
    module = await import(fresh ? `${href}?${performance.now()}` : href);
  } catch (error) {
    throw new ConfigFileError(`${basename(file)} could not be read: ${reason(error, file)}`, { cause: error });
  }
  if (module.default === undefined) {
    throw new ConfigFileError(
      `${basename(file)} has no default export: it should end as  export default defineMail({ … })`,
    );
  }
  return resolveConfig(module.default, { file: basename(file), ...options });
}

/** The message with its line where the runtime tells one; no stack for somebody's typo. */
function reason(error: unknown, file: string): string {
  if (!(error instanceof Error)) return String(error);
  const place = error.stack?.match(/:(\d+)(?::\d+)?\)?$/m)?.[1];
  const named = error.stack?.includes(file) && place !== undefined ? ` (line ${place})` : "";
  return `${error.message.split("\n")[0]}${named}`;
}
