import { functionLogicalId, getAtt, logicalId, type Resources, ref, type Value } from "./cloudformation.ts";
import type { Deployment } from "./deployment.ts";
import { asyncDeadLetterId } from "./resources/function-targets.ts";
import { queueId } from "./resources/queues.ts";

/** The chapters of docs/runbook.md: every alarm names one, and every chapter is named (tested). */
export type RunbookChapter =
  | "dead-letters"
  | "work-was-lost"
  | "a-queue-waits"
  | "a-function-fails"
  | "a-function-is-throttled"
  | "the-gate-is-slow"
  | "a-rule-gave-up"
  | "aws-throttles-the-pipeline"
  | "much-suspicious-mail"
  | "no-mail-at-all"
  | "our-mail-bounces"
  | "our-mail-is-complained-about";

/** One alarm, before it is CloudFormation. */
export interface Alarm {
  /** Unique; becomes `mailweir-<stage>-<name>`. */
  readonly name: string;
  readonly says: string;
  readonly chapter: RunbookChapter;
  readonly metric: Metric;
  readonly above: number;
  /** Alarm when it is below instead. */
  readonly below?: number;
  readonly periods: number;
  /** Silence of the metric: nothing happened, or that is the very thing. */
  readonly silence: "notBreaching" | "breaching";
}

export interface Metric {
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, Value>>;
  readonly statistic: "Sum" | "Maximum" | "Average";
  readonly periodSeconds: number;
}

const fiveMinutes = 300;
const hour = 3_600;

/** What is watched. Pure: a table of sentences, turned into resources below. */
export function alarmsOf({ config, topology, functions }: Deployment): readonly Alarm[] {
  const { alarms } = config.aws;
  const queueMetric = (
    queue: Value,
    name: string,
    statistic: Metric["statistic"],
    periodSeconds = fiveMinutes,
  ): Metric => ({ namespace: "AWS/SQS", name, dimensions: { QueueName: queue }, statistic, periodSeconds });
  const functionMetric = (name: string, metric: string, statistic: Metric["statistic"]): Metric => ({
    namespace: "AWS/Lambda",
    name: metric,
    dimensions: { FunctionName: ref(functionLogicalId(name)) },
    statistic,
    periodSeconds: fiveMinutes,
  });
  const short = (name: string) => name.slice(config.ruleSet.name.length + 1);

  return [
    ...topology.queues.flatMap((queue): Alarm[] => {
      const id = queueId(queue.name, config);
      return [
        {
          name: `${short(queue.name)}-dead-letters`,
          says: `Messages of the queue ${queue.name} failed ${queue.maxReceiveCount} times and lie in ${queue.deadLetterQueue}.`,
          chapter: "dead-letters",
          metric: queueMetric(getAtt(`${id}Dlq`, "QueueName"), "ApproximateNumberOfMessagesVisible", "Maximum"),
          above: 0,
          periods: 1,
          silence: "notBreaching",
        },
        {
          name: `${short(queue.name)}-waits`,
          says: `The oldest message in the queue ${queue.name} has waited for more than ${alarms.queueAgeMinutes} minutes.`,
          chapter: "a-queue-waits",
          metric: queueMetric(getAtt(id, "QueueName"), "ApproximateAgeOfOldestMessage", "Maximum"),
          above: alarms.queueAgeMinutes * 60 + queue.delayMs / 1000,
          periods: 2,
          silence: "notBreaching",
        },
      ];
    }),
    ...functions
      .filter(({ asynchronous }) => asynchronous)
      .map(
        ({ name }): Alarm => ({
          name: `${name}-dead-letters`,
          says: `Asynchronous calls of the function ${name} failed three times and lie in its dead-letter queue.`,
          chapter: "dead-letters",
          metric: queueMetric(
            getAtt(asyncDeadLetterId(name), "QueueName"),
            "ApproximateNumberOfMessagesVisible",
            "Maximum",
          ),
          above: 0,
          periods: 1,
          silence: "notBreaching",
        }),
      ),
    ...functions
      .filter(({ name }) => name !== "activate")
      .map(
        ({ name }): Alarm => ({
          name: `${name}-fails`,
          says: `The function ${name} ended in an error, in three of three periods of five minutes.`,
          chapter: "a-function-fails",
          metric: functionMetric(name, "Errors", "Sum"),
          above: 0,
          periods: 3,
          silence: "notBreaching",
        }),
      ),
    ...functions
      .filter(({ name }) => name !== "activate")
      .map(
        ({ name }): Alarm => ({
          name: `${name}-is-throttled`,
          says: `Lambda refuses to start the function ${name}: the account's concurrency is used up.`,
          chapter: "a-function-is-throttled",
          metric: functionMetric(name, "Throttles", "Sum"),
          above: 0,
          periods: 3,
          silence: "notBreaching",
        }),
      ),
    {
      name: "gate-is-slow",
      says: "The gate needs more than 20 of the 30 seconds that SES waits for its answer.",
      chapter: "the-gate-is-slow",
      metric: functionMetric("gate", "Duration", "Maximum"),
      above: 20_000,
      periods: 1,
      silence: "notBreaching",
    },
    ...config.ruleSet.rules.map(
      ({ name }): Alarm => ({
        name: `rule-${name}-gave-up`,
        says: `SES gave up an action of the receipt rule ${name} after four hours of failures: mail was not handed on.`,
        chapter: "a-rule-gave-up",
        metric: {
          namespace: "AWS/SES",
          name: "PublishExpired",
          dimensions: { RuleName: name },
          statistic: "Sum",
          periodSeconds: fiveMinutes,
        },
        above: 0,
        periods: 1,
        silence: "notBreaching",
      }),
    ),
    {
      name: "records-postponed",
      says: "For a quarter of an hour AWS has refused requests of the pipeline because they were too many: mail is put back and comes late.",
      chapter: "aws-throttles-the-pipeline",
      metric: {
        namespace: "Mailweir",
        name: "RecordPostponed",
        // What functions/stack.ts counts under: POWERTOOLS_SERVICE_NAME.
        dimensions: { service: config.ruleSet.name },
        statistic: "Sum",
        periodSeconds: fiveMinutes,
      },
      above: 0,
      periods: 3,
      silence: "notBreaching",
    },
    {
      name: "work-was-lost",
      says: "Messages vanished from a queue before their work was done. From the stored mail it is done again, or ended with its cause.",
      chapter: "work-was-lost",
      metric: {
        namespace: "Mailweir",
        name: "WorkLost",
        dimensions: { service: config.ruleSet.name },
        statistic: "Sum",
        periodSeconds: fiveMinutes,
      },
      above: 0,
      periods: 1,
      silence: "notBreaching",
    },
    {
      name: "much-suspicious-mail",
      says: `More than ${alarms.suspiciousPerHour} mails in an hour were suspicious (spam, viruses, failed DMARC).`,
      chapter: "much-suspicious-mail",
      metric: queueMetric(
        getAtt(queueId(config.names.streamQueue("quarantine"), config), "QueueName"),
        "NumberOfMessagesSent",
        "Sum",
        hour,
      ),
      above: alarms.suspiciousPerHour,
      periods: 1,
      silence: "notBreaching",
    },
    ...(alarms.silentHours > 0
      ? [
          {
            name: "no-mail-at-all",
            says: `No mail came in for ${alarms.silentHours} hours. Either nobody writes, or the MX record, the rule set or a policy is wrong.`,
            chapter: "no-mail-at-all",
            metric: queueMetric(
              getAtt(queueId(config.names.noticeQueue, config), "QueueName"),
              "NumberOfMessagesSent",
              "Sum",
              hour,
            ),
            above: 0,
            below: 1,
            periods: alarms.silentHours,
            silence: "breaching",
          } as const,
        ]
      : []),
    {
      name: "our-mail-bounces",
      says: "More than 5 % of the mail that this account sends bounces. SES reviews accounts from there, and stops them from 10 %.",
      chapter: "our-mail-bounces",
      metric: reputation("Reputation.BounceRate"),
      above: 0.05,
      periods: 1,
      silence: "notBreaching",
    },
    {
      name: "our-mail-is-complained-about",
      says: "More than 0.1 % of the mail that this account sends is reported as spam. SES reviews accounts from there, and stops them from 0.5 %.",
      chapter: "our-mail-is-complained-about",
      metric: reputation("Reputation.ComplaintRate"),
      above: 0.001,
      periods: 1,
      silence: "notBreaching",
    },
  ];
}

