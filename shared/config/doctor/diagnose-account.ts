import type { Account } from "../../adopt/account.ts";
import { AdoptError, adoptAccount } from "../../adopt/adopt-account.ts";
import { resolveConfig } from "../resolve-config.ts";
import { findAccountTargets } from "./account.ts";
import { diagnose } from "./diagnose.ts";
import { bySeverity, type Finding, type FindingCode } from "./finding.ts";

// What says something about this machine or this pipeline, and nothing about somebody's rules in AWS.
const notAboutAccounts: ReadonlySet<FindingCode> = new Set([
  "unknown-function",
  "unknown-topic",
  "missing-file",
  "router-not-told",
  "stream-unreachable",
  "test-scanner",
]);

/** What is wrong with the rule set that an account has active (or that was asked for), its targets and policies included. Pure. */
export function diagnoseAccount(account: Account, today: Date): Finding[] {
  const { region, ruleSet } = account;
  let config: ReturnType<typeof resolveConfig>;
  try {
    config = resolveConfig(adoptAccount(account).config);
  } catch (error) {
    if (!(error instanceof AdoptError)) throw error;
    return [
      {
        code: "no-set-active",
        severity: "warning",
        at: `aws ${region}`,
        what: error.message,
        why: "SES accepts no mail for this account in this region.",
        fix: "Activate a rule set, and verify a domain.",
      },
    ];
  }
  const found = diagnose(config, { today, missingFiles: [] }).filter(({ code }) => !notAboutAccounts.has(code));
  return bySeverity([
    ...found.map((finding) => ({ ...finding, at: finding.at.replace(/^ruleSet\b/, `aws "${ruleSet?.name ?? ""}"`) })),
    ...findAccountTargets(account),
  ]);
}
