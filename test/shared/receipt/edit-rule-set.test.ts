import { describe, expect, test } from "vitest";
import {
  deleteRule,
  type Edited,
  insertRule,
  moveRule,
  reorderRules,
  replaceRule,
} from "../../../shared/receipt/edit-rule-set.ts";
import { rule, ruleSet, store } from "./rule-sets.ts";

const set = ruleSet(rule("r1"), rule("r2"), rule("r3"));
const order = (edited: Edited) =>
  "error" in edited
    ? `${edited.error.code}: ${edited.error.message}`
    : edited.ruleSet.rules.map(({ name }) => name).join(" ");

describe("row 30: the order of rules", () => {
  test.for<[string, Edited, string]>([
    ["a new rule without After goes to the front", insertRule(set, rule("new")), "new r1 r2 r3"],
    ["a new rule goes directly behind After", insertRule(set, rule("new"), "r2"), "r1 r2 new r3"],
    ["an After that is not there", insertRule(set, rule("new"), "x"), "RuleDoesNotExist: Rule does not exist: x"],
    [
      "an existing rule is told before a missing After",
      insertRule(set, rule("r1"), "x"),
      "AlreadyExists: Rule already exists: r1",
    ],
    ["an update keeps its place", replaceRule(set, rule("r2", { actions: [store] })), "r1 r2 r3"],
    ["an update of a missing rule", replaceRule(set, rule("x")), "RuleDoesNotExist: Rule does not exist: x"],
    ["a move without After goes to the front", moveRule(set, "r3"), "r3 r1 r2"],
    ["a move forward", moveRule(set, "r1", "r2"), "r2 r1 r3"],
    ["a move behind itself changes nothing", moveRule(set, "r2", "r2"), "r1 r2 r3"],
    ["a move of a missing rule", moveRule(set, "x", "r1"), "RuleDoesNotExist: Rule does not exist: x"],
    ["reorder", reorderRules(set, ["r3", "r1", "r2"]), "r3 r1 r2"],
    [
      "reorder, a rule twice",
      reorderRules(set, ["r1", "r1", "r2", "r3"]),
      "InvalidParameterValue: Multiple positions found for rule: r1",
    ],
    [
      "reorder, rules missing, named in the order of the set",
      reorderRules(set, ["r2"]),
      "InvalidParameterValue: Positions for rules not found: r1, r3",
    ],
    ["reorder, an unknown rule", reorderRules(set, ["r1", "y", "x"]), "RuleDoesNotExist: Rule does not exist: y"],
  ])("%s", ([, edited, expected]) => expect(order(edited)).toBe(expected));
});

test("an update replaces the whole rule", () => {
  const edited = replaceRule(ruleSet(rule("r1", { scanEnabled: true })), rule("r1", { actions: [store] }));
  expect(edited).toEqual({ ruleSet: ruleSet(rule("r1", { actions: [store] })) });
});

test("deleting what is not there is a success", () => {
  expect(deleteRule(set, "x")).toEqual(set);
  expect(deleteRule(set, "r2").rules.map(({ name }) => name)).toEqual(["r1", "r3"]);
});

test("the 201st rule", () => {
  const full = ruleSet(...Array.from({ length: 200 }, (_, index) => rule(`r${index}`)));
  expect(order(insertRule(full, rule("new")))).toBe("LimitExceeded: Too many rules");
});
