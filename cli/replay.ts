import { type Command, Option } from "commander";
import { type ReplayStage, replayStages } from "../shared/streams/replay.ts";
import type { StageReplayOptions } from "./stage/replay-command.ts";
import { wholeNumber } from "./whole-number.ts";

export interface ReplayCommand extends Partial<StageReplayOptions> {
  readonly search?: string;
  readonly from?: ReplayStage;
  readonly to?: readonly string[];
  readonly before?: number;
  readonly data?: string;
}

export function register(program: Command): void {
  program
    .command("replay")
    .description("send mail through the pipeline again: stored here, on a stage, or from files; nothing is done twice")
    .argument("[what...]", "SES message ids; or without --stage also mail files, mbox files and Maildirs")
    .option("--search <query>", "all that this finds, as in the console")
    .addOption(new Option("--from <where>", "from where on (default: work)").choices(replayStages))
    .option("--to <address>", "files: for these recipients (default: those that the mail names)", many)
    .option("--before <sequence>", "with --search: go on where another run stopped", wholeNumber)
    .option("--data <folder>", "the engine's data folder (default: local.data)")
    .option("--stage <name>", "mail of this stage on AWS, with the options from --since on")
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
  mailweir replay --search "is:failed stream:ticket"
  mailweir replay --search "after:1d" --from decide --dry-run    # what would the changed configuration do?
  mailweir replay 0f3j2k… --from raw
  mailweir replay archive.mbox --to support@example.com
  mailweir replay --stage prod --unfinished
  mailweir replay --stage prod --since 2026-11-24 --failed --checkpoint replay.json
  mailweir replay --stage prod 0f3j2k… --dry-run

Here: --dry-run says what would differ from what is recorded. A mail of a file is received under an id made from its bytes and its
recipient, at the time at which it was received: the same mbox builds the same tickets again, each once, however often a run is cut off.

On a stage: whoever was never routed goes to the router, whoever failed to the queue of the stream that was decided; who is done stays
done. Effects that have happened are known and do not happen again.

Exit status: 0 done; 1 some mails are not stored or could not be replayed.`,
    )
    .action(async (what: readonly string[], options: ReplayCommand) => {
      const { stage } = options;
      if (stage === undefined) {
        const { replayHere } = await import("./replay-here.ts");
        process.exitCode = await replayHere(what, options);
        return;
      }
      const { replayOnStage } = await import("./stage/replay-command.ts");
      process.exitCode = await replayOnStage(what, { ...options, stage });
    });
}

const many = (value: string, all: readonly string[] = []) => [...all, value];