const reputation = (name: string): Metric => ({
  namespace: "AWS/SES",
  name,
  dimensions: {},
  statistic: "Average",
  periodSeconds: hour,
});

export function alarmResources(deployment: Deployment): Resources {
  const { aws, ruleSet } = deployment.config;
  const { email } = aws.alarms;
  const tell: { AlarmActions?: Value; OKActions?: Value } =
    email === undefined ? {} : { AlarmActions: [ref("AlarmTopic")], OKActions: [ref("AlarmTopic")] };
  return {
    ...(email !== undefined && {
      AlarmTopic: {
        Type: "AWS::SNS::Topic",
        Properties: {
          TopicName: `${ruleSet.name}-alarms`,
          Subscription: [{ Protocol: "email", Endpoint: email }],
        },
      },
    }),
    ...Object.fromEntries(
      alarmsOf(deployment).map((alarm) => [
        logicalId(alarm.name, "alarm"),
        {
          Type: "AWS::CloudWatch::Alarm",
          Properties: {
            AlarmName: `${ruleSet.name}-${alarm.name}`,
            AlarmDescription: `${alarm.says} What to do: docs/runbook.md#${alarm.chapter}`,
            ...metricProperties(alarm.metric),
            ComparisonOperator: alarm.below === undefined ? "GreaterThanThreshold" : "LessThanThreshold",
            Threshold: alarm.below ?? alarm.above,
            EvaluationPeriods: alarm.periods,
            TreatMissingData: alarm.silence,
            ...tell,
          },
        },
      ]),
    ),
  };
}

function metricProperties({ namespace, name, dimensions, statistic, periodSeconds }: Metric) {
  return {
    Namespace: namespace,
    MetricName: name,
    Statistic: statistic,
    Period: periodSeconds,
    ...(Object.keys(dimensions).length > 0 && { Dimensions: dimensionList(dimensions) }),
  };
}

const dimensionList = (dimensions: Readonly<Record<string, Value>>): Value[] =>
  Object.entries(dimensions).map(([Name, value]) => ({ Name, Value: value }));
