import { isSynchronous } from "../../receipt/evaluate.ts";
import type { LambdaAction, ReceiptRule } from "../../receipt/model.ts";
import type { ResolvedConfig } from "../types.ts";
import { conditionsCover, conditionsOf, overlapping } from "./cover.ts";
import type { Finding } from "./finding.ts";
import { placeOf } from "./place.ts";
import { tellsRouter } from "./reach.ts";

// AWS's end-of-support notice of 2026: no WorkMail from this day on.
const workMailEnds = new Date("2027-03-31T00:00:00Z");

/** Actions in the wrong order, of the wrong kind, or in a rule that does not give them what they need. */
export function findActionOrder(
  config: Pick<ResolvedConfig, "ruleSet" | "domains" | "names" | "gate">,
  today: Date,
): Finding[] {
  const { rules } = config.ruleSet;
  return rules.flatMap((rule, ruleIndex) => {
    if (!rule.enabled) return [];
    const findings: Finding[] = [...findScanOff(config, rule, ruleIndex)];
    for (const [actionIndex, action] of rule.actions.entries()) {
      const at = placeOf(rule, ruleIndex, actionIndex);
      if (action.type === "Lambda") findings.push(...findLambda(config, { rule, ruleIndex, actionIndex, action, at }));
      if (action.type === "SNS") {
        findings.push({
          code: "sns-content-limit",
          severity: "warning",
          at,
          what: "The action publishes the whole message, which SNS takes up to 150 KB only.",
          why: "A larger mail, one photograph is enough, bounces to its sender and is not published.",
          fix: "Use an S3 action with topicArn instead: the notice names the object, and 40 MB pass.",
        });
      }
      if (action.type === "WorkMail") findings.push(workMail(at, today));
    }
    return findings;
  });
}

interface PlacedLambda {
  readonly rule: ReceiptRule;
  readonly ruleIndex: number;
  readonly actionIndex: number;
  readonly action: LambdaAction;
  readonly at: string;
}

function findLambda(config: Pick<ResolvedConfig, "ruleSet" | "domains" | "names">, placed: PlacedLambda): Finding[] {
  const { rule, ruleIndex, actionIndex, action, at } = placed;
  const { rules } = config.ruleSet;
  const findings: Finding[] = [];
  const own = conditionsOf(rule, config.domains);
  const stores = (candidate: ReceiptRule, actions = candidate.actions) =>
    candidate.enabled && actions.some(({ type }) => type === "S3");
  const storedBefore =
    stores(rule, rule.actions.slice(0, actionIndex)) ||
    conditionsCover(
      rules.slice(0, ruleIndex).flatMap((earlier) => (stores(earlier) ? conditionsOf(earlier, config.domains) : [])),
      own,
    );
  const storedLater =
    stores(rule, rule.actions.slice(actionIndex)) ||
    rules
      .slice(ruleIndex + 1)
      .some((later) => stores(later) && overlapping(conditionsOf(later, config.domains), own).length > 0);
  if (!storedBefore && storedLater) {
    findings.push({
      code: "lambda-before-s3",
      severity: "warning",
      at,
      what: "The function is called before the message is stored.",
      why: "Its event holds no body: when it looks for the object in S3, the object is not there yet, or only sometimes.",
      fix: "Put the S3 action in front of the Lambda action.",
    });
  } else if (!storedBefore) {
    findings.push({
      code: "lambda-without-s3",
      severity: "note",
      at,
      what: "The function is called for mail that no earlier rule stores for all of its recipients.",
      why: "The event holds headers only: the body is lost when the function ends.",
      fix: "Put an S3 action in front of it, unless the headers are all you need.",
    });
  }
  // Our own gate sends the bounces that the policy asks for before the router looks, so it has an effect by itself.
  const isGate = action.functionArn === config.names.functionArn("gate");
  if (isSynchronous(action) && !isGate && !somethingFollows(rules, placed)) {
    findings.push({
      code: "sync-without-effect",
      severity: "warning",
      at,
      what: "The function is called synchronously, but no action follows that its answer could prevent.",
      why: "SES waits up to 30 seconds for it, and a call that fails for four hours is given up without the retries of an asynchronous one.",
      fix: 'Set invocationType: "Event".',
    });
  }
  return findings;
}

function somethingFollows(
  rules: readonly ReceiptRule[],
  { rule, ruleIndex, actionIndex }: Pick<PlacedLambda, "rule" | "ruleIndex" | "actionIndex">,
): boolean {
  if (rule.actions.length > actionIndex + 1) return true;
  // STOP_RULE_SET counts for the whole message, and a message may be addressed to whatever a later rule matches.
  return rules.slice(ruleIndex + 1).some((later) => later.enabled && later.actions.length > 0);
}

/** Verdicts that somebody acts on must come from a scan. */
function findScanOff(
  { gate, names }: Pick<ResolvedConfig, "names" | "gate">,
  rule: ReceiptRule,
  ruleIndex: number,
): Finding[] {
  if (rule.scanEnabled) return [];
  const router = (gate.spam !== "nothing" || gate.virus !== "nothing") && rule.actions.some(tellsRouter(names));
  const asks = rule.actions.some(isSynchronous);
  if (!router && !asks) return [];
  return [
    {
      code: "scan-off",
      severity: "warning",
      at: placeOf(rule, ruleIndex),
      what: `The rule does not scan, but ${router ? "the router's policy for spam and viruses goes" : "its function may go"} by what it says.`,
      why: "Its events say DISABLED for spam and virus, which counts as harmless.",
      fix: "Set scanEnabled: true.",
    },
  ];
}

function workMail(at: string, today: Date): Finding {
  const ended = today.getTime() >= workMailEnds.getTime();
  return {
    code: "workmail-ends",
    severity: ended ? "error" : "warning",
    at,
    what: ended ? "AWS ended WorkMail on 31 March 2027." : "AWS ends WorkMail on 31 March 2027.",
    why: ended ? "The action delivers nowhere." : "From that day on the action delivers nowhere.",
    fix: "Deliver with a personal stream instead (docs/configuration.md), and remove the action.",
  };
}
