import { foldCase, formatMailAddress, parseForwardPath } from "../mail/address.ts";
import { normaliseRecipient } from "./match-recipient.ts";
import type { ReceiptRule, RuleSet } from "./model.ts";

export interface MatchedRule {
  readonly ruleIndex: number;
  readonly rule: ReceiptRule;
  /** The recipients that the rule matches, in envelope order, as given; also for a rule that does not run. */
  readonly recipients: readonly string[];
  /** Whether the rule is up for execution: enabled, matching, and not skipped for want of TLS. */
  readonly runs: boolean;
  readonly skipped?: "disabled" | "no-match" | "tls";
}

/**
 * Which rules of a set concern which recipients. One look-up per condition, so that 200 rules of 500 conditions and many
 * recipients stay cheap; `matchRecipient` is the same rule for one condition, with reasons.
 *
 * In clear, a rule with TlsPolicy Require is skipped: at RCPT every recipient was held to have a rule that is Optional.
 */
export function matchRules({
  ruleSet,
  recipients,
  tls,
}: {
  readonly ruleSet: RuleSet;
  readonly recipients: readonly string[];
  readonly tls: boolean;
}): MatchedRule[] {
  const byCondition = conditionsTaking(recipients);
  return ruleSet.rules.map((rule, ruleIndex) => {
    const matched = rule.recipients.length === 0 ? recipients : matchedBy(rule, recipients, byCondition);
    const skipped = !rule.enabled
      ? "disabled"
      : matched.length === 0
        ? "no-match"
        : rule.tlsPolicy === "Require" && !tls
          ? "tls"
          : undefined;
    return { ruleIndex, rule, recipients: matched, runs: skipped === undefined, ...(skipped && { skipped }) };
  });
}

function matchedBy(
  rule: ReceiptRule,
  recipients: readonly string[],
  byCondition: ReadonlyMap<string, readonly number[]>,
): readonly string[] {
  const positions = new Set<number>();
  for (const condition of rule.recipients) {
    for (const position of byCondition.get(canonical(condition)) ?? []) positions.add(position);
  }
  return recipients.filter((_, position) => positions.has(position));
}

// Conditions are kept in canonical form; only odd ones (IDN, quotes, a hand-written set) are worth the parse.
const plainCondition = /^[a-z0-9.+_@-]*[a-z0-9]$/;
const canonical = (condition: string) => (plainCondition.test(condition) ? condition : normaliseRecipient(condition));

/** Every condition that would take a recipient, with the positions of the recipients it takes. */
function conditionsTaking(recipients: readonly string[]): Map<string, number[]> {
  const byCondition = new Map<string, number[]>();
  for (const [position, recipient] of recipients.entries()) {
    for (const condition of conditionsFor(recipient)) {
      const positions = byCondition.get(condition);
      if (positions) positions.push(position);
      else byCondition.set(condition, [position]);
    }
  }
  return byCondition;
}

/** The address itself, its base without label, its domain, and `.parent` for every domain above it. */
function conditionsFor(recipient: string): string[] {
  const parsed = parseForwardPath(recipient);
  if (!parsed) return [];
  const { localPart, domain } = foldCase(parsed);
  const conditions = [formatMailAddress({ localPart, domain }), domain];
  const plus = localPart.indexOf("+");
  if (plus > 0) conditions.push(formatMailAddress({ localPart: localPart.slice(0, plus), domain }));
  for (let dot = domain.indexOf("."); dot !== -1; dot = domain.indexOf(".", dot + 1))
    conditions.push(domain.slice(dot));
  return conditions;
}
