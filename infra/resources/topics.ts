import type { ResolvedConfig } from "../../shared/config/types.ts";
import { getAtt, logicalId, policyDocument, type Resource, type Resources, ref } from "../cloudformation.ts";
import type { Deployment } from "../deployment.ts";
import { feedbackTopicArn } from "../deployment.ts";
import { hasMailKey, mailKeyId } from "./mail-key.ts";
import { queueId } from "./queues.ts";
import { fromConfigurationSet, fromOurRules } from "./service-conditions.ts";

/** The topics, who may publish to them, and the queues that hear of it. */
export function topicResources({ config, topology }: Deployment): Resources {
  return Object.fromEntries(
    topology.topics.flatMap(({ arn, subscriptions }): [string, Resource][] => {
      const id = topicId(arn, config);
      return [
        [
          id,
          {
            Type: "AWS::SNS::Topic",
            Properties: {
              TopicName: nameOf(arn),
              ...(hasMailKey(config) && { KmsMasterKeyId: ref(mailKeyId) }),
            },
          },
        ],
        [
          `${id}Policy`,
          {
            Type: "AWS::SNS::TopicPolicy",
            Properties: {
              Topics: [ref(id)],
              PolicyDocument: policyDocument([
                {
                  Sid: "SesPublishesNotices",
                  Effect: "Allow",
                  Principal: { Service: "ses.amazonaws.com" },
                  Action: ["sns:Publish"],
                  Resource: ref(id),
                  Condition:
                    arn === feedbackTopicArn(config)
                      ? fromConfigurationSet(config.names.configurationSet)
                      : fromOurRules(config.ruleSet.name),
                },
              ]),
            },
          },
        ],
        ...subscriptions.flatMap((subscription): [string, Resource][] =>
          subscription.kind === "queue"
            ? [
                [
                  logicalId(id, "to", queueId(subscription.queue, config)),
                  {
                    Type: "AWS::SNS::Subscription",
                    // Without the policy what is published in between would be refused by the queue.
                    DependsOn: [`${queueId(subscription.queue, config)}Policy`],
                    Properties: {
                      TopicArn: ref(id),
                      Protocol: "sqs",
                      Endpoint: getAtt(queueId(subscription.queue, config), "Arn"),
                      RawMessageDelivery: subscription.rawDelivery,
                      // What SNS cannot deliver for its 23 days of retries lies with the queue's own dead letters.
                      RedrivePolicy: {
                        deadLetterTargetArn: getAtt(`${queueId(subscription.queue, config)}Dlq`, "Arn"),
                      },
                    },
                  },
                ],
              ]
            : [],
        ),
      ];
    }),
  );
}

const nameOf = (arn: string) => arn.slice(arn.lastIndexOf(":") + 1);

/** `…:mailweir-prod-notices` → `NoticesTopic`. */
export function topicId(arn: string, { ruleSet, names }: ResolvedConfig): string {
  if (arn === names.noticeTopicArn) return "NoticeTopic";
  const name = nameOf(arn);
  return `${logicalId(name.startsWith(`${ruleSet.name}-`) ? name.slice(ruleSet.name.length + 1) : name)}Topic`;
}
