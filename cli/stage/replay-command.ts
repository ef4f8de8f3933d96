import { existsSync } from "node:fs";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { MailweirError } from "../../shared/errors.ts";
import { parseSesMessageId, type SesMessageId } from "../../shared/ses-message-id.ts";
import { type SendAgainChoice, type SentAgain, sendAgain } from "../../shared/streams/send-again.ts";
import { confirm } from "../confirm.ts";
import { answeredLetters } from "./answered-letters.ts";
import { type OpenStage, openStage } from "./open-stage.ts";
import { createProgress } from "./progress.ts";
import { storedMails } from "./stored-mails.ts";

export interface StageReplayOptions {
  readonly stage: string;
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

export class ReplayUsageError extends MailweirError {
  readonly code = "ERR_REPLAY_USAGE";
  readonly retryable = false;
}

/** What is younger is under way: nobody helps it by sending it twice. */
const underWayMs = 15 * 60_000;
const mostUnfinished = 10_000;

/** @returns the exit status */
export async function replayOnStage(ids: readonly string[], options: StageReplayOptions): Promise<number> {
  const { stage: name, failed = false, dryRun = false, json = false } = options;
  const [since, until] = [timeOf("--since", options.since), timeOf("--until", options.until)];
  const wanted = ids.map((id) => {
    const parsed = parseSesMessageId(id);
    if (parsed === undefined) throw new ReplayUsageError(`"${id}" is no SES message id: mailweir list shows them`);
    return parsed;
  });
  const byTime = since !== undefined || until !== undefined;
  if ([wanted.length > 0, byTime, options.unfinished === true].filter(Boolean).length !== 1) {
    throw new ReplayUsageError("Say what to replay: ids, or --since and --until, or --unfinished");
  }
  if (options.checkpoint !== undefined && !byTime) {
    throw new ReplayUsageError("--checkpoint belongs to --since and --until: the others are short");
  }
  const stage = await openStage(options);
  try {
    if (options.stream !== undefined && !stage.config.streams.some((stream) => stream.name === options.stream)) {
      throw new ReplayUsageError(
        `There is no stream "${options.stream}": name one of ${stage.config.streams.map((stream) => stream.name).join(", ")}`,
      );
    }
    if (!dryRun && !options.yes && !stage.session.loopback) {
      const what = byTime
        ? "the mails of that time"
        : options.unfinished
          ? "what is unfinished"
          : `${wanted.length} mails`;
      await confirm(`Replay ${what} on the stage ${name}, in account ${stage.session.accountId}?`, name);
    }
    const checkpoint = await openCheckpoint(options.checkpoint);
    const chosen = byTime ? [] : options.unfinished ? await unfinishedIds(stage) : wanted;
    // Nobody counts the objects of a bucket beforehand.
    const total = byTime ? undefined : chosen.length;
    const mails = byTime
      ? storedMails(stage, {
          ...(since && { since }),
          ...(until && { until }),
          ...(checkpoint.after !== undefined && { after: checkpoint.after }),
        })
      : asMails(chosen);
    const progress = createProgress(dryRun ? "looked at" : "replayed", total);
    const letters = answeredLetters(stage);
    const counts: Record<string, number> = {};
    let problems = 0;
    for await (const mail of mails) {
      progress.step();
      if ("sesMessageId" in mail) {
        const result = await replayOne(stage, mail.sesMessageId, {
          failedOnly: failed,
          dryRun,
          ...(options.stream !== undefined && { stream: options.stream }),
        });
        counts[result.kind] = (counts[result.kind] ?? 0) + 1;
        if (result.kind === "failed" || result.kind === "no-object") problems += 1;
        // Of all mail of a time most has ended: only who was named may have a letter from before a run that died.
        else if (!dryRun && (result.kind !== "ended" || wanted.length > 0)) letters.note(mail.sesMessageId, result);
        if (json) process.stdout.write(`${JSON.stringify({ sesMessageId: mail.sesMessageId, ...result, dryRun })}\n`);
        else if (result.kind !== "ended") progress.note(`${mail.sesMessageId}  ${told(result)}`);
      }
      await checkpoint.reached(mail.key);
    }
    progress.end();
    const { count: removed, inHands } = await letters.remove();
    for (const queue of inHands) {
      process.stderr.write(`somebody holds messages of ${queue}: not all dead letters could be looked at\n`);
    }
    await checkpoint.done(problems === 0);
    if (!json) {
      const sum = Object.entries(counts).map(([kind, count]) => `${count} ${words[kind] ?? kind}`);
      process.stdout.write(`${dryRun ? "Nothing was sent. " : ""}${sum.join(", ") || "no mail of that time"}\n`);
      if (removed > 0) process.stdout.write(`${removed} dead letters were about them, and are deleted.\n`);
    }
    return problems > 0 ? 1 : 0;
  } finally {
    stage.close();
  }
}

type Result = SentAgain | { readonly kind: "failed"; readonly cause: string };

/** One mail that cannot be replayed does not keep the others from it. */
async function replayOne(stage: OpenStage, id: SesMessageId, choice: SendAgainChoice): Promise<Result> {
  try {
    return await sendAgain(stage, id, choice);
  } catch (error) {
    if (error instanceof MailweirError && !error.retryable) return { kind: "failed", cause: error.message };
    throw error;
  }
}

const words: Readonly<Record<string, string>> = {
  "no-object": "not stored",
  ended: "with nothing left to do",
  "to-router": "to the router",
  "to-streams": "to their streams",
  failed: "that could not be replayed",
};

function told(result: Result): string {
  switch (result.kind) {
    case "no-object":
      return "is not stored: it was never received, or was deleted";
    case "ended":
      return "has ended";
    case "to-router":
      return `to the router${result.recipients.length > 0 ? `, for ${result.recipients.join(", ")}` : ""}`;
    case "to-streams":
      return `to ${result.streams.join(", ")}, for ${result.recipients.join(", ")}`;
    case "failed":
      return `not replayed: ${result.cause}`;
    default:
      return result satisfies never;
  }
}

async function unfinishedIds({ ports }: OpenStage): Promise<readonly SesMessageId[]> {
  const olderThan = new Date(ports.clock.now().getTime() - underWayMs);
  const records = await ports.ledger.unfinished({ olderThan, limit: mostUnfinished });
  return [...new Set(records.map(({ sesMessageId }) => sesMessageId))];
}

async function* asMails(ids: readonly SesMessageId[]) {
  for (const sesMessageId of ids) yield { sesMessageId, key: sesMessageId };
}

function timeOf(option: string, text: string | undefined): Date | undefined {
  if (text === undefined) return undefined;
  const time = new Date(text);
  if (!Number.isNaN(time.getTime())) return time;
  throw new ReplayUsageError(`${option}: "${text}" is no time: write 2026-11-24 or 2026-11-24T09:00:00Z`);
}

/** How far a run over all mail has come: in a file, whole at each moment, gone when everything is done. */
async function openCheckpoint(file: string | undefined) {
  let reached: string | undefined;
  if (file !== undefined && existsSync(file)) {
    try {
      const read: unknown = JSON.parse(await readFile(file, "utf8"));
      if (typeof read === "object" && read !== null && "after" in read && typeof read.after === "string") {
        reached = read.after;
      }
    } catch {
      // Said below: a file that is none of ours must not be written over.
    }
    if (reached === undefined) {
      throw new ReplayUsageError(`${file} is no checkpoint of a replay: name another file, or delete it to begin anew`);
    }
  }
  let sinceWritten = 0;
  const write = async () => {
    if (file === undefined || reached === undefined) return;
    await writeFile(`${file}.new`, JSON.stringify({ after: reached }));
    await rename(`${file}.new`, file);
  };
  return {
    after: reached,
    async reached(key: string) {
      reached = key;
      sinceWritten += 1;
      // Repeating twenty mails changes nothing; writing at each of a million would.
      if (sinceWritten < 20) return;
      sinceWritten = 0;
      await write();
    },
    async done(isWhole: boolean) {
      if (file === undefined) return;
      if (isWhole) await rm(file, { force: true });
      else await write();
    },
  };
}
