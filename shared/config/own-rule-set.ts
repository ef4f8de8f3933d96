import { normaliseRecipients } from "../receipt/match-recipient.ts";
import type { ReceiptAction, RuleSet } from "../receipt/model.ts";
import { localAccountId, localPrefix, resourceNames } from "./names.ts";
import type { ResourceNames } from "./types.ts";

/**
 * A user's own rule set as SES stores it. What it names of the pipeline by its names on one machine (`mailweir-mail`, the
 * topic and functions of account 000000000000) becomes the stage's own, so that one file serves both homes.
 */
export function ownRuleSet(ruleSet: RuleSet, names: ResourceNames, region: string): RuleSet {
  const local = resourceNames(localPrefix, region, localAccountId);
  const functionArns = local.functionArn("");
  const topic = (arn: string) => (arn === local.noticeTopicArn ? names.noticeTopicArn : arn);
  const translate = (action: ReceiptAction): ReceiptAction => {
    const told: ReceiptAction =
      "topicArn" in action && action.topicArn !== undefined ? { ...action, topicArn: topic(action.topicArn) } : action;
    switch (told.type) {
      case "S3":
        return {
          ...told,
          ...(told.bucketName === local.bucket && { bucketName: names.bucket }),
          ...(told.kmsKeyArn === local.kmsKeyArn && { kmsKeyArn: names.kmsKeyArn }),
        };
      case "Lambda":
        return told.functionArn.startsWith(functionArns)
          ? { ...told, functionArn: names.functionArn(told.functionArn.slice(functionArns.length)) }
          : told;
      default:
        return told;
    }
  };
  return {
    ...ruleSet,
    rules: ruleSet.rules.map((rule) => ({
      ...rule,
      recipients: normaliseRecipients(rule.recipients),
      actions: rule.actions.map(translate),
    })),
  };
}
