import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { alarmsOf } from "../../infra/alarms.ts";
import { type CompiledTemplate, checkTemplate, orderedRules } from "../../infra/check-template.ts";
import { starReasons } from "../../infra/star-reasons.ts";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import { readApiRule } from "../../shared/receipt/api-rule.ts";
import { fc } from "../property.ts";
import { arbitraryRuleSet, exampleConditions } from "../shared/receipt/arbitrary-rule-set.ts";
import { compile, deployment, example } from "./compile.ts";

// What looks like CloudFormation in a user's own text stays as it is.
const placeholder = ["$", "{AWS::Region}"].join("");

const everything = {
  encrypt: true,
  tls: "require",
  gate: { virus: "bounce" },
  rejects: [{ recipients: ["old@example.com"], template: "mailbox-does-not-exist" }],
  ipFilters: [{ block: "203.0.113.0/24" }, { allow: "203.0.113.25" }, { block: "2001:db8::/32" }],
  aws: {
    tracing: true,
    versioning: true,
    pointInTimeRecovery: true,
    archiveMailAfterDays: 60,
    alarms: { email: "ops@example.net" },
  },
  retention: { default: { days: 730 }, tickets: { days: 90 } },
};

describe("the template is without fault", () => {
  test.for<[string, object]>([
    ["of the smallest configuration", {}],
    ["with every option", everything],
    ["of domains that are verified already", { aws: { identities: "existing" } }],
    ["of own rules", { ruleSet: ownRules() }],
    ["of thirty streams more", { streams: manyStreams(30) }],
    [
      "of more conditions than a rule takes",
      {
        streams: {
          personal: { recipients: manyAddresses(1_200).slice(0, 500) },
          ticket: { recipients: manyAddresses(1_200).slice(500, 1_000) },
        },
      },
    ],
  ])("%s", ([, change]) => expect(checkTemplate(compile(deployment(change)))).toEqual([]));
});

function ownRules() {
  const rule = { enabled: true, tlsPolicy: "Optional", scanEnabled: true, recipients: [] };
  const topicArn = "arn:aws:sns:us-east-1:000000000000:mailweir-notices";
  return {
    name: "mine",
    rules: [
      { ...rule, name: "a.1", actions: [{ type: "AddHeader", headerName: "X-A", headerValue: placeholder }] },
      {
        ...rule,
        name: "a1",
        actions: [{ type: "S3", bucketName: "mailweir-mail", topicArn, objectKeyPrefix: "inbound/" }],
      },
      {
        ...rule,
        name: "A1",
        actions: [
          {
            type: "Lambda",
            functionArn: "arn:aws:lambda:us-east-1:000000000000:function:theirs",
            invocationType: "Event",
          },
        ],
      },
      { ...rule, name: "last", actions: [{ type: "Stop", scope: "RuleSet", topicArn }] },
    ],
  };
}

function manyStreams(count: number) {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `s-${index}`,
      { recipients: [`s${index}@example.com`], worker: "ticket" },
    ]),
  );
}
function manyAddresses(count: number) {
  return Array.from({ length: count }, (_, index) => `a${index}@example.com`);
}

test("more streams than a stack takes are refused with the remedy", () => {
  const faults = checkTemplate(compile(deployment({ streams: manyStreams(90) })));
  expect(faults).toEqual([{ at: "Resources", problem: expect.stringContaining("fewer streams") }]);
});

// ---- the rules that SES gets are the rules that the engine runs ----

/** What CloudFormation fills in, as the configuration names it. */
function filledIn(value: unknown, { names }: ResolvedConfig): unknown {
  const ids: Readonly<Record<string, string>> = { MailBucket: names.bucket, NoticeTopic: names.noticeTopicArn };
  if (Array.isArray(value)) return value.map((item) => filledIn(item, { names } as ResolvedConfig));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value);
  const [key, inner]: [string, unknown] = entries[0] ?? ["", undefined];
  if (key === "Ref") return ids[String(inner)] ?? `unknown ${String(inner)}`;
  if (key === "Fn::Sub") return inner;
  if (key === "Fn::GetAtt") {
    const [id] = inner as [string];
    if (id === "MailKey") return names.kmsKeyArn;
    const name = id.replace(/LambdaFunction$/, "").replaceAll("Dash", "-");
    return names.functionArn(name.charAt(0).toLowerCase() + name.slice(1));
  }
  return Object.fromEntries(entries.map(([name, item]) => [name, filledIn(item, { names } as ResolvedConfig)]));
}

function rulesOf(template: CompiledTemplate, config: ResolvedConfig) {
  return orderedRules(template).map((rule) => {
    const read = readApiRule(filledIn(rule, config) as object);
    if ("error" in read) throw new Error(read.error.message);
    return read.rule;
  });
}

