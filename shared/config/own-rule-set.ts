import { normaliseRecipients } from "../receipt/match-recipient.ts";
import type { ReceiptAction, RuleSet } from "../receipt/model.ts";
import { localAccountId, localPrefix, resourceNames } from "./names.ts";
import type { ResourceNames } from "./types.ts";

/**
 * A user's own rule set as SES stores it. What it names of the pipeline by its names on one machine (`mailweir-mail`, the
 * topic and the functions) becomes the stage's own, and account 000000000000 the account that is deployed to, so that one
 * file serves both homes.
 */
export function ownRuleSet(ruleSet: RuleSet, names: ResourceNames, region: string, accountId: string): RuleSet {
  const local = resourceNames(localPrefix, region, localAccountId);
  const functionArns = local.functionArn("");
  const here = (arn: string) => arn.replace(/^(arn:[^:]*:[^:]*:[^:]*:)000000000000:/, `$1${accountId}:`);
  const translated = (name: string, value: string): string => {
    switch (name) {
      case "bucketName":
        return value === local.bucket ? names.bucket : value;
      case "topicArn":
        return value === local.noticeTopicArn ? names.noticeTopicArn : here(value);
      case "kmsKeyArn":
        return value === local.kmsKeyArn ? names.kmsKeyArn : here(value);
      case "functionArn":
        return value.startsWith(functionArns) ? names.functionArn(value.slice(functionArns.length)) : here(value);
      case "iamRoleArn":
      case "organizationArn":
      case "instanceArn":
        return here(value);
      default:
        return value;
    }
  };
  const translate = <Action extends ReceiptAction>(action: Action): Action => {
    const members = Object.entries(action).map(([name, value]: [string, unknown]) => [
      name,
      typeof value === "string" ? translated(name, value) : value,
    ]);
    // The same members, and texts stay texts.
    return Object.fromEntries(members) as Action;
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
