import { describe, expect, test } from "vitest";
import type { Account } from "../../../../shared/adopt/account.ts";
import { diagnose } from "../../../../shared/config/doctor/diagnose.ts";
import { diagnoseAccount } from "../../../../shared/config/doctor/diagnose-account.ts";
import type { Finding } from "../../../../shared/config/doctor/finding.ts";
import { resolveConfig } from "../../../../shared/config/resolve-config.ts";
import type { MailConfig } from "../../../../shared/config/types.ts";
import type { ReceiptAction } from "../../../../shared/receipt/model.ts";
import { rule, stop } from "../../receipt/rule-sets.ts";

const today = new Date("2026-11-24T00:00:00Z");
const topicArn = "arn:aws:sns:us-east-1:111122223333:inbound";
const functionArn = "arn:aws:lambda:us-east-1:111122223333:function:classify";
const kmsKeyArn = "arn:aws:kms:us-east-1:111122223333:key/k";
const store: ReceiptAction = { type: "S3", bucketName: "in", kmsKeyArn, topicArn };

const good: Account = {
  region: "us-east-1",
  accountId: "111122223333",
  ruleSet: {
    name: "mailweir-prod",
    rules: [
      rule("store", {
        scanEnabled: true,
        recipients: ["in.example"],
        actions: [store, { type: "Lambda", functionArn, invocationType: "Event" }],
      }),
    ],
  },
  unreadable: [],
  activeName: "mailweir-prod",
  ruleSetNames: ["mailweir-prod"],
  ipFilters: [],
  identities: [{ name: "in.example", status: "Success" }],
  buckets: { in: { kind: "found", allowsSes: "yes", locksByDefault: false } },
  keys: { [kmsKeyArn]: { kind: "found", enabled: true, allowsSes: "yes" } },
  topics: { [topicArn]: { kind: "found", allowsSes: "unsure", subscriptions: [] } },
  functions: { [functionArn]: { kind: "found", allowsSes: "yes" } },
};
const told = (findings: readonly Finding[]) => findings.map(({ code, severity, at }) => `${severity} ${code} ${at}`);

describe("an account under a stage's configuration", () => {
  const streams = { personal: { recipients: ["in.example"] } };
  const ask = (account: Partial<Account>, more: Partial<MailConfig> = {}) =>
    told(
      diagnose(resolveConfig({ domains: ["in.example"], streams, ...more }, { stage: "prod" }), {
        today,
        missingFiles: [],
        account: { ...good, ...account },
      }),
    ).filter((line) => !line.includes("test-scanner"));

  test.for<[string, Partial<Account>, Partial<MailConfig>, string[]]>([
    ["its own set is active, its domain verified", {}, {}, []],
    ["nothing is active: it will be", { activeName: undefined } as never, {}, []],
    ["another stage has the mail", { activeName: "mailweir-dev" }, {}, ["warning another-set-active aws us-east-1"]],
    ["somebody else's set has it", { activeName: "main" }, {}, ["warning another-set-active aws us-east-1"]],
    [
      "the domain waits for its records",
      { identities: [{ name: "in.example", status: "Pending" }] },
      {},
      ["error unverified-domain aws us-east-1: in.example"],
    ],
    [
      "the domain is not there, and the deployment makes it",
      { identities: [] },
      {},
      ["warning unverified-domain aws us-east-1: in.example"],
    ],
    [
      "the domain is not there, and should be",
      { identities: [] },
      { aws: { identities: "existing" } },
      ["error unverified-domain aws us-east-1: in.example"],
    ],
    ["a parent of the domain is verified", { identities: [{ name: "example", status: "Success" }] }, {}, []],
    [
      "40 sets and none is this one",
      { ruleSetNames: Array.from({ length: 40 }, (_, index) => `s${index}`) },
      {},
      ["error over-quota aws us-east-1"],
    ],
    [
      "40 sets and this is one of them",
      { ruleSetNames: ["mailweir-prod", ...Array.from({ length: 39 }, (_, index) => `s${index}`)] },
      {},
      [],
    ],
    ["another region", { region: "eu-west-1" }, {}, ["error wrong-region aws eu-west-1"]],
  ])("%s", ([, account, more, expected]) => {
    expect(ask(account, more)).toEqual(expected);
  });
});

describe("the account's own rule set", () => {
  const ask = (more: Partial<Account>) => told(diagnoseAccount({ ...good, ...more }, today));

  test.for<[string, Partial<Account>, string[]]>([
    ["nothing is wrong with it", {}, []],
    ["the bucket is gone", { buckets: { in: { kind: "missing" } } }, ["error missing-target aws us-east-1: in"]],
    [
      "the bucket's policy names another set",
      { buckets: { in: { kind: "found", allowsSes: "no", locksByDefault: false } } },
      ["error missing-permission aws us-east-1: in"],
    ],
    [
      "the bucket locks what is written",
      { buckets: { in: { kind: "found", allowsSes: "yes", locksByDefault: true } } },
      ["error target-unusable aws us-east-1: in"],
    ],
    [
      "the key is disabled",
      { keys: { [kmsKeyArn]: { kind: "found", enabled: false, allowsSes: "yes" } } },
      [`error target-unusable aws us-east-1: ${kmsKeyArn}`],
    ],
    [
      "the function lost its permission",
      { functions: { [functionArn]: { kind: "found", allowsSes: "no" } } },
      [`error missing-permission aws us-east-1: ${functionArn}`],
    ],
    [
      "the topic is gone",
      { topics: { [topicArn]: { kind: "missing" } } },
      [`error missing-target aws us-east-1: ${topicArn}`],
    ],
    [
      "the topic may not be looked at",
      { topics: { [topicArn]: { kind: "unknown", reason: "AccessDenied" } } },
      [`note target-unknown aws us-east-1: ${topicArn}`],
    ],
    [
      "rules in each other's way are said of the account's set",
      {
        ruleSet: {
          name: "main",
          rules: [
            rule("all", { scanEnabled: true, actions: [store, stop] }),
            rule("never", { scanEnabled: true, recipients: ["in.example"], actions: [store] }),
          ],
        },
      },
      ['warning catch-all aws "main".rules[0] "all"', 'warning unreachable-rule aws "main".rules[1] "never"'],
    ],
    [
      "mail of a domain that is not verified",
      { ruleSet: { name: "main", rules: [rule("a", { recipients: ["x@other.example"], actions: [store] })] } },
      ['error unverified-condition aws "main".rules[0] "a"'],
    ],
  ])("%s", ([, more, expected]) => {
    expect(ask(more)).toEqual(expected);
  });

  test("none is active", () => {
    const { ruleSet: _, activeName: __, ...rest } = good;
    expect(told(diagnoseAccount({ ...rest, ruleSetNames: [] }, today))).toEqual([
      "warning no-set-active aws us-east-1",
    ]);
  });
});
