import { describe, expect, test } from "vitest";
import { readApiRule, storedRule, toApiRule } from "../../../shared/receipt/api-rule.ts";
import type { IpFilter, ReceiptAction } from "../../../shared/receipt/model.ts";
import { validateFilterName, validateName } from "../../../shared/receipt/validate-name.ts";
import {
  findRuleFaults,
  findRuleSetFaults,
  validateFilter,
  validateRule,
} from "../../../shared/receipt/validate-rule.ts";
import { addHeader, bounce, invoke, publish, rule, ruleSet, stop, store } from "./rule-sets.ts";

const patternText =
  "Value at 'ruleSetName' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9_.-]+$";

test.for<[string, string | undefined, unknown]>([
  ["a good name", "main-2.b_c", undefined],
  ["64 characters", "a".repeat(64), undefined],
  ["a space", "my set", { code: "ValidationError", message: `1 validation error detected: ${patternText}` }],
  [
    "empty",
    "",
    {
      code: "ValidationError",
      message: `2 validation errors detected: Value at 'ruleSetName' failed to satisfy constraint: Member must have length greater than or equal to 1; ${patternText}`,
    },
  ],
  [
    "missing",
    undefined,
    {
      code: "ValidationError",
      message:
        "1 validation error detected: Value at 'ruleSetName' failed to satisfy constraint: Member must not be null",
    },
  ],
  [
    "65 characters",
    "a".repeat(65),
    { code: "InvalidParameterValue", message: `Not a valid ruleSetName: ${"a".repeat(65)}` },
  ],
  ["a leading hyphen", "-main", { code: "InvalidParameterValue", message: "Not a valid ruleSetName: -main" }],
  ["a trailing dot", "main.", { code: "InvalidParameterValue", message: "Not a valid ruleSetName: main." }],
])("names of rule sets: %s", ([, name, expected]) => expect(validateName(name, "ruleSetName")).toEqual(expected));

test("names of rules and filters", () => {
  expect(validateName("-x", "rule.name", "ruleName")?.message).toBe("Not a valid ruleName: -x");
  expect(validateFilterName("")?.message).toBe("filterName must not be empty");
  expect(validateFilterName("a b")?.message).toBe("Not a valid filterName: a b");
  expect(validateFilterName("office.1")).toBeUndefined();
});

const told = (action: ReceiptAction) => validateRule(rule("one", { actions: [action] }));

test.for<[string, ReceiptAction, string, string]>([
  ["an empty bucket", { type: "S3", bucketName: "" }, "InvalidParameterValue", "Bucket name must not be empty"],
  [
    "a malformed topic",
    { ...publish, topicArn: "inbound" } as ReceiptAction,
    "InvalidSnsTopic",
    "Invalid SNS topic: inbound",
  ],
  [
    "a malformed topic of another action",
    { ...stop, topicArn: "x" } as ReceiptAction,
    "InvalidSnsTopic",
    "Invalid SNS topic: x",
  ],
  [
    "no function",
    { ...invoke("Event"), functionArn: "" } as ReceiptAction,
    "InvalidParameterValue",
    "Lambda function ARN must not be empty",
  ],
  [
    "a malformed function",
    { ...invoke("Event"), functionArn: "x" } as ReceiptAction,
    "InvalidLambdaFunction",
    "Invalid Lambda function: x",
  ],
  [
    "a reply code that bounces nothing",
    { ...bounce, smtpReplyCode: "250" } as ReceiptAction,
    "InvalidParameterValue",
    "Invalid SMTP reply code: 250",
  ],
  [
    "a message of two lines",
    { ...bounce, message: "a\nb" } as ReceiptAction,
    "InvalidParameterValue",
    "Invalid SMTP response message: a\nb",
  ],
  [
    "a sender that is no address",
    { ...bounce, sender: "x" } as ReceiptAction,
    "InvalidParameterValue",
    "Identity is not verified: x",
  ],
  ["a header name with a space", addHeader("X bad"), "InvalidParameterValue", "Invalid header name: X bad"],
  [
    "a header value with LF",
    { ...addHeader("X"), headerValue: "a\nb" } as ReceiptAction,
    "InvalidParameterValue",
    "Invalid header value: a0x000ab",
  ],
])("actions: %s", ([, action, code, message]) => expect(told(action)).toMatchObject({ code, message }));

test.for<[string, ReceiptAction]>([
  [
    "a function's version and alias",
    { ...invoke("Event"), functionArn: "arn:aws:lambda:us-east-1:111122223333:function:f:live" } as ReceiptAction,
  ],
  ["an empty header value", { ...addHeader("X"), headerValue: "" } as ReceiptAction],
  ["a header value with tab and Unicode", { ...addHeader("X"), headerValue: "a\t\u00e9" } as ReceiptAction],
  ["a header value of 2048 characters", { ...addHeader("X"), headerValue: "v".repeat(2048) } as ReceiptAction],
  ["the template with reply code 500", { ...bounce, smtpReplyCode: "500", statusCode: "5.6.1" } as ReceiptAction],
  ["a temporary failure", { ...bounce, smtpReplyCode: "450", statusCode: "4.0.0" } as ReceiptAction],
])("actions: %s is accepted", ([, action]) => expect(told(action)).toBeUndefined());

