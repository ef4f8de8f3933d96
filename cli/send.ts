import { type Command, Option } from "commander";
import { MailweirError } from "../shared/errors.ts";
import type { FolderOptions } from "./data-folder.ts";
import { ipAddress } from "./ip-address.ts";
import { jsonText } from "./json-text.ts";
import { printable } from "./printable.ts";

interface SendOptions extends FolderOptions {
  readonly to: readonly string[];
  readonly from?: string;
  readonly subject: string;
  readonly text: string;
  readonly smtp?: string;
  readonly helo: string;
  readonly json?: boolean;
  readonly tls?: boolean;
  readonly ip?: string;
}

export class NotSentError extends MailweirError {
  readonly code = "ERR_NOT_SENT";
  readonly retryable = true;
}

export function register(program: Command): void {
  program
    .command("send [file]")
    .description("send a mail to the engine over real SMTP: an .eml file, or a small one made here")
    .requiredOption(
      "--to <address>",
      "envelope recipient; may be given several times",
      (address: string, all: readonly string[] = []) => [...all, address],
    )
    .option(
      "--from <address>",
      'envelope sender; "" is the null sender (default: the file\'s author, or you@example.net)',
    )
    .option("--subject <text>", "without a file", "Hello from Mailweir")
    .option("--text <text>", "without a file", "This is a first mail.")
    .option("--smtp <host:port>", "another server than the running engine's")
    .option("--helo <name>", "how the client calls itself", "localhost")
    .option("--tls", "use STARTTLS, whatever the certificate")
    .addOption(
      new Option("--ip <address>", "let the engine take the mail for one from this client (over its HTTP API)")
        .argParser(ipAddress)
        .conflicts(["smtp", "tls"]),
    )
    .option("--json", "one JSON object; the shape is in docs/cli.md")
    .option("--data <folder>", "the engine's data folder (default: local.data)")
    .option("--config <file>", "configuration file that names the data folder")
    .addHelpText(
      "after",
      `
Examples:
  mailweir send --to support@example.com --subject "Broken door" --text "It does not open."
  mailweir send bounce.eml --to unsubscribe@example.com --from ""
  mailweir send order.eml --to ann@example.com --to bob@example.com
  mailweir send order.eml --to ann@example.com --ip 203.0.113.9 --helo mx.example.org

A file is sent as it is; line ends become CRLF, as SMTP asks. A refusal is told with the reason that the engine noted.
Exit status 1 when any recipient was refused.`,
    )
    .action(async (file: string | undefined, options: SendOptions) => {
      const { send } = await import("./send-mail.ts");
      const raw = file === undefined ? undefined : await readMail(file);
      const result = await send({ ...options, raw });
      const accepted = result.sesMessageId !== undefined || /^2\d\d/.test(result.reply);
      if (options.json) {
        const { sesMessageId = null, reply, refused, console: page = null } = result;
        process.stdout.write(`${jsonText({ accepted, sesMessageId, reply, refused, console: page })}\n`);
        if (!accepted || refused.length > 0) process.exitCode = 1;
        return;
      }
      for (const { recipient, reply, reason } of result.refused) {
        const why = reason === undefined ? "" : ` (${printable(reason, 200)})`;
        process.stderr.write(`refused ${printable(recipient, 100)}: ${printable(reply, 200)}${why}\n`);
      }
      // Another server's reply holds no SES id.
      if (!accepted) {
        throw new NotSentError(`Not accepted: ${printable(result.reply, 300)}`);
      }
      if (result.sesMessageId === undefined) process.stdout.write(`accepted: ${printable(result.reply, 300)}\n`);
      else process.stdout.write(`accepted: ${result.sesMessageId}\n`);
      if (result.console !== undefined)
        process.stdout.write(`see what became of it, and why:  ${pageOf(result)}  or  npx mailweir list\n`);
      if (result.refused.length > 0) process.exitCode = 1;
    });
}

/** The mail's own page; where no id was given there is only the list. */
function pageOf({ console: page = "", sesMessageId }: { readonly console?: string; readonly sesMessageId?: string }) {
  return sesMessageId === undefined ? page : `${page}/#/message/${sesMessageId}`;
}

async function readMail(file: string): Promise<Uint8Array> {
  const { readFile } = await import("node:fs/promises");
  try {
    return await readFile(file);
  } catch (error) {
    throw new NotSentError(`Cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
