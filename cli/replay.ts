import type { Command } from "commander";

interface ReplayCommand {
  readonly stage?: string;
  readonly config?: string;
  readonly endpointUrl?: string;
  readonly since?: string;
  readonly until?: string;
  readonly unfinished?: boolean;
  readonly failed?: boolean;
  readonly stream?: string;
  readonly checkpoint?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command("replay")
    .description("start stored mail of a stage again from where each recipient stands; nothing is done twice")
    .argument("[sesMessageIds...]", "these mails")
    .requiredOption("--stage <name>", "the stage")
    .option("--config <file>", "configuration file")
    .option("--since <time>", "every mail stored since then")
    .option("--until <time>", "and before then")
    .option("--unfinished", "whatever is unfinished for more than a quarter of an hour")
    .option("--failed", "only recipients whose work failed")
    .option("--stream <name>", "only this stream's recipients")
    .option("--checkpoint <file>", "with --since: remembers how far it came, and goes on from there")
    .option("--dry-run", "only say what would be sent")
    .option("--yes", "do not ask: for scripts")
    .option("--endpoint-url <url>", "an emulator of AWS")
    .option("--json", "one JSON object a mail")
    .addHelpText(
      "after",
      `
Examples:
  mailweir replay --stage prod --unfinished
  mailweir replay --stage prod --since 2026-11-24 --failed --checkpoint replay.json
  mailweir replay --stage prod 0f3j2k… --dry-run

Whoever was never routed goes to the router, whoever failed to the queue of the stream that was decided; who is done stays
done. Effects that have happened are known and do not happen again.

Exit status: 0 done; 1 some mails are not stored or could not be replayed.`,
    )
    .action(async (ids: readonly string[], options: ReplayCommand & { readonly stage: string }) => {
      const { replayOnStage } = await import("./stage/replay-command.ts");
      process.exitCode = await replayOnStage(ids, options);
    });
}
