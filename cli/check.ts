import { type Command, Option } from "commander";

interface CheckOptions {
  readonly config: string;
  readonly data?: string;
  readonly dns: boolean;
  readonly stage?: string;
  readonly fromAws?: boolean;
  readonly region?: string;
  readonly ruleSet?: string;
  readonly endpointUrl?: string;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command("check")
    .description("find what is wrong with a configuration: every mistake, and what its receipt rules do not do")
    .option("--config <file>", "configuration file", "mailweir.config.ts")
    .option("--data <folder>", "data folder of the engine whose active rule set counts too (default: local.data)")
    .option("--no-dns", "do not look up MX records: nothing leaves the machine")
    .addOption(new Option("--dns").default(true).hideHelp())
    .option("--stage <name>", "check for a stage's deployment")
    .option("--from-aws", "look at the account too: its active rule set, identities, targets and their policies")
    .option("--region <name>", "with --from-aws: the region (default: the configuration's)")
    .option("--rule-set <name>", "with --from-aws: another set than the active one")
    .option("--endpoint-url <url>", "with --from-aws: another SES than AWS's")
    .option("--json", "one JSON object a finding; the shape is in docs/cli.md")
    .addHelpText(
      "after",
      `
Examples:
  mailweir check
  mailweir check --no-dns --json | jq -r 'select(.severity == "error") | .what'
  mailweir check --stage prod --from-aws

Exit status: 0 when there is nothing, or notes only; 1 when there are warnings or errors, or the configuration is not valid.`,
    )
    .action(async (options: CheckOptions, command: Command) => {
      const { checkConfig } = await import("./check-config.ts");
      const { ConfigError } = await import("../shared/config/config-error.ts");
      try {
        const { rules, findings } = await checkConfig({
          ...options,
          configIsOptional: command.getOptionValueSource("config") === "default",
          ...(options.fromAws && { account: options }),
        });
        for (const finding of findings)
          process.stdout.write(options.json ? `${JSON.stringify(finding)}\n` : told(finding));
        if (!options.json) process.stdout.write(sum(rules, findings));
        if (findings.some(({ severity }) => severity !== "note")) process.exitCode = 1;
      } catch (error) {
        if (!options.json || !(error instanceof ConfigError)) throw error;
        for (const fault of error.faults) process.stdout.write(`${JSON.stringify(asFinding(fault))}\n`);
        process.exitCode = 1;
      }
    });
}

type Shown = Awaited<ReturnType<typeof import("./check-config.ts")["checkConfig"]>>["findings"][number];

function told({ severity, code, at, what, why, fix }: Shown): string {
  return `${severity} ${code}\n  at   ${at}\n  what ${what}\n  why  ${why}\n  fix  ${fix}\n\n`;
}

function sum(rules: number, findings: readonly Shown[]): string {
  const counts = (["error", "warning", "note"] as const).flatMap((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length;
    return count === 0 ? [] : [`${count} ${severity}${count === 1 ? "" : "s"}`];
  });
  return `${rules} ${rules === 1 ? "rule" : "rules"} checked: ${counts.join(", ") || "nothing to say"}\n`;
}

/** A mistake of the configuration in the shape of a finding: one reader reads both. */
function asFinding(fault: {
  readonly at: string;
  readonly problem: string;
  readonly allowed?: string;
  readonly suggestion?: string;
}) {
  const fix = [fault.suggestion, fault.allowed === undefined ? undefined : `allowed: ${fault.allowed}`];
  return {
    code: "invalid-config",
    severity: "error",
    at: fault.at,
    what: fault.problem,
    why: "Nothing starts with it.",
    fix: fix.filter((part) => part !== undefined).join("; "),
  };
}