describe("rules", () => {
  test("a Stop before the end", () => {
    expect(validateRule(rule("one", { actions: [stop, store] }))).toEqual({
      code: "InvalidParameterValue",
      message: "Stop action, if any, must be placed at the end of the actions list",
      at: "actions[0]",
    });
  });

  test("the 11th action, the 501st recipient; recipients are counted before they are read", () => {
    expect(validateRule(rule("one", { actions: new Array(11).fill(store) }))?.message).toBe("Too many actions");
    expect(validateRule(rule("one", { recipients: new Array(501).fill("a b") }))).toMatchObject({
      code: "LimitExceeded",
      message: "Too many recipients",
    });
    expect(validateRule(rule("one", { recipients: new Array(500).fill("shop.example") }))).toBeUndefined();
  });

  test("all faults at once, each with its place", () => {
    const set = ruleSet(
      rule("one", { recipients: ["shop.example", "a..b"], actions: [store, { type: "S3", bucketName: "" }] }),
      rule("one"),
    );
    expect(findRuleSetFaults(set).map(({ at }) => at)).toEqual([
      "rules[0].recipients[1]",
      "rules[0].actions[1].bucketName",
      "rules[1].name",
    ]);
    expect(findRuleFaults(rule("one"))).toEqual([]);
  });

  test("the 201st rule", () => {
    const rules = Array.from({ length: 201 }, (_, index) => rule(`r${index}`));
    expect(findRuleSetFaults(ruleSet(...rules))).toEqual([
      { code: "LimitExceeded", message: "Too many rules", at: "rules" },
    ]);
  });
});

test("filters", () => {
  const filter: IpFilter = { name: "office", policy: "Allow", cidr: "203.0.113.0/24" };
  expect(validateFilter(filter)).toBeUndefined();
  expect(validateFilter({ ...filter, cidr: "x" })?.message).toBe("Invalid CIDR block: x");
  expect(validateFilter({ ...filter, policy: "Maybe" as "Allow" })?.message).toBe(
    "1 validation error detected: Value at 'filter.ipFilter.policy' failed to satisfy constraint: Member must satisfy enum value set: [Allow, Block]",
  );
});

describe("the API's spelling of a rule", () => {
  const error = (raw: Parameters<typeof readApiRule>[0]) => {
    const result = readApiRule(raw);
    return "error" in result ? result.error.message : undefined;
  };

  test("defaults are filled in", () => {
    expect(
      readApiRule({ Name: "one", Actions: [{ SNSAction: { TopicArn: "t" } }, { LambdaAction: { FunctionArn: "f" } }] }),
    ).toEqual({
      rule: {
        ...{ name: "one", enabled: false, tlsPolicy: "Optional", scanEnabled: false, recipients: [] },
        actions: [
          { type: "SNS", topicArn: "t", encoding: "UTF-8" },
          { type: "Lambda", functionArn: "f", invocationType: "Event" },
        ],
      },
    });
  });

  test("row 31: what is kept is lower case, sorted, without duplicates; no condition is shown as no member", () => {
    const kept = storedRule(rule("one", { recipients: ["B@X.example", "a@x.example", ".x.example", "a@x.example"] }));
    expect(toApiRule(kept).Recipients).toEqual([".x.example", "a@x.example", "b@x.example"]);
    expect("Recipients" in toApiRule(rule("one"))).toBe(false);
  });

  test.for<[string, Parameters<typeof readApiRule>[0], string]>([
    [
      "a bad enum",
      { Name: "one", TlsPolicy: "Maybe" },
      "1 validation error detected: Value at 'rule.tlsPolicy' failed to satisfy constraint: Member must satisfy enum value set: [Optional, Require]",
    ],
    [
      "the case of an enum",
      { Name: "one", Actions: [{ SNSAction: { TopicArn: "t", Encoding: "base64" } }] },
      "1 validation error detected: Value at 'rule.actions.1.member.sNSAction.encoding' failed to satisfy constraint: Member must satisfy enum value set: [Base64, UTF-8]",
    ],
    [
      "missing members, in the API's order",
      { Name: "one", Actions: [{ BounceAction: {} }] },
      `3 validation errors detected: ${["smtpReplyCode", "sender", "message"].map((member) => `Value at 'rule.actions.1.member.bounceAction.${member}' failed to satisfy constraint: Member must not be null`).join("; ")}`,
    ],
    [
      "two action types in one",
      { Name: "one", Actions: [{ StopAction: { Scope: "RuleSet" }, S3Action: { BucketName: "b" } }] },
      "Exactly one action type must be specified for each ReceiptAction",
    ],
    [
      "no action type",
      { Name: "one", Actions: [{}] },
      "Exactly one action type must be specified for each ReceiptAction",
    ],
  ])("refused: %s", ([, raw, message]) => expect(error(raw)).toBe(message));

  test("every action comes back as it went", () => {
    const actions: ReceiptAction[] = [
      { type: "S3", bucketName: "b", objectKeyPrefix: "p/", kmsKeyArn: "k", iamRoleArn: "r", topicArn: "t" },
      publish,
      invoke("RequestResponse"),
      bounce,
      addHeader("X-One"),
      { type: "WorkMail", organizationArn: "o", topicArn: "t" },
      { type: "Connect", instanceArn: "i", iamRoleArn: "r" },
      { ...stop, topicArn: "t" } as ReceiptAction,
    ];
    const original = rule("one", { actions, recipients: ["shop.example"], tlsPolicy: "Require", scanEnabled: true });
    expect(readApiRule(toApiRule(original))).toEqual({ rule: original });
  });
});
