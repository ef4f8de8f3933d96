import { limits } from "../../receipt/limits.ts";
import type { ResolvedConfig } from "../types.ts";
import type { Finding } from "./finding.ts";
import { placeOf } from "./place.ts";

/** What AWS would refuse for its number (ses-receiving.md §9.7); none of these quotas can be raised. */
export function findQuotas({ ruleSet, ipFilters }: Pick<ResolvedConfig, "ruleSet" | "ipFilters">): Finding[] {
  const over = (at: string, count: number, max: number, what: string, fix: string): Finding[] =>
    count <= max
      ? []
      : [
          {
            code: "over-quota",
            severity: "error",
            at,
            what: `${count} ${what}, and SES takes ${max}.`,
            why: "The quota cannot be raised: SES refuses the rule set at deployment.",
            fix,
          },
        ];
  return [
    ...over(
      "ruleSet.rules",
      ruleSet.rules.length,
      limits.rulesPerRuleSet,
      "rules",
      "Join rules with the same actions.",
    ),
    ...ruleSet.rules.flatMap((rule, index) => [
      ...over(
        placeOf(rule, index),
        rule.recipients.length,
        limits.recipientsPerRule,
        "recipient conditions",
        "Write the domain instead of its addresses, or split the rule.",
      ),
      ...over(
        placeOf(rule, index),
        rule.actions.length,
        limits.actionsPerRule,
        "actions",
        "Move some of them to a second rule with the same recipients.",
      ),
    ]),
    ...over("ipFilters", ipFilters.length, limits.ipFilters, "IP filters", "Join neighbouring addresses to blocks."),
  ];
}
