import { type Command, Option } from "commander";
import { wholeNumber } from "./whole-number.ts";

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
  readonly send?: boolean;
  readonly to?: string;
  readonly smtp?: string;
  readonly timeout: number;
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
    .option(
      "--send",
      "instead: mail a canary by MX to the ledger, and say how far it got (with --stage, or to the engine here)",
    )
    .option("--to <address>", "with --send: to this address, where it is delivered (default: one that only records it)")
    .option("--smtp <host:port>", "with --send: to this server, whatever the MX record says")
    .addOption(
      new Option("--timeout <seconds>", "with --send: how long it may take").default(180).argParser(wholeNumber),
    )
    .option("--json", "one JSON object a finding (with --send a step); the shape is in docs/cli.md")
    .addHelpText(
      "after",
      `
Examples:
  mailweir check
  mailweir check --no-dns --json | jq -r 'select(.severity == "error") | .what'
  mailweir check --stage prod --from-aws
  mailweir check --send --stage prod

The canary says that a machine wrote it: no ticket is opened for it, nobody is unsubscribed.

Exit status: with --send 0 when it got to its end, else 1. Otherwise 0 when there is nothing, or notes only; 1 when there are warnings or errors, or the configuration is not valid.`,
    )
    .action(async (options: CheckOptions, command: Command) => {
      if (options.send) {
        process.exitCode = await followCanary(options);
        return;
      }
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

/** @returns the exit status */
async function followCanary(options: CheckOptions): Promise<number> {
  const { sendCanary } = await import("./send-canary.ts");
  const arrived = await sendCanary({ ...options, timeoutSeconds: options.timeout }, (reached) => {
    const { step, ok, says, fix } = reached;
    process.stdout.write(
      options.json
        ? `${JSON.stringify(reached)}\n`
        : `${ok ? "yes" : "NO "} ${step.padEnd(10)}${says}\n${fix === undefined ? "" : `    fix       ${fix}\n`}`,
    );
  });
  return arrived ? 0 : 1;
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
