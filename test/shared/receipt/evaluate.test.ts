import { describe, expect, test } from "vitest";
import {
  type ActionOutcome,
  consequenceOfFailure,
  dispositionOf,
  nextStep,
  type Step,
  wantsScan,
} from "../../../shared/receipt/evaluate.ts";
import type { Disposition, ReceiptAction, RuleSet } from "../../../shared/receipt/model.ts";
import { fc } from "../../property.ts";
import { addHeader, bounce, invoke, publish, rule, ruleSet, stop, store } from "./rule-sets.ts";

const a = "a@shop.example";
const b = "b@shop.example";
const sync = invoke("RequestResponse");

interface Answers {
  /** Outcome of an action by `rule/position`; `done` where nothing is said. */
  readonly [where: string]: Partial<ActionOutcome> | undefined;
}

/** Runs a set to its end, or until nothing may run; `rule/position` of every step with its recipients. */
function run(set: RuleSet, answers: Answers = {}, recipients: readonly string[] = [a, b], tls = true) {
  const steps: string[] = [];
  const outcomes: ActionOutcome[] = [];
  const performed: Extract<Step, { kind: "perform" }>[] = [];
  for (;;) {
    const step = nextStep({ ruleSet: set, recipients, tls, outcomes });
    if (step.kind !== "perform") return { steps, performed, outcomes, last: step };
    const where = `${step.rule.name}/${step.actionIndex}`;
    steps.push(where);
    performed.push(step);
    const { ruleIndex, actionIndex } = step;
    outcomes.push({ state: "done", ...answers[where], ruleIndex, actionIndex } as ActionOutcome);
  }
}

test("row 8: a rule sees the recipients that it matched, in envelope order; a catch-all sees all of them", () => {
  const set = ruleSet(rule("one", { recipients: [a], actions: [store] }), rule("two", { actions: [store] }));
  expect(run(set).performed.map(({ recipients }) => recipients)).toEqual([[a], [a, b]]);
  expect(run(set, {}, [b, a]).performed.map(({ recipients }) => recipients)).toEqual([[a], [b, a]]);
});

test("row 9: a Stop ends the set for all recipients, also those that its rule did not match", () => {
  const set = ruleSet(rule("one", { recipients: [a], actions: [store, stop] }), rule("two", { actions: [store] }));
  expect(run(set)).toMatchObject({
    steps: ["one/0", "one/1"],
    last: { kind: "end", stoppedBy: { rule: "one", ruleIndex: 0, actionIndex: 1, how: "stop-action" } },
  });
  expect(run(set, {}, [b]).steps).toEqual(["two/0"]);
});

test.for<[string, unknown, string[]]>([
  ["STOP_RULE skips the rest of the rule", { disposition: "STOP_RULE" }, ["one/0", "two/0"]],
  ["STOP_RULE_SET ends the set", { disposition: "STOP_RULE_SET" }, ["one/0"]],
  ["CONTINUE", { disposition: "CONTINUE" }, ["one/0", "one/1", "two/0"]],
  ["null", null, ["one/0", "one/1", "two/0"]],
  ["{}", {}, ["one/0", "one/1", "two/0"]],
  ["another word", { disposition: "x" }, ["one/0", "one/1", "two/0"]],
  ["lower case does not count", { disposition: "stop_rule_set" }, ["one/0", "one/1", "two/0"]],
  ["text", "STOP_RULE_SET", ["one/0", "one/1", "two/0"]],
])("row 28: a synchronous function answers %s", ([, answer, steps]) => {
  const set = ruleSet(rule("one", { actions: [sync, store] }), rule("two", { actions: [store] }));
  expect(run(set, { "one/0": { disposition: dispositionOf(answer) } }).steps).toEqual(steps);
});

test("the answer of an asynchronous function is ignored", () => {
  const set = ruleSet(rule("one", { actions: [invoke("Event"), store] }));
  expect(run(set, { "one/0": { disposition: "STOP_RULE_SET" } }).steps).toEqual(["one/0", "one/1"]);
});

