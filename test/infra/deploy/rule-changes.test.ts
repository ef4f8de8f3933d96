import { describe, expect, test } from "vitest";
import { type RuleChange, ruleChanges } from "../../../infra/deploy/rule-changes.ts";
import type { ReceiptRule, RuleSet } from "../../../shared/receipt/model.ts";
import { fc } from "../../property.ts";

const rule = (name: string, change: Partial<ReceiptRule> = {}): ReceiptRule => ({
  name,
  enabled: true,
  tlsPolicy: "Optional",
  scanEnabled: true,
  recipients: ["example.com"],
  actions: [{ type: "S3", bucketName: "mail", objectKeyPrefix: "in/" }],
  ...change,
});
const set = (...rules: readonly ReceiptRule[]): RuleSet => ({ name: "mailweir-prod", rules });

describe("rule-level changes, in words", () => {
  const [a, b, c] = [rule("a"), rule("b"), rule("c")];
  test.for<[string, RuleSet | undefined, RuleSet, readonly [RuleChange["kind"], string, string][]]>([
    ["nothing", set(a, b), set(a, b), []],
    ["the first deployment", undefined, set(a), [["added", "a", "new rule first: example.com → store in mail/in/"]]],
    [
      "a rule in between",
      set(a, c),
      set(a, b, c),
      [["added", "b", 'new rule behind "a": example.com → store in mail/in/']],
    ],
    ["a rule gone", set(a, b), set(b), [["removed", "a", "no longer there: example.com → store in mail/in/"]]],
    ["the last moves to the front", set(a, b, c), set(c, a, b), [["moved", "c", "now runs first"]]],
    ["switched off", set(a), set(rule("a", { enabled: false })), [["changed", "a", "is switched off"]]],
    [
      "TLS required",
      set(a),
      set(rule("a", { tlsPolicy: "Require" })),
      [["changed", "a", "refuses senders without TLS"]],
    ],
    [
      "not scanned",
      set(a),
      set(rule("a", { scanEnabled: false })),
      [["changed", "a", "no longer scans for spam and viruses"]],
    ],
    [
      "other recipients",
      set(a),
      set(rule("a", { recipients: ["a@example.org"] })),
      [
        ["changed", "a", "also matches a@example.org"],
        ["changed", "a", "no longer matches example.com"],
      ],
    ],
    [
      "from some to everybody",
      set(a),
      set(rule("a", { recipients: [] })),
      [["changed", "a", "matches every recipient, and not only example.com"]],
    ],
    [
      "from everybody to some",
      set(rule("a", { recipients: [] })),
      set(a),
      [["changed", "a", "matches only example.com, and no longer every recipient"]],
    ],
    [
      "other actions",
      set(a),
      set(rule("a", { actions: [{ type: "Stop", scope: "RuleSet" }] })),
      [["changed", "a", "does now: stop here; before: store in mail/in/"]],
    ],
  ])("%s", ([, before, after, expected]) => {
    expect(ruleChanges(before, after).map(({ kind, rule: name, says }) => [kind, name, says])).toEqual(expected);
  });
});

test("equal sets have no change, and as few rules move as explain the new order", () => {
  const names = ["a", "b", "c", "d", "e"];
  fc.assert(
    fc.property(fc.shuffledSubarray(names, { minLength: 5 }), (order) => {
      const before = set(...names.map((name) => rule(name)));
      const after = set(...order.map((name) => rule(name)));
      const moved = ruleChanges(before, after).map(({ rule: name }) => name);
      const stays = (rules: readonly string[]) => rules.filter((name) => !moved.includes(name));
      expect(stays(order)).toEqual(stays(names));
      expect(moved.length).toBeLessThan(5);
      expect(ruleChanges(after, after)).toEqual([]);
    }),
  );
});
