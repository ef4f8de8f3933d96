import type { ReceiptAction, ReceiptRule, RuleSet } from "../../shared/receipt/model.ts";

/** One change of a rule set, in words. */
export interface RuleChange {
  readonly kind: "added" | "removed" | "moved" | "changed";
  readonly rule: string;
  readonly says: string;
}

/**
 * What differs between the deployed rule set and the next one, rule by rule, in the order in which mail meets them.
 *
 * @param before - undefined when nothing is deployed
 */
export function ruleChanges(before: RuleSet | undefined, after: RuleSet): readonly RuleChange[] {
  const old = new Map((before?.rules ?? []).map((rule) => [rule.name, rule]));
  const next = new Map(after.rules.map((rule) => [rule.name, rule]));
  const moved = movedRules(before?.rules ?? [], after.rules);
  const changes: RuleChange[] = [];
  for (const [index, rule] of after.rules.entries()) {
    const was = old.get(rule.name);
    const place = index === 0 ? "first" : `behind "${after.rules[index - 1]?.name}"`;
    if (!was) {
      changes.push({ kind: "added", rule: rule.name, says: `new rule ${place}: ${inWords(rule)}` });
      continue;
    }
    if (moved.has(rule.name)) changes.push({ kind: "moved", rule: rule.name, says: `now runs ${place}` });
    changes.push(...differences(was, rule).map((says) => ({ kind: "changed" as const, rule: rule.name, says })));
  }
  for (const rule of before?.rules ?? []) {
    if (next.has(rule.name)) continue;
    changes.push({ kind: "removed", rule: rule.name, says: `no longer there: ${inWords(rule)}` });
  }
  return changes;
}

function differences(before: ReceiptRule, after: ReceiptRule): string[] {
  const says: string[] = [];
  if (before.enabled !== after.enabled) says.push(after.enabled ? "is switched on" : "is switched off");
  if (before.tlsPolicy !== after.tlsPolicy) {
    says.push(after.tlsPolicy === "Require" ? "refuses senders without TLS" : "takes mail without TLS too");
  }
  if (before.scanEnabled !== after.scanEnabled) {
    says.push(after.scanEnabled ? "scans for spam and viruses" : "no longer scans for spam and viruses");
  }
  const gained = after.recipients.filter((recipient) => !before.recipients.includes(recipient));
  const lost = before.recipients.filter((recipient) => !after.recipients.includes(recipient));
  // An empty list means everybody: going to or from it is not a matter of single conditions.
  if (before.recipients.length === 0 && after.recipients.length > 0) {
    says.push(`matches only ${listed(after.recipients)}, and no longer every recipient`);
  } else if (after.recipients.length === 0 && before.recipients.length > 0) {
    says.push(`matches every recipient, and not only ${listed(before.recipients)}`);
  } else {
    if (gained.length > 0) says.push(`also matches ${listed(gained)}`);
    if (lost.length > 0) says.push(`no longer matches ${listed(lost)}`);
  }
  const [was, is] = [before.actions.map(actionInWords), after.actions.map(actionInWords)];
  if (JSON.stringify(before.actions) !== JSON.stringify(after.actions)) {
    says.push(`does now: ${is.join(", ") || "nothing"}; before: ${was.join(", ") || "nothing"}`);
  }
  return says;
}

/** Names of the rules that changed places among those that stay: as few as explain the new order. */
function movedRules(before: readonly ReceiptRule[], after: readonly ReceiptRule[]): ReadonlySet<string> {
  const stays = new Set(before.map(({ name }) => name));
  const order = after.map(({ name }) => name).filter((name) => stays.has(name));
  const places = order.map((name) => before.findIndex((rule) => rule.name === name));
  // The longest rising run of old places keeps its order; whoever is not in it has moved.
  const best: number[][] = [];
  for (const [index, place] of places.entries()) {
    let longest: number[] = [];
    for (const [earlier, run] of best.entries()) {
      if ((places[earlier] ?? 0) < place && run.length > longest.length) longest = run;
    }
    best.push([...longest, index]);
  }
  const kept = new Set(best.reduce((a, b) => (b.length > a.length ? b : a), []));
  return new Set(order.filter((_name, index) => !kept.has(index)));
}

/** A whole rule in one line. */
export function inWords(rule: ReceiptRule): string {
  const who = rule.recipients.length === 0 ? "every recipient" : listed(rule.recipients);
  const what = rule.actions.map(actionInWords).join(", ") || "nothing";
  const how = [
    ...(rule.enabled ? [] : ["switched off"]),
    ...(rule.tlsPolicy === "Require" ? ["TLS required"] : []),
    ...(rule.scanEnabled ? [] : ["not scanned"]),
  ];
  return `${who} → ${what}${how.length > 0 ? ` (${how.join(", ")})` : ""}`;
}

function actionInWords(action: ReceiptAction): string {
  const told =
    "topicArn" in action && action.type !== "SNS" && action.topicArn ? `, tells ${nameOf(action.topicArn)}` : "";
  switch (action.type) {
    case "S3":
      return `store in ${action.bucketName}/${action.objectKeyPrefix ?? ""}${action.kmsKeyArn ? " encrypted" : ""}${told}`;
    case "SNS":
      return `publish the mail to ${nameOf(action.topicArn)}`;
    case "Lambda":
      return `${action.invocationType === "RequestResponse" ? "ask" : "invoke"} ${nameOf(action.functionArn)}${told}`;
    case "Bounce":
      return `bounce with ${action.smtpReplyCode}${action.statusCode ? ` ${action.statusCode}` : ""} "${action.message}" from ${action.sender}${told}`;
    case "Stop":
      return `stop here${told}`;
    case "AddHeader":
      return `add the header ${action.headerName}`;
    case "WorkMail":
      return `deliver to WorkMail${told}`;
    case "Connect":
      return "hand over to Connect";
  }
}

const nameOf = (arn: string) => arn.slice(Math.max(arn.lastIndexOf(":"), arn.lastIndexOf("/")) + 1);

function listed(names: readonly string[]): string {
  return names.length <= 4 ? names.join(", ") : `${names.slice(0, 4).join(", ")} and ${names.length - 4} more`;
}
