import type { Command } from "commander";
import { wholeNumber } from "./whole-number.ts";

export interface RedriveCommand {
  readonly stage?: string;
  readonly data?: string;
  readonly config?: string;
  readonly endpointUrl?: string;
  readonly max?: number;
  readonly id?: readonly string[];
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command("redrive")
    .description("put dead letters back to where they came from, here or on a stage; nothing is done twice")
    .argument("[queues...]", "stream-ticket, notices, journal, … (default: all)")
    .option(
      "--stage <name>",
      "on AWS, with the options --id, --max and --endpoint-url (default: the engine that runs here)",
    )
    .option("--data <folder>", "the engine's data folder (default: local.data)")
    .option("--config <file>", "configuration file")
    .option("--id <sesMessageId...>", "only what is about these mails")
    .option("--max <count>", "at most so many of each queue", wholeNumber)
    .option("--dry-run", "only say what lies there")
    .option("--yes", "do not ask: for scripts")
    .option("--endpoint-url <url>", "an emulator of AWS")
    .option("--json", "one JSON object a queue; with --dry-run also one a message")
    .addHelpText(
      "after",
      `
Examples:
  mailweir redrive --dry-run
  mailweir redrive stream-ticket
  mailweir redrive --stage prod --dry-run
  mailweir redrive --stage prod stream-ticket
  mailweir redrive --stage prod --yes --json

It may be stopped anywhere and run again: a message is deleted when its copy is back in its queue, and what comes twice is
recognised. What fails again meanwhile waits for the next run.

Exit status: 0 all of them are back, or none were there; 1 some were not taken; 2 wrong usage.`,
    )
    .action(async (queues: readonly string[], options: RedriveCommand) => {
      const { stage } = options;
      if (stage === undefined) {
        const { redriveHere } = await import("./redrive-here.ts");
        process.exitCode = await redriveHere(queues, options);
        return;
      }
      const { redriveCommand } = await import("./stage/redrive-command.ts");
      process.exitCode = await redriveCommand(queues, { ...options, stage });
    });
}