test("row 32: two bounces without a Stop are two steps", () => {
  const set = ruleSet(rule("one", { actions: [bounce] }), rule("two", { actions: [bounce, store] }));
  expect(run(set).steps).toEqual(["one/0", "two/0", "two/1"]);
});

test("a disabled rule and a rule without actions do nothing", () => {
  const set = ruleSet(rule("off", { enabled: false, actions: [store] }), rule("empty"));
  expect(run(set)).toMatchObject({ steps: [], last: { kind: "end" } });
});

test("in clear, rules that require TLS are skipped", () => {
  const set = ruleSet(
    rule("tls", { tlsPolicy: "Require", actions: [store, stop] }),
    rule("all", { actions: [publish] }),
  );
  expect(run(set, {}, [a], false).steps).toEqual(["all/0"]);
  expect(run(set, {}, [a], true).steps).toEqual(["tls/0", "tls/1"]);
});

test("row 15: a step says whether its rule sees the scan; one scanning rule is enough to scan", () => {
  const set = ruleSet(
    rule("off", { actions: [store] }),
    rule("on", { scanEnabled: true, actions: [store], recipients: [b] }),
  );
  expect(run(set).performed.map(({ scan }) => scan)).toEqual([false, true]);
  expect(wantsScan({ ruleSet: set, recipients: [a, b], tls: true })).toBe(true);
  expect(wantsScan({ ruleSet: set, recipients: [a], tls: true })).toBe(false);
});

test("an added header is seen by later actions, also of later rules, and by none before", () => {
  const set = ruleSet(
    rule("one", { actions: [store, addHeader("X-One"), store] }),
    rule("two", { actions: [addHeader("X-Two"), store] }),
  );
  expect(run(set).performed.map(({ addedHeaders }) => addedHeaders.map(({ name }) => name))).toEqual([
    [],
    [],
    ["X-One"],
    ["X-One"],
    ["X-One", "X-Two"],
  ]);
});

describe("while an action waits for its next attempt", () => {
  const pending = { state: "pending" } as const;

  test("the rest of its rule waits, later rules run", () => {
    const set = ruleSet(rule("one", { actions: [store, publish] }), rule("two", { actions: [store] }));
    expect(run(set, { "one/0": pending })).toMatchObject({
      steps: ["one/0", "two/0"],
      last: { kind: "wait", pending: [{ ruleIndex: 0, actionIndex: 0 }] },
    });
  });

  test.for<[string, ReceiptAction]>([
    ["a Stop", stop],
    ["a synchronous function", sync],
    ["an added header", addHeader("X-One")],
  ])("later rules wait too when the rest of the rule holds %s", ([, action]) => {
    const set = ruleSet(rule("one", { actions: [store, action] }), rule("two", { actions: [store] }));
    expect(run(set, { "one/0": pending })).toMatchObject({ steps: ["one/0"], last: { kind: "wait" } });
  });

  test("a synchronous function holds back everything behind it, and nothing before it", () => {
    const set = ruleSet(
      rule("one", { actions: [store, publish] }),
      rule("two", { actions: [sync] }),
      rule("three", { actions: [store] }),
    );
    const { steps, outcomes, last } = run(set, { "one/0": pending, "two/0": pending });
    expect(steps).toEqual(["one/0", "two/0"]);
    expect(last).toMatchObject({ kind: "wait", pending: [{ ruleIndex: 0 }, { ruleIndex: 1 }] });
    const settled = outcomes.map((outcome) =>
      outcome.ruleIndex === 0 ? { ...outcome, state: "done" as const } : outcome,
    );
    expect(nextStep({ ruleSet: set, recipients: [a], tls: true, outcomes: settled as ActionOutcome[] })).toMatchObject({
      kind: "perform",
      ruleIndex: 0,
      actionIndex: 1,
    });
  });

  test("a set that a later rule ended does not end before the waiting action has settled", () => {
    const set = ruleSet(
      rule("one", { actions: [store] }),
      rule("two", { actions: [stop] }),
      rule("three", { actions: [store] }),
    );
    expect(run(set, { "one/0": pending })).toMatchObject({ steps: ["one/0", "two/0"], last: { kind: "wait" } });
  });
});

