import { describe, expect, test } from "vitest";
import { type DoctorFacts, diagnose } from "../../../../shared/config/doctor/diagnose.ts";
import { receivingNames } from "../../../../shared/config/doctor/domains.ts";
import type { Finding, FindingCode } from "../../../../shared/config/doctor/finding.ts";
import { resolveConfig } from "../../../../shared/config/resolve-config.ts";
import type { MailConfig } from "../../../../shared/config/types.ts";
import type { ReceiptAction, ReceiptRule } from "../../../../shared/receipt/model.ts";

const facts: DoctorFacts = { today: new Date("2026-11-24T00:00:00Z"), missingFiles: [] };
const names = resolveConfig({ domains: ["in.example"], streams: { personal: { recipients: ["in.example"] } } }).names;

const rule = (
  name: string,
  recipients: readonly string[],
  actions: readonly ReceiptAction[],
  more = {},
): ReceiptRule => ({
  name,
  enabled: true,
  tlsPolicy: "Optional",
  scanEnabled: true,
  recipients,
  actions,
  ...more,
});
const store: ReceiptAction = { type: "S3", bucketName: names.bucket, topicArn: names.noticeTopicArn };
/** Something that the rules do, and the router is not told of. */
const unrouted: ReceiptAction = { type: "AddHeader", headerName: "X-Seen", headerValue: "1" };
const stop: ReceiptAction = { type: "Stop", scope: "RuleSet" };
const lambda = (invocationType: "Event" | "RequestResponse", functionArn = names.functionArn("classify")) =>
  ({ type: "Lambda", functionArn, invocationType }) as const;
const bounce = (sender: string): ReceiptAction => ({
  type: "Bounce",
  smtpReplyCode: "550",
  statusCode: "5.1.1",
  message: "No such mailbox",
  sender,
});

function findingsOf(rules: readonly ReceiptRule[], more: Partial<MailConfig> = {}, given: Partial<DoctorFacts> = {}) {
  const config = resolveConfig({
    domains: ["in.example"],
    local: { functions: { classify: "./classify.ts" } },
    ruleSet: { name: "own", rules },
    ...more,
  });
  return diagnose(config, { ...facts, ...given });
}

const told = (findings: readonly Finding[]) =>
  findings.filter(({ code }) => code !== "test-scanner").map(({ code, at }) => `${code} ${at}`);

test.for<[string, Partial<MailConfig>]>([
  ["streams only", { streams: { personal: { recipients: ["in.example"] } } }],
  [
    "rejects and a gate that drops and bounces",
    {
      streams: { ticket: { recipients: ["help@in.example"] }, personal: { recipients: ["in.example", ".in.example"] } },
      rejects: [{ recipients: ["old@in.example"], template: "mailbox-does-not-exist" }],
      gate: { virus: "drop", spam: "bounce" },
      encrypt: true,
      tls: "require",
    },
  ],
])("rules that are derived from a configuration have nothing wrong with them: %s", ([, config]) => {
  expect(told(diagnose(resolveConfig({ domains: ["in.example"], ...config }), facts))).toEqual([]);
});

