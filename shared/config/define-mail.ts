import type { MailConfig } from "./types.ts";

/**
 * Types a configuration; it is checked when it is loaded, so that all mistakes are reported at once. The file's default
 * export is what this returns.
 */
export function defineMail<const Config extends MailConfig>(config: Config): Config {
  return config;
}
