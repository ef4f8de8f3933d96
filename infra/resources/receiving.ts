import { createHash } from "node:crypto";
import { type ApiFields, toApiRule } from "../../shared/receipt/api-rule.ts";
import type { IpFilter, ReceiptRule } from "../../shared/receipt/model.ts";
import {
  functionLogicalId,
  getAtt,
  logicalId,
  type Resource,
  type Resources,
  ref,
  text,
  type Value,
} from "../cloudformation.ts";
import type { Deployment } from "../deployment.ts";
import { mailKeyId } from "./mail-key.ts";

export const ruleSetId = "RuleSet";

/**
 * The configuration's rule set, filters and identities as SES's own resources.
 *
 * A rule created without `After` goes to the front of its set, and CloudFormation creates in parallel: each rule names the
 * one before, which gives the order and the dependency. SES tests at creation whether it may write, publish and invoke,
 * so rules wait for the policies that allow it (ses-receiving.md §10).
 */
export function receivingResources(deployment: Deployment): Resources {
  const { config } = deployment;
  const ids = ruleIds(config.ruleSet.rules);
  return {
    ...(config.aws.identities === "create" ? identities(deployment) : {}),
    [ruleSetId]: { Type: "AWS::SES::ReceiptRuleSet", Properties: { RuleSetName: config.ruleSet.name } },
    ...Object.fromEntries(
      config.ruleSet.rules.map((rule, index): [string, Resource] => [
        ids[index] ?? "",
        {
          Type: "AWS::SES::ReceiptRule",
          DependsOn: permissionsOf(rule, deployment),
          Properties: {
            RuleSetName: ref(ruleSetId),
            ...(index > 0 && { After: ref(ids[index - 1] ?? "") }),
            Rule: compileRule(rule, deployment),
          },
        },
      ]),
    ),
    ...Object.fromEntries(config.ipFilters.map((filter) => compileFilter(filter, config.ruleSet.name))),
  };
}

/** The logical id of each rule, in order: of its name, so that a rule that moves stays the same resource. */
export function ruleIds(rules: readonly ReceiptRule[]): readonly string[] {
  return distinctIds(
    "rule",
    rules.map(({ name }) => name),
  );
}

function distinctIds(kind: string, names: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  return names.map((name, index) => {
    const plain = logicalId(kind, name);
    const id = taken.has(plain) ? `${plain}No${index + 1}` : plain;
    taken.add(id);
    return id;
  });
}

/** The functions, topics, buckets and keys that a rule uses and whose policies are ours. */
function permissionsOf({ actions }: ReceiptRule, { config, functions }: Deployment): readonly string[] {
  const { names } = config;
  const needed = actions.flatMap((action): string[] => {
    const topic = "topicArn" in action && action.topicArn === names.noticeTopicArn ? ["NoticeTopicPolicy"] : [];
    if (action.type === "S3" && action.bucketName === names.bucket) return [...topic, "MailBucketPolicy"];
    if (action.type === "Lambda") {
      const own = functions.find(({ arn }) => arn === action.functionArn);
      return [...topic, own ? invokePermissionId(own.name) : foreignPermissionId(action.functionArn)];
    }
    return topic;
  });
  return [...new Set(needed)];
}

export const invokePermissionId = (functionName: string): string => logicalId(functionName, "ses-permission");
export const foreignPermissionId = (arn: string): string =>
  logicalId("foreign", arn.slice(arn.lastIndexOf(":function:") + 10), "ses-permission");

/** The rule in the API's words, as SES stores it; what is ours by reference, so that it is made first. */
function compileRule(rule: ReceiptRule, deployment: Deployment): Value {
  const { Actions, Name, Enabled, TlsPolicy, ScanEnabled, Recipients } = toApiRule(rule);
  return {
    Name,
    Enabled,
    TlsPolicy,
    ScanEnabled,
    ...(Recipients && { Recipients }),
    Actions: Actions.map((action) =>
      Object.fromEntries(
        Object.entries(action).map(([type, fields]: [string, ApiFields]) => [
          type,
          Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, reference(name, value, deployment)])),
        ]),
      ),
    ),
  };
}

/** Only what names a thing is looked at: a bounce's text may hold whatever it likes. */
function reference(field: string, value: string | undefined, { config, functions }: Deployment): Value | undefined {
  const { names } = config;
  if (value === undefined) return undefined;
  switch (field) {
    case "BucketName":
      return value === names.bucket ? ref("MailBucket") : text(value);
    case "TopicArn":
      return value === names.noticeTopicArn ? ref("NoticeTopic") : text(value);
    case "KmsKeyArn":
      return value === names.kmsKeyArn ? getAtt(mailKeyId, "Arn") : text(value);
    case "FunctionArn": {
      const own = functions.find(({ arn }) => arn === value);
      return own ? getAtt(functionLogicalId(own.name), "Arn") : text(value);
    }
    default:
      return value;
  }
}

/**
 * A filter cannot be changed, only replaced, and the new one is created before the old one goes: its name says what it
 * does, or the two would collide.
 */
function compileFilter({ policy, cidr }: IpFilter, prefix: string): [string, Resource] {
  const digest = createHash("sha256").update(`${policy} ${cidr}`).digest("hex").slice(0, 8);
  const name = `${prefix}-${policy.toLowerCase()}-${digest}`;
  return [
    `IpFilter${digest}`,
    {
      Type: "AWS::SES::ReceiptFilter",
      Properties: { Filter: { Name: name, IpFilter: { Policy: policy, Cidr: cidr } } },
    },
  ];
}

/** Each domain with Easy DKIM. They stay when the stack goes: other senders may use them by then. */
function identities({ config }: Deployment): Resources {
  const ids = distinctIds("identity", config.domains);
  return Object.fromEntries(
    config.domains.map((domain, index): [string, Resource] => [
      ids[index] ?? "",
      {
        Type: "AWS::SES::EmailIdentity",
        DeletionPolicy: "RetainExceptOnCreate",
        UpdateReplacePolicy: "Retain",
        Properties: {
          EmailIdentity: domain,
          DkimAttributes: { SigningEnabled: true },
          DkimSigningAttributes: { NextSigningKeyLength: "RSA_2048_BIT" },
        },
      },
    ]),
  );
}
