import type { Command } from "commander";
import type { NewStreamResult } from "./new-stream.ts";

interface NewStreamOptions {
  readonly recipient?: readonly string[];
  readonly config: string;
  readonly json?: boolean;
}

export function register(program: Command): void {
  const stream = program
    .command("stream")
    .description("streams of your own")
    .addHelpText(
      "after",
      `
Examples:
  mailweir stream new invoices
  mailweir stream new orders --recipient orders@example.com shop@example.com

docs/your-own-stream.md goes from nothing to mail that your own code works on.`,
    );
  stream
    .command("new")
    .description("write a stream into the configuration, with a worker and its test")
    .argument("<name>", "lower-case letters, digits and hyphens")
    .option(
      "--recipient <address...>",
      "whose mail it takes: an address, a domain, .domain (default: <name>@ the first domain)",
    )
    .option("--config <file>", "configuration file", "mailweir.config.ts")
    .option("--json", "one JSON object; the shape is in docs/cli.md")
    .addHelpText(
      "after",
      `
Examples:
  mailweir stream new invoices
  mailweir stream new invoices --recipient invoices@example.com billing@example.com --json

Writes streams/<name>.ts and its test, and adds two lines to the configuration. A configuration that is written in an unusual
way is left as it is, and the lines to add are shown. Nothing is overwritten.`,
    )
    .action(async (name: string, options: NewStreamOptions) => {
      const { newStream } = await import("./new-stream.ts");
      const result = await newStream({ name, recipients: options.recipient ?? [], configFile: options.config });
      process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : forPeople(result));
    });
}

function forPeople({ name, recipients, config, worker, test, runTest, toAdd }: NewStreamResult): string {
  const [recipient = ""] = recipients;
  const next = `Next:
  ${runTest}
  npx mailweir start
  npx mailweir send --to ${recipient}
`;
  const written = `  wrote   ${worker}\n  wrote   ${test}\n`;
  if (toAdd === null)
    return `Stream "${name}" takes mail to ${recipients.join(", ")}\n\n  changed ${config}\n${written}\n${next}`;
  return `${written}
${config} was left as it is, because ${toAdd.why}. Add to it:

  ${toAdd.import}

and to its streams:

  ${toAdd.stream},

${next}`;
}
