import { type Resources, sub } from "./cloudformation.ts";
import type { Deployment } from "./deployment.ts";

type Metric = readonly (string | Readonly<Record<string, string>>)[];

/** One page in CloudWatch: what comes in, where it goes, what waits, what fails. */
export function dashboardResources(deployment: Deployment): Resources {
  const { config, topology, functions } = deployment;
  const prefix = config.ruleSet.name;
  const queue = (name: string, metric: string, label: string, stat = "Sum"): Metric => [
    "AWS/SQS",
    metric,
    "QueueName",
    name,
    { label, stat },
  ];
  const short = (name: string) => name.slice(prefix.length + 1);
  const streams = config.streams.map(({ name }) => config.names.streamQueue(name));
  const nameOf = (arn: string) => arn.slice(arn.lastIndexOf(":") + 1);
  const widgets = [
    graph(0, 0, "Mail that came in", [queue(config.names.noticeQueue, "NumberOfMessagesSent", "messages")]),
    graph(
      8,
      0,
      "Where it went",
      streams.map((name) => queue(name, "NumberOfMessagesSent", short(name).replace("stream-", ""))),
    ),
    graph(
      16,
      0,
      "Dead letters",
      topology.queues.map(({ deadLetterQueue }) =>
        queue(deadLetterQueue, "ApproximateNumberOfMessagesVisible", short(deadLetterQueue), "Maximum"),
      ),
    ),
    graph(
      0,
      6,
      "Waiting",
      topology.queues.map(({ name }) => queue(name, "ApproximateNumberOfMessagesVisible", short(name), "Maximum")),
    ),
    graph(
      8,
      6,
      "Age of the oldest message, seconds",
      topology.queues.map(({ name }) => queue(name, "ApproximateAgeOfOldestMessage", short(name), "Maximum")),
    ),
    graph(
      16,
      6,
      "Errors of functions",
      functions.map(({ arn }) => [
        "AWS/Lambda",
        "Errors",
        "FunctionName",
        nameOf(arn),
        { label: short(nameOf(arn)), stat: "Sum" },
      ]),
    ),
    graph(
      0,
      12,
      "Duration of functions, ms, 99th percentile",
      functions.map(({ arn }) => [
        "AWS/Lambda",
        "Duration",
        "FunctionName",
        nameOf(arn),
        { label: short(nameOf(arn)), stat: "p99" },
      ]),
    ),
    graph(
      8,
      12,
      "Actions of receipt rules that failed or were given up",
      config.ruleSet.rules.flatMap(({ name }): Metric[] => [
        ["AWS/SES", "PublishFailure", "RuleName", name, { label: `${name} failed`, stat: "Sum" }],
        ["AWS/SES", "PublishExpired", "RuleName", name, { label: `${name} given up`, stat: "Sum" }],
      ]),
    ),
    graph(16, 12, "Units of the tables", [
      [
        "AWS/DynamoDB",
        "ConsumedWriteCapacityUnits",
        "TableName",
        `${prefix}-ledger`,
        { label: "ledger written", stat: "Sum" },
      ],
      [
        "AWS/DynamoDB",
        "ConsumedReadCapacityUnits",
        "TableName",
        `${prefix}-ledger`,
        { label: "ledger read", stat: "Sum" },
      ],
      [
        "AWS/DynamoDB",
        "ConsumedWriteCapacityUnits",
        "TableName",
        `${prefix}-store`,
        { label: "store written", stat: "Sum" },
      ],
    ]),
  ];
  return {
    Dashboard: {
      Type: "AWS::CloudWatch::Dashboard",
      Properties: { DashboardName: prefix, DashboardBody: sub(JSON.stringify({ widgets })) },
    },
  };
}

function graph(x: number, y: number, title: string, metrics: readonly Metric[]) {
  return {
    type: "metric",
    x,
    y,
    width: 8,
    height: 6,
    properties: { title, metrics, period: 300, region: "${AWS::Region}", view: "timeSeries" },
  };
}
