import type { Command } from "commander";
import type { Refusal } from "../local/store/engine-store.ts";
import type { FolderOptions } from "./data-folder.ts";
import { jsonText } from "./json-text.ts";
import { printable } from "./printable.ts";
import { wholeNumber } from "./whole-number.ts";

export function register(program: Command): void {
  program
    .command("refusals")
    .description("who was turned away before 250, with the reply and the reason, newest first")
    .option("--limit <n>", "at most so many (default: 20 for people, all that are kept with --json)", wholeNumber)
    .option("--data <folder>", "the engine's data folder (default: local.data)")
    .option("--config <file>", "configuration file that names the data folder")
    .option("--json", "one JSON object a line; the shape is in docs/cli.md")
    .addHelpText(
      "after",
      `
Examples:
  mailweir refusals
  mailweir refusals --json | jq -c 'select(.stage == "RCPT") | [.ip, .recipient, .reason]'

A mail that is neither here nor in  mailweir list  never reached this machine.`,
    )
    .action(async (options: FolderOptions & { readonly limit?: number; readonly json?: boolean }) => {
      const { openForReading } = await import("./data-folder.ts");
      const store = await openForReading(options);
      try {
        const limit = options.limit ?? (options.json ? Number.MAX_SAFE_INTEGER : 20);
        // Few: the store keeps the newest ones only.
        const refusals = await store.engine.refusals({ limit });
        if (options.json) {
          process.stdout.write(refusals.map((refusal) => `${jsonText(refusal)}\n`).join(""));
          return;
        }
        if (refusals.length === 0) {
          process.stdout.write(
            "Nobody was refused. See how it looks:  npx mailweir send --to someone@elsewhere.example\n",
          );
          return;
        }
        process.stdout.write(`refused, UTC         client, where; below it the reply, the reason, whom it was about\n`);
        process.stdout.write(refusals.map(describe).join(""));
        const left = (await store.engine.refusalCount()) - refusals.length;
        if (left > 0) process.stdout.write(`${left} older: --limit <n> shows more, as far as they are kept\n`);
      } finally {
        await store.close();
      }
    });
}

function describe({ at, ip, helo, stage, from, recipient, recipients = [], moreRecipients, reply, reason }: Refusal) {
  const named = [...(recipient === undefined ? [] : [recipient]), ...recipients].map((one) => printable(one, 80));
  const to = [...named, ...(moreRecipients ? [`${moreRecipients} more`] : [])].join(", ");
  const sender = from === undefined ? "no sender yet" : printable(from || "<>", 80);
  return [
    `${at.slice(0, 19).replace("T", " ")}  ${ip}, calling itself ${printable(helo || "nothing yet", 80)}, at ${stage}\n`,
    `    ${printable(reply, 200)}\n`,
    `    ${printable(reason, 300)}\n`,
    `    ${sender} → ${to === "" ? "no recipient yet" : to}\n`,
  ].join("");
}
