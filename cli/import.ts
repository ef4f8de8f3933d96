import type { Command } from "commander";
import type { Imported } from "./import-account.ts";
import { jsonText } from "./json-text.ts";

interface ImportCommandOptions {
  readonly fromAws: boolean;
  readonly endpointUrl?: string;
  readonly region?: string;
  readonly ruleSet?: string;
  readonly out?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command("import")
    .description("read the receipt rules of an AWS account into a configuration that behaves the same here")
    .requiredOption("--from-aws", "read from SES; credentials come from the AWS SDK's default chain")
    .option("--region <name>", "region of the rules (default: AWS_REGION, or the profile's)")
    .option("--rule-set <name>", "another rule set than the active one")
    .option("--endpoint-url <url>", "another SES than AWS's: an engine, an emulator")
    .option("--out <file>", "write the configuration there, with a stub for each function beside it")
    .option("--force", "replace the file of --out")
    .option("--json", "one JSON object: config, source, functions, gaps, ruleSet, activeName, written")
    .addHelpText(
      "after",
      `
Examples:
  mailweir import --from-aws --region eu-west-1 --out mailweir.config.ts
  mailweir import --from-aws --endpoint-url http://127.0.0.1:8025 --region us-east-1 --json

Nothing is changed in the account. Read are the active rule set, the names of the others, IP filters, identities, and, where
the credentials allow it, the policies of the buckets, keys, topics and functions that the rules name. What the configuration
cannot say, and what has to be provided on this machine, is listed; docs/import.md says more.`,
    )
    .action(async (options: ImportCommandOptions) => {
      const { importAccount } = await import("./import-account.ts");
      const imported = await importAccount(options);
      if (options.json) process.stdout.write(`${jsonText(forPrograms(imported))}\n`);
      else if (options.out === undefined) {
        process.stdout.write(imported.source);
        process.stderr.write(gapsForPeople(imported));
      } else process.stdout.write(summary(imported));
    });
}

function forPrograms({ config, source, functions, gaps, written, account }: Imported) {
  const { region, accountId, ruleSet, activeName, ruleSetNames } = account;
  return {
    region,
    accountId: accountId ?? null,
    ruleSet: ruleSet?.name ?? null,
    activeName: activeName ?? null,
    ruleSetNames,
    config,
    source,
    functions,
    gaps,
    written,
  };
}

function summary(imported: Imported): string {
  const { config, written, account } = imported;
  const count = (quantity: number, noun: string) => `${quantity} ${noun}${quantity === 1 ? "" : "s"}`;
  const filters = config.ipFilters?.length ?? 0;
  return `Rule set "${account.ruleSet?.name ?? ""}" in ${account.region}: ${count(config.ruleSet.rules.length, "rule")}, ${count(filters, "IP filter")}, ${count(config.domains.length, "domain")}
${written.map((file) => `  wrote ${file}\n`).join("")}${gapsForPeople(imported)}`;
}

function gapsForPeople({ gaps }: Imported): string {
  if (gaps.length === 0) return "Nothing is left out.\n";
  const groups = [
    ["Mail is treated differently until you act:", "differs"],
    ["To be provided on this machine:", "provide"],
    ["Good to know:", "note"],
  ] as const;
  return groups
    .map(([title, severity]) => {
      const lines = gaps
        .filter((gap) => gap.severity === severity)
        .map(({ at, what, fix }) => `  ${at}\n    ${what}\n    ${fix}\n`);
      return lines.length === 0 ? "" : `\n${title}\n${lines.join("")}`;
    })
    .join("");
}
