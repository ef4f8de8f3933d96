import type { ResourceNames } from "../../shared/config/types.ts";
import type { StoppedBy } from "../../shared/receipt/evaluate.ts";
import type { RuleSet } from "../../shared/receipt/model.ts";
import type { ActionLogEntry } from "../store/engine-store.ts";
import { tooLargeToPublish } from "./publish-content.ts";

/**
 * The recipients that no action told the router about: none stored the message in the pipeline's bucket for them, none
 * published to its topic. They would wait for a decision forever, so the end of the rules ends them, with the reason.
 */
export function untoldRecipients(
  recipients: readonly string[],
  ruleSet: RuleSet,
  log: readonly ActionLogEntry[],
  names: Pick<ResourceNames, "bucket" | "noticeTopicArn">,
  stoppedBy: StoppedBy | undefined,
): { readonly recipient: string; readonly outcome: string }[] {
  const told = new Set(log.filter((entry) => tells(entry, ruleSet, names)).flatMap((entry) => entry.recipients));
  return recipients
    .filter((recipient) => !told.has(recipient))
    .map((recipient) => ({ recipient, outcome: `not-routed: ${why(recipient, ruleSet, log, names, stoppedBy)}` }));
}

function tells(
  entry: ActionLogEntry,
  ruleSet: RuleSet,
  names: Pick<ResourceNames, "bucket" | "noticeTopicArn">,
): boolean {
  const action = ruleSet.rules[entry.ruleIndex]?.actions[entry.actionIndex];
  if (!action || entry.state !== "done") return false;
  if (action.type === "S3" && action.bucketName === names.bucket) return true;
  if (action.type === "SNS" && entry.result.startsWith(tooLargeToPublish)) return false;
  return "topicArn" in action && action.topicArn === names.noticeTopicArn;
}

function why(
  recipient: string,
  ruleSet: RuleSet,
  log: readonly ActionLogEntry[],
  names: Pick<ResourceNames, "bucket" | "noticeTopicArn">,
  stoppedBy: StoppedBy | undefined,
): string {
  const given = log.find(
    (entry) =>
      entry.state === "failed" &&
      entry.recipients.includes(recipient) &&
      tells({ ...entry, state: "done" }, ruleSet, names),
  );
  if (given) return `the ${given.actionType} action of rule "${given.ruleName}" was given up`;
  if (stoppedBy) return `stopped by rule "${stoppedBy.rule}"`;
  return "no action of its rules tells the router";
}