describe("rules in each other's way", () => {
  test.for<[string, ReceiptRule[], string[]]>([
    [
      "a Stop for the domain makes a rule for one of its addresses unreachable",
      [rule("a", ["in.example"], [store, stop]), rule("b", ["ann@in.example"], [store])],
      ['unreachable-rule ruleSet.rules[1] "b"'],
    ],
    [
      "a Stop for an address covers its labels",
      [rule("a", ["ann@in.example"], [store, stop]), rule("b", ["ann+x@in.example"], [store])],
      ['unreachable-rule ruleSet.rules[1] "b"'],
    ],
    [
      "two Stops together cover what neither does alone",
      [
        rule("a", ["ann@in.example"], [store, stop]),
        rule("b", ["bob@in.example"], [store, stop]),
        rule("c", ["ann@in.example", "bob@in.example"], [store]),
      ],
      [
        'stop-starves ruleSet.rules[0].actions[1] "a"',
        'unreachable-rule ruleSet.rules[2] "c"',
        'stop-starves ruleSet.rules[1].actions[1] "b"',
      ],
    ],
    [
      "a Stop for part of a rule's conditions shadows it, and starves the rest of mixed mail",
      [rule("a", ["ann@in.example"], [store, stop]), rule("b", ["ann@in.example", "bob@in.example"], [store])],
      ['stop-starves ruleSet.rules[0].actions[1] "a"', 'shadowed-rule ruleSet.rules[1] "b"'],
    ],
    [
      "a domain's Stop says nothing about its subdomains, but starves them in mixed mail",
      [rule("a", ["in.example"], [store, stop]), rule("b", [".in.example"], [store])],
      ['stop-starves ruleSet.rules[0].actions[1] "a"'],
    ],
    [
      "a Stop that only TLS reaches leaves the later rule the mail in clear",
      [rule("a", ["in.example"], [store, stop], { tlsPolicy: "Require" }), rule("b", ["ann@in.example"], [store])],
      [],
    ],
    [
      "a disabled rule's Stop stops nothing",
      [rule("a", ["in.example"], [store, stop], { enabled: false }), rule("b", ["ann@in.example"], [store])],
      ['disabled-rule ruleSet.rules[0] "a"'],
    ],
    ["no condition takes everybody", [rule("a", [], [store])], ['catch-all ruleSet.rules[0] "a"']],
    [
      "a catch-all's Stop makes everything behind it unreachable",
      [rule("a", [], [store, stop]), rule("b", [".in.example"], [store])],
      ['catch-all ruleSet.rules[0] "a"', 'unreachable-rule ruleSet.rules[1] "b"'],
    ],
    ["a rule without actions loses mail", [rule("a", ["in.example"], [])], ['empty-rule ruleSet.rules[0] "a"']],
  ])("%s", ([, rules, expected]) => {
    expect(told(findingsOf(rules)).sort()).toEqual([...expected].sort());
  });
});

describe("actions", () => {
  test.for<[string, ReceiptRule[], string[]]>([
    [
      "a function before the S3 action of its own rule",
      [rule("a", ["in.example"], [lambda("Event"), store])],
      ['lambda-before-s3 ruleSet.rules[0].actions[0] "a"'],
    ],
    [
      "a function in a rule before the rule that stores",
      [rule("a", ["ann@in.example"], [lambda("Event")]), rule("b", ["in.example"], [store])],
      ['lambda-before-s3 ruleSet.rules[0].actions[0] "a"'],
    ],
    [
      "a function behind a rule that stores for all of its recipients",
      [rule("a", ["in.example"], [store]), rule("b", ["ann@in.example"], [lambda("Event")])],
      [],
    ],
    [
      "a function behind a rule that stores for others",
      [rule("a", ["bob@in.example"], [store]), rule("b", ["ann@in.example"], [lambda("Event")])],
      ['lambda-without-s3 ruleSet.rules[1].actions[0] "b"'],
    ],
    [
      "a synchronous function at the end of the set prevents nothing",
      [rule("a", ["in.example"], [store, lambda("RequestResponse")])],
      ['sync-without-effect ruleSet.rules[0].actions[1] "a"'],
    ],
    [
      "a synchronous function before a bounce may prevent it",
      [rule("a", ["in.example"], [store, lambda("RequestResponse"), bounce("a@in.example")])],
      [],
    ],
    [
      "a synchronous function before a later rule may stop that",
      [
        rule("a", ["in.example"], [store, lambda("RequestResponse")]),
        rule("b", ["in.example"], [bounce("a@in.example")]),
      ],
      [],
    ],
    [
      "content in a notification, which a photograph already exceeds",
      [rule("a", ["in.example"], [store, { type: "SNS", topicArn: names.noticeTopicArn, encoding: "UTF-8" }])],
      ['sns-content-limit ruleSet.rules[0].actions[1] "a"'],
    ],
    [
      "no scan where the router goes by verdicts",
      [rule("a", ["in.example"], [store], { scanEnabled: false })],
      ['scan-off ruleSet.rules[0] "a"'],
    ],
    ["no scan where nobody asks for verdicts", [rule("a", ["in.example"], [unrouted], { scanEnabled: false })], []],
  ])("%s", ([, rules, expected]) => {
    expect(told(findingsOf(rules))).toEqual(expected);
  });

  test.for<[string, string, Finding["severity"]]>([
    ["before the end", "2027-03-30T23:59:59Z", "warning"],
    ["from its end on", "2027-03-31T00:00:00Z", "error"],
  ])("WorkMail %s", ([, today, severity]) => {
    const organizationArn = "arn:aws:workmail:us-east-1:111122223333:organization/m-0123456789abcdef0123456789abcdef";
    const findings = findingsOf(
      [rule("a", ["in.example"], [store, { type: "WorkMail", organizationArn }])],
      {},
      {
        today: new Date(today),
      },
    );
    expect(findings).toContainEqual(expect.objectContaining({ code: "workmail-ends", severity }));
  });
});

