import type { Command } from "commander";

interface ExplainOptions {
  readonly to: readonly string[];
  readonly from: string;
  readonly ip: string;
  readonly helo: string;
  readonly tls?: boolean;
  readonly config: string;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command("explain [message]")
    .description(
      "predict the whole path of a mail, offline: who would be refused, which rules run and why, which stream",
    )
    .requiredOption(
      "--to <address>",
      "envelope recipient; may be given several times",
      (address: string, all: readonly string[] = []) => [...all, address],
    )
    .option("--from <address>", 'envelope sender; "" is the null sender', "you@example.net")
    .option("--ip <address>", "address of the client", "192.0.2.1")
    .option("--helo <name>", "how the client calls itself", "mx.example.net")
    .option("--tls", "the client uses STARTTLS")
    .option("--config <file>", "configuration file", "mailweir.config.ts")
    .option("--json", "one JSON object")
    .addHelpText(
      "after",
      `
Examples:
  mailweir explain --to support@example.com
  mailweir explain --to ann@example.com --to nobody@example.net --ip 203.0.113.9 order.eml

With a message it is authenticated where the configuration names a zone or name servers, judged, and given a stream.
A synchronous function is assumed to answer CONTINUE.`,
    )
    .action(async (message: string | undefined, options: ExplainOptions) => {
      const { explain } = await import("./explain-mail.ts");
      const explanation = await explain({ ...options, tls: options.tls === true, message });
      const { describe } = await import("./describe-explanation.ts");
      process.stdout.write(options.json ? `${JSON.stringify(explanation)}\n` : describe(explanation));
    });
}
