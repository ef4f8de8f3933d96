import type { Command } from "commander";
import type { FolderOptions } from "./data-folder.ts";

interface StatusOptions extends FolderOptions {
  readonly stage?: string;
  readonly endpointUrl?: string;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command("status")
    .description("counts by stream and state, what is unfinished, queues, refusals")
    .option("--data <folder>", "the engine's data folder (default: local.data)")
    .option("--config <file>", "configuration file that names the data folder")
    .option("--stage <name>", "a deployed stage instead: its queues, dead letters, unfinished and held mail, alarms")
    .option("--endpoint-url <url>", "with --stage: an emulator of AWS")
    .option("--json", "one JSON object")
    .addHelpText(
      "after",
      `
Examples:
  mailweir status
  mailweir status --stage prod --json | jq '.queues[] | select(.deadLetters > 0)'

Exit status with --stage: 0 all is well; 1 there are dead letters or alarms, or SES does not receive by the stage.`,
    )
    .action(async (options: StatusOptions) => {
      if (options.stage !== undefined) {
        process.exitCode = await tellStage({ ...options, stage: options.stage });
        return;
      }
      const { dataFolderOf, openForReading } = await import("./data-folder.ts");
      const { findEngine } = await import("../local/store/lock.ts");
      const store = await openForReading(options);
      try {
        const engine = await findEngine(await dataFolderOf(options));
        const { messages, unended, byStream, rules, queues, outbox, refusals, bytes } = await store.engine.status();
        const unfinished = Object.values(byStream)
          .flatMap((states) => Object.entries(states))
          .filter(([state]) => ["received", "decided", "routed", "working"].includes(state))
          .reduce((sum, [, count]) => sum + count, 0);
        if (options.json) {
          const running = engine
            ? { pid: engine.pid, smtp: engine.smtp, http: engine.http, startedAt: engine.startedAt }
            : null;
          process.stdout.write(
            `${JSON.stringify({ engine: running, messages, unended, unfinished, byStream, rules, queues, outbox, refusals, bytes })}\n`,
          );
          return;
        }
        process.stdout.write(
          engine
            ? `running since ${engine.startedAt}: SMTP ${engine.smtp}, console http://${engine.http}\n`
            : "no engine is running on this folder\n",
        );
        process.stdout.write(`${messages} messages, ${unfinished} recipients unfinished, ${refusals} refusals\n`);
        for (const [stream, states] of Object.entries(byStream)) {
          const counts = Object.entries(states).map(([state, count]) => `${count} ${state}`);
          process.stdout.write(`  ${stream}: ${counts.join(", ")}\n`);
        }
        for (const [rule, { PublishFailure, PublishExpired }] of Object.entries(rules)) {
          if (PublishFailure + PublishExpired === 0) continue;
          process.stdout.write(`  rule ${rule}: ${PublishFailure} PublishFailure, ${PublishExpired} PublishExpired\n`);
        }
        const mails = Object.entries(outbox).map(([state, count]) => `${count} ${state}`);
        if (mails.length > 0) process.stdout.write(`  outgoing mail: ${mails.join(", ")}\n`);
        for (const { name, visible, inFlight, delayed } of queues) {
          process.stdout.write(`  queue ${name}: ${visible} visible, ${inFlight} in flight, ${delayed} delayed\n`);
        }
      } finally {
        await store.close();
      }
    });
}

/** @returns the exit status */
async function tellStage(options: StatusOptions & { readonly stage: string }): Promise<number> {
  const { openStage } = await import("./stage/open-stage.ts");
  const { describeStatus, needsSomebody, stageStatus } = await import("./stage/stage-status.ts");
  const stage = await openStage(options);
  try {
    const status = await stageStatus(stage);
    process.stdout.write(options.json ? `${JSON.stringify(status)}\n` : describeStatus(status));
    return needsSomebody(status) ? 1 : 0;
  } finally {
    stage.close();
  }
}
