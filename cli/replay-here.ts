import { existsSync } from "node:fs";
import type { ReplayAnswer } from "../local/console/replay-api.ts";
import { MailweirError } from "../shared/errors.ts";
import { parseSesMessageId } from "../shared/ses-message-id.ts";
import { callEngine } from "./call-engine.ts";
import { confirm } from "./confirm.ts";
import { dataFolderOf } from "./data-folder.ts";
import { jsonText } from "./json-text.ts";
import { printable } from "./printable.ts";
import type { ReplayCommand } from "./replay.ts";
import { createProgress } from "./stage/progress.ts";

export class ReplayArgumentError extends MailweirError {
  readonly code = "ERR_REPLAY_USAGE";
  readonly retryable = false;
}

type ReplayedMessage = ReplayAnswer["messages"][number];

const pageSize = 50;

/**
 * Replays on the engine that runs here.
 *
 * @returns the exit status
 */
export async function replayHere(what: readonly string[], options: ReplayCommand): Promise<number> {
  for (const name of ["since", "until", "unfinished", "failed", "stream", "checkpoint", "endpointUrl"] as const) {
    if (options[name] !== undefined) {
      throw new ReplayArgumentError(
        `--${name === "endpointUrl" ? "endpoint-url" : name} belongs to --stage; here --search says which: "is:failed stream:ticket after:7d"`,
      );
    }
  }
  const { search } = options;
  if ((search === undefined) === (what.length === 0)) {
    throw new ReplayArgumentError("Say what to replay: SES ids, files, or --search");
  }
  const folder = await dataFolderOf(options);
  const files = what.filter((item) => parseSesMessageId(item) === undefined || existsSync(item));
  if (files.length > 0) {
    if (files.length < what.length) throw new ReplayArgumentError("Name either SES ids or files, not both");
    if (options.from !== undefined) {
      throw new ReplayArgumentError("A file is received anew: --from is for mail that is stored");
    }
    const { replayFiles } = await import("./replay-files.ts");
    return replayFiles(folder, files, options);
  }
  return replayStored(folder, what, options);
}

async function replayStored(folder: string, ids: readonly string[], options: ReplayCommand): Promise<number> {
  const { search, from = "work", dryRun = false, json = false } = options;
  if (search !== undefined && !dryRun && !options.yes) {
    await confirm(`All that "${printable(search, 200)}" finds goes through ${from} again.`);
  }
  const ask = async (which: object) =>
    (await callEngine(folder, "POST", "/api/replay", { from, dryRun, ...which })) as ReplayAnswer;
  const progress = createProgress("replayed", search === undefined ? ids.length : undefined);
  const counts = { replayed: 0, changed: 0, failed: 0 };
  const rest = [...ids];
  let before: number | null | undefined = options.before;
  try {
    do {
      const answer: ReplayAnswer =
        search === undefined
          ? await ask({ messages: rest.splice(0, pageSize) })
          : await ask({ q: search, ...(before != null && { before }) });
      before = answer.next;
      for (const message of answer.messages) {
        tell(message, json, dryRun);
        if (message.error !== null) counts.failed += 1;
        else counts.replayed += 1;
        if (message.recipients.some(({ changes }) => changes.length > 0)) counts.changed += 1;
      }
      progress.step(answer.messages.length);
    } while (search === undefined ? rest.length > 0 : before !== null);
  } catch (error) {
    if (search !== undefined && before != null) progress.note(`go on with --before ${before}`);
    throw error;
  } finally {
    progress.end();
  }
  if (!json) {
    const { replayed, changed, failed } = counts;
    process.stdout.write(
      `${dryRun ? "would be replayed" : "replayed"}: ${replayed}, decided otherwise: ${changed}, not possible: ${failed}\n`,
    );
  }
  return counts.failed > 0 ? 1 : 0;
}

function tell(message: ReplayedMessage, json: boolean, dryRun: boolean): void {
  if (json) {
    process.stdout.write(`${jsonText(message)}\n`);
    return;
  }
  const { sesMessageId, subject, recipients, verdicts, error } = message;
  const lines = [
    ...(error === null ? [] : [`  not possible: ${printable(error, 300)}`]),
    ...verdicts.map(({ what, recorded, replayed }) => `  ${what}: ${recorded} → ${replayed}`),
    ...recipients.flatMap(({ recipient, blocked, changes }) => [
      ...(blocked === null ? [] : [`  ${printable(recipient, 100)}: not now, ${blocked}`]),
      ...changes.map(
        ({ what, recorded, replayed }) =>
          `  ${printable(recipient, 100)}, ${what}: ${printable(recorded, 300)} → ${printable(replayed, 300)}`,
      ),
    ]),
  ];
  // What changes nothing is not worth a line, unless somebody asked what would change.
  if (lines.length === 0 && !dryRun) return;
  process.stdout.write(
    `${sesMessageId}  ${printable(subject ?? "", 80)}\n${(lines.length === 0 ? ["  no change"] : lines).join("\n")}\n`,
  );
}
