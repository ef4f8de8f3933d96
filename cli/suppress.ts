import { once } from "node:events";
import type { Command } from "commander";
import { MailweirError } from "../shared/errors.ts";
import type { Suppression } from "../shared/ports.ts";
import type { Whom } from "../shared/unsubscribe/manage.ts";
import type { FolderOptions } from "./data-folder.ts";
import { jsonText } from "./json-text.ts";
import { printable } from "./printable.ts";
import { wholeNumber } from "./whole-number.ts";

interface SuppressOptions extends FolderOptions {
  readonly json?: boolean;
  readonly list?: string;
  readonly note?: string;
  readonly forgotten?: boolean;
  readonly limit?: number;
  readonly format?: string;
  readonly out?: string;
  readonly restart?: boolean;
}

export class SuppressUsageError extends MailweirError {
  readonly code = "ERR_SUPPRESS_USAGE";
  readonly retryable = false;
}

export function register(program: Command): void {
  const suppress = program
    .command("suppress")
    .description("who gets no mail: see, ask, add, remove, import, export, forget")
    .addHelpText(
      "after",
      `
Examples:
  mailweir suppress check ann@example.org --list news
  mailweir suppress add ann@example.org --note "asked by phone"
  mailweir suppress remove ann@example.org --list news
  mailweir suppress import unsubscribed.csv
  mailweir suppress export --format json > suppressions.ndjson
  mailweir suppress forget ann@example.org

Works in the engine when one runs on the folder, and in the folder itself when none does. A person may be named by the
26 characters of the hash instead of an address.`,
    );
  const command = (name: string, description: string, example: string) =>
    suppress
      .command(name)
      .description(description)
      .option("--data <folder>", "the engine's data folder (default: local.data)")
      .option("--config <file>", "configuration file that names the data folder")
      .option("--json", "JSON; the shape is in docs/cli.md")
      .addHelpText("after", `\nExample:\n  mailweir suppress ${example}`);
  const list = ["--list <id>", "this list only (default: * for all mail)"] as const;
  command(
    "check <address>",
    "whether a person gets mail, and everything that is known about why",
    "check ann@example.org --list news",
  )
    .option(...list)
    .action(check);
  command("add <address>", "send this person nothing more", 'add ann@example.org --note "asked by phone"')
    .option(...list)
    .option("--note <text>", "why, for the evidence")
    .action(add);
  command("remove <address>", "send this person mail again; the history stays", "remove ann@example.org --list news")
    .option(...list)
    .option("--note <text>", "why, for the evidence")
    .option("--forgotten", "also what forget left, for somebody who came back by themselves")
    .action(remove);
  command("list", "all suppressions, in the order of the hash", "list --limit 20")
    .option("--limit <n>", "at most so many", wholeNumber)
    .action(show);
  command(
    "import <file>",
    "add the suppressions of a CSV or JSON file (- is standard input); what is there stays",
    "import unsubscribed.csv",
  )
    .option("--format <format>", "csv or json (default: by the file's name)")
    .option("--restart", "read from the beginning, also where an earlier import of the file stopped")
    .action(importFile);
  command("export", "all suppressions as CSV or JSON, one a line", "export --format json --out suppressions.ndjson")
    .option("--format <format>", "csv or json", "csv")
    .option("--out <file>", "write to a file instead of standard output")
    .action(exportAll);
  command(
    "forget <address>",
    "remove the address and all evidence; the keyed hash stays and keeps mail away",
    "forget ann@example.org",
  ).action(forget);
  for (const sub of suppress.commands) sub.exitOverride().showHelpAfterError("(add --help for what is possible)");
}

async function open(options: FolderOptions) {
  const { openSuppressions } = await import("./suppression-access.ts");
  return openSuppressions(options);
}

async function withList<T>(
  options: FolderOptions,
  act: (list: Awaited<ReturnType<typeof open>>) => Promise<T>,
): Promise<T> {
  const access = await open(options);
  try {
    return await act(access);
  } finally {
    await access.close();
  }
}

const whomOf = (text: string): Whom => (/^[a-z2-7]{26}$/.test(text) ? { person: text } : { address: text });
const given = (text: string, { list, note }: SuppressOptions) => ({
  ...whomOf(text),
  ...(list !== undefined && { list }),
  ...(note !== undefined && { note }),
});
const print = (text: string) => process.stdout.write(`${text}\n`);

async function check(whom: string, options: SuppressOptions): Promise<void> {
  const { note: _, ...asked } = { note: undefined, ...given(whom, options) };
  const standing = await withList(options, (list) => list.check(asked));
  if (options.json) {
    print(jsonText(standing));
    return;
  }
  const { suppression, suppressed, all, history } = standing;
  print(
    suppressed && suppression
      ? `${printable(whom, 100)} gets ${suppression.list === "*" ? "no mail" : `nothing of ${suppression.list}`}: ${suppression.reason} since ${suppression.since}${suppression.until === undefined ? "" : ` until ${suppression.until}`}`
      : `${printable(whom, 100)} gets ${options.list === undefined ? "mail, of all lists that are not named below" : `mail of ${options.list}`}`,
  );
  for (const entry of all) if (entry !== suppression) print(`  ${row(entry)}`);
  for (const { at, kind, list, reason, evidence } of history) {
    print(`  ${at.slice(0, 19).replace("T", " ")}  ${kind} ${list} (${reason})  ${printable(evidence.note, 100)}`);
  }
}

