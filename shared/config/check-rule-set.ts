import type { RuleSet } from "../receipt/model.ts";
import { findRuleSetFaults } from "../receipt/validate-rule.ts";
import type { ConfigFault } from "./config-error.ts";

/** The faults of a user's own rule set, by the rules of the SES API (ses-receiving.md §9.3), with their places. */
export function checkRuleSet(ruleSet: RuleSet): readonly ConfigFault[] {
  return findRuleSetFaults(ruleSet).map(({ at, message }) => ({
    at: at === undefined ? "ruleSet" : `ruleSet.${at}`,
    problem: message,
  }));
}
