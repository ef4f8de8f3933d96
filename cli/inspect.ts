import type { Command } from "commander";
import { jsonText } from "./json-text.ts";
import type { Understanding, UnderstandOptions } from "./understand-mail.ts";

interface InspectOptions {
  readonly json?: boolean;
  readonly recipient?: readonly string[];
  readonly config?: string;
  readonly ses?: boolean;
}

export function register(program: Command): void {
  program
    .command("inspect")
    .description("show what mails are: nature, safety, reply text, bounce and complaint details")
    .argument("<path...>", "mail files, folders (every .eml and .raw below), mbox files, or - for standard input")
    .option("--json", "one JSON object a line (the default when the output is no terminal)")
    .option("--no-json", "the table for people")
    .option("--recipient <address...>", "envelope recipients: shows which streams the mail would go to")
    .option("--config <file>", "configuration with the streams", "mailweir.config.ts")
    .option("--ses", "the files were stored by SES: believe the verdicts in their topmost headers")
    .addHelpText(
      "after",
      `
Examples:
  mailweir inspect mail.eml
  mailweir inspect mails/ --json | jq -r .nature.kind | sort | uniq -c
  mailweir inspect --recipient help@example.com - < mail.eml

The exit status is 0 when everything could be read. The JSON line is described in docs/understanding.md.`,
    )
    .action(inspect);
}

async function inspect(paths: readonly string[], options: InspectOptions): Promise<void> {
  const { mailSources } = await import("./mail-sources.ts");
  const { describeMail, understandMail } = await import("./understand-mail.ts");
  const { progressBar } = await import("./progress-bar.ts");
  const understand: UnderstandOptions = {
    recipients: options.recipient ?? [],
    fromSes: options.ses === true,
    ...(options.recipient && { config: await readConfig(options.config ?? "mailweir.config.ts") }),
  };
  const json = options.json ?? !process.stdout.isTTY;
  const progress = progressBar();
  let skipped = 0;
  for (const argument of paths) {
    for await (const source of mailSources(argument, () => skipped++)) {
      progress.step(source.path);
      let found: Understanding;
      try {
        found = await understandMail(source.open(), understand);
      } catch (error) {
        // Reading fails with the name of the call that did; anything else is our own mistake.
        if (!(error instanceof Error && "syscall" in error)) throw error;
        progress.note(`mailweir: ${source.path}: ${error.message}`);
        process.exitCode = 1;
        continue;
      }
      const line = describeMail(source.path, source.index, found, understand);
      progress.clear();
      await write(json ? `${jsonText(line)}\n` : table(line, found));
    }
  }
  progress.end();
  if (skipped > 0) process.stderr.write(`mailweir: ${skipped} files skipped that are neither .eml nor .raw\n`);
}

async function readConfig(file: string) {
  const { loadConfig } = await import("../shared/config/load-config.ts");
  return loadConfig(file);
}

/** Waits for a slow reader: a folder of mails is more than a pipe holds. */
function write(text: string): Promise<void> {
  return new Promise((resolve) => process.stdout.write(text, () => resolve()));
}

type Line = ReturnType<typeof import("./understand-mail.ts").describeMail>;

function table(line: Line, { judgement }: Understanding): string {
  const { message, nature } = line;
  const rows: [string, string][] = [
    ["from", message.author ? `${message.author.name} <${message.author.address}>`.trim() : "nobody"],
    ["subject", message.subject ?? ""],
    ["nature", `${nature.kind} (${Math.round(nature.confidence * 100)} %)`],
    ...nature.evidence.map((evidence): [string, string] => ["", `because ${evidence}`]),
    ["safety", [judgement.safety.kind, ...judgement.safety.reasons].join("; ")],
  ];
  if (line.trust) rows.push(["trust", line.trust]);
  for (const { recipient, stream, reasons } of line.streams) {
    if (recipient) rows.push(["stream", `${recipient} → ${stream ?? "none"} (${reasons.at(-1) ?? ""})`]);
  }
  for (const failed of line.dsn?.recipients ?? []) {
    rows.push(["bounced", `${failed.address}  ${failed.kind}  ${failed.status ?? "-"}  ${failed.reason}`]);
  }
  if (line.complaint)
    rows.push(["complaint", `${line.complaint.feedbackType} about ${line.complaint.originalRecipient ?? "?"}`]);
  for (const file of message.attachments)
    rows.push(["file", `${file.fileName}  ${file.contentType}  ${file.sizeBytes} octets`]);
  for (const { code, detail } of message.defects) rows.push(["defect", `${code}: ${detail}`]);
  for (const text of line.reply.text.split("\n").slice(0, 8)) rows.push(["reply", text]);
  const title = line.index === undefined ? line.path : `${line.path} #${line.index}`;
  let last = "";
  const body = rows.map(([name, value]) => {
    const label = name === last ? "" : name;
    last = name || last;
    return `  ${label.padEnd(10)}${printable(value)}\n`;
  });
  return `${printable(title)}\n${body.join("")}\n`;
}

/** A mail must not move the cursor or colour the terminal. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, " ").slice(0, 160);
}
