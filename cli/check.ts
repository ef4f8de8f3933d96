import type { Command } from "commander";

interface CheckOptions {
  readonly config: string;
  readonly dns?: boolean;
  readonly json?: boolean;
}

export function register(program: Command): void {
  program
    .command("check")
    .description("find what is wrong with a configuration: every mistake, and what its receipt rules do not do")
    .option("--config <file>", "configuration file", "mailweir.config.ts")
    .option("--dns", "also look up the MX records of the domains")
    .option("--json", "one JSON object a finding; the shape is in docs/cli.md")
    .addHelpText(
      "after",
      `
Examples:
  mailweir check
  mailweir check --dns --json | jq -r 'select(.severity == "error") | .what'

Exit status: 0 when there is nothing, or notes only; 1 when there are warnings or errors, or the configuration is not valid.`,
    )
    .action(async (options: CheckOptions) => {
      const { checkConfig } = await import("./check-config.ts");
      const { ConfigError } = await import("../shared/config/config-error.ts");
      try {
        const { config, findings } = await checkConfig(options.config, { dns: options.dns === true });
        for (const finding of findings)
          process.stdout.write(options.json ? `${JSON.stringify(finding)}\n` : told(finding));
        if (!options.json) process.stdout.write(sum(config.ruleSet.rules.length, findings));
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
