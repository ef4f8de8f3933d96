import type { Command } from "commander";
import { ipAddress } from "./ip-address.ts";
import { jsonText } from "./json-text.ts";

interface ExplainOptions {
  readonly to: readonly string[];
  readonly from: string;
  readonly ip: string;
  readonly helo: string;
  readonly tls?: boolean;
  readonly dns?: boolean;
  readonly config: string;
  readonly data?: string;
  readonly configured?: boolean;
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
    .option("--ip <address>", "address of the client", ipAddress, "192.0.2.1")
    .option("--helo <name>", "how the client calls itself", "mx.example.net")
    .option("--tls", "the client uses STARTTLS")
    .option(
      "--dns",
      "ask name servers too (default: only a zone file of local.dns, so that nothing leaves the machine)",
    )
    .option("--config <file>", "configuration file", "mailweir.config.ts")
    .option("--data <folder>", "data folder of the engine whose active rule set counts (default: local.data)")
    .option("--configured", "go by the configuration's rules, whatever set is active in the data folder")
    .option("--json", "one JSON object")
    .addHelpText(
      "after",
      `
Examples:
  mailweir explain --to support@example.com
  mailweir explain --to ann@example.com --to nobody@example.net --ip 203.0.113.9 order.eml

Shown are: whether the client may send at all, the SMTP reply to each recipient, every rule with why it matches or not, what
its actions do, what the gate answers, and the stream of each recipient with the reasons. With a message it is authenticated
(by a zone file of local.dns, or with --dns), scanned and judged; without, an ordinary mail is assumed. A synchronous
function of your own is assumed to answer CONTINUE.

The rules are those that are active: a set that the SES API made and activated is found in the data folder, with the engine
running or not, and so are IP filters and domains from there.`,
    )
    .action(async (message: string | undefined, options: ExplainOptions) => {
      const { explain } = await import("./explain-mail.ts");
      const explanation = await explain({ ...options, tls: options.tls === true, dns: options.dns === true, message });
      const { describe } = await import("./describe-explanation.ts");
      process.stdout.write(options.json ? `${jsonText(explanation)}\n` : describe(explanation));
    });
}
