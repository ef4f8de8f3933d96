import { confirm } from "../confirm.ts";
import type { RedriveCommand } from "../redrive.ts";
import { openStage } from "./open-stage.ts";
import { createProgress } from "./progress.ts";
import { findDeadLetters, redrive } from "./redrive-stage.ts";

/** @returns the exit status */
export async function redriveCommand(
  names: readonly string[],
  options: RedriveCommand & { readonly stage: string },
): Promise<number> {
  const { stage: name, dryRun = false, json = false, id, max = Number.MAX_SAFE_INTEGER } = options;
  const stage = await openStage(options);
  try {
    const queues = (await findDeadLetters(stage, names)).filter(({ count }) => count > 0);
    const total = queues.reduce((sum, { count }) => sum + count, 0);
    if (total === 0) {
      if (!json) process.stdout.write("There are no dead letters.\n");
      return 0;
    }
    if (!json) for (const { short, count } of queues) process.stdout.write(`${short}: ${count} dead letters\n`);
    if (!dryRun && !options.yes && !stage.session.loopback) {
      await confirm(`Put ${total} messages of the stage ${name} back, in account ${stage.session.accountId}?`, name);
    }
    const progress = createProgress(dryRun ? "looked at" : "put back", total);
    let refusedAll = 0;
    const results: Awaited<ReturnType<typeof redrive>>[] = [];
    const lines: string[] = [];
    for (const queue of queues) {
      const result = await redrive(
        stage,
        queue,
        { max, dryRun, ...(id && { ids: new Set(id) }) },
        progress,
        (letter) => {
          if (!dryRun) return;
          lines.push(
            json
              ? JSON.stringify({ ...letter, queue: queue.short })
              : `  ${queue.short}  ${letter.sesMessageId ?? letter.messageId}  ${letter.recipients.join(", ")}`,
          );
        },
      );
      refusedAll += result.refused;
      results.push(result);
    }
    progress.end();
    for (const line of lines) process.stdout.write(`${line}\n`);
    for (const { queue, moved, refused, left } of results) {
      if (json)
        process.stdout.write(`${JSON.stringify({ queue, moved: dryRun ? 0 : moved, refused, left, dryRun })}\n`);
      else if (!dryRun) {
        process.stdout.write(
          `${queue}: ${moved} put back${refused > 0 ? `, ${refused} not taken: run it again` : ""}${left > 0 ? `, ${left} left` : ""}\n`,
        );
      }
    }
    return refusedAll > 0 ? 1 : 0;
  } finally {
    stage.close();
  }
}
