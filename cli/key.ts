import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import { hashApiKey } from "../local/console/access.ts";

interface KeyOptions {
  readonly scope: readonly string[];
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command("key")
    .description("keys of the HTTP API")
    .command("new <name>")
    .description("draws a key and prints it once, with the line for the configuration, which keeps its hash only")
    .option("--scope <scope...>", "read, suppressions, tickets, streams, all", ["read"])
    .option("--json", "print one JSON object")
    .addHelpText(
      "after",
      `
Examples:
  mailweir key new newsletter --scope suppressions
  mailweir key new ann --scope all --json

Nothing is written: put the line into local.apiKeys, and the key where its user keeps secrets.`,
    )
    .action((name: string, options: KeyOptions) => {
      const key = `mw_${randomBytes(32).toString("base64url")}`;
      const entry = { name, scopes: options.scope, sha256: hashApiKey(key) };
      if (options.json) {
        process.stdout.write(`${JSON.stringify({ key, entry })}\n`);
        return;
      }
      const line = `{ name: ${JSON.stringify(name)}, scopes: ${JSON.stringify(options.scope)}, sha256: "${entry.sha256}" }`;
      process.stdout.write(
        `The key, shown this once:\n\n  ${key}\n\nFor local.apiKeys of the configuration:\n\n  ${line}\n`,
      );
    });
}
