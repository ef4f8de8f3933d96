import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { isIP } from "node:net";
import { hostname } from "node:os";
import type { Command } from "commander";
import { type AuthenticationFinding, authenticate } from "../local/authenticate/authenticate.ts";
import { type Resolver, systemResolver, zoneResolver } from "../local/authenticate/resolver.ts";
import { loadZone } from "../local/authenticate/zone.ts";
import { MailweirError } from "../shared/errors.ts";
import { verdictsFrom } from "../shared/receipt/authentication.ts";
import { jsonText } from "./json-text.ts";

interface AuthenticateCliOptions {
  readonly ip?: string;
  readonly helo?: string;
  readonly mailFrom?: string;
  readonly zone?: string;
  readonly server?: readonly string[];
  readonly at?: string;
  readonly json?: boolean;
}

/** Describes `mailweir authenticate`: exit status 0 whenever an answer was reached, whatever it is. */
export function register(program: Command): void {
  program
    .command("authenticate")
    .description("check SPF, DKIM, DMARC and ARC of a message, as the engine does after acceptance")
    .argument("[message]", 'message file, "-" for standard input; without one, SPF alone')
    .option("--ip <address>", "the client's address, IPv4 or IPv6")
    .option("--helo <name>", "what the client said in HELO")
    .option("--mail-from <address>", 'MAIL FROM without brackets; "" is the null sender, checked by its HELO name')
    .option("--zone <file>", "answer DNS questions from this file (JSON or BIND) instead of the network")
    .option("--server <address...>", "name servers to ask, with port if not 53; default: the system's")
    .option("--at <time>", "judge signatures as at this time (ISO 8601): an old mail's may have expired since")
    .option("--json", "one line of JSON")
    .addHelpText(
      "after",
      `
JSON: {"spf":{"result","domain"},"dkim":[{"result","domain","selector","aligned"}],"dmarc":{"result","policy","domain"},
       "arc":{"result"},"verdicts":{"spf","dkim","dmarc"}}; "reason" and "explanation" where there is one;
       without a message only "spf" and "verdicts". A zone in JSON: { "example.com": { "TXT": ["v=spf1 -all"],
       "MX": [{"priority":10,"exchange":"mx.example.com"}] } }; "TIMEOUT", "SERVFAIL" or "NXDOMAIN" may stand for a name
       or a type.

Example:
  mailweir authenticate message.eml --ip 192.0.2.10 --helo mx.example.org --mail-from ann@example.org --json`,
    )
    .action(async (message: string | undefined, options: AuthenticateCliOptions) => {
      const finding = await check(message, options);
      process.stdout.write(options.json ? `${jsonText(shown(finding, message))}\n` : told(finding, message));
    });
}

/** An option or a file that cannot be used. */
class AuthenticateInputError extends MailweirError {
  readonly code = "ERR_AUTHENTICATE_INPUT";
  readonly retryable = false;
}

async function check(message: string | undefined, options: AuthenticateCliOptions): Promise<AuthenticationFinding> {
  const { ip = "", helo = "" } = options;
  // As SMTP writes it, "<ann@example.org>" or "<>": nobody means the brackets.
  const mailFrom = (options.mailFrom ?? "").replace(/^<(.*)>$/, "$1");
  const now = options.at === undefined ? new Date() : new Date(options.at);
  if (ip === "" && message === undefined) throw new AuthenticateInputError("SPF needs the client's address: add --ip");
  if (ip !== "" && isIP(ip) === 0) throw new AuthenticateInputError(`--ip ${ip} is no IPv4 or IPv6 address`);
  if (Number.isNaN(now.getTime())) {
    throw new AuthenticateInputError(`--at ${options.at} is no time: write for example 2026-08-04T09:15:00Z`);
  }
  const raw = message === undefined ? undefined : await open(message);
  return authenticate(raw, { ip, helo, mailFrom, authserv: hostname() }, resolverOf(options), { now });
}

function resolverOf({ zone, server }: AuthenticateCliOptions): Resolver {
  if (zone !== undefined) return zoneResolver(loadZone(zone));
  try {
    return systemResolver(server === undefined ? {} : { servers: server });
  } catch (error) {
    if (error instanceof TypeError) throw new AuthenticateInputError(`--server: ${error.message}`, { cause: error });
    throw error;
  }
}

async function open(path: string): Promise<AsyncIterable<Uint8Array>> {
  if (path === "-") return process.stdin;
  try {
    if ((await stat(path)).isFile()) return createReadStream(path);
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new AuthenticateInputError(`The message "${path}" cannot be read (${cause}): check the path`, {
      cause: error,
    });
  }
  throw new AuthenticateInputError(`The message "${path}" is no file: name one message, or "-" for standard input`);
}

function shown(finding: AuthenticationFinding, message: string | undefined) {
  const { spf, dkim, dmarc, arc } = finding;
  const verdicts = verdictsFrom(finding, undefined, undefined);
  if (message === undefined) return { spf, verdicts: { spf: verdicts.spf } };
  return {
    spf,
    dkim,
    dmarc: { result: dmarc.result, policy: dmarc.policy ?? null, domain: dmarc.domain },
    arc,
    verdicts: { spf: verdicts.spf, dkim: verdicts.dkim, dmarc: verdicts.dmarc },
  };
}

function told(finding: AuthenticationFinding, message: string | undefined): string {
  const { spf, dkim, dmarc, arc } = finding;
  const verdicts = verdictsFrom(finding, undefined, undefined);
  const lines = [line("spf", spf.result, spf.domain, spf.explanation ?? spf.reason, verdicts.spf)];
  if (message !== undefined) {
    for (const { result, domain, selector, reason, aligned } of dkim) {
      const name = [domain, selector && `selector ${selector}`, aligned ? "aligned" : "not aligned"].filter(Boolean);
      lines.push(line("dkim", result, name.join(", "), reason));
    }
    lines.push(
      line("dkim", dkim.length === 0 ? "not signed" : "altogether", "", undefined, verdicts.dkim),
      line("dmarc", dmarc.result, dmarc.domain, dmarc.policy && `policy ${dmarc.policy}`, verdicts.dmarc),
      line("arc", arc?.result ?? "none", "", undefined),
    );
  }
  return `${lines.join("\n")}\n`;
}

function line(method: string, result: string, name: string, note: string | undefined, verdict?: string): string {
  const parts = [method.padEnd(6), result.padEnd(10), verdict && `verdict ${verdict}`, name, note && `(${note})`];
  return parts.filter(Boolean).join(" ").trimEnd();
}
