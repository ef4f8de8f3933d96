import { expect, test } from "vitest";
import { deployableTemplate } from "../../../infra/deploy/deployable-template.ts";
import { resourceChanges, resourceSummary } from "../../../infra/deploy/resource-changes.ts";
import { compile, deployment } from "../compile.ts";

const archives = { gate: { bytes: new Uint8Array(), sha256: "0123456789abcdef0123456789abcdef" } };
const options = { accountId: "111122223333", artifactBucket: "artifacts", prefix: "mailweir-prod", archives };
const template = {
  Resources: {
    ...compile(deployment()).Resources,
    ServerlessDeploymentBucket: { Type: "AWS::S3::Bucket" },
    GateLambdaFunction: {
      Type: "AWS::Lambda::Function",
      Properties: { Code: { S3Bucket: { Ref: "ServerlessDeploymentBucket" }, S3Key: "x/1/gate.zip" } },
    },
  },
  Outputs: {
    ServerlessDeploymentBucketName: { Value: { Ref: "ServerlessDeploymentBucket" } },
    RuleSetName: { Value: { Ref: "RuleSet" } },
  },
};

test("code is named by its hash, the account is written out, and osls's own bucket is gone", () => {
  const made = deployableTemplate(template, { ...options, leaveOut: () => false });
  expect(made.leftOut).toEqual([]);
  expect(made.template.Resources["GateLambdaFunction"]?.Properties?.["Code"]).toEqual({
    S3Bucket: "artifacts",
    S3Key: "mailweir-prod/gate-0123456789abcdef01234567.zip",
  });
  expect(made.template.Resources["MailBucket"]?.Properties?.["BucketName"]).toBe(
    "mailweir-prod-mail-111122223333-us-east-1",
  );
  expect(JSON.stringify(made.template)).not.toContain("ServerlessDeploymentBucket");
  expect(made.template.Outputs).toHaveProperty("RuleSetName");
});

test("what an emulator does not know leaves no trace", () => {
  const made = deployableTemplate(template, { ...options, leaveOut: (type) => type.startsWith("AWS::SES::") });
  expect(made.leftOut).toEqual(expect.arrayContaining(["RuleSet", "RuleStore", "ConfigurationSet"]));
  const text = JSON.stringify(made.template);
  for (const id of made.leftOut) expect(text, id).not.toContain(`"Ref":"${id}"`);
  expect(made.template.Resources["Activation"]?.Properties?.["RuleSetName"]).toBe("mailweir-prod");
  expect(made.template.Resources["Activation"]).not.toHaveProperty("DependsOn");
  expect(made.template.Outputs).not.toHaveProperty("RuleSetName");
});

test("resources that differ, whatever the order of their keys", () => {
  const queue = { Type: "AWS::SQS::Queue", Properties: { QueueName: "a", DelaySeconds: 1 } };
  const turned = { Properties: { DelaySeconds: 1, QueueName: "a" }, Type: "AWS::SQS::Queue" };
  const topic = { Type: "AWS::SNS::Topic" };
  const changes = resourceChanges(
    { Resources: { Same: queue, Changed: queue, Gone: topic } },
    { Resources: { Same: turned, Changed: { ...queue, Properties: { QueueName: "b" } }, New: topic } },
  );
  expect(changes.map(({ kind, logicalId }) => [kind, logicalId])).toEqual([
    ["changed", "Changed"],
    ["added", "New"],
    ["removed", "Gone"],
  ]);
  expect(resourceSummary(changes)).toEqual([
    "1 added: SNS::Topic 1",
    "1 changed: SQS::Queue 1",
    "1 removed: SNS::Topic 1",
  ]);
  expect(resourceChanges(undefined, { Resources: { New: topic } })).toHaveLength(1);
});