describe("what rules name", () => {
  const sns = (topicArn: string): ReceiptAction => ({ ...stop, topicArn });
  test.for<[string, ReceiptAction[], string[]]>([
    [
      "a function that nobody configured",
      [store, lambda("Event", names.functionArn("absent"))],
      ['unknown-function ruleSet.rules[0].actions[1] "a"'],
    ],
    [
      "the function of another account by the name that is configured",
      [store, lambda("Event", "arn:aws:lambda:us-east-1:111122223333:function:classify")],
      [],
    ],
    [
      "a topic that is not ours",
      [sns("arn:aws:sns:us-east-1:000000000000:other")],
      ['unknown-topic ruleSet.rules[0].actions[0] "a"'],
    ],
    ["a bucket of the rule set's own is there because a rule names it", [{ type: "S3", bucketName: "archive" }], []],
    [
      "a function in another region",
      [store, lambda("Event", "arn:aws:lambda:eu-west-1:111122223333:function:classify")],
      ['wrong-region ruleSet.rules[0].actions[1] "a"'],
    ],
    [
      "a bounce from somebody else's domain",
      [store, bounce("mailer-daemon@other.example")],
      ['unverified-sender ruleSet.rules[0].actions[1] "a"'],
    ],
  ])("%s", ([, actions, expected]) => {
    expect(told(findingsOf([rule("a", ["in.example"], actions)]))).toEqual(expected);
  });

  test("conditions outside the verified domains are refused mail", () => {
    const findings = findingsOf([
      rule("a", ["in.example", "sub.in.example", ".other.example", "x@out.example"], [store]),
    ]);
    expect(findings).toContainEqual(
      expect.objectContaining({
        code: "unverified-condition",
        what: ".other.example, x@out.example are not under a verified domain.",
      }),
    );
  });

  test("a region without receiving, and a file that is not there", () => {
    const config = resolveConfig({ domains: ["in.example"], streams: { personal: { recipients: ["in.example"] } } });
    const missingFiles = [{ at: "local.functions.classify", path: "./classify.ts" }];
    const ruleSet = {
      name: "mailweir",
      rules: [rule("a", ["in.example"], [{ type: "S3", bucketName: names.bucket }])],
    };
    expect(told(diagnose({ ...config, ruleSet, region: "eu-west-9" }, { ...facts, missingFiles }))).toEqual([
      "region-without-receiving region",
      "missing-file local.functions.classify",
    ]);
  });
});

