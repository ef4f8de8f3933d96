import type { Command } from "commander";
import type { OutboxEntry, OutboxState } from "../local/store/outbox-entries.ts";
import { MailweirError } from "../shared/errors.ts";
import type { FolderOptions } from "./data-folder.ts";
import { jsonText } from "./json-text.ts";
import { printable } from "./printable.ts";
import { wholeNumber } from "./whole-number.ts";

interface OutboxOptions extends FolderOptions {
  readonly json?: boolean;
  readonly limit?: number;
  readonly state?: string;
  readonly out?: string;
}

/** There is no such mail in the outbox. */
export class NoSuchOutgoingMailError extends MailweirError {
  readonly code = "ERR_NO_SUCH_OUTGOING_MAIL";
  readonly retryable = false;
}

export class OutboxUsageError extends MailweirError {
  readonly code = "ERR_OUTBOX_USAGE";
  readonly retryable = false;
}

const states: readonly OutboxState[] = ["kept", "waiting", "sent", "failed"];

export function register(program: Command): void {
  const outbox = program
    .command("outbox")
    .description("mail that leaves: bounces, confirmations, replies, forwards, and what became of each")
    .addHelpText(
      "after",
      `
Examples:
  mailweir outbox list --state failed
  mailweir outbox show 12
  mailweir outbox raw 12 --out bounce.eml
  mailweir outbox retry 12

Without local.smarthost nothing is sent: mail is kept, here and as a file in the outbox folder.`,
    );
  const command = (name: string, description: string, example: string) =>
    outbox
      .command(name)
      .description(description)
      .option("--data <folder>", "the engine's data folder (default: local.data)")
      .option("--config <file>", "configuration file that names the data folder")
      .addHelpText("after", `\nExample:\n  mailweir outbox ${example}`);
  command("list", "every mail, newest first", "list --state failed")
    .option("--state <state>", `only ${states.join(", ")}`)
    .option("--limit <n>", "at most so many (default: all)", wholeNumber)
    .option("--json", "one JSON object a line; the shape is in docs/cli.md")
    .action(list);
  command("show <number>", "one mail: its envelope, its attempts, what each recipient's server said", "show 12")
    .option("--json", "one JSON object")
    .action(show);
  command("raw <number>", "its bytes", "raw 12 --out bounce.eml")
    .option("--out <file>", "into a file, which appears only when it is complete")
    .option("--json", "one JSON object, the bytes as base64; with --out where they are")
    .action(raw);
  command(
    "retry <number>",
    "send again what failed or was kept, to those who did not get it; needs a running engine",
    "retry 12",
  )
    .option("--json", "one JSON object")
    .action(retry);
  for (const sub of outbox.commands) sub.exitOverride().showHelpAfterError("(add --help for what is possible)");
}

async function list(options: OutboxOptions): Promise<void> {
  const state = states.find((known) => known === options.state);
  if (options.state !== undefined && state === undefined) {
    throw new OutboxUsageError(`--state ${JSON.stringify(options.state)} is none of ${states.join(", ")}`);
  }
  const { openForReading } = await import("./data-folder.ts");
  const store = await openForReading(options);
  try {
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    let before: number | undefined;
    while (left > 0) {
      const page = await store.ports.outbox.list({
        limit: Math.min(200, left),
        ...(before !== undefined && { before }),
        ...(state && { state }),
      });
      if (before === undefined && page.length > 0 && !options.json) process.stdout.write(header);
      for (const entry of page) process.stdout.write(options.json ? `${jsonText(entry)}\n` : row(entry));
      const last = page.at(-1);
      if (!last) break;
      before = last.number;
      left -= page.length;
    }
    if (before === undefined && !options.json) process.stdout.write("No mail has left.\n");
  } finally {
    await store.close();
  }
}

async function show(number: string, options: OutboxOptions): Promise<void> {
  const { openForReading } = await import("./data-folder.ts");
  const store = await openForReading(options);
  try {
    const entry = await find(store.ports.outbox, number);
    process.stdout.write(options.json ? `${jsonText(entry)}\n` : page(entry));
  } finally {
    await store.close();
  }
}

async function raw(number: string, options: OutboxOptions): Promise<void> {
  const { openForReading } = await import("./data-folder.ts");
  const { writeOctets } = await import("./raw.ts");
  const store = await openForReading(options);
  try {
    const entry = await find(store.ports.outbox, number);
    const octets = store.ports.outbox.open(entry.number);
    if (octets) await writeOctets(octets, options.out, options.json ? { number: entry.number } : undefined);
  } finally {
    await store.close();
  }
}

async function retry(number: string, options: OutboxOptions): Promise<void> {
  const { openForReading, dataFolderOf } = await import("./data-folder.ts");
  const { callEngine } = await import("./call-engine.ts");
  const store = await openForReading(options);
  const entry = await find(store.ports.outbox, number).finally(() => store.close());
  const folder = await dataFolderOf(options);
  const { kind } = (await callEngine(folder, "POST", `/api/outbox/${entry.number}/retry`)) as { kind?: unknown };
  if (options.json) process.stdout.write(`${JSON.stringify({ number: entry.number, kind })}\n`);
  else if (kind === "waiting") process.stdout.write(`Mail ${entry.number} is sent again.\n`);
  else process.stdout.write(`Nobody is left who did not get mail ${entry.number}.\n`);
}

async function find(
  outbox: { entry(number: number): Promise<OutboxEntry | undefined> },
  number: string,
): Promise<OutboxEntry> {
  const entry = /^[1-9]\d{0,14}$/.test(number) ? await outbox.entry(Number(number)) : undefined;
  if (entry) return entry;
  throw new NoSuchOutgoingMailError(
    `There is no mail ${JSON.stringify(number)} in the outbox: see  mailweir outbox list  for those that are`,
  );
}

const header = "number  created, UTC         kind            state    recipients; below it what was answered\n";

function row({ number, createdAt, kind, state, recipients, attempts, dueAt, cause }: OutboxEntry): string {
  const to = recipients.map(({ recipient }) => recipient).join(", ");
  const head = `${String(number).padStart(6)}  ${createdAt.slice(0, 19).replace("T", " ")}  ${kind.padEnd(15)} ${state.padEnd(7)}  ${printable(to, 60)}\n`;
  const said = recipients.find(({ state: one }) => one === "failed" || one === "waiting")?.reply ?? cause;
  const again = dueAt === null || attempts === 0 ? "" : `, again ${dueAt.slice(0, 19).replace("T", " ")}`;
  return said === null ? head : `${head}        ${printable(said, 120)}${again}\n`;
}

function page(entry: OutboxEntry): string {
  const lines: readonly (readonly [string, string])[] = [
    ["mail", String(entry.number)],
    ["kind", entry.kind],
    ["state", entry.state],
    ["created", entry.createdAt],
    ["answers", entry.about ?? "no message"],
    ["envelope sender", entry.envelopeSender || "<>"],
    ["Message-ID", entry.messageId],
    ["size", `${entry.sizeBytes} bytes`],
    ["attempts", `${entry.attempts}${entry.dueAt === null ? "" : `, the next at ${entry.dueAt}`}`],
    ...(entry.cause === null ? [] : [["cause", entry.cause] as const]),
    ...entry.recipients.map(
      ({ recipient, state, reply }) =>
        ["recipient", `${recipient}: ${state}${reply === null ? "" : `, ${reply}`}`] as const,
    ),
  ];
  return `${lines.map(([name, value]) => `${name.padEnd(16)} ${printable(value, 400)}`).join("\n")}\n`;
}
