import type { QueueTopology, Topology } from "../../shared/config/topology.ts";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import {
  getAtt,
  logicalId,
  policyDocument,
  type Resource,
  type Resources,
  ref,
  type Statement,
  sub,
} from "../cloudformation.ts";
import type { Deployment } from "../deployment.ts";
import { fromResource } from "./service-conditions.ts";
import { topicId } from "./topics.ts";

const fourteenDaysSeconds = 1_209_600;

/**
 * Every queue with its dead-letter queue. A dead letter stays as long as SQS can keep one, and longer than in its queue:
 * its age counts from the first sending.
 */
export function queueResources({ config, topology }: Deployment): Resources {
  return Object.fromEntries(
    topology.queues.flatMap((queue): [string, Resource][] => {
      const id = queueId(queue.name, config);
      const senders = sendersTo(queue, { config, topology });
      return [
        [
          id,
          {
            Type: "AWS::SQS::Queue",
            Properties: {
              QueueName: queue.name,
              VisibilityTimeout: queue.visibilityTimeoutMs / 1000,
              ...(queue.delayMs > 0 && { DelaySeconds: queue.delayMs / 1000 }),
              MessageRetentionPeriod: fourteenDaysSeconds / 2,
              SqsManagedSseEnabled: true,
              RedrivePolicy: {
                deadLetterTargetArn: getAtt(`${id}Dlq`, "Arn"),
                maxReceiveCount: queue.maxReceiveCount,
              },
            },
          },
        ],
        [`${id}Dlq`, deadLetterQueue(queue.deadLetterQueue)],
        [
          `${id}Policy`,
          {
            Type: "AWS::SQS::QueuePolicy",
            Properties: {
              Queues: [ref(id)],
              PolicyDocument: policyDocument([...senders, onlyOverTls(id)]),
            },
          },
        ],
        [
          `${id}DlqPolicy`,
          {
            Type: "AWS::SQS::QueuePolicy",
            Properties: {
              Queues: [ref(`${id}Dlq`)],
              PolicyDocument: policyDocument([
                // What a topic could not deliver to the queue itself.
                ...topicsTo(queue, topology).map((arn) => fromTopic(`${id}Dlq`, topicId(arn, config))),
                onlyOverTls(`${id}Dlq`),
              ]),
            },
          },
        ],
      ];
    }),
  );
}

/** `mailweir-prod-stream-invoices` → `StreamInvoicesQueue`. */
export function queueId(name: string, { ruleSet }: ResolvedConfig): string {
  return `${logicalId(name.startsWith(`${ruleSet.name}-`) ? name.slice(ruleSet.name.length + 1) : name)}Queue`;
}

export function deadLetterQueue(name: string): Resource {
  return {
    Type: "AWS::SQS::Queue",
    Properties: { QueueName: name, MessageRetentionPeriod: fourteenDaysSeconds, SqsManagedSseEnabled: true },
  };
}

export function onlyOverTls(id: string): Statement {
  return {
    Sid: "OnlyOverTls",
    Effect: "Deny",
    Principal: "*",
    Action: ["sqs:*"],
    Resource: getAtt(id, "Arn"),
    Condition: { Bool: { "aws:SecureTransport": "false" } },
  };
}

/** The services that send to it by themselves: a topic, the bucket. Functions are allowed by their roles. */
function sendersTo(queue: QueueTopology, { config, topology }: Pick<Deployment, "config" | "topology">): Statement[] {
  const id = queueId(queue.name, config);
  const buckets = topology.buckets.filter(({ eventQueue }) => eventQueue === queue.name);
  return [
    ...topicsTo(queue, topology).map((arn) => fromTopic(id, topicId(arn, config))),
    ...buckets.map(
      ({ name }, index): Statement => ({
        Sid: `FromBucket${index + 1}`,
        Effect: "Allow",
        Principal: { Service: "s3.amazonaws.com" },
        Action: ["sqs:SendMessage"],
        Resource: getAtt(id, "Arn"),
        // By its name: the bucket waits for this policy, so the policy cannot wait for the bucket.
        Condition: fromResource(sub(`arn:\${AWS::Partition}:s3:::${name}`)),
      }),
    ),
  ];
}

function topicsTo(queue: QueueTopology, topology: Topology): readonly string[] {
  return topology.topics
    .filter(({ subscriptions }) =>
      subscriptions.some((subscription) => subscription.kind === "queue" && subscription.queue === queue.name),
    )
    .map(({ arn }) => arn);
}

function fromTopic(id: string, topic: string): Statement {
  return {
    Sid: `From${topic}`,
    Effect: "Allow",
    Principal: { Service: "sns.amazonaws.com" },
    Action: ["sqs:SendMessage"],
    Resource: getAtt(id, "Arn"),
    Condition: fromResource(ref(topic)),
  };
}
