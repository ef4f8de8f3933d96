import type { CompiledTemplate } from "../../infra/check-template.ts";

/**
 * A template as text that a person can review: a line for each resource with its name and what it waits for, a line for
 * each thing that a policy allows. What changes with every build (hashes, times, the configuration's version) is masked.
 */
export function templateDigest({ Resources }: CompiledTemplate): string {
  const lines = Object.entries(Resources)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([id, { Type, Properties = {}, DependsOn = [], DeletionPolicy }]) => {
      const name = Object.entries(Properties).find(([key]) => /^(?:\w+Name|Name|EmailIdentity)$/.test(key));
      const waits = [DependsOn].flat();
      return [
        [
          `${Type} ${id}`,
          ...(name ? [` "${short(name[1])}"`] : []),
          ...(DeletionPolicy ? [` ${DeletionPolicy}`] : []),
          ...(waits.length > 0 ? [` after ${waits.join(", ")}`] : []),
        ].join(""),
        ...statementsOf(Properties).map((statement) => `    ${statement}`),
        ...detailsOf(Type, Properties).map((detail) => `    ${detail}`),
      ];
    });
  return `${lines.join("\n")}\n`;
}

function statementsOf(properties: Readonly<Record<string, unknown>>): string[] {
  const documents = [
    properties["PolicyDocument"],
    properties["KeyPolicy"],
    ...((properties["Policies"] ?? []) as readonly { readonly PolicyDocument: unknown }[]).map(
      (policy) => policy.PolicyDocument,
    ),
  ];
  return documents.flatMap((document) =>
    ((document as { Statement?: readonly Record<string, unknown>[] } | undefined)?.Statement ?? []).map((statement) => {
      const { Effect, Principal, Action, Resource, Condition } = statement;
      const who = Principal === undefined ? "" : ` ${short(Principal)}`;
      const when = Condition === undefined ? "" : ` if ${short(Condition)}`;
      return `${Effect}${who}: ${[Action].flat().join(", ")} on ${[Resource].flat().map(short).join(", ")}${when}`;
    }),
  );
}

function detailsOf(type: string, properties: Readonly<Record<string, unknown>>): string[] {
  const shown: Readonly<Record<string, readonly string[]>> = {
    "AWS::SES::ReceiptRule": ["After", "Rule"],
    "AWS::SES::ReceiptFilter": ["Filter"],
    "AWS::SQS::Queue": ["VisibilityTimeout", "DelaySeconds", "MessageRetentionPeriod", "RedrivePolicy"],
    "AWS::Lambda::Function": ["Runtime", "Architectures", "Timeout", "MemorySize", "Environment"],
    "AWS::Lambda::EventSourceMapping": ["EventSourceArn", "FunctionName", "FunctionResponseTypes", "ScalingConfig"],
    "AWS::Lambda::Permission": ["Action", "Principal", "SourceAccount", "SourceArn"],
    "AWS::CloudWatch::Alarm": [
      "MetricName",
      "ComparisonOperator",
      "Threshold",
      "EvaluationPeriods",
      "TreatMissingData",
    ],
    "AWS::SNS::Subscription": ["Protocol", "Endpoint", "RawMessageDelivery"],
    "AWS::DynamoDB::Table": ["KeySchema", "GlobalSecondaryIndexes", "TimeToLiveSpecification"],
    "AWS::S3::Bucket": ["LifecycleConfiguration", "NotificationConfiguration", "PublicAccessBlockConfiguration"],
    "Custom::ActiveReceiptRuleSet": ["Activate", "TakeOver"],
  };
  return (shown[type] ?? []).flatMap((key) =>
    properties[key] === undefined ? [] : [`${key}: ${short(properties[key])}`],
  );
}

function short(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text
    .replaceAll(/"configVersion\\?":\\?"[0-9a-f]+/g, '"configVersion":"…')
    .replaceAll(/"MAILWEIR_CONFIG_VERSION":"[0-9a-f]+/g, '"MAILWEIR_CONFIG_VERSION":"…')
    .replaceAll(/[0-9a-f]{24,}/g, "…");
}
