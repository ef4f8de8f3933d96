import type { Command } from "commander";
import type { FolderOptions } from "./data-folder.ts";
import { wholeNumber } from "./whole-number.ts";

interface BackupOptions extends FolderOptions {
  readonly json?: boolean;
  readonly list?: boolean;
  readonly keepDays: number;
}

export function register(program: Command): void {
  program
    .command("backup <folder>")
    .description("copy the data folder into a new folder below this one, also while the engine runs")
    .option("--list", "only show the backups that are there and when each ages out")
    .option("--keep-days <n>", "when this backup ages out; a later backup deletes it then", wholeNumber, 30)
    .option("--data <folder>", "the engine's data folder (default: local.data)")
    .option("--config <file>", "configuration file that names the data folder")
    .option("--json", "JSON; the shape is in docs/cli.md")
    .addHelpText(
      "after",
      `
Examples:
  mailweir backup /var/backups/mail --keep-days 14
  mailweir backup /var/backups/mail --list

A backup holds mail and keys: keep it as you keep the data folder. See docs/retention.md.`,
    )
    .action(backup);
}

async function backup(into: string, options: BackupOptions): Promise<void> {
  const { listBackups, makeBackup } = await import("../local/retention/backup.ts");
  const { dataFolderOf } = await import("./data-folder.ts");
  const backups = options.list
    ? await listBackups(into)
    : [await makeBackup(await dataFolderOf(options), into, { now: new Date(), keepDays: options.keepDays })];
  for (const made of backups) {
    const { path, at, agesOutAt, messages, files } = made;
    process.stdout.write(
      options.json
        ? `${JSON.stringify(made)}\n`
        : `${path}  ${at.slice(0, 16).replace("T", " ")}  ${messages} messages, ${files} files  ages out ${agesOutAt.slice(0, 10)}\n`,
    );
  }
  if (backups.length === 0 && !options.json) process.stdout.write("No backup is there.\n");
}
