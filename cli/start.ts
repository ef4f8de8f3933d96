import { relative } from "node:path";
import { type Command, Option } from "commander";
import type { CloudTarget } from "../local/cloud/cloud-target.ts";
import { MailweirError } from "../shared/errors.ts";

interface StartOptions {
  readonly config: string;
  readonly smtp?: string;
  readonly http?: string;
  readonly data?: string;
  readonly cloud?: string;
  readonly stage?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

const sameSignalMs = 500;

export function register(program: Command): void {
  program
    .command("start")
    .description("run the engine: receive mail over SMTP, apply the receipt rules, do the work, show it in a console")
    .option("--config <file>", "configuration file", "mailweir.config.ts")
    .option("--smtp <host:port>", "where to receive mail; port 0 takes any free one (default: local.smtp)")
    .option("--http <host:port>", "where console and API listen (default: local.http)")
    .option("--data <folder>", "folder of database, mail and log (default: local.data)")
    .option(
      "--cloud <endpoint>",
      "play SES in front of an AWS-compatible endpoint (aws: AWS itself): objects, notices and functions are there",
    )
    .option("--stage <name>", "with --cloud: the stage that is deployed there")
    .option("--yes", "with --cloud: do not ask, for scripts where account and region are known")
    .addOption(new Option("--json", "print one JSON event a line on stdout, for scripts"))
    .addHelpText(
      "after",
      `
Examples:
  mailweir start
  mailweir start --smtp 127.0.0.1:0 --http 127.0.0.1:0 --data /var/lib/mail --json
  mailweir start --cloud http://127.0.0.1:4566 --stage test

With --json the first line is {"event":"ready","smtp":"host:port","http":"http://host:port","data":"…"} (with --cloud
also account, region and endpoint); logs go to stderr and
to engine.log in the data folder. Ctrl-C stops cleanly: what is under way is finished, or kept and resumed at the next start.`,
    )
    .action(async (options: StartOptions) => {
      const cloud = await cloudOf(options);
      const { startEngine } = await import("../local/engine.ts");
      const engine = await startEngine({
        ...(cloud && { cloud }),
        configPath: options.config,
        ...(options.smtp !== undefined && { smtp: options.smtp }),
        ...(options.http !== undefined && { http: options.http }),
        ...(options.data !== undefined && { data: options.data }),
        stderr: options.json ? "all" : "problems",
      });
      const stop = async () => {
        if (options.json) event({ event: "stopping" });
        else
          process.stderr.write(
            "\nStopping: finishing what is under way (Ctrl-C again to leave it for the next start)\n",
          );
        await engine.stop();
        if (options.json) event({ event: "stopped" });
      };
      let stoppingSince: number | undefined;
      const onSignal = () => {
        if (stoppingSince === undefined) {
          stoppingSince = performance.now();
          void stop();
          return;
        }
        // One Ctrl-C may come twice: from the terminal, and from npm or an older Node that got it too and passes it on.
        // A later one means it: what is under way is resumed at the next start.
        if (performance.now() - stoppingSince > sameSignalMs) process.exit(130);
      };
      // Not `once`: between two listeners the next signal would end the process at once.
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, onSignal);
      // Only now: whoever reads that it is ready may stop it in the same moment.
      const { smtp, http, data } = engine;
      const account = cloud && {
        account: cloud.accountId,
        region: engine.config.region,
        endpoint: options.cloud ?? "",
      };
      if (options.json) event({ event: "ready", smtp, http, data, ...account });
      else greet(engine, options);
      await engine.stopped;
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, onSignal);
    });
}

/**
 * Which account the endpoint is of. Ambient credentials alone decide nothing: account and region are shown, and asked
 * about unless the endpoint is this machine.
 */
async function cloudOf({ cloud, stage, yes, config }: StartOptions): Promise<CloudTarget | undefined> {
  if (cloud === undefined) return undefined;
  if (stage === undefined) throw new CloudStageError();
  const { loadConfig } = await import("../shared/config/load-config.ts");
  const { openSession } = await import("../infra/deploy/session.ts");
  const { region } = await loadConfig(config, { stage });
  const endpoint = cloud === "aws" ? undefined : cloud;
  const session = await openSession({ region, ...(endpoint !== undefined && { endpoint }) });
  const { accountId, loopback, clientConfig } = session;
  session.close();
  process.stderr.write(`Stage ${stage}: account ${accountId}, region ${region}, at ${endpoint ?? "AWS"}\n`);
  if (!loopback && !yes) {
    const { confirm } = await import("./confirm.ts");
    await confirm(`Write mail into account ${accountId} in ${region}?`, stage);
  }
  const { credentials } = clientConfig;
  return { stage, accountId, ...(endpoint !== undefined && { endpoint }), ...(credentials && { credentials }) };
}

class CloudStageError extends MailweirError {
  readonly code = "ERR_CLOUD_STAGE";
  readonly retryable = false;
  constructor() {
    super(
      "--cloud needs the stage that is deployed there, for example --stage test: it names the bucket and the functions",
    );
  }
}

function event(fields: Readonly<Record<string, string>>): void {
  process.stdout.write(`${JSON.stringify(fields)}\n`);
}

function greet(
  engine: {
    readonly smtp: string;
    readonly http: string;
    readonly https?: string;
    readonly data: string;
    readonly domains: readonly string[];
    readonly notes: readonly string[];
  },
  options: StartOptions,
): void {
  const near = relative(process.cwd(), engine.data) || ".";
  const folder = near.startsWith("..") ? engine.data : near;
  const data = options.data === undefined ? "" : ` --data ${quoted(options.data)}`;
  const config = options.config === "mailweir.config.ts" ? "" : ` --config ${quoted(options.config)}`;
  process.stdout.write(`
Mailweir receives mail for ${engine.domains.join(", ")}

  SMTP      ${engine.smtp}
  Console   ${engine.http}${engine.https === undefined ? "" : `, for others https on ${engine.https}`}
  Data      ${folder}
${engine.notes.map((note) => `  Note      ${note}\n`).join("")}
Send a first mail:

  npx mailweir send --to support@${engine.domains[0] ?? "example.com"}${data}${config}

Ctrl-C stops.
`);
}

function quoted(text: string): string {
  return /^[\w./:-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
