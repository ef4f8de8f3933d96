import type { Command } from "commander";
import type { ForgetProgress, ForgetStep } from "../local/retention/forget-address.ts";
import type { FolderOptions } from "./data-folder.ts";
import { jsonText } from "./json-text.ts";
import { printable } from "./printable.ts";

const stepWords: Readonly<Record<ForgetStep, string>> = {
  looking: "looking for the address",
  deleting: "deleting",
  "looking again": "looking whether something is left",
  "search index": "cleaning the search index",
  compacting: "writing the database anew",
};

interface ForgetOptions extends FolderOptions {
  readonly json?: boolean;
  readonly dryRun?: boolean;
  readonly stage?: string;
  readonly endpointUrl?: string;
  readonly again?: boolean;
  readonly yes?: boolean;
  readonly ledgerTable?: string;
  readonly storeTable?: string;
}

export function register(program: Command): void {
  program
    .command("forget [address]")
    .description("delete an address and all mail that names it; a keyed hash stays and keeps mail away")
    .option("--dry-run", "only say which messages would be deleted")
    .option("--stage <name>", "on AWS, with the options below (default: the engine's data folder on this machine)")
    .option("--again", "with --stage: whoever was forgotten before, in what came out of a backup")
    .option("--ledger-table <name>", "with --stage: a restored table that nobody uses yet")
    .option("--store-table <name>", "with --stage: a restored table that nobody uses yet")
    .option("--yes", "with --stage: do not ask, for scripts")
    .option("--endpoint-url <url>", "with --stage: an emulator of AWS")
    .option("--data <folder>", "the engine's data folder (default: local.data)")
    .option("--config <file>", "configuration file that names the data folder")
    .option("--json", "JSON; the shape is in docs/cli.md")
    .addHelpText(
      "after",
      `
Examples:
  mailweir forget ann@sender.example --dry-run
  mailweir forget ann@sender.example
  mailweir forget ann@sender.example --stage prod --dry-run
  mailweir forget --again --stage prod --store-table mailweir-prod-store-restored

Works in the engine when one runs on the folder, and in the folder itself when none does. What was begun and cut off goes on
at the engine's next start, or with the same command. A message that names the address anywhere is deleted whole, for its other recipients too; a legal
hold (mailweir hold) refuses. Mail in IMAP accounts and what was already sent is out of reach. See docs/retention.md.`,
    )
    .action(forget);
}

/** On a terminal how far it is, on one line; elsewhere a line for each step. */
function forgetProgress(stream: NodeJS.WriteStream) {
  let last: ForgetStep | undefined;
  return {
    show({ step, done, of }: ForgetProgress): void {
      const words = stepWords[step];
      if (stream.isTTY) stream.write(`\r\u001b[K${words}${of === undefined ? "" : `: ${done} of ${of} contents`}`);
      else if (step !== last) stream.write(`${words}\n`);
      last = step;
    },
    end(): void {
      if (stream.isTTY) stream.write("\r\u001b[K");
    },
  };
}

async function forget(address: string | undefined, options: ForgetOptions, command: Command): Promise<void> {
  const { stage } = options;
  if ((address === undefined) !== (stage !== undefined && options.again === true)) {
    command.error("error: name one address, or with --stage write --again and none", { exitCode: 2 });
  }
  if (stage !== undefined) {
    const { forgetOnStageCommand } = await import("./stage/forget-command.ts");
    return forgetOnStageCommand(address, { ...options, stage });
  }
  if (address === undefined) return;
  const { openRetention } = await import("./retention-access.ts");
  const dryRun = options.dryRun === true;
  const access = await openRetention(options);
  const bar = forgetProgress(process.stderr);
  let answer: unknown;
  try {
    answer = await access.forget(address, dryRun, bar.show);
  } finally {
    bar.end();
    await access.close();
  }
  const print = (text: string) => process.stdout.write(`${text}\n`);
  if (options.json) return void print(jsonText(answer));
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