describe("row 33: an action that is given up", () => {
  const failed = { state: "failed" } as const;
  const two = rule("two", { actions: [store] });

  test.for<[string, ReceiptAction[], string[]]>([
    ["ends its rule; later rules run", [store, publish], ["one/0", "two/0"]],
    ["leaves a Stop behind it in force", [store, stop], ["one/0"]],
    ["ends the set when a synchronous function behind it never answered", [store, sync], ["one/0"]],
    ["ends the set when it is a synchronous function", [sync, store], ["one/0"]],
  ])("%s", ([, actions, steps]) => {
    expect(run(ruleSet(rule("one", { actions }), two), { "one/0": failed }).steps).toEqual(steps);
  });

  test("onSyncFailure continue: as if the function had answered CONTINUE", () => {
    const set = ruleSet(rule("one", { actions: [sync, store] }), two);
    const then = consequenceOfFailure({ ruleSet: set, ruleIndex: 0, actionIndex: 0 }, "continue");
    expect(run(set, { "one/0": { ...failed, then } }).steps).toEqual(["one/0", "one/1", "two/0"]);
  });

  test("the end says that the set was given up", () => {
    expect(run(ruleSet(rule("one", { actions: [sync] }), two), { "one/0": failed }).last).toMatchObject({
      kind: "end",
      stoppedBy: { rule: "one", how: "given-up" },
    });
  });
});

const action = fc.constantFrom<ReceiptAction>(store, publish, invoke("Event"), sync, stop, addHeader("X-A"), bounce);
const anyRule = fc.record({
  recipients: fc.constantFrom<string[]>([], [a], [b], ["other@shop.example"]),
  actions: fc.array(action, { maxLength: 4 }),
  enabled: fc.boolean(),
  tlsPolicy: fc.constantFrom("Require" as const, "Optional" as const),
});
const anySet = fc
  .array(anyRule, { maxLength: 5 })
  .map((rules) => ruleSet(...rules.map((fields, index) => rule(`r${index}`, fields))));
const disposition = fc.constantFrom<Disposition>("CONTINUE", "STOP_RULE", "STOP_RULE_SET");

/** Performs in the order that chance gives, retrying what fails for a while, and answers what had been done at the end. */
function performAtRandom(
  set: RuleSet,
  answers: readonly Disposition[],
  slow: (where: string) => boolean,
  tls: boolean,
) {
  const outcomes = new Map<string, ActionOutcome>();
  const seen = new Map<string, string>();
  for (let guard = 0; guard < 500; guard++) {
    const step = nextStep({ ruleSet: set, recipients: [a, b], tls, outcomes: [...outcomes.values()] });
    if (step.kind === "end")
      return { done: [...outcomes.keys()].sort(), seen: Object.fromEntries([...seen].sort()), step };
    const refs = step.kind === "perform" ? [step] : step.pending;
    const { ruleIndex, actionIndex } = refs.at(-1)!;
    const where = `${ruleIndex}/${actionIndex}`;
    if (step.kind === "perform") {
      expect(outcomes.has(where), "no action twice").toBe(false);
      seen.set(where, JSON.stringify([step.recipients, step.addedHeaders]));
    }
    const pending = step.kind === "perform" && slow(where);
    const answer = answers[(ruleIndex + actionIndex) % answers.length]!;
    const settled = { ruleIndex, actionIndex, state: "done", disposition: answer } as const;
    outcomes.set(where, pending ? { ruleIndex, actionIndex, state: "pending" } : settled);
  }
  throw new Error("evaluation does not end");
}

test("retries change neither what runs, nor with which recipients and headers, nor how it ends", () => {
  fc.assert(
    fc.property(
      anySet,
      fc.array(disposition, { minLength: 1, maxLength: 3 }),
      fc.func(fc.boolean()),
      fc.boolean(),
      (set, answers, slow, tls) => {
        expect(performAtRandom(set, answers, slow, tls)).toEqual(performAtRandom(set, answers, () => false, tls));
      },
    ),
    { numRuns: 500 },
  );
});
