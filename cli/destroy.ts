import type { Command } from "commander";

export interface DestroyOptions {
  readonly stage: string;
  readonly config: string;
  readonly yes?: boolean;
  readonly deleteMail?: boolean;
  readonly endpointUrl?: string;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command("destroy")
    .description("take a stage off AWS; its mail stays, unless you say otherwise")
    .requiredOption("--stage <name>", "the stage")
    .option("--config <file>", "configuration file", "mailweir.config.ts")
    .option("--delete-mail", "also delete the mail, the tables and the token secret, for good")
    .option("--yes", "do not ask: for scripts")
    .option("--endpoint-url <url>", "an emulator of AWS")
    .option("--json", "one JSON object a line, for programs")
    .addHelpText(
      "after",
      `
Examples:
  mailweir destroy --stage dev
  mailweir destroy --stage dev --delete-mail

The rule set that was active before the stage is active again, if it is still there; otherwise receiving is off. Without
--delete-mail the bucket, the tables, the key, the secret and the identities stay, and a later deploy takes them over.
The key of encrypted mail is never deleted here: mail that somebody copied could not be read again.`,
    )
    .action(async (options: DestroyOptions) => {
      const { destroy } = await import("./destroy-stage.ts");
      await destroy(options);
    });
}
