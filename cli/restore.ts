import { resolve } from "node:path";
import type { Command } from "commander";
import type { FolderOptions } from "./data-folder.ts";

interface RestoreOptions extends FolderOptions {
  readonly json?: boolean;
  readonly replace?: boolean;
}

export function register(program: Command): void {
  program
    .command("restore <backup>")
    .description("make the data folder from a backup, without whoever was forgotten since")
    .option("--replace", "in the place of a data folder that has mail")
    .option("--data <folder>", "the engine's data folder (default: local.data)")
    .option("--config <file>", "configuration file (default: mailweir.config.ts)")
    .option("--json", "JSON; the shape is in docs/cli.md")
    .addHelpText(
      "after",
      `
Example:
  mailweir restore /var/backups/mail/2026-08-04T09-15-02.417Z

No engine may run on the folder. See docs/retention.md.`,
    )
    .action(restore);
}

async function restore(backup: string, options: RestoreOptions): Promise<void> {
  const { loadConfig } = await import("../shared/config/load-config.ts");
  const { restoreBackup } = await import("../local/retention/restore.ts");
  const config = await loadConfig(options.config ?? "mailweir.config.ts");
  const data = resolve(options.data ?? config.local.data);
  const done = await restoreBackup(backup, data, { config, now: new Date(), replace: options.replace === true });
  process.stdout.write(
    options.json
      ? `${JSON.stringify(done)}\n`
      : `${data}: ${done.messages} messages as of the backup; forgotten again: ${done.forgotten} addresses.\n`,
  );
}
