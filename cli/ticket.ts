import { readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { text as readText } from "node:stream/consumers";
import type { Command } from "commander";
import { MailweirError } from "../shared/errors.ts";
import type { Ticket, TicketFilter, TicketSummary } from "../shared/ports.ts";
import type { FolderOptions } from "./data-folder.ts";
import { jsonText } from "./json-text.ts";
import { printable } from "./printable.ts";
import { wholeNumber } from "./whole-number.ts";

interface TicketOptions extends FolderOptions, TicketFilter {
  readonly json?: boolean;
  readonly limit?: number;
}

interface AnswerOptions extends TicketOptions {
  readonly file?: string;
  readonly by?: string;
  readonly close?: boolean;
  readonly id?: string;
}

/** There is no such ticket in the folder. */
export class NoSuchTicketError extends MailweirError {
  readonly code = "ERR_NO_SUCH_TICKET";
  readonly retryable = false;
}

export class TicketUsageError extends MailweirError {
  readonly code = "ERR_TICKET_USAGE";
  readonly retryable = false;
}

export function register(program: Command): void {
  const ticket = program
    .command("ticket")
    .description("tickets that mail opened: see them, answer, note, close, assign, tag")
    .addHelpText(
      "after",
      `
Examples:
  mailweir ticket list --state open --text invoice
  mailweir ticket show 12
  mailweir ticket reply 12 --text "It is on its way." --close
  mailweir ticket reply 12 < answer.txt
  mailweir ticket close 12

What changes a ticket needs a running engine. An answer is sent once, also when the engine dies meanwhile; one that is asked
for again with the same --id is the same answer.`,
    );
  const command = (name: string, description: string, example: string) =>
    ticket
      .command(name)
      .description(description)
      .option("--data <folder>", "the engine's data folder (default: local.data)")
      .option("--config <file>", "configuration file that names the data folder")
      .option("--json", "JSON; the shape is in docs/cli.md")
      .addHelpText("after", `\nExample:\n  mailweir ticket ${example}`);
  command("list", "tickets by number", "list --state open --text invoice")
    .option("--state <state>", "open or closed")
    .option("--assignee <name>", "only those of this person")
    .option("--tag <tag>", "only those with this tag")
    .option("--participant <address>", "only those in which this address takes part")
    .option("--text <words>", "only those whose subject or entries hold all these words")
    .option("--limit <n>", "at most so many (default: all)", wholeNumber)
    .action(list);
  command("show <ticket>", "one ticket with all its entries", "show 12").action(show);
  command(
    "reply <ticket>",
    "answer its people by mail; the text from --text, --file or standard input",
    'reply 12 --text "It is on its way." --close',
  )
    .option("--text <text>", "what to write")
    .option("--file <file>", "a text file with what to write")
    .option("--by <name>", "who answers, for the ticket (default: the user's name)")
    .option("--close", "close the ticket with it")
    .option("--id <id>", "the answer's id: the same one twice is one answer")
    .action(reply);
  command(
    "note <ticket>",
    "write something down that nobody is sent; the text as for reply",
    'note 12 --text "They called."',
  )
    .option("--text <text>", "what to write")
    .option("--file <file>", "a text file with what to write")
    .option("--by <name>", "who writes it (default: the user's name)")
    .option("--id <id>", "the note's id: the same one twice is one note")
    .action(note);
  command("close <ticket>", "nothing is left to do; an answer opens it again", "close 12").action((id, options) =>
    change(id, options, { state: "closed" }),
  );
  command("open <ticket>", "open a closed one again", "open 12").action((id, options) =>
    change(id, options, { state: "open" }),
  );
  command("assign <ticket> [name]", "give it to somebody, or without a name to nobody", "assign 12 ann").action(
    (id, name, options) => change(id, options, { assignee: name ?? null }),
  );
  command(
    "tag <ticket> <tags...>",
    "add tags; one that begins with a minus is taken away: tag 12 billing -urgent",
    "tag 12 billing -urgent",
  )
    .allowUnknownOption()
    .action((id, tags: readonly string[], options) =>
      change(id, options, {
        addTags: tags.filter((tag) => !tag.startsWith("-")),
        removeTags: tags.filter((tag) => tag.startsWith("-")).map((tag) => tag.slice(1)),
      }),
    );
  for (const sub of ticket.commands) sub.exitOverride().showHelpAfterError("(add --help for what is possible)");
}

async function list({ json, limit, data, config, ...rest }: TicketOptions): Promise<void> {
  const { normaliseAddress } = await import("../shared/mail/address.ts");
  const { openForReading } = await import("./data-folder.ts");
  const { state, participant, ...words } = rest;
  if (state !== undefined && state !== "open" && state !== "closed") {
    throw new TicketUsageError(`--state is open or closed, not ${JSON.stringify(state)}`);
  }
  const filter: TicketFilter = {
    ...words,
    ...(state !== undefined && { state }),
    ...(participant !== undefined && { participant: normaliseAddress(participant) }),
  };
  const store = await openForReading({ ...(data !== undefined && { data }), ...(config !== undefined && { config }) });
  try {
    let left = limit ?? Number.POSITIVE_INFINITY;
    let after: number | undefined = 0;
    let shown = 0;
    while (left > 0 && after !== undefined) {
      const page: Awaited<ReturnType<typeof store.ports.tickets.list>> = await store.ports.tickets.list({
        ...filter,
        after,
        limit: Math.min(200, left),
      });
      if (shown === 0 && page.tickets.length > 0 && !json) process.stdout.write(header);
      for (const ticket of page.tickets) process.stdout.write(json ? `${jsonText(ticket)}\n` : row(ticket));
      left -= page.tickets.length;
      shown += page.tickets.length;
      after = page.next;
    }
    if (shown === 0 && !json) process.stdout.write("No such tickets.\n");
  } finally {
    await store.close();
  }
}

async function show(id: string, options: TicketOptions): Promise<void> {
  const { openForReading } = await import("./data-folder.ts");
  const number = ticketNumber(id);
  const store = await openForReading(options);
  try {
    const ticket = await store.ports.tickets.get(number);
    if (!ticket) throw new NoSuchTicketError(`There is no ticket ${number}: see  mailweir ticket list`);
    process.stdout.write(options.json ? `${jsonText(ticket)}\n` : page(ticket));
  } finally {
    await store.close();
  }
}

async function reply(id: string, options: AnswerOptions): Promise<void> {
  const body = { ...(await written(options)), ...(options.close && { close: true }) };
  const answer = await ask(options, "POST", `/api/tickets/${ticketNumber(id)}/answers`, body);
  process.stdout.write(
    options.json ? `${jsonText(answer)}\n` : `Answered; it is being sent (see  mailweir ticket show ${id}).\n`,
  );
}

async function note(id: string, options: AnswerOptions): Promise<void> {
  const ticket = await ask(options, "POST", `/api/tickets/${ticketNumber(id)}/notes`, await written(options));
  process.stdout.write(options.json ? `${jsonText(ticket)}\n` : "Noted.\n");
}

async function change(id: string, options: TicketOptions, what: Readonly<Record<string, unknown>>): Promise<void> {
  const ticket = (await ask(options, "PATCH", `/api/tickets/${ticketNumber(id)}`, what)) as Ticket;
  process.stdout.write(options.json ? `${jsonText(ticket)}\n` : row(ticket));
}

async function written({ text, file, by, id }: AnswerOptions & { readonly text?: string }) {
  if (text !== undefined && file !== undefined) throw new TicketUsageError("Give --text or --file, not both");
  const words = text ?? (file === undefined ? await readText(process.stdin) : await readFile(file, "utf8"));
  return { text: words, by: by ?? userName(), ...(id !== undefined && { id }) };
}

/** A machine may run as a user without a name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return "somebody";
  }
}

async function ask(options: FolderOptions, method: string, path: string, body: unknown): Promise<unknown> {
  const { callEngine } = await import("./call-engine.ts");
  const { dataFolderOf } = await import("./data-folder.ts");
  return callEngine(await dataFolderOf(options), method, path, body);
}

function ticketNumber(text: string): number {
  const number = Number(text.replace(/^#/, ""));
  if (Number.isSafeInteger(number) && number > 0) return number;
  throw new TicketUsageError(`${JSON.stringify(text)} is no ticket's number: see  mailweir ticket list`);
}

const header = "ticket  state   last change, UTC  from, subject\n";

function row({ id, state, subject, participants, assignee, tags, updatedAt, relatedTo }: TicketSummary): string {
  const more = [
    ...(assignee === undefined ? [] : [`@${assignee}`]),
    ...tags.map((tag) => `#${tag}`),
    ...(relatedTo === undefined ? [] : [`related to ${relatedTo}`]),
  ];
  const head = `${String(id).padStart(6)}  ${state.padEnd(6)}  ${updatedAt.slice(0, 16).replace("T", " ")}`;
  return `${head}  ${printable(participants[0] ?? "", 40)}  ${printable(subject, 60)}${more.length > 0 ? `  ${printable(more.join(" "), 80)}` : ""}\n`;
}

function page(ticket: Ticket): string {
  const lines = [
    row(ticket).trim(),
    `people  ${printable(ticket.participants.join(", "), 400)}`,
    ...(ticket.links ?? []).map(({ sink, ref, url }) => `in ${sink} as ${printable(url ?? ref, 300)}`),
    ...(ticket.mergedInto === undefined ? [] : [`merged into ticket ${ticket.mergedInto}`]),
  ];
  for (const entry of ticket.entries) {
    const who = entry.kind === "mail" ? entry.author.address : entry.by;
    const what = entry.kind === "mail" ? `mail, ${entry.trust}` : entry.kind;
    lines.push("", `── ${entry.at.slice(0, 16).replace("T", " ")}  ${printable(who, 80)}  (${what})`);
    if (entry.kind === "answer") lines.push(`to ${printable(entry.to.join(", "), 300)}`);
    lines.push(
      ...entry.text
        .trim()
        .split(/\r?\n/)
        .map((line) => printable(line, 2000)),
    );
    const files = entry.kind === "mail" ? entry.attachments : [];
    for (const { fileName, contentType, sizeBytes } of files) {
      lines.push(`   + ${printable(fileName, 100)}  ${printable(contentType, 60)}  ${sizeBytes} octets`);
    }
  }
  return `${lines.join("\n")}\n`;
}