const localNames = {
  topicArn: "arn:aws:sns:us-east-1:000000000000:mailweir-notices",
  functionArn: "arn:aws:lambda:us-east-1:000000000000:function:mailweir-gate",
};
const anyAction = [
  { type: "S3", bucketName: "mailweir-mail", topicArn: localNames.topicArn, objectKeyPrefix: "inbound/" },
  { type: "S3", bucketName: "elsewhere", iamRoleArn: "arn:aws:iam::111122223333:role/writer" },
  { type: "SNS", topicArn: localNames.topicArn, encoding: "Base64" },
  { type: "Lambda", functionArn: localNames.functionArn, invocationType: "RequestResponse" },
  { type: "Lambda", functionArn: "arn:aws:lambda:us-east-1:111122223333:function:theirs", invocationType: "Event" },
  {
    type: "Bounce",
    smtpReplyCode: "550",
    statusCode: "5.1.1",
    message: `No ${placeholder} mailbox`,
    sender: "a@example.com",
  },
  { type: "AddHeader", headerName: "X-Seen", headerValue: "yes" },
  { type: "WorkMail", organizationArn: "arn:aws:workmail:us-east-1:111122223333:organization/m-1" },
  {
    type: "Connect",
    instanceArn: "arn:aws:connect:us-east-1:111122223333:instance/1",
    iamRoleArn: "arn:aws:iam::111122223333:role/c",
  },
] as const;