async function add(whom: string, options: SuppressOptions): Promise<void> {
  const result = await withList(options, (list) => list.add(given(whom, options)));
  print(
    options.json
      ? JSON.stringify({ result })
      : `${printable(whom, 100)}: ${result === "added" ? "gets no more of it" : "was suppressed already"}`,
  );
}

async function remove(whom: string, options: SuppressOptions): Promise<void> {
  const request = { ...given(whom, options), ...(options.forgotten === true && { forgotten: true }) };
  const result = await withList(options, (list) => list.remove(request));
  const said = {
    removed: "gets it again",
    "not-suppressed": "was not suppressed",
    kept: "was forgotten, and stays so unless you say --forgotten",
    repeated: "gets it again",
  };
  print(options.json ? JSON.stringify({ result }) : `${printable(whom, 100)}: ${said[result]}`);
}

async function forget(whom: string, options: SuppressOptions): Promise<void> {
  const { person } = await withList(options, (list) => list.forget(whomOf(whom)));
  print(
    options.json ? JSON.stringify({ person }) : `Forgotten. ${person} is all that is left, and still keeps mail away.`,
  );
}

async function show(options: SuppressOptions): Promise<void> {
  const any = await withList(options, async (list) => {
    let shown = 0;
    for await (const entry of pages(list, options.limit)) {
      await write(process.stdout, options.json ? `${jsonText(entry)}\n` : `${row(entry)}\n`);
      shown++;
    }
    return shown > 0;
  });
  if (!any && !options.json) print("Nobody is suppressed.");
}

async function* pages(
  list: Awaited<ReturnType<typeof open>>,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<Suppression> {
  const { suppressionCursor } = await import("../local/store/suppressions.ts");
  let after: string | undefined;
  for (let left = limit; left > 0; ) {
    const page = await list.list({ limit: Math.min(1_000, left), ...(after !== undefined && { after }) });
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    after = suppressionCursor(last);
    left -= page.length;
  }
}

function row({ address, person, list, reason, since, until }: Suppression): string {
  return `${printable(address ?? person, 60).padEnd(40)}  ${list.padEnd(12)}  ${reason.padEnd(11)}  ${since.slice(0, 10)}${until === undefined ? "" : ` until ${until.slice(0, 10)}`}`;
}

async function exportAll(options: SuppressOptions): Promise<void> {
  const { createWriteStream } = await import("node:fs");
  const format = formatOf(options.format ?? "csv");
  const out = options.out === undefined ? process.stdout : createWriteStream(options.out, { mode: 0o600 });
  await withList(options, async (list) => {
    if (format === "csv") await write(out, "address,person,list,reason,since,until\n");
    for await (const { address, person, list: of, reason, since, until } of pages(list)) {
      const line =
        format === "csv"
          ? [address ?? "", person, of, reason, since, until ?? ""].map(csvCell).join(",")
          : jsonText({ ...(address !== undefined && { address }), person, list: of, reason, since, until });
      await write(out, `${line}\n`);
    }
  });
  if (out !== process.stdout) await new Promise<void>((resolve) => out.end(resolve));
}

function csvCell(text: string): string {
  return /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A reader that is slower than we are must not make us hold all of it. */
async function write(stream: NodeJS.WritableStream, text: string): Promise<void> {
  if (!stream.write(text)) await once(stream, "drain");
}

async function importFile(file: string, options: SuppressOptions): Promise<void> {
  const { importSuppressions } = await import("./import-suppressions.ts");
  const format = formatOf(options.format ?? (/\.(?:json|ndjson|jsonl)$/i.test(file) ? "json" : "csv"));
  const faults: string[] = [];
  const done = await withList(options, (list) =>
    importSuppressions(list, file, {
      format,
      restart: options.restart === true,
      onFault: (line, fault) => {
        if (faults.length < 20) faults.push(`line ${line}: ${fault}`);
      },
    }),
  );
  const { read, added, known, wrong, resumedAt } = done;
  if (options.json) print(JSON.stringify({ ...done, faults }));
  else {
    if (resumedAt > 0) print(`Went on behind row ${resumedAt}, where the import stopped before.`);
    print(`${read} rows: ${added} added, ${known} there already, ${wrong} wrong`);
    for (const fault of faults) process.stderr.write(`${printable(fault, 200)}\n`);
  }
  // Whoever stands in a wrong row goes on getting mail: that must not look like success.
  if (wrong > 0) process.exitCode = 1;
}

function formatOf(text: string): "csv" | "json" {
  if (text === "csv" || text === "json") return text;
  throw new SuppressUsageError(`--format is csv or json, not ${JSON.stringify(text)}`);
}
