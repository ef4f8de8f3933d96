/** One thing that the rule doctor found. `code` is stable; the texts are for people. */
export interface Finding {
  readonly code: FindingCode;
  /** `error`: mail is lost or refused. `warning`: it will surprise somebody. `note`: good to know. */
  readonly severity: "error" | "warning" | "note";
  /** Where: a path in the configuration, `ruleSet.rules[1] "archive"`, or a domain. */
  readonly at: string;
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

export type FindingCode =
  | "unreachable-rule"
  | "shadowed-rule"
  | "stop-starves"
  | "catch-all"
  | "disabled-rule"
  | "empty-rule"
  | "lambda-before-s3"
  | "lambda-without-s3"
  | "sns-content-limit"
  | "sync-without-effect"
  | "scan-off"
  | "workmail-ends"
  | "router-not-told"
  | "stream-unreachable"
  | "unknown-function"
  | "unknown-topic"
  | "missing-file"
  | "wrong-region"
  | "region-without-receiving"
  | "unverified-condition"
  | "unverified-sender"
  | "unverified-domain"
  | "over-quota"
  | "another-set-active"
  | "no-set-active"
  | "missing-target"
  | "missing-permission"
  | "target-unusable"
  | "target-unknown"
  | "mx-missing"
  | "mx-elsewhere"
  | "mx-unknown"
  | "retention-shortened"
  | "test-scanner";

const ranks: Readonly<Record<Finding["severity"], number>> = { error: 0, warning: 1, note: 2 };

/** The worst first, else in the order in which they were found. */
export function bySeverity(findings: readonly Finding[]): Finding[] {
  return [...findings].sort((a, b) => ranks[a.severity] - ranks[b.severity]);
}
