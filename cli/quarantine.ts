import type { Command } from "commander";
import { MailweirError } from "../shared/errors.ts";
import type { HeldMessage } from "../shared/ports.ts";
import type { SesMessageId } from "../shared/ses-message-id.ts";
import type { FolderOptions } from "./data-folder.ts";
import { jsonText } from "./json-text.ts";
import { printable } from "./printable.ts";
import { wholeNumber } from "./whole-number.ts";

interface QuarantineOptions extends FolderOptions {
  readonly json?: boolean;
  readonly limit?: number;
  readonly allowSender?: boolean;
}

/** Nothing of that message is held for that recipient. */
export class NothingHeldError extends MailweirError {
  readonly code = "ERR_NOTHING_HELD";
  readonly retryable = false;
}

export function register(program: Command): void {
  const quarantine = program
    .command("quarantine")
    .description("see what is held as suspicious and why, and send it on to where it was meant for")
    .addHelpText(
      "after",
      `
Examples:
  mailweir quarantine list
  mailweir quarantine show 5j0cqbk90k38aj905e1tnorltf8tije0iuq17lo1
  mailweir quarantine release 5j0cqbk90k38aj905e1tnorltf8tije0iuq17lo1 ann@example.com

  mailweir quarantine release 5j0cqbk90k38aj905e1tnorltf8tije0iuq17lo1 --allow-sender
  mailweir quarantine discard 5j0cqbk90k38aj905e1tnorltf8tije0iuq17lo1

A release runs in the engine when one runs on the folder; otherwise the message is queued, and the next start does the work.
What else changes something needs a running engine. What nobody releases expires (quarantine.days of the configuration).`,
    );
  const command = (name: string, description: string, example: string) =>
    quarantine
      .command(name)
      .description(description)
      .option("--data <folder>", "the engine's data folder (default: local.data)")
      .option("--config <file>", "configuration file that names the data folder")
      .option("--json", "one JSON object a line; the shape is in docs/cli.md")
      .addHelpText("after", `\nExample:\n  mailweir quarantine ${example}`);

  command("list", "what is held, oldest first", "list --json | jq -r .recipient")
    .option("--limit <n>", "at most so many (default: all)", wholeNumber)
    .action(list);
  command(
    "show <sesMessageId> [recipient]",
    "one held message: where it was meant for, every reason, the verdicts",
    "show 5j0cqbk90k38aj905e1tnorltf8tije0iuq17lo1",
  ).action(show);
  command(
    "release <sesMessageId> [recipient]",
    "send it on; without a recipient, for everyone it is held for",
    "release 5j0cqbk90k38aj905e1tnorltf8tije0iuq17lo1 ann@example.com",
  )
    .option("--allow-sender", "and from now on hold none of its author's proven mail for a spam finding alone")
    .action(release);
  command(
    "discard <sesMessageId> [recipient]",
    "end it: nobody will release it (the stored message stays)",
    "discard 5j0cqbk90k38aj905e1tnorltf8tije0iuq17lo1",
  ).action(discard);
  command("allowed", "authors whose proven mail is not held for a spam finding alone", "allowed").action(listAllowed);
  command("allow <address>", "add such an author", "allow news@sender.example").action((address, options) =>
    allow(address, options, "PUT"),
  );
  command("disallow <address>", "take one away", "disallow news@sender.example").action((address, options) =>
    allow(address, options, "DELETE"),
  );
  // The exit status of wrong usage is decided in one place, which overrides only the commands it knows.
  for (const sub of quarantine.commands) sub.exitOverride().showHelpAfterError("(add --help for what is possible)");
}

async function list(options: QuarantineOptions): Promise<void> {
  const { openForReading } = await import("./data-folder.ts");
  const { heldCursor } = await import("../local/store/quarantine.ts");
  const store = await openForReading(options);
  try {
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    let after: string | undefined;
    while (left > 0) {
      const page = await store.ports.quarantine.list({
        limit: Math.min(200, left),
        ...(after !== undefined && { after }),
      });
      if (after === undefined && page.length > 0 && !options.json) process.stdout.write(header);
      for (const held of page) process.stdout.write(options.json ? `${jsonText(shape(held))}\n` : row(held));
      const last = page.at(-1);
      if (!last) break;
      after = heldCursor(last);
      left -= page.length;
    }
    if (after === undefined && !options.json) process.stdout.write("Nothing is held.\n");
  } finally {
    await store.close();
  }
}

async function show(id: string, recipient: string | undefined, options: QuarantineOptions): Promise<void> {
  const { held } = await readHeld(id, recipient, options);
  for (const entry of held) process.stdout.write(options.json ? `${jsonText(shape(entry))}\n` : page(entry));
}

async function release(id: string, recipient: string | undefined, options: QuarantineOptions): Promise<void> {
  const { sesMessageId, held } = await readHeld(id, recipient, options);
  const { findEngine } = await import("../local/store/lock.ts");
  const { dataFolderOf } = await import("./data-folder.ts");
  const { releaseInEngine, releaseInStore } = await import("./release.ts");
  const folder = await dataFolderOf(options);
  const recipients = held.map((entry) => entry.recipient);
  const authors = new Set(held.flatMap(({ message }) => message.headers.author?.address ?? []));
  if (options.allowSender) for (const author of authors) await allow(author, options, "PUT");
  const engine = await findEngine(folder);
  const released = engine
    ? await releaseInEngine(engine, sesMessageId, recipients)
    : await releaseInStore(folder, options.config, sesMessageId, recipients);
  for (const entry of released) {
    process.stdout.write(
      options.json
        ? `${jsonText({ sesMessageId, ...entry })}\n`
        : entry.kind === "released"
          ? `${printable(entry.recipient, 100)}: released to ${entry.stream}${engine ? "" : "; the next start does its work"}\n`
          : `${printable(entry.recipient, 100)}: was released already\n`,
    );
  }
}

