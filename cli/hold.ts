import { userInfo } from "node:os";
import type { Command } from "commander";
import type { FolderOptions } from "./data-folder.ts";
import { jsonText } from "./json-text.ts";
import { printable } from "./printable.ts";
import type { RetentionAccess } from "./retention-access.ts";

interface HoldOptions extends FolderOptions {
  readonly json?: boolean;
  readonly reason?: string;
  readonly by?: string;
  readonly stage?: string;
  readonly endpointUrl?: string;
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

Works in the engine when one runs on the folder, and in the folder itself when none does.`,
    );
  const command = (name: string, description: string, example: string) =>
    hold
      .command(name)
      .description(description)
      .option("--data <folder>", "the engine's data folder (default: local.data)")
      .option("--config <file>", "configuration file that names the data folder")
      .option("--stage <name>", "on AWS (default: the engine's data folder on this machine)")
      .option("--endpoint-url <url>", "with --stage: an emulator of AWS")
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

type Holds = Pick<RetentionAccess, "holds" | "hold" | "release">;

async function withHolds<T>(options: HoldOptions, act: (access: Holds) => Promise<T>): Promise<T> {
  const { stage } = options;
  if (stage !== undefined) {
    const { openStageRetention } = await import("./stage/stage-retention.ts");
    const access = await openStageRetention({ ...options, stage });
    try {
      return await act(access);
    } finally {
      await access.close();
    }
  }
  const { openRetention } = await import("./retention-access.ts");
  const access = await openRetention(options);
  try {
    return await act(access);
  } finally {
    await access.close();
  }
}

async function add(subject: string, options: HoldOptions): Promise<void> {
  const by = options.by ?? userInfo().username;
  await withHolds(options, (access) => access.hold({ subject, reason: options.reason ?? "", by }));
  print(options.json ? JSON.stringify({ held: true }) : `${printable(subject, 100)} is held.`);
}

async function list(options: HoldOptions): Promise<void> {
  const holds = await withHolds(options, (access) => access.holds());
  if (options.json) return void print(jsonText({ holds }));
  for (const { subject, reason, by, at } of holds) {
    print(`${printable(subject, 60).padEnd(40)}  ${at.slice(0, 10)}  ${printable(by, 30)}  ${printable(reason, 100)}`);
  }
  if (holds.length === 0) print("Nothing is held.");
}

async function release(subject: string, options: HoldOptions): Promise<void> {
  const released = await withHolds(options, (access) => access.release(subject));
  print(
    options.json
      ? JSON.stringify({ released })
      : `${printable(subject, 100)} ${released ? "is held no more." : "was not held."}`,
  );
}
