import type { Command } from "commander";
import type { FolderOptions } from "./data-folder.ts";
import { printable } from "./printable.ts";

interface ForgetOptions extends FolderOptions {
  readonly json?: boolean;
  readonly dryRun?: boolean;
}

export function register(program: Command): void {
  program
    .command("forget <address>")
    .description("delete an address and all mail that names it; a keyed hash stays and keeps mail away")
    .option("--dry-run", "only say which messages would be deleted")
    .option("--data <folder>", "the engine's data folder (default: local.data)")
    .option("--config <file>", "configuration file that names the data folder")
    .option("--json", "JSON; the shape is in docs/cli.md")
    .addHelpText(
      "after",
      `
Examples:
  mailweir forget ann@sender.example --dry-run
  mailweir forget ann@sender.example

Needs a running engine. A message that names the address anywhere is deleted whole, for its other recipients too; a legal
hold (mailweir hold) refuses. Mail in IMAP accounts and what was already sent is out of reach. See docs/retention.md.`,
    )
    .action(forget);
}

async function forget(address: string, options: ForgetOptions): Promise<void> {
  const { callEngine } = await import("./call-engine.ts");
  const { dataFolderOf } = await import("./data-folder.ts");
  const folder = await dataFolderOf(options);
  const dryRun = options.dryRun === true;
  const answer = await callEngine(folder, "POST", "/api/forget", { address, dryRun });
  const print = (text: string) => process.stdout.write(`${text}\n`);
  if (options.json) return void print(JSON.stringify(answer));
  if (dryRun) {
    const { messages } = answer as { readonly messages: readonly string[] };
    for (const id of messages) print(printable(id, 100));
    return void print(`${messages.length} messages name ${printable(address, 100)}. Nothing was deleted.`);
  }
  const { person, messages, rows, files, untold } = answer as Record<
    "person" | "messages" | "rows" | "files",
    string | number
  > & {
    readonly untold: readonly string[];
  };
  print(`Forgotten: ${messages} messages, ${rows} other rows, ${files} files.`);
  for (const folder of untold) {
    process.stderr.write(`${folder} cannot be reached: make a backup into it before you restore from it\n`);
  }
  print(`${person} is all that is left, and still keeps mail away.`);
}