async function discard(id: string, recipient: string | undefined, options: QuarantineOptions): Promise<void> {
  const { sesMessageId, held } = await readHeld(id, recipient, options);
  for (const entry of held) {
    const path = `/api/quarantine/${sesMessageId}/${encodeURIComponent(entry.recipient)}/discard`;
    const { kind } = (await ask(options, "POST", path)) as { readonly kind: string };
    const shown = options.json
      ? JSON.stringify({ sesMessageId, recipient: entry.recipient, kind })
      : `${printable(entry.recipient, 100)}: ${kind === "discarded" ? "discarded" : "had ended already"}`;
    process.stdout.write(`${shown}\n`);
  }
}

async function allow(address: string, options: QuarantineOptions, method: "PUT" | "DELETE"): Promise<void> {
  const answer = await ask(options, method, `/api/allowed-senders/${encodeURIComponent(address)}?by=command-line`);
  const { address: normalised } = answer as { readonly address: string };
  const said = method === "PUT" ? "allowed" : "no longer allowed";
  process.stdout.write(options.json ? `${jsonText(answer)}\n` : `${printable(normalised, 100)}: ${said}\n`);
}

async function listAllowed(options: QuarantineOptions): Promise<void> {
  let after = "";
  for (;;) {
    const page = (await ask(options, "GET", `/api/allowed-senders?limit=500&after=${encodeURIComponent(after)}`)) as {
      readonly senders: readonly { readonly address: string; readonly by: string; readonly at: string }[];
      readonly next: string | null;
    };
    for (const sender of page.senders) {
      const { address, by, at } = sender;
      const line = options.json
        ? jsonText(sender)
        : `${at.slice(0, 10)}  ${printable(address, 100)}  by ${printable(by, 60)}`;
      process.stdout.write(`${line}\n`);
    }
    if (page.next === null) return;
    after = page.next;
  }
}

async function ask(options: FolderOptions, method: string, path: string): Promise<unknown> {
  const { callEngine } = await import("./call-engine.ts");
  const { dataFolderOf } = await import("./data-folder.ts");
  return callEngine(await dataFolderOf(options), method, path);
}

/** What is held of a message, for one recipient or for all. */
async function readHeld(
  id: string,
  recipient: string | undefined,
  options: QuarantineOptions,
): Promise<{ readonly sesMessageId: SesMessageId; readonly held: readonly HeldMessage[] }> {
  const { openForReading } = await import("./data-folder.ts");
  const { parseSesMessageId } = await import("../shared/ses-message-id.ts");
  const { normaliseAddress } = await import("../shared/mail/address.ts");
  const store = await openForReading(options);
  try {
    const sesMessageId = parseSesMessageId(id);
    const records = sesMessageId ? await store.ports.ledger.recipients(sesMessageId) : [];
    const wanted = recipient === undefined ? records.map((record) => record.recipient) : [normaliseAddress(recipient)];
    const held: HeldMessage[] = [];
    for (const address of sesMessageId ? wanted : []) {
      const entry = sesMessageId && (await store.ports.quarantine.get(sesMessageId, address));
      if (entry) held.push(entry);
    }
    if (sesMessageId && held.length > 0) return { sesMessageId, held };
    const whom = recipient === undefined ? "" : ` for ${recipient}`;
    const states = records.map((record) => `${record.recipient} is ${record.state}`).join(", ");
    throw new NothingHeldError(
      `Nothing of message ${JSON.stringify(id)} is held${whom}${states ? ` (${states})` : ""}: see  mailweir quarantine list`,
    );
  } finally {
    await store.close();
  }
}

/** The stable shape: documented in docs/cli.md, other programs build on it. */
function shape({ sesMessageId, recipient, intendedStream, reasons, heldAt, message }: HeldMessage) {
  const { envelope, headers, nature, trust, verdicts } = message;
  return {
    sesMessageId,
    recipient,
    heldAt,
    intendedStream,
    reasons,
    envelope,
    author: headers.author ?? null,
    subject: headers.subject ?? null,
    nature: nature.kind,
    trust,
    verdicts,
  };
}

const header = "held since, UTC      SES message id, sender, subject; below it for whom and why\n";

function row(held: HeldMessage): string {
  const { sesMessageId, recipient, heldAt, intendedStream, reasons, message } = held;
  const head = `${heldAt.slice(0, 19).replace("T", " ")}  ${sesMessageId}  ${printable(message.envelope.from || "<>", 40)}  ${printable(message.headers.subject ?? "", 50)}\n`;
  return `${head}    ${printable(recipient, 60)} → meant for ${intendedStream}: ${printable(reasons.at(-1) ?? "", 120)}\n`;
}

function page(held: HeldMessage): string {
  const { author, subject, nature, trust, verdicts } = shape(held);
  const lines: readonly (readonly [string, string])[] = [
    ["message", held.sesMessageId],
    ["recipient", held.recipient],
    ["held since", held.heldAt],
    ["meant for", held.intendedStream],
    ["from", held.message.envelope.from || "<>"],
    ["author", author === null ? "none" : `${author.name} <${author.address}>`.trim()],
    ["subject", subject ?? "none"],
    ["nature", nature],
    ["trust", trust],
    [
      "verdicts",
      Object.entries(verdicts)
        .map(([name, verdict]) => `${name} ${verdict}`)
        .join(", "),
    ],
    ...held.reasons.map((reason) => ["because", reason] as const),
  ];
  return `${lines.map(([name, value]) => `${name.padEnd(11)} ${printable(value, 400)}`).join("\n")}\n\n`;
}
