import { type Command, InvalidArgumentError } from "commander";
import { MailweirError } from "../shared/errors.ts";
import type { FolderOptions } from "./data-folder.ts";
import { jsonText } from "./json-text.ts";
import { printable } from "./printable.ts";

interface PlayOptions extends FolderOptions {
  readonly to?: string;
  readonly from?: string;
  readonly subject?: string;
  readonly about?: string;
  readonly recipient?: string;
  readonly megabytes?: number;
  readonly messageId?: string;
  readonly json?: boolean;
}

interface Played {
  readonly sesMessageId: string | null;
  readonly reply: string;
  readonly recipients: readonly { readonly recipient: string; readonly reply: string }[];
}

/** There is no such actor, or what it sent was not taken. */
export class NotPlayedError extends MailweirError {
  readonly code = "ERR_NOT_PLAYED";
  readonly retryable = false;
}

export function register(program: Command): void {
  program
    .command("play [actor]")
    .description("let a canned sender write to the running engine: a bounce, a complaint, an absence note, a spoof …")
    .option("--to <address>", "the address of yours that is written to (default: that of the ticket stream)")
    .option("--from <address>", "the author, where the actor may be somebody else")
    .option("--subject <text>", "instead of the actor's own")
    .option("--about <message-id>", "the mail of yours that is bounced, reported or answered")
    .option("--recipient <address>", "whom that mail was for")
    .option("--megabytes <number>", "size of huge", megabytes)
    .option("--message-id <id>", "instead of a fresh Message-ID, with angle brackets")
    .option("--json", "the engine's answer")
    .option("--data <folder>", "the engine's data folder (default: local.data)")
    .option("--config <file>", "configuration file that names the data folder")
    .addHelpText(
      "after",
      `
Examples:
  mailweir play                         # who can play
  mailweir play customer
  mailweir play dsn-hard --to unsubscribe@example.com --recipient gone@customer.example
  mailweir play huge --megabytes 50     # refused: the limit is 40 MB

Every call has a fresh Message-ID, and the message's journey says that it was played. Exit status 1 when it was refused.`,
    )
    .action(async (actor: string | undefined, options: PlayOptions) => {
      const { callEngine } = await import("./call-engine.ts");
      const { dataFolderOf } = await import("./data-folder.ts");
      const folder = await dataFolderOf(options);
      if (actor === undefined) {
        const list = (await callEngine(folder, "GET", "/api/actors")) as Actors;
        process.stdout.write(options.json ? `${jsonText(list)}\n` : await table(list));
        return;
      }
      const { json, data: _, config: __, ...cue } = options;
      const played = (await callEngine(
        folder,
        "POST",
        `/api/actors/${encodeURIComponent(actor)}`,
        cue,
        [422],
      )) as Played;
      if (json) process.stdout.write(`${jsonText(played)}\n`);
      if (played.sesMessageId === null) throw new NotPlayedError(`Refused: ${printable(played.reply, 300)}`);
      if (!json) process.stdout.write(`accepted: ${played.sesMessageId}\nsee what became of it:  npx mailweir list\n`);
    });
}

interface Actors {
  readonly actors: readonly { readonly name: string; readonly description: string }[];
  readonly to: string;
}

async function table({ actors, to }: Actors): Promise<string> {
  const { default: Table } = await import("cli-table3");
  const rows = new Table({ head: ["actor", "what arrives"], style: { head: [], border: [] } });
  for (const { name, description } of actors) rows.push([name, description]);
  return `${rows.toString()}\nThey write to ${printable(to, 100)} unless --to says otherwise.\n`;
}

function megabytes(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 100)) throw new InvalidArgumentError("Give a number of megabytes up to 100.");
  return value;
}
