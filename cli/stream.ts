import type { Command } from "commander";
import type { NewStreamResult } from "./new-stream.ts";

interface NewStreamOptions {
  readonly recipient?: readonly string[];
  readonly webhook?: string;
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
  mailweir stream new invoices --webhook https://shop.example.com/mail

docs/your-own-stream.md goes from nothing to mail that your own code works on.`,
    );
  stream
    .command("new")
    .description("write a stream into the configuration, with a worker or a webhook, and its test")
    .argument("<name>", "lower-case letters, digits and hyphens")
    .option(
      "--recipient <address...>",
      "whose mail it takes: an address, a domain, .domain (default: <name>@ the first domain)",
    )
    .option("--webhook <url>", "no code here: each mail is a signed POST to this address")
    .option("--config <file>", "configuration file", "mailweir.config.ts")
    .option("--json", "one JSON object; the shape is in docs/cli.md")
    .addHelpText(
      "after",
      `
Examples:
  mailweir stream new invoices
  mailweir stream new invoices --recipient invoices@example.com billing@example.com --json
  mailweir stream new invoices --webhook http://127.0.0.1:3000/mail

Writes streams/<name>.ts and its test, and adds two lines to the configuration; with --webhook only the test and the stream. A configuration that is written in an unusual
way is left as it is, and the lines to add are shown. Nothing is overwritten.`,
    )
    .action(async (name: string, options: NewStreamOptions) => {
      const { newStream } = await import("./new-stream.ts");
      const { recipient = [], webhook, config } = options;
      const result = await newStream({
        ...{ name, recipients: recipient, configFile: config },
        ...(webhook !== undefined && { webhook }),
      });
      process.stdout.write(options.json ? `${JSON.stringify(result)}\n` : forPeople(result));
    });
}

function forPeople({ name, recipients, config, worker, webhook, test, runTest, toAdd }: NewStreamResult): string {
  const [recipient = ""] = recipients;
  // The same secret belongs to whoever answers at the address.
  const secret = webhook ? `  export ${webhook.secretEnv}="whsec_$(openssl rand -base64 24)"\n` : "";
  const next = `Next:
  ${runTest}
${secret}  npx mailweir start    # an engine that runs already: stop it (Ctrl-C) and start it again
  npx mailweir send --to ${recipient}

Configuration and workers are read when the engine starts: after each change, start it again.
`;
  const written = [worker, test].flatMap((file) => (file === undefined ? [] : [`  wrote   ${file}\n`])).join("");
  const told = webhook ? `, and tells ${webhook.url} of each` : "";
  if (toAdd === null) {
    return `Stream "${name}" takes mail to ${recipients.join(", ")}${told}\n\n  changed ${config}\n${written}\n${next}`;
  }
  return `${written}
${config} was left as it is, because ${toAdd.why}. Add to it:
${toAdd.import === undefined ? "" : `\n  ${toAdd.import}\n\nand to its streams:\n`}
  ${toAdd.stream.replaceAll("\n", "\n  ")},

${next}`;
}
