import { type Resources, ref } from "../cloudformation.ts";
import { type Deployment, feedbackTopicArn } from "../deployment.ts";
import { topicId } from "./topics.ts";

/** The configuration set that our own mail is sent with: SES tells its events to the feedback topic. */
export function feedbackResources({ config }: Deployment): Resources {
  const arn = feedbackTopicArn(config);
  return {
    ConfigurationSet: {
      Type: "AWS::SES::ConfigurationSet",
      Properties: { Name: config.names.configurationSet, ReputationOptions: { ReputationMetricsEnabled: true } },
    },
    FeedbackDestination: {
      Type: "AWS::SES::ConfigurationSetEventDestination",
      // SES publishes a test notice when the destination is made.
      DependsOn: [`${topicId(arn, config)}Policy`],
      Properties: {
        ConfigurationSetName: ref("ConfigurationSet"),
        EventDestination: {
          Name: "feedback",
          Enabled: true,
          MatchingEventTypes: ["bounce", "complaint", "delivery"],
          SnsDestination: { TopicARN: ref(topicId(arn, config)) },
        },
      },
    },
  };
}
