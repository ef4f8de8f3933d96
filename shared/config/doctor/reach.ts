import type { ReceiptAction } from "../../receipt/model.ts";
import type { ResolvedConfig, ResourceNames } from "../types.ts";
import { conditionCovers, conditionsOf, overlapping } from "./cover.ts";
import type { Finding } from "./finding.ts";
import { placeOf, some } from "./place.ts";

/** Whether mail that the rules accept comes to the streams, and whether a stream's mail is accepted at all. */
export function findReach({
  ruleSet,
  streams,
  domains,
  names,
}: Pick<ResolvedConfig, "ruleSet" | "streams" | "domains" | "names">): Finding[] {
  const findings: Finding[] = [];
  const enabled = ruleSet.rules.filter((rule) => rule.enabled);
  const accepted = enabled.flatMap((rule) => conditionsOf(rule, domains));
  const told = enabled
    .filter((rule) => rule.actions.some(tellsRouter(names)))
    .flatMap((rule) => conditionsOf(rule, domains));
  const addressed = streams.filter((stream) => stream.addressed);

  for (const stream of addressed) {
    if (stream.recipients.length === 0) continue;
    const refused = stream.recipients.filter((condition) => overlapping(accepted, [condition]).length === 0);
    if (refused.length === 0) continue;
    findings.push({
      code: "stream-unreachable",
      severity: refused.length === stream.recipients.length ? "error" : "warning",
      at: `streams.${stream.name}.recipients`,
      what: `No enabled rule takes ${some(refused)}.`,
      why: "Such mail is refused at RCPT TO with 550, and never comes to the stream.",
      fix: "Add the conditions to a rule that stores mail, or let the rules be derived: remove ruleSet.",
    });
  }

  if (addressed.length === 0) return findings;
  for (const [index, rule] of ruleSet.rules.entries()) {
    if (!rule.enabled || rule.actions.length === 0) continue;
    const untold = conditionsOf(rule, domains).filter(
      (condition) => !told.some((outer) => conditionCovers(outer, condition)),
    );
    if (untold.length === 0) continue;
    findings.push({
      code: "router-not-told",
      severity: told.length === 0 ? "warning" : "note",
      at: placeOf(rule, index),
      what: `No action tells the router of mail for ${some(untold)}.`,
      why: "It goes to no stream: its recipients end as not routed when the rules have run.",
      fix: `Store it in bucket "${names.bucket}", or name ${names.noticeTopicArn} as topicArn of an action.`,
    });
  }
  return findings;
}

/** Whether an action, when it is done, makes the pipeline route the message for the recipients of its rule. */
export function tellsRouter(
  names: Pick<ResourceNames, "bucket" | "noticeTopicArn">,
): (action: ReceiptAction) => boolean {
  return (action) =>
    (action.type === "S3" && action.bucketName === names.bucket) ||
    ("topicArn" in action && action.topicArn === names.noticeTopicArn);
}
