import { once } from "node:events";
import { type Command, Option } from "commander";
import type { ListedMessage } from "../local/store/engine-store.ts";
import { type RecipientState, recipientStates } from "../shared/ports.ts";
import type { FolderOptions } from "./data-folder.ts";
import { jsonText } from "./json-text.ts";
import { printable } from "./printable.ts";
import { wholeNumber } from "./whole-number.ts";

export function register(program: Command): void {
  program
    .command("list")
    .description("list received messages with the stream and state of each recipient, newest first")
    .option("--data <folder>", "the engine's data folder (default: local.data)")
    .option("--config <file>", "configuration file that names the data folder")
    .addOption(new Option("--state <state>", "only what is so for one of its recipients").choices(recipientStates))
    .option("--limit <n>", "at most so many (default: 20 for people, all with --json)", wholeNumber)
    .option("--json", "one JSON object a line, every message")
    .addHelpText(
      "after",
      `
Examples:
  mailweir list
  mailweir list --state failed
  mailweir list --json | jq -c 'select(.recipients[].stream == "ticket")'

A message is listed from the moment its sender heard 250. The JSON line is described in docs/cli.md.`,
    )
    .action(async (options: FolderOptions & ListOptions) => {
      const { openForReading } = await import("./data-folder.ts");
      const store = await openForReading(options);
      try {
        let left = options.limit ?? (options.json ? Number.POSITIVE_INFINITY : 20);
        let before: number | undefined;
        let any = false;
        while (left > 0) {
          // What is looked for may be rare: small pages would be many.
          const limit = options.state === undefined ? Math.min(500, left) : 500;
          const page = await store.engine.list({ limit, ...(before !== undefined && { before }) });
          const shown = page.filter((message) => isSo(message, options.state)).slice(0, left);
          const text = shown
            .map((message) => (options.json ? `${jsonText(line(message))}\n` : table(message)))
            .join("");
          if (!any && shown.length > 0 && !options.json) process.stdout.write(header);
          // A reader that is slower than the database must not make us hold all of it.
          if (!process.stdout.write(text)) await once(process.stdout, "drain");
          any ||= shown.length > 0;
          const last = page.at(-1);
          if (!last) break;
          before = last.sequence;
          left -= shown.length;
        }
        if (!any && !options.json && options.state !== undefined)
          process.stdout.write(`No mail is ${options.state}.\n`);
        else if (!any && !options.json)
          process.stdout.write("No mail yet. Send some:  npx mailweir send --to support@example.com\n");
      } finally {
        await store.close();
      }
    });
}

interface ListOptions {
  readonly state?: RecipientState;
  readonly limit?: number;
  readonly json?: boolean;
}

const isSo = ({ recipients }: ListedMessage, wanted: RecipientState | undefined) =>
  wanted === undefined || recipients.some(({ state }) => state === wanted);

/** The stable shape: documented in docs/cli.md, other programs build on it. */
function line({ sesMessageId, receivedAt, envelope, recipients }: ListedMessage) {
  return { sesMessageId, receivedAt, envelope, recipients };
}

const header = "received, UTC        SES message id, sender, subject; below it who gets it\n";

function table({ sesMessageId, receivedAt, envelope, subject, recipients }: ListedMessage): string {
  const head = `${receivedAt.slice(0, 19).replace("T", " ")}  ${sesMessageId}  ${printable(envelope.from || "<>", 40)}  ${printable(subject ?? "", 50)}\n`;
  const rows = recipients.map(({ recipient, stream, state, outcome, cause, duplicateOf }) => {
    const why = [
      outcome === state ? null : outcome,
      cause,
      duplicateOf === null ? null : `duplicate of ${duplicateOf}`,
    ].filter((part) => part !== null);
    return `    ${printable(recipient, 60)} → ${stream ?? "no stream"}: ${state}${why.length > 0 ? ` (${printable(why.join("; "), 120)})` : ""}\n`;
  });
  return head + rows.join("");
}
