import { describe, expect, test } from "vitest";
import type { Account } from "../../../shared/adopt/account.ts";
import { adoptAccount, type GapCode } from "../../../shared/adopt/adopt-account.ts";
import { resolveConfig } from "../../../shared/config/resolve-config.ts";
import type { ReceiptAction } from "../../../shared/receipt/model.ts";
import { rule } from "../receipt/rule-sets.ts";

const topicArn = "arn:aws:sns:eu-west-1:111122223333:inbound";
const fn = (name: string, account = "111122223333") => `arn:aws:lambda:eu-west-1:${account}:function:${name}`;
const invoke = (functionArn: string, invocationType: "Event" | "RequestResponse" = "Event"): ReceiptAction => ({
  type: "Lambda",
  functionArn,
  invocationType,
});
const account = (more: Partial<Account> = {}): Account => ({
  region: "eu-west-1",
  accountId: "111122223333",
  ruleSet: { name: "main", rules: [rule("store", { actions: [{ type: "S3", bucketName: "shop-inbound" }] })] },
  unreadable: [],
  activeName: "main",
  ruleSetNames: ["main"],
  ipFilters: [],
  identities: [{ name: "shop.example", status: "Success" }],
  buckets: { "shop-inbound": { kind: "found", region: "eu-west-1", allowsSes: "yes", locksByDefault: false } },
  keys: {},
  topics: {},
  functions: {},
  ...more,
});
const withActions = (...actions: ReceiptAction[]) =>
  account({ ruleSet: { name: "main", rules: [rule("a", { actions })] } });
const gapsOf = (of: Account, code?: GapCode) =>
  adoptAccount(of).gaps.filter((gap) => code === undefined || gap.code === code);

test("rules, filters, verified domains and the region; the configuration resolves", () => {
  const of = account({
    ipFilters: [
      { name: "spammers", policy: "Block", cidr: "203.0.113.0/24" },
      { name: "friend", policy: "Allow", cidr: "203.0.113.25" },
    ],
    identities: [
      { name: "Shop.example", status: "Success" },
      { name: "later.example", status: "Pending" },
      { name: "me@else.example", status: "Success" },
    ],
  });
  const { config, gaps } = adoptAccount(of);
  expect(config).toEqual({
    domains: ["shop.example"],
    region: "eu-west-1",
    ipFilters: [{ block: "203.0.113.0/24" }, { allow: "203.0.113.25" }],
    ruleSet: of.ruleSet,
  });
  expect(resolveConfig(config).ruleSet.rules).toEqual(of.ruleSet?.rules);
  expect(gaps.map(({ code, severity, at }) => `${severity} ${code} ${at}`)).toEqual([
    "note bucket shop-inbound",
    "note unverified-identity later.example",
    "note email-identity me@else.example",
    "note filter-names ipFilters",
  ]);
});

describe("functions", () => {
  test("each gets a module; one that is called twice is one, and waited for if one of the calls waits", () => {
    const of = withActions(
      invoke(fn("classify")),
      invoke(`${fn("classify")}:live`, "RequestResponse"),
      invoke(fn("tag")),
    );
    const { functions, config, gaps } = adoptAccount(of);
    expect(functions).toEqual([
      { arn: fn("classify"), key: "classify", module: "local-functions/classify.mjs", synchronous: true },
      { arn: fn("tag"), key: "tag", module: "local-functions/tag.mjs", synchronous: false },
    ]);
    expect(config.local?.functions).toEqual({
      classify: "./local-functions/classify.mjs",
      tag: "./local-functions/tag.mjs",
    });
    expect(gaps.map(({ code, severity, at }) => `${severity} ${code} ${at}`)).toEqual([
      `provide function ${fn("classify")}`,
      `provide function ${fn("tag")}`,
    ]);
  });

  test("two of one name, and one that is named like a function of the pipeline, go by their ARNs", () => {
    const of = withActions(invoke(fn("tag")), invoke(fn("tag", "444455556666")), invoke(fn("gate")));
    expect(Object.keys(adoptAccount(of).config.local?.functions ?? {}).sort()).toEqual(
      [fn("gate"), fn("tag"), fn("tag", "444455556666")].sort(),
    );
    expect(adoptAccount(of).functions.map(({ module }) => module)).toContain(
      "local-functions/gate-eu-west-1-111122223333.mjs",
    );
  });

  test("the engine's own are there", () => {
    const journal = "arn:aws:lambda:eu-west-1:000000000000:function:mailweir-journal";
    expect(adoptAccount(withActions(invoke(journal))).functions).toEqual([]);
  });
});

