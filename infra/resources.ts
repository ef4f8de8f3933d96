import { alarmResources } from "./alarms.ts";
import { joinResources, type Resources } from "./cloudformation.ts";
import { dashboardResources } from "./dashboard.ts";
import type { Deployment } from "./deployment.ts";
import { deploymentRecordResources, outputs } from "./outputs.ts";
import { activationResources } from "./resources/activation.ts";
import { feedbackResources } from "./resources/feedback.ts";
import { functionTargetResources } from "./resources/function-targets.ts";
import { mailBucketResources } from "./resources/mail-bucket.ts";
import { mailKeyResources } from "./resources/mail-key.ts";
import { queueResources } from "./resources/queues.ts";
import { receivingResources } from "./resources/receiving.ts";
import { roleResources } from "./resources/roles.ts";
import { secretResources } from "./resources/secrets.ts";
import { tableResources } from "./resources/tables.ts";
import { topicResources } from "./resources/topics.ts";

/** `resources:` of serverless.yml: everything but the functions themselves, from the configuration. Pure. */
export function templateOf(deployment: Deployment): {
  readonly Description: string;
  readonly Resources: Resources;
  readonly Outputs: ReturnType<typeof outputs>;
} {
  const parts = [
    mailKeyResources,
    mailBucketResources,
    topicResources,
    queueResources,
    tableResources,
    secretResources,
    roleResources,
    functionTargetResources,
    receivingResources,
    feedbackResources,
    activationResources,
    alarmResources,
    dashboardResources,
    deploymentRecordResources,
  ];
  return {
    Description: `Mailweir, stage ${deployment.stage}: inbound mail of ${deployment.config.domains.length} domains`,
    Resources: joinResources(parts.map((part) => part(deployment))),
    Outputs: outputs(deployment),
  };
}
