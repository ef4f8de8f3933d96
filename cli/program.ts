import { readFileSync } from "node:fs";
import { findPackageJSON } from "node:module";
import { Command } from "commander";

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
  refusals: () => import("./refusals.ts"),
  show: () => import("./show.ts"),
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
  forget: () => import("./forget.ts"),
  hold: () => import("./hold.ts"),
  backup: () => import("./backup.ts"),
  restore: () => import("./restore.ts"),
  key: () => import("./key.ts"),
  stream: () => import("./stream.ts"),
  authenticate: () => import("./authenticate.ts"),
  decrypt: () => import("./decrypt.ts"),
  deploy: () => import("./deploy.ts"),
  destroy: () => import("./destroy.ts"),
  dns: () => import("./dns.ts"),
  replay: () => import("./replay.ts"),
  redrive: () => import("./redrive.ts"),
  cost: () => import("./cost.ts"),
  completion: () => import("./completion.ts"),
};

/**
 * The command line, as commander parses it.
 *
 * @param only - a command's name: no other module is loaded. Anything else: all of them
 */
export async function createProgram(only?: string): Promise<Command> {
  const program = new Command("mailweir")
    .description("Inbound mail for people who build on Amazon SES, on AWS or on this machine.")
    .version(version(), "--version", "print the version")
    .exitOverride()
    .showHelpAfterError("(add --help for what is possible)")
    .helpCommand("help [command]", "show what a command does");
  const named = commands[only ?? ""];
  const modules = named ? [await named()] : await Promise.all(Object.values(commands).map((load) => load()));
  for (const module of modules) module.register(program);
  return program;
}

function version(): string {
  const file = findPackageJSON("..", import.meta.url);
  const { version = "unknown" } = JSON.parse(file === undefined ? "{}" : readFileSync(file, "utf8")) as {
    readonly version?: string;
  };
  return version;
}
