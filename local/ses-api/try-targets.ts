import type { ReceiptAction, ReceiptRule } from "../../shared/receipt/model.ts";
import { objectKey } from "../../shared/receipt/object-key.ts";
import { buildSetupNotification, setupNotificationBytes } from "../../shared/receipt/setup-notification.ts";
import { setupNotificationId } from "../../shared/ses-message-id.ts";
import { isVerifiedSender } from "./identities.ts";
import type { SesApiParts, Targets } from "./parts.ts";
import { Refusal } from "./refusal.ts";

/** Where the setup notifications of a rule that was checked go. */
export interface SetupPlan {
  readonly objects: readonly { readonly bucket: string; readonly key: string }[];
  readonly topics: readonly string[];
}

/**
 * Whether everything that a rule names is there, in the order of its actions, senders last (ses-receiving.md §5.1, §5.4).
 *
 * @throws {Refusal} as AWS says it when it tried in vain
 */
export function checkTargets(rule: ReceiptRule, { targets, config, ruleSets }: SesApiParts): SetupPlan {
  for (const action of rule.actions) checkAction(action, targets);
  const sender = ruleSets.read((reader) =>
    rule.actions.find((action) => action.type === "Bounce" && !isVerifiedSender(action.sender, config.domains, reader)),
  );
  if (sender?.type === "Bounce") {
    throw new Refusal("InvalidParameterValue", `Identity is not verified: ${sender.sender}`);
  }
  return {
    objects: rule.actions.flatMap((action) =>
      action.type === "S3"
        ? [{ bucket: action.bucketName, key: objectKey(action.objectKeyPrefix, setupNotificationId) }]
        : [],
    ),
    topics: [...new Set(rule.actions.flatMap((action) => topicOf(action) ?? []))],
  };
}

/** Writes and publishes AMAZON_SES_SETUP_NOTIFICATION, as SES does to prove that it may (§5.3). */
export async function announceSetup(plan: SetupPlan, { ports, messages, clock }: SesApiParts): Promise<void> {
  const now = clock.now();
  for (const ref of plan.objects) await messages.putObject(ref, setupNotificationBytes("bucket", now));
  for (const topicArn of plan.topics) {
    const notification = buildSetupNotification({ type: "SNS", topicArn, encoding: "UTF-8" }, now);
    await ports.topics.publish(topicArn, {
      subject: "Amazon SES Email Receipt Notification",
      message: JSON.stringify(notification),
    });
  }
}

function checkAction(action: ReceiptAction, targets: Targets): void {
  if (action.type === "S3") {
    const Bucket = action.bucketName;
    if (!targets.hasBucket(Bucket))
      throw new Refusal("InvalidS3Configuration", `No such bucket: ${Bucket}`, { Bucket });
    if (action.kmsKeyArn !== undefined && !targets.hasKey(action.kmsKeyArn)) {
      throw new Refusal("InvalidS3Configuration", `Unable to use AWS KMS key: ${action.kmsKeyArn}`, { Bucket });
    }
  }
  if (action.type === "Lambda" && !targets.hasFunction(action.functionArn)) {
    const FunctionArn = action.functionArn;
    throw new Refusal("InvalidLambdaFunction", `Could not invoke Lambda function: ${FunctionArn}`, { FunctionArn });
  }
  const Topic = topicOf(action);
  if (Topic !== undefined && !targets.hasTopic(Topic)) {
    throw new Refusal("InvalidSnsTopic", `Could not publish to SNS topic: ${Topic}`, { Topic });
  }
}

function topicOf(action: ReceiptAction): string | undefined {
  return action.type === "AddHeader" || action.type === "Connect" ? undefined : action.topicArn;
}
