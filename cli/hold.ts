import { userInfo } from "node:os";
import type { Command } from "commander";
import type { FolderOptions } from "./data-folder.ts";
import { printable } from "./printable.ts";

interface HoldOptions extends FolderOptions {
  readonly json?: boolean;
  readonly reason?: string;
  readonly by?: string;
}

export function register(program: Command): void {
  const hold = program
    .command("hold")
    .description("legal holds: addresses and messages that must not be deleted")
    .addHelpText(
      "after",
      `
Examples:
  mailweir hold add ann@sender.example --reason "case 4711"
  mailweir hold list
  mailweir hold release ann@sender.example

Needs a running engine.`,
    );
  const command = (name: string, description: string, example: string) =>
    hold
      .command(name)
      .description(description)
      .option("--data <folder>", "the engine's data folder (default: local.data)")
      .option("--config <file>", "configuration file that names the data folder")
      .option("--json", "JSON; the shape is in docs/cli.md")
      .addHelpText("after", `\nExample:\n  mailweir hold ${example}`);
  command(
    "add <address-or-id>",
    "keep all mail that names the address, or one message by its SES id",
    'add ann@sender.example --reason "case 4711"',
  )
    .requiredOption("--reason <text>", "why; whoever is refused reads it")
    .option("--by <name>", "who says so (default: your login name)")
    .action(add);
  command("list", "all holds", "list --json").action(list);
  command("release <address-or-id>", "end a hold", "release ann@sender.example").action(release);
  for (const sub of hold.commands) sub.exitOverride().showHelpAfterError("(add --help for what is possible)");
}

const print = (text: string) => process.stdout.write(`${text}\n`);

async function call(options: HoldOptions, method: string, path: string, body?: object): Promise<unknown> {
  const { callEngine } = await import("./call-engine.ts");
  const { dataFolderOf } = await import("./data-folder.ts");
  return callEngine(await dataFolderOf(options), method, `/api/holds${path}`, body);
}

async function add(subject: string, options: HoldOptions): Promise<void> {
  const by = options.by ?? userInfo().username;
  const answer = await call(options, "POST", "", { subject, reason: options.reason, by });
  print(options.json ? JSON.stringify(answer) : `${printable(subject, 100)} is held.`);
}

async function list(options: HoldOptions): Promise<void> {
  const answer = (await call(options, "GET", "")) as {
    readonly holds: readonly {
      readonly subject: string;
      readonly reason: string;
      readonly by: string;
      readonly at: string;
    }[];
  };
  if (options.json) return void print(JSON.stringify(answer));
  for (const { subject, reason, by, at } of answer.holds) {
    print(`${printable(subject, 60).padEnd(40)}  ${at.slice(0, 10)}  ${printable(by, 30)}  ${printable(reason, 100)}`);
  }
  if (answer.holds.length === 0) print("Nothing is held.");
}

async function release(subject: string, options: HoldOptions): Promise<void> {
  const answer = (await call(options, "POST", "/release", { subject })) as { readonly released: boolean };
  print(
    options.json
      ? JSON.stringify(answer)
      : `${printable(subject, 100)} ${answer.released ? "is held no more." : "was not held."}`,
  );
}
