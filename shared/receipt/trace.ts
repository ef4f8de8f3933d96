import { parseForwardPath } from "../mail/address.ts";
import { type EvaluationState, type Gate, isSynchronous, type WalkEvent, walkRules } from "./evaluate.ts";
import { matchRecipient } from "./match-recipient.ts";
import type { MatchedRule } from "./match-rules.ts";
import type { ReceiptAction, ReceiptRule, RuleSet } from "./model.ts";

/** What one rule did with one message, or would do, and why. Printed by `explain`, the console and the journey. */
export interface RuleTrace {
  readonly ruleIndex: number;
  readonly rule: string;
  /** `runs`: matched and executed (or, in a prediction, would be); also while its actions are under way. */
  readonly fate: "runs" | "no-match" | "disabled" | "tls" | "stopped" | "waiting";
  readonly reason: string;
  /** The recipients that the rule matched, in envelope order; also where it did not run. */
  readonly recipients: readonly string[];
  readonly perRecipient: readonly RecipientTrace[];
  readonly actions: readonly ActionTrace[];
}

export interface RecipientTrace {
  readonly recipient: string;
  readonly matches: boolean;
  readonly reason: string;
}

export interface ActionTrace {
  readonly actionIndex: number;
  readonly type: ReceiptAction["type"];
  /** `will-run`: only in a prediction. `next`: not begun, nothing is in its way. */
  readonly fate: "done" | "failed" | "pending" | "next" | "will-run" | "skipped" | "waiting";
  readonly reason: string;
}

/**
 * Every rule of the set with what became of it and why, recipient by recipient. Text for people: shape is stable, wording
 * is not.
 *
 * @param predict - what has no outcome is assumed to succeed, and a synchronous Lambda to answer CONTINUE
 */
export function traceRules(state: EvaluationState, { predict = false } = {}): RuleTrace[] {
  const begun = new Set(state.outcomes.map(({ ruleIndex, actionIndex }) => `${ruleIndex}/${actionIndex}`));
  const traces: (RuleTrace & { actions: ActionTrace[] })[] = [];
  for (const event of walkRules(state, predict)) {
    if (event.kind === "rule") {
      traces.push({ ...traceRule(state, event.matched, event.gate), actions: [] });
      continue;
    }
    const assumed = predict && !begun.has(`${event.ruleIndex}/${event.actionIndex}`);
    traces.at(-1)?.actions.push(traceAction(state.ruleSet, event, assumed));
  }
  return traces;
}

function traceRule(state: EvaluationState, matched: MatchedRule, gate: Gate | undefined): Omit<RuleTrace, "actions"> {
  const { rule, ruleIndex, recipients } = matched;
  const taken = new Set(recipients);
  return {
    ruleIndex,
    rule: rule.name,
    ...ruleFate(state.ruleSet, matched, gate),
    recipients,
    perRecipient: state.recipients.map((recipient) => traceRecipient(rule, recipient, taken.has(recipient))),
  };
}

function ruleFate(ruleSet: RuleSet, matched: MatchedRule, gate?: Gate): Pick<RuleTrace, "fate" | "reason"> {
  switch (matched.skipped) {
    case "disabled":
      return { fate: "disabled", reason: "the rule is disabled" };
    case "no-match":
      return { fate: "no-match", reason: "no recipient of the message matches" };
    case "tls":
      return { fate: "tls", reason: "the rule requires TLS, and the message came in clear" };
    case undefined:
      break;
  }
  if (!gate) return { fate: "runs", reason: `it matches ${count(matched.recipients.length, "recipient")}` };
  return { fate: gate.kind === "set-ended" ? "stopped" : "waiting", reason: describeGate(ruleSet, gate) };
}

// A rule of 500 conditions is not explained condition by condition.
const maxConditionsExplained = 5;

function traceRecipient(rule: ReceiptRule, recipient: string, matches: boolean): RecipientTrace {
  if (rule.recipients.length === 0) {
    return { recipient, matches, reason: "the rule has no condition: it takes every recipient" };
  }
  const address = parseForwardPath(recipient);
  if (!address) return { recipient, matches, reason: "not an address" };
  if (matches) {
    for (const condition of rule.recipients) {
      const match = matchRecipient(condition, address);
      if (match.matches) return { recipient, matches, reason: match.reason };
    }
  }
  const near = rule.recipients.slice(0, maxConditionsExplained).map((condition) => matchRecipient(condition, address));
  const rest = rule.recipients.length - near.length;
  const reasons = near.map((match) => match.reason);
  return { recipient, matches, reason: [...reasons, ...(rest > 0 ? [`nor do ${rest} more match`] : [])].join("; ") };
}

function traceAction(
  ruleSet: RuleSet,
  event: Extract<WalkEvent, { readonly kind: "action" }>,
  assumed: boolean,
): ActionTrace {
  const { action, actionIndex, gate, outcome } = event;
  const trace = { actionIndex, type: action.type };
  if (event.fate === "held") {
    const waiting = gate?.kind === "behind";
    return { ...trace, fate: waiting ? "waiting" : "skipped", reason: gate ? describeGate(ruleSet, gate) : "" };
  }
  if (assumed) return { ...trace, fate: "will-run", reason: describePrediction(action) };
  if (event.fate === "next") return { ...trace, fate: "next", reason: "nothing is in its way" };
  return { ...trace, fate: event.fate, reason: describeOutcome(event.fate, outcome, event.stops !== undefined) };
}

function describePrediction(action: ReceiptAction): string {
  if (action.type === "Stop") return "ends the set for every recipient of the message";
  return isSynchronous(action) ? "its answer decides what follows; CONTINUE is assumed" : "";
}

function describeOutcome(
  fate: "done" | "failed" | "pending",
  outcome: { readonly disposition?: string; readonly reason?: string } | undefined,
  stops: boolean,
): string {
  const parts = [
    outcome?.disposition && `it answered ${outcome.disposition}`,
    fate === "failed" && "given up",
    outcome?.reason,
    stops && "the set ends here",
  ];
  return parts.filter(Boolean).join("; ");
}

function describeGate(ruleSet: RuleSet, gate: Gate): string {
  const rule = ruleSet.rules[gate.by.ruleIndex];
  const where = `action ${gate.by.actionIndex + 1} (${rule?.actions[gate.by.actionIndex]?.type}) of rule "${rule?.name}"`;
  switch (gate.kind) {
    case "set-ended":
      return `${where} ended the set${{ "stop-action": "", STOP_RULE_SET: " by STOP_RULE_SET", "given-up": ": it was given up" }[gate.by.how]}`;
    case "rule-ended":
      return `${where} ended the rule${gate.how === "STOP_RULE" ? " by STOP_RULE" : ": it was given up"}`;
    case "behind":
      return `behind ${where}, which has not settled`;
  }
}

const count = (quantity: number, noun: string) => `${quantity} ${noun}${quantity === 1 ? "" : "s"}`;
