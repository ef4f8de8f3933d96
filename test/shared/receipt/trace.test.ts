import { expect, test } from "vitest";
import { traceRules } from "../../../shared/receipt/trace.ts";
import { invoke, publish, rule, ruleSet, stop, store } from "./rule-sets.ts";

const set = ruleSet(
  rule("off", { enabled: false, actions: [store] }),
  rule("tls", { tlsPolicy: "Require", actions: [store] }),
  rule("ann", { recipients: ["ann@shop.example"], actions: [store, invoke("RequestResponse"), publish] }),
  rule("other", { recipients: ["bob@shop.example", ".shop.example"], actions: [store] }),
  rule("all", { actions: [store, stop] }),
  rule("late", { actions: [publish] }),
);
const state = { ruleSet: set, recipients: ["ann@shop.example", "eve@shop.example"], tls: false, outcomes: [] };

test("a prediction says for every rule and recipient why or why not", () => {
  const traces = traceRules(state, { predict: true });
  expect(traces.map(({ rule, fate }) => [rule, fate])).toEqual([
    ["off", "disabled"],
    ["tls", "tls"],
    ["ann", "runs"],
    ["other", "no-match"],
    ["all", "runs"],
    ["late", "stopped"],
  ]);
  expect(traces[2]).toMatchObject({
    recipients: ["ann@shop.example"],
    perRecipient: [
      { recipient: "ann@shop.example", matches: true, reason: '"ann@shop.example" is this address' },
      { recipient: "eve@shop.example", matches: false, reason: '"ann@shop.example" is another mailbox' },
    ],
    actions: [
      { type: "S3", fate: "will-run" },
      { type: "Lambda", fate: "will-run", reason: "its answer decides what follows; CONTINUE is assumed" },
      { type: "SNS", fate: "will-run" },
    ],
  });
  expect(traces[3]!.perRecipient[0]!.reason).toBe(
    '"bob@shop.example" is another mailbox; ".shop.example" takes subdomains only, not the domain itself',
  );
  expect(traces[5]!.reason).toBe('action 2 (Stop) of rule "all" ended the set');
  expect(traces[5]!.actions).toEqual([{ actionIndex: 0, type: "SNS", fate: "skipped", reason: traces[5]!.reason }]);
});

test("what happened: done, pending, what waits behind it, what a disposition skipped", () => {
  const traces = traceRules({
    ...state,
    outcomes: [
      { ruleIndex: 2, actionIndex: 0, state: "done" },
      { ruleIndex: 2, actionIndex: 1, state: "done", disposition: "STOP_RULE" },
      { ruleIndex: 4, actionIndex: 0, state: "pending", reason: "no such bucket" },
    ],
  });
  expect(traces[2]!.actions).toEqual([
    { actionIndex: 0, type: "S3", fate: "done", reason: "" },
    { actionIndex: 1, type: "Lambda", fate: "done", reason: "it answered STOP_RULE" },
    {
      actionIndex: 2,
      type: "SNS",
      fate: "skipped",
      reason: 'action 2 (Lambda) of rule "ann" ended the rule by STOP_RULE',
    },
  ]);
  expect(traces[4]!.actions).toMatchObject([
    { fate: "pending", reason: "no such bucket" },
    { fate: "waiting", reason: 'behind action 1 (S3) of rule "all", which has not settled' },
  ]);
  expect(traces[5]).toMatchObject({ fate: "waiting" });
});

test("a rule of 500 conditions is explained in a sentence", () => {
  const recipients = Array.from({ length: 500 }, (_, index) => `user${index}@shop.example`);
  const [trace] = traceRules({ ...state, ruleSet: ruleSet(rule("many", { recipients })) });
  expect(trace!.perRecipient[0]!.reason).toMatch(/; nor do 495 more match$/);
});
