import { expect, test } from "vitest";
import { buildJourney, type Journey, type JourneyParts } from "../../../local/console/journey.ts";
import type { AcceptedMessage, ActionLogEntry } from "../../../local/store/engine-store.ts";
import type { RecipientRecord } from "../../../shared/ports.ts";
import type { ReceiptRule, RuleSet } from "../../../shared/receipt/model.ts";
import { sesId } from "../store/store-fixture.ts";

const message: AcceptedMessage = {
  sesMessageId: sesId(1),
  receivedAt: new Date("2026-08-04T09:15:02.417Z"),
  client: { ip: "203.0.113.25", helo: "mx.sender.example" },
  from: "",
  recipients: ["Support@example.com", "ann@example.com"],
  ruleSetSnapshot: "snapshot",
  sizeBytes: 120,
};

const s3 = { type: "S3", bucketName: "mail", objectKeyPrefix: "in/" } as const;
const gate = {
  type: "Lambda",
  functionArn: "arn:aws:lambda:us-east-1:000000000000:function:gate",
  invocationType: "RequestResponse",
} as const;
const sns = { type: "SNS", topicArn: "arn:aws:sns:us-east-1:000000000000:topic", encoding: "UTF-8" } as const;

function rule(name: string, rest: Partial<ReceiptRule> = {}): ReceiptRule {
  return { name, enabled: true, tlsPolicy: "Optional", scanEnabled: true, recipients: [], actions: [s3], ...rest };
}

function entry(ruleIndex: number, actionIndex: number, rest: Partial<ActionLogEntry> = {}): ActionLogEntry {
  return {
    ...{ ruleIndex, actionIndex, ruleName: "r", actionType: "S3", recipients: [], state: "done", result: "it did" },
    ...{ attempts: 1, startedAt: "2026-08-04T09:15:03.000Z", durationMs: 4 },
    ...rest,
  };
}

function record(recipient: string, rest: Partial<RecipientRecord> = {}): RecipientRecord {
  return {
    ...{ sesMessageId: message.sesMessageId, recipient, stream: "ticket", configVersion: "c0ffee", state: "done" },
    nature: { kind: "human", confidence: 0.9, evidence: ["From: a"] },
    safety: { kind: "clean", reasons: [] },
    ...{ trust: "aligned", reasons: ["because"], receivedAt: "2026-08-04T09:15:02.417Z", attempts: 1 },
    updatedAt: "2026-08-04T09:15:04.000Z",
    ...rest,
  };
}

function build(rules: readonly ReceiptRule[] | undefined, more: Partial<JourneyParts> = {}): Journey {
  const ruleSet: RuleSet | undefined = rules && { name: "set", rules };
  return buildJourney({
    ...{ message, subject: "Hi", author: null, ruleSet, verification: undefined, log: [], records: [] },
    outgoing: [],
    propagations: [],
    ...more,
  });
}

const fates = ({ rules }: Journey) =>
  rules.map(({ rule, fate, actions }) => [rule, fate, ...actions.map((action) => action.fate)]);

test.for<[string, readonly ReceiptRule[], readonly ActionLogEntry[], unknown]>([
  ["nothing has begun: the first action is next", [rule("store")], [], [["store", "runs", "next"]]],
  ["an action that was done", [rule("store")], [entry(0, 0)], [["store", "runs", "done"]]],
  [
    "an action that waits for its next attempt holds back the rest of its rule",
    [rule("store", { actions: [s3, sns] })],
    [entry(0, 0, { state: "pending", dueAt: "2026-08-04T09:16:00.000Z" })],
    [["store", "runs", "pending", "waiting"]],
  ],
  ["a rule that no recipient matches", [rule("old", { recipients: ["old@example.com"] })], [], [["old", "no-match"]]],
  ["a rule that is disabled", [rule("off", { enabled: false })], [], [["off", "disabled"]]],
  ["a rule that wants TLS, and the mail came in clear", [rule("tls", { tlsPolicy: "Require" })], [], [["tls", "tls"]]],
  [
    "what a function ended is told rule by rule",
    [rule("gate", { actions: [gate] }), rule("rest")],
    [entry(0, 0, { disposition: "STOP_RULE_SET" })],
    [
      ["gate", "runs", "done"],
      ["rest", "stopped", "skipped"],
    ],
  ],
  [
    "an action that was given up",
    [rule("store", { actions: [sns] })],
    [entry(0, 0, { state: "failed", disposition: "CONTINUE", result: "no such topic" })],
    [["store", "runs", "failed"]],
  ],
])("%s", ([, rules, log, expected]) => expect(fates(build(rules, { log }))).toEqual(expected));

test("every recipient has its reason at every rule, in envelope order", () => {
  const [only] = build([rule("desk", { recipients: ["support@example.com"] })]).rules;
  expect(only?.perRecipient.map(({ recipient, matches }) => [recipient, matches])).toEqual([
    ["Support@example.com", true],
    ["ann@example.com", false],
  ]);
  for (const { reason } of only?.perRecipient ?? []) expect(reason).toMatch(/support@example\.com/);
});

test("an action names its target and what its log says", () => {
  const log = [entry(0, 0, { result: "stored", attempts: 3 })];
  const [only] = build([rule("store", { actions: [s3, gate, sns] })], { log }).rules;
  expect(only?.actions.map(({ target }) => target)).toEqual([
    "s3://mail/in/",
    "gate, its answer is waited for",
    "topic",
  ]);
  expect(only?.actions.map(({ log }) => log)).toEqual([
    {
      state: "done",
      result: "stored",
      attempts: 3,
      startedAt: "2026-08-04T09:15:03.000Z",
      durationMs: 4,
      dueAt: null,
      metrics: { PublishSuccess: 1, PublishFailure: 2, PublishExpired: 0 },
    },
    null,
    null,
  ]);
});

test("recipients come in envelope order, those that only the pipeline knows behind them", () => {
  const records = [record("ann@example.com"), record("other@example.com"), record("support@example.com")];
  expect(build([], { records }).recipients.map(({ recipient }) => recipient)).toEqual([
    "support@example.com",
    "ann@example.com",
    "other@example.com",
  ]);
});

test("a recipient that nobody decided has no decision, rather than an invented one", () => {
  const records = [record("ann@example.com", { configVersion: "", stream: null, state: "received", attempts: 0 })];
  expect(build([], { records }).recipients).toMatchObject([
    { decision: null, stream: null, state: "received", attempts: 0, outcome: null, cause: null, detail: {} },
  ]);
});

test("a decision keeps its evidence, reasons, and the failure that ended it", () => {
  const records = [record("ann@example.com", { state: "failed", outcome: "gave-up", cause: "disk full", attempts: 4 })];
  expect(build([], { records }).recipients).toMatchObject([
    {
      decision: { nature: { kind: "human", evidence: ["From: a"] }, trust: "aligned", reasons: ["because"] },
      ...{ state: "failed", outcome: "gave-up", cause: "disk full", attempts: 4, duplicateOf: null },
    },
  ]);
});

test("without an active rule set there are no rules, and the journey says so", () => {
  expect(build(undefined)).toMatchObject({ ruleSet: null, rules: [], verification: null, envelope: { from: "" } });
});