describe("topics", () => {
  const sns = (arn: string): ReceiptAction => ({ type: "SNS", topicArn: arn, encoding: "Base64" });
  const subscribed = (...subscriptions: { protocol: string; endpoint: string }[]) => ({
    topics: { [topicArn]: { kind: "found", allowsSes: "yes", subscriptions } as const },
  });
  const lambda = { protocol: "lambda", endpoint: fn("tag") };
  test.for<[string, Account, object | undefined, string]>([
    ["whose subscribers nobody told", withActions(sns(topicArn)), { topics: { inbound: {} } }, "provide"],
    ["without any", { ...withActions(sns(topicArn)), ...subscribed() }, { topics: { inbound: {} } }, "note"],
    [
      "with a function that the rules call too",
      { ...withActions(sns(topicArn), invoke(fn("tag"))), ...subscribed(lambda) },
      { functions: { tag: "./local-functions/tag.mjs" }, topics: { inbound: { functions: ["tag"] } } },
      "note",
    ],
    [
      "with a queue",
      { ...withActions(sns(topicArn)), ...subscribed({ protocol: "sqs", endpoint: "arn:aws:sqs:eu-west-1:1:q" }) },
      { topics: { inbound: {} } },
      "provide",
    ],
    ["that cannot be here", withActions(sns(`${topicArn}.fifo`)), undefined, "differs"],
  ])("%s", ([, of, local, severity]) => {
    const { config, gaps } = adoptAccount(of);
    expect(config.local).toEqual(local);
    expect(gaps.filter(({ code }) => code === "topic").map((gap) => gap.severity)).toEqual([severity]);
    expect(() => resolveConfig(config)).not.toThrow();
  });

  test("the pipeline's own is there", () => {
    const own = "arn:aws:sns:eu-west-1:000000000000:mailweir-notices";
    expect(adoptAccount(withActions(sns(own))).config.local).toBeUndefined();
  });
});

describe("what the configuration does not hold is listed", () => {
  test.for<[string, Account, string[]]>([
    [
      "a rule that cannot be read, and one that the engine would refuse",
      account({
        ruleSet: {
          name: "main",
          rules: [rule("nul", { actions: [{ type: "AddHeader", headerName: "X", headerValue: "\0" }] }), rule("good")],
        },
        unreadable: [{ rule: "odd", reason: "Exactly one action type must be specified for each ReceiptAction" }],
      }),
      ['differs rule-not-expressed rule "odd"', 'differs rule-not-expressed rule "nul"'],
    ],
    [
      "a filter that we cannot read",
      account({ ipFilters: [{ name: "f", policy: "Block", cidr: "203.0.113.0/99" }] }),
      ["differs filter-not-expressed f", "note bucket shop-inbound"],
    ],
    [
      "other sets, and one that was asked for and is not active",
      account({ activeName: "live", ruleSetNames: ["live", "main", "old"] }),
      [
        'note not-active rule set "main"',
        'note other-rule-set rule set "live"',
        'note other-rule-set rule set "old"',
        "note bucket shop-inbound",
      ],
    ],
    [
      "a topic, a key, a role",
      withActions({
        type: "S3",
        bucketName: "b",
        topicArn,
        kmsKeyArn: "arn:aws:kms:eu-west-1:111122223333:key/k",
        iamRoleArn: "arn:aws:iam::111122223333:role/ses",
      }),
      [
        `provide topic ${topicArn}`,
        "note bucket b",
        "note key arn:aws:kms:eu-west-1:111122223333:key/k",
        "note role arn:aws:iam::111122223333:role/ses",
      ],
    ],
    [
      "WorkMail and Connect",
      withActions(
        { type: "WorkMail", organizationArn: "arn:aws:workmail:eu-west-1:111122223333:organization/m-1" },
        {
          type: "Connect",
          instanceArn: "arn:aws:connect:eu-west-1:111122223333:instance/i",
          iamRoleArn: "arn:aws:iam::111122223333:role/connect",
        },
      ),
      ['differs work-mail rule "a"', 'differs connect rule "a"'],
    ],
    [
      "what may not be looked at",
      account({ buckets: { "shop-inbound": { kind: "unknown", reason: "AccessDenied: no" } } }),
      ["note bucket shop-inbound", "note not-readable shop-inbound"],
    ],
    [
      "rules that Mailweir itself deployed",
      account({
        ruleSet: { name: "mailweir-prod", rules: [rule("store", { actions: [invoke(fn("mailweir-prod-journal"))] })] },
        activeName: "mailweir-prod",
        ruleSetNames: ["mailweir-prod"],
      }),
      ['differs derived-by-mailweir rule set "mailweir-prod"', `provide function ${fn("mailweir-prod-journal")}`],
    ],
  ])("%s", ([, of, expected]) => {
    expect(
      gapsOf(of)
        .map(({ code, severity, at }) => `${severity} ${code} ${at}`)
        .filter((line) => !line.includes("filter-names")),
    ).toEqual(expected);
  });

  test("what of it is left out does not stop the rest", () => {
    const { config } = adoptAccount(
      account({
        ruleSet: {
          name: "main",
          rules: [rule("nul", { actions: [{ type: "AddHeader", headerName: "X", headerValue: "\0" }] }), rule("good")],
        },
      }),
    );
    expect(config.ruleSet.rules.map(({ name }) => name)).toEqual(["good"]);
  });
});

test.for<[string, Account, string]>([
  [
    "no set is active",
    ((): Account => {
      const { ruleSet: _, activeName: __, ...rest } = account({ ruleSetNames: ["a", "b"] });
      return rest;
    })(),
    "name one to import with --rule-set: a, b",
  ],
  [
    "there is none",
    ((): Account => {
      const { ruleSet: _, activeName: __, ...rest } = account({ ruleSetNames: [] });
      return rest;
    })(),
    "there is no rule set at all",
  ],
  [
    "no domain is verified",
    account({ identities: [{ name: "shop.example", status: "Pending" }] }),
    "No domain is verified",
  ],
  ["a region without receiving", account({ region: "us-gov-west-1" }), "SES does not receive mail in us-gov-west-1"],
])("%s: said, with what to do", ([, of, text]) => {
  expect(() => adoptAccount(of)).toThrow(text);
});