test("the compiled rules are the derived ones, in their order, for any configuration", () => {
  const addresses = fc.uniqueArray(
    fc.constantFrom("ann@example.com", "bob@example.com", "b+x@example.com", ".example.com", "example.com"),
    { minLength: 1, maxLength: 4 },
  );
  const config = fc.record({
    streams: addresses.map((recipients) => ({ personal: { recipients } })),
    rejects: fc.array(
      fc.record({ recipients: addresses, template: fc.constantFrom("mailbox-full", "content-rejected") }),
      { maxLength: 3 },
    ),
    gate: fc.record({ virus: fc.constantFrom("quarantine", "bounce"), spam: fc.constantFrom("drop", "nothing") }),
    tls: fc.constantFrom("require", "optional"),
    encrypt: fc.boolean(),
  });
  fc.assert(
    fc.property(config, (change) => {
      const one = deployment(change);
      const template = compile(one);
      expect(rulesOf(template, one.config)).toEqual(one.config.ruleSet.rules);
      expect(checkTemplate(template)).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

test("own rules arrive as they are written, in their order, with the stage's names", () => {
  fc.assert(
    fc.property(arbitraryRuleSet({ conditions: exampleConditions, actions: anyAction }), (ruleSet) => {
      const one = deployment({ ruleSet });
      const template = compile(one);
      expect(rulesOf(template, one.config)).toEqual(one.config.ruleSet.rules);
      expect(checkTemplate(template)).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

// ---- several stages ----

test("two stages of one account share no name", () => {
  const namesOf = (stage: string) => {
    const { Resources } = compile(
      deployment({ ...everything, aws: { ...everything.aws, identities: "existing" } }, stage),
    );
    return Object.values(Resources).flatMap(({ Properties = {} }) =>
      Object.entries(Properties).flatMap(([key, value]) =>
        /^(?:.*Name|Name)$/.test(key) && !/Function|RuleSet|Metric|Policy|ConfigurationSet/.test(key)
          ? [JSON.stringify(value)]
          : [],
      ),
    );
  };
  const prod = new Set(namesOf("prod"));
  expect(prod.size).toBeGreaterThan(40);
  expect(namesOf("dev").filter((name) => prod.has(name))).toEqual([]);
});

// ---- each check finds its fault ----

/** Sets what a path names, or takes it away. */
function change(object: unknown, path: string, value: unknown): void {
  const steps = path.split(".");
  const last = steps.pop() ?? "";
  const holder = steps.reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], object) as Record<
    string,
    unknown
  >;
  expect(holder, path).toBeTypeOf("object");
  if (value === undefined) delete holder[last];
  else holder[last] = value;
}

describe("what a broken template is told", () => {
  const statement = "Properties.PolicyDocument.Statement";
  const ofRole = "Properties.Policies.0.PolicyDocument.Statement.0";
  test.for<[string, string, unknown, string]>([
    ["a wrong TLS word", "RuleStore.Properties.Rule.TlsPolicy", "Required", 'only "Require"'],
    ["two actions in one entry", "RuleStore.Properties.Rule.Actions.0.StopAction", { Scope: "RuleSet" }, "2 actions"],
    ["an empty entry", "RuleStore.Properties.Rule.Actions.0", {}, "0 actions in one entry"],
    ["an action that SES has not", "RuleStore.Properties.Rule.Actions.0", { S3action: {} }, "no action of SES"],
    ["a rule that does not wait for the bucket's policy", "RuleStore.DependsOn", undefined, "AWS::S3::BucketPolicy"],
    ["a rule that does not wait for its permission", "RuleGate.DependsOn", [], "AWS::Lambda::Permission"],
    ["a rule in no order", "RuleGate.Properties.After", undefined, "without After"],
    ["two rules behind one", "RuleRejectDash1.Properties.After", { Ref: "RuleStore" }, "directly behind"],
    ["After by name", "RuleGate.Properties.After", "store", "by Ref"],
    ["a URL without InvokeFunctionUrl", "OneClickUrlPermission", undefined, "lambda:InvokeFunctionUrl"],
    ["a URL without InvokeFunction", "OneClickUrlInvokePermission", undefined, "lambda:InvokeFunction,"],
    [
      "a function for everybody",
      "OneClickUrlInvokePermission.Properties.InvokedViaFunctionUrl",
      undefined,
      "by way of",
    ],
    ["a role that may do anything", `JournalRole.${ofRole}.Resource`, "*", "says no reason"],
    ["an action with a wildcard", `JournalRole.${ofRole}.Action`, ["logs:*"], "name each"],
    ["a role with nothing", `JournalRole.${ofRole}.Resource`, [], "no resource"],
    [
      "a bucket for any account",
      `MailBucketPolicy.${statement}.0.Condition.StringEquals`,
      undefined,
      "aws:sourceaccount",
    ],
    ["a key for any rule", "MailKey.Properties.KeyPolicy.Statement.1.Condition.ArnLike", undefined, "aws:sourcearn"],
    ["a bucket for everybody", `MailBucketPolicy.${statement}.1.Effect`, "Allow", "everybody"],
    [
      "a permission for any account",
      "GateSesPermission.Properties.SourceAccount",
      undefined,
      "SourceAccount is missing",
    ],
    ["a visibility below six time-outs", "NoticesQueue.Properties.VisibilityTimeout", 100, "less than 6 times"],
    ["no dead-letter queue", "NoticesQueue.Properties.RedrivePolicy", undefined, "no dead-letter"],
    ["a secret", "GateLambdaFunction.Properties.Environment.Variables.API_TOKEN", "x", "looks like a secret"],
    ["a table that goes with the stack", "LedgerTable.DeletionPolicy", undefined, "deleted with the stack"],
  ])("%s", ([, path, value, problem]) => {
    const template = compile(deployment(everything));
    change(template.Resources, path, value);
    const told = checkTemplate(template).map((fault) => `${fault.at}: ${fault.problem}`);
    expect(told.join("\n")).toContain(problem);
  });
});

test("every reason for a star is still needed", () => {
  const template = JSON.stringify(compile(deployment(everything)).Resources);
  for (const action of Object.keys(starReasons)) expect(template).toContain(`"${action}"`);
});

// ---- alarms ----

test("every alarm has its chapter in the runbook, and every chapter its alarm", () => {
  const runbook = readFileSync(new URL("../../docs/runbook.md", import.meta.url), "utf8");
  const chapters = [...runbook.matchAll(/^## (.+)$/gm)].map((match) =>
    (match[1] ?? "")
      .toLowerCase()
      .replaceAll(/[^a-z0-9 -]/g, "")
      .replaceAll(" ", "-"),
  );
  const used = new Set<string>(alarmsOf(deployment(everything)).map(({ chapter }) => chapter));
  expect([...used].sort()).toEqual(chapters.sort());
});

test("silence and mail are alarmed about as the configuration says", () => {
  const named = (aws: object) => alarmsOf(deployment({ aws })).find(({ name }) => name === "no-mail-at-all");
  expect(named({ alarms: { silentHours: 6 } })).toMatchObject({ periods: 6, silence: "breaching" });
  expect(named({ alarms: { silentHours: 0 } })).toBeUndefined();
  const { Resources } = compile(deployment(everything));
  expect(Resources["NoMailAtAllAlarm"]?.Properties).toMatchObject({
    AlarmActions: [{ Ref: "AlarmTopic" }],
    AlarmDescription: expect.stringContaining("docs/runbook.md#no-mail-at-all"),
  });
  expect(compile(deployment()).Resources["NoMailAtAllAlarm"]?.Properties).not.toHaveProperty("AlarmActions");
});

test("the example's streams are in it", () => {
  const { Resources } = compile(deployment());
  for (const name of Object.keys(example.streams)) {
    const id = `Stream${name.charAt(0).toUpperCase()}${name.slice(1)}Queue`;
    expect(Resources[id]?.Properties).toMatchObject({
      QueueName: `mailweir-prod-stream-${name}`,
      VisibilityTimeout: 360,
    });
    expect(Resources[`${id}Dlq`]?.Properties).toMatchObject({ QueueName: `mailweir-prod-stream-${name}-dlq` });
  }
  expect(Resources["ObjectsQueue"]?.Properties).toMatchObject({ DelaySeconds: 900 });
  expect(Resources["MailBucket"]).toMatchObject({
    DependsOn: ["ObjectsQueuePolicy"],
    DeletionPolicy: "RetainExceptOnCreate",
  });
});