describe("from the rules to the streams", () => {
  const streams = { ticket: { recipients: ["help@in.example"] }, personal: { recipients: ["in.example"] } };
  test.for<[string, ReceiptRule[], string[]]>([
    [
      "a stream whose addresses no rule takes",
      [rule("a", ["ann@in.example"], [store])],
      ["stream-unreachable streams.ticket.recipients"],
    ],
    [
      "mail that no action tells the router of",
      [rule("a", ["in.example"], [unrouted])],
      ['router-not-told ruleSet.rules[0] "a"'],
    ],
    [
      "a second rule for what the first told about",
      [rule("a", ["in.example"], [store]), rule("b", ["ann@in.example"], [unrouted])],
      [],
    ],
  ])("%s", ([, rules, expected]) => {
    expect(told(findingsOf(rules, { streams }))).toEqual(expected);
  });
});

test("quotas, each with its own number", () => {
  const config = resolveConfig({ domains: ["in.example"], streams: { personal: { recipients: ["in.example"] } } });
  const addresses = Array.from({ length: 501 }, (_, index) => `u${index}@in.example`);
  const rules = Array.from({ length: 201 }, (_, index) =>
    rule(`r${index}`, index === 0 ? addresses : ["in.example"], index === 1 ? Array(11).fill(store) : [store]),
  );
  const ipFilters = Array.from({ length: 101 }, (_, index) => ({
    name: `f${index}`,
    policy: "Block" as const,
    cidr: `192.0.2.${index}`,
  }));
  const over = diagnose({ ...config, ruleSet: { name: "mailweir", rules }, ipFilters }, facts).filter(
    ({ code }) => code === "over-quota",
  );
  expect(over.map(({ at, what }) => `${at}: ${what}`)).toEqual([
    "ruleSet.rules: 201 rules, and SES takes 200.",
    'ruleSet.rules[0] "r0": 501 recipient conditions, and SES takes 500.',
    'ruleSet.rules[1] "r1": 11 actions, and SES takes 10.',
    "ipFilters: 101 IP filters, and SES takes 100.",
  ]);
});

describe("MX records, only when DNS was asked", () => {
  const config = resolveConfig({ domains: ["in.example"], streams: { personal: { recipients: ["in.example"] } } });
  test.for<[string, DoctorFacts["mx"], FindingCode[]]>([
    ["not asked", undefined, []],
    ["none", { "in.example": [] }, ["mx-missing"]],
    ["SES's", { "in.example": ["inbound-smtp.us-east-1.amazonaws.com."] }, []],
    ["of another region", { "in.example": ["inbound-smtp.eu-west-1.amazonaws.com"] }, ["mx-elsewhere"]],
    ["no answer", { "in.example": { unknown: "SERVFAIL" } }, ["mx-unknown"]],
    ["that it takes no mail", { "in.example": ["."] }, ["mx-elsewhere"]],
    ["nothing for a name that was not asked", {}, []],
  ])("%s", ([, mx, expected]) => {
    const codes = diagnose(config, { ...facts, ...(mx && { mx }) }).map(({ code }) => code);
    expect(codes.filter((code) => code.startsWith("mx"))).toEqual(expected);
  });
});

test("a subdomain that a condition names needs MX records of its own; one that only .domain takes is not known", () => {
  const conditions = ["in.example", "x@eu.in.example", ".in.example", "y@elsewhere.example"];
  const { ruleSet, domains } = resolveConfig({
    domains: ["in.example"],
    ruleSet: {
      name: "own",
      rules: [rule("a", conditions, [store]), rule("b", ["us.in.example"], [], { enabled: false })],
    },
  });
  expect(receivingNames({ ruleSet, domains })).toEqual(["in.example", "eu.in.example"]);
});

test("the worst stands first", () => {
  const findings = findingsOf([
    rule("a", [], [store], { enabled: false }),
    rule("b", [], [store]),
    rule("c", ["in.example"], [store, lambda("Event", names.functionArn("absent"))]),
  ]);
  expect(findings.map(({ severity }) => severity)).toEqual(["error", "warning", "note", "note"]);
});
