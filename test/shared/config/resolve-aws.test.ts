import { describe, expect, test } from "vitest";
import { ConfigError, type ConfigFault } from "../../../shared/config/config-error.ts";
import { resolveConfig } from "../../../shared/config/resolve-config.ts";

const base = { domains: ["example.com"], streams: { personal: { recipients: ["example.com"] } } };
const prod = { stage: "prod", accountId: "111122223333" };

const faultsOf = (input: unknown, options: Parameters<typeof resolveConfig>[1] = prod): readonly ConfigFault[] => {
  try {
    resolveConfig(input, options);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
};

describe("what a deployment refuses, with its place and the remedy", () => {
  const remedy = expect.stringMatching(/./);
  test.for<[string, unknown, Partial<ConfigFault>]>([
    ["an unknown region", { region: "eu-west-9" }, { at: "region", suggestion: 'did you mean "eu-west-1"?' }],
    ["a region without receiving", { region: "us-gov-west-1" }, { at: "region", allowed: remedy }],
    ["a misspelt setting", { aws: { takover: true } }, { at: "aws.takover", suggestion: 'did you mean "takeOver"?' }],
    ["a bucket with capitals", { aws: { bucket: "Mail" } }, { at: "aws.bucket", allowed: remedy }],
    ["a bucket with dots", { aws: { bucket: "mail.example.com" } }, { at: "aws.bucket", allowed: remedy }],
    ["a bucket that is too long", { aws: { bucket: "m".repeat(64) } }, { at: "aws.bucket", allowed: remedy }],
    ["a reserved bucket name", { aws: { bucket: "xn--mail" } }, { at: "aws.bucket", allowed: remedy }],
    [
      "a key alias without its prefix",
      { aws: { kmsAlias: "mail" } },
      { at: "aws.kmsAlias", suggestion: 'write "alias/mail"' },
    ],
    ["Amazon's own alias", { aws: { kmsAlias: "alias/aws/s3" } }, { at: "aws.kmsAlias", allowed: remedy }],
    ["a log retention CloudWatch has not", { aws: { logRetentionDays: 31 } }, { at: "aws.logRetentionDays" }],
    ["a lifetime that knows no hold", { aws: { deleteMailAfterDays: 30 } }, { at: "aws.deleteMailAfterDays" }],
    [
      "a stage's lifetime that knows no hold",
      { aws: { stages: { dev: { deleteMailAfterDays: 30 } } } },
      { at: "aws.stages.dev.deleteMailAfterDays" },
    ],
    ["an archive too early for S3", { aws: { archiveMailAfterDays: 7 } }, { at: "aws.archiveMailAfterDays" }],
    [
      "archived after it is deleted",
      { aws: { archiveMailAfterDays: 90 }, retention: { default: { days: 60 } } },
      { at: "aws.archiveMailAfterDays", allowed: remedy },
    ],
    ["one invocation at a time", { aws: { workerConcurrency: 1 } }, { at: "aws.workerConcurrency" }],
    ["text for a number", { aws: { workerConcurrency: "10" } }, { at: "aws.workerConcurrency" }],
    ["a rule set that has no such name", { aws: { takeOver: "my set" } }, { at: "aws.takeOver", allowed: remedy }],
    ["identities that are neither", { aws: { identities: "keep" } }, { at: "aws.identities", allowed: remedy }],
    ["an alarm to no address", { aws: { alarms: { email: "ops" } } }, { at: "aws.alarms.email", allowed: remedy }],
    ["an alarm at no mail", { aws: { alarms: { suspiciousPerHour: 0 } } }, { at: "aws.alarms.suspiciousPerHour" }],
    ["silence of more than a day", { aws: { alarms: { silentHours: 25 } } }, { at: "aws.alarms.silentHours" }],
    ["a stage's misspelt setting", { aws: { stages: { prod: { tracin: true } } } }, { at: "aws.stages.prod.tracin" }],
    ["a stage that cannot be named", { aws: { stages: { Prod: {} } } }, { at: "aws.stages.Prod", allowed: remedy }],
    [
      "another stage's bucket",
      { aws: { stages: { dev: { bucket: "-mail" } } } },
      { at: "aws.stages.dev.bucket", allowed: remedy },
    ],
  ])("%s", ([, change, expected]) => {
    const faults = faultsOf({ ...base, ...(change as object) });
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatchObject(expected);
    expect(faults[0]?.allowed ?? faults[0]?.suggestion).toMatch(/\w/);
  });

  test.for(["Prod", "prod_1", "1st", "prod-", "", "production-eu"])('the stage "%s"', (stage) => {
    expect(faultsOf(base, { stage })).toMatchObject([{ at: "--stage", allowed: remedy }]);
  });
});

test("a stage's settings change those of all stages, and its names carry the stage", () => {
  const input = {
    ...base,
    aws: {
      tracing: true,
      alarms: { email: "ops@example.net", silentHours: 2 },
      stages: { prod: { bucket: "our-mail", alarms: { silentHours: 0 } }, dev: { tracing: false } },
    },
  };
  const deployed = resolveConfig(input, prod);
  expect(deployed.aws).toMatchObject({ tracing: true, alarms: { email: "ops@example.net", silentHours: 0 } });
  expect(deployed.names.bucket).toBe("our-mail");
  expect(deployed.names.kmsKeyArn).toBe("arn:aws:kms:us-east-1:111122223333:alias/mailweir-prod-mail");
  expect(deployed.ruleSet.name).toBe("mailweir-prod");

  const dev = resolveConfig(input, { ...prod, stage: "dev" });
  expect(dev.aws.tracing).toBe(false);
  expect(dev.names.bucket).toBe("mailweir-dev-mail-111122223333-us-east-1");
  // The same file is the same configuration, whatever the stage.
  expect(dev.version).toBe(deployed.version);
  expect(resolveConfig(input).names.bucket).toBe("mailweir-mail");
});

test("the longest names that AWS bounds are short enough", () => {
  const name = `a${"b".repeat(39)}`;
  const { names } = resolveConfig(
    {
      ...base,
      region: "ap-southeast-3",
      streams: { ...base.streams, [name]: { match: { nature: "human" }, worker: "ticket" } },
    },
    { ...prod, stage: "abcdefghijkl" },
  );
  expect(`${names.streamQueue(name)}-dlq`.length).toBeLessThanOrEqual(80);
  expect(names.bucket.length).toBeLessThanOrEqual(63);
  expect(names.functionArn("route-notification").split(":").at(-1)?.length).toBeLessThanOrEqual(64);
});

test("an own rule set's local names become the stage's", () => {
  const local = resolveConfig(base).names;
  const actions = [
    { type: "S3", bucketName: local.bucket, topicArn: local.noticeTopicArn, kmsKeyArn: local.kmsKeyArn },
    { type: "Lambda", functionArn: local.functionArn("gate"), invocationType: "RequestResponse" },
    { type: "Lambda", functionArn: "arn:aws:lambda:us-east-1:444455556666:function:theirs", invocationType: "Event" },
    { type: "S3", bucketName: "another", topicArn: "arn:aws:sns:us-east-1:444455556666:theirs" },
  ];
  const rule = {
    name: "a",
    enabled: true,
    tlsPolicy: "Optional",
    scanEnabled: true,
    recipients: ["B@Example.com"],
    actions,
  };
  const { ruleSet, names } = resolveConfig({ ...base, ruleSet: { name: "mine", rules: [rule] } }, prod);
  expect(ruleSet.name).toBe("mailweir-prod");
  expect(ruleSet.rules[0]?.recipients).toEqual(["b@example.com"]);
  expect(ruleSet.rules[0]?.actions).toEqual([
    { type: "S3", bucketName: names.bucket, topicArn: names.noticeTopicArn, kmsKeyArn: names.kmsKeyArn },
    { type: "Lambda", functionArn: names.functionArn("gate"), invocationType: "RequestResponse" },
    actions[2],
    actions[3],
  ]);
});
