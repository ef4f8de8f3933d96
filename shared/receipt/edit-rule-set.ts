import type { ApiError } from "./api-error.ts";
import { limits } from "./limits.ts";
import type { ReceiptRule, RuleSet } from "./model.ts";

/** A rule set after an edit, or what the SES API says against it (ses-receiving.md §9.3, §9.4). */
export type Edited = { readonly ruleSet: RuleSet } | { readonly error: ApiError };

/** CreateReceiptRule: without `after` at the front, else directly behind that rule. */
export function insertRule(ruleSet: RuleSet, rule: ReceiptRule, after?: string): Edited {
  // The API looks whether the rule exists before it looks up `After`.
  if (ruleSet.rules.some(({ name }) => name === rule.name)) {
    return { error: { code: "AlreadyExists", message: `Rule already exists: ${rule.name}` } };
  }
  const position = positionBehind(ruleSet, after);
  if (position === undefined) return noSuchRule(after ?? "");
  if (ruleSet.rules.length >= limits.rulesPerRuleSet) {
    return { error: { code: "LimitExceeded", message: "Too many rules" } };
  }
  return { ruleSet: { ...ruleSet, rules: ruleSet.rules.toSpliced(position, 0, rule) } };
}

/** UpdateReceiptRule: the whole rule is replaced and keeps its place. */
export function replaceRule(ruleSet: RuleSet, rule: ReceiptRule): Edited {
  const position = ruleSet.rules.findIndex(({ name }) => name === rule.name);
  if (position === -1) return noSuchRule(rule.name);
  return { ruleSet: { ...ruleSet, rules: ruleSet.rules.with(position, rule) } };
}

/** SetReceiptRulePosition: without `after` to the front; behind itself is no change. */
export function moveRule(ruleSet: RuleSet, name: string, after?: string): Edited {
  const rule = ruleSet.rules.find((candidate) => candidate.name === name);
  if (!rule) return noSuchRule(name);
  if (after === name) return { ruleSet };
  const rest = { ...ruleSet, rules: ruleSet.rules.filter((candidate) => candidate !== rule) };
  const position = positionBehind(rest, after);
  if (position === undefined) return noSuchRule(after ?? "");
  return { ruleSet: { ...rest, rules: rest.rules.toSpliced(position, 0, rule) } };
}

/** DeleteReceiptRule: a rule that is not there is a success. */
export function deleteRule(ruleSet: RuleSet, name: string): RuleSet {
  return { ...ruleSet, rules: ruleSet.rules.filter((rule) => rule.name !== name) };
}

/** ReorderReceiptRuleSet: every rule must be named exactly once. */
export function reorderRules(ruleSet: RuleSet, names: readonly string[]): Edited {
  const byName = new Map(ruleSet.rules.map((rule) => [rule.name, rule]));
  const unknown = names.find((name) => !byName.has(name));
  if (unknown !== undefined) return noSuchRule(unknown);
  const repeated = names.find((name, index) => names.indexOf(name) !== index);
  if (repeated !== undefined) {
    return { error: { code: "InvalidParameterValue", message: `Multiple positions found for rule: ${repeated}` } };
  }
  const named = new Set(names);
  const missing = ruleSet.rules.filter((rule) => !named.has(rule.name)).map((rule) => rule.name);
  if (missing.length > 0) {
    const message = `Positions for rules not found: ${missing.join(", ")}`;
    return { error: { code: "InvalidParameterValue", message } };
  }
  return { ruleSet: { ...ruleSet, rules: names.flatMap((name) => byName.get(name) ?? []) } };
}

function positionBehind({ rules }: RuleSet, after: string | undefined): number | undefined {
  if (after === undefined) return 0;
  const position = rules.findIndex(({ name }) => name === after);
  return position === -1 ? undefined : position + 1;
}

const noSuchRule = (name: string): Edited => ({
  error: { code: "RuleDoesNotExist", message: `Rule does not exist: ${name}` },
});
