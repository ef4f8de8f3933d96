import { Command, CommanderError } from "commander";
import { MailweirError } from "../shared/errors.ts";

/** A command module: `register` describes the command, and its action imports what is heavy. */
interface CommandModule {
  register(program: Command): void;
}

// In the order in which help lists them. Only the named command's module is loaded.
const commands: Readonly<Record<string, () => Promise<CommandModule>>> = {
  start: () => import("./start.ts"),
  send: () => import("./send.ts"),
  play: () => import("./play.ts"),
  list: () => import("./list.ts"),
  status: () => import("./status.ts"),
  raw: () => import("./raw.ts"),
  explain: () => import("./explain.ts"),
  check: () => import("./check.ts"),
  import: () => import("./import.ts"),
  inspect: () => import("./inspect.ts"),
  score: () => import("./score.ts"),
  quarantine: () => import("./quarantine.ts"),
  outbox: () => import("./outbox.ts"),
  ticket: () => import("./ticket.ts"),
  suppress: () => import("./suppress.ts"),
  stream: () => import("./stream.ts"),
  authenticate: () => import("./authenticate.ts"),
  decrypt: () => import("./decrypt.ts"),
  deploy: () => import("./deploy.ts"),
  destroy: () => import("./destroy.ts"),
  dns: () => import("./dns.ts"),
  replay: () => import("./replay.ts"),
  redrive: () => import("./redrive.ts"),
  cost: () => import("./cost.ts"),
};

/** Exit status when the command line itself cannot be understood. */
const usageError = 2;

/**
 * Runs the command line; sets the exit status: 0 done, 1 the command failed (its reason is on stderr), 2 wrong usage.
 *
 * @param argv - as `process.argv`
 */
export async function main(argv: readonly string[]): Promise<void> {
  // A reader that went away (`… | head`) is no error of ours.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  const program = new Command("mailweir")
    .description("Inbound mail for people who build on Amazon SES, on AWS or on this machine.")
    .exitOverride()
    .showHelpAfterError("(add --help for what is possible)")
    .helpCommand("help [command]", "show what a command does");
  try {
    const named = commands[argv[2] ?? ""];
    const modules = named ? [await named()] : await Promise.all(Object.values(commands).map((load) => load()));
    for (const module of modules) module.register(program);
    for (const command of program.commands)
      command.exitOverride().showHelpAfterError("(add --help for what is possible)");
    await program.parseAsync(argv);
  } catch (error) {
    process.exitCode = report(error);
  }
}

/** Says what went wrong on stderr, with the remedy and without a stack; answers the exit status. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageError;
  if (error instanceof MailweirError) {
    process.stderr.write(`mailweir: ${error.message}\n`);
    return 1;
  }
  const text = error instanceof Error ? error.message : String(error);
  process.stderr.write(`mailweir: unexpected: ${text}\nSet MAILWEIR_DEBUG=1 to see where, and please report it.\n`);
  if (process.env["MAILWEIR_DEBUG"] && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return 1;
}
