import { MailweirError } from "../shared/errors.ts";
import { callEngine } from "./call-engine.ts";
import { dataFolderOf } from "./data-folder.ts";
import type { RedriveCommand } from "./redrive.ts";

export class RedriveArgumentError extends MailweirError {
  readonly code = "ERR_REDRIVE_USAGE";
  readonly retryable = false;
}

interface QueueCount {
  readonly name: string;
  readonly visible: number;
  readonly inFlight: number;
  readonly delayed: number;
}

const ending = "-dlq";

/** On the engine that runs here. @returns the exit status */
export async function redriveHere(queues: readonly string[], options: RedriveCommand): Promise<number> {
  for (const name of ["id", "max", "endpointUrl"] as const) {
    if (options[name] !== undefined) {
      throw new RedriveArgumentError(
        `--${name === "endpointUrl" ? "endpoint-url" : name} belongs to --stage; here "mailweir replay <id>" starts single messages again`,
      );
    }
  }
  const folder = await dataFolderOf(options);
  const status = (await callEngine(folder, "GET", "/api/status")) as { readonly queues: readonly QueueCount[] };
  const dead = status.queues.filter(({ name }) => name.endsWith(ending));
  const named = (queue: string, wanted: string) =>
    [wanted, `mailweir-${wanted}`].some((one) => queue === `${one}${ending}`);
  const unknown = queues.find((wanted) => !dead.some(({ name }) => named(name, wanted)));
  if (unknown !== undefined) {
    const names = dead.map(({ name }) => name.slice(0, -ending.length).replace(/^mailweir-/, ""));
    throw new RedriveArgumentError(`There is no queue "${unknown}": name one of ${names.join(", ")}`);
  }
  for (const { name, visible, inFlight, delayed } of dead) {
    if (queues.length > 0 && !queues.some((wanted) => named(name, wanted))) continue;
    const waiting = visible + inFlight + delayed;
    if (waiting === 0) continue;
    const queue = name.slice(0, -ending.length);
    const moved = options.dryRun
      ? 0
      : (
          (await callEngine(folder, "POST", `/api/queues/${encodeURIComponent(name)}/redrive`, {})) as {
            readonly moved: number;
          }
        ).moved;
    process.stdout.write(
      options.json
        ? `${JSON.stringify({ queue, dead: waiting, moved })}\n`
        : `${queue}: ${options.dryRun ? `${waiting} dead letters` : `${moved} put back`}\n`,
    );
  }
  return 0;
}
