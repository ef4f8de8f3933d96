import { validateRecipientCondition } from "../receipt/match-recipient.ts";
import type { RuleSet } from "../receipt/model.ts";
import { place } from "./check-shape.ts";
import type { ConfigFault } from "./config-error.ts";

/** The faults of a user's own rule set, by the rules of the SES API (ses-receiving.md §9.3), with their places. */
export function checkRuleSet(ruleSet: RuleSet): readonly ConfigFault[] {
  return ruleSet.rules.flatMap((rule, index) =>
    rule.recipients.flatMap((recipient, at): ConfigFault[] => {
      const error = validateRecipientCondition(recipient);
      return error ? [{ at: place(["ruleSet", "rules", index, "recipients", at]), problem: error.message }] : [];
    }),
  );
}
