import type { Command } from "commander";

export interface DnsOptions {
  readonly config: string;
  readonly stage?: string;
  readonly create?: boolean;
  readonly yes?: boolean;
  readonly offline?: boolean;
  readonly endpointUrl?: string;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command("dns")
    .description("the MX, DKIM, SPF and DMARC records of your domains: what is there, what is missing, what to publish")
    .option("--config <file>", "configuration file", "mailweir.config.ts")
    .option("--stage <name>", "a stage, where its settings differ")
    .option("--create", "create what is missing in Route 53; what is there is never changed")
    .option("--yes", "do not ask before records are created")
    .option("--offline", "do not ask SES for the DKIM records, only DNS")
    .option("--endpoint-url <url>", "an emulator of AWS")
    .option("--json", "one JSON object a record")
    .addHelpText(
      "after",
      `
Examples:
  mailweir dns --offline
  mailweir dns --create
  mailweir dns --json | jq -r 'select(.state != "right") | .line'

Exit status: 0 when every record that is needed (MX, DKIM) is right, else 1.`,
    )
    .action(async (options: DnsOptions) => {
      const { showDns } = await import("./show-dns.ts");
      process.exitCode = await showDns(options);
    });
}
