import type { ReceiptRule } from "../../receipt/model.ts";

/** How findings name a rule, or one of its actions (counted from 0, as in the configuration). */
export function placeOf(rule: ReceiptRule, ruleIndex: number, actionIndex?: number): string {
  const action = actionIndex === undefined ? "" : `.actions[${actionIndex}]`;
  return `ruleSet.rules[${ruleIndex}]${action} "${rule.name}"`;
}

/** A few of many, for a sentence. */
export function some(words: readonly string[], max = 4): string {
  const rest = words.length - max;
  return rest > 0 ? `${words.slice(0, max).join(", ")} and ${rest} more` : words.join(", ");
}
