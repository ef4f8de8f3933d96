import type { Header } from "../mail/headers.ts";
import { choices } from "./choices.ts";
import { type MatchedRule, matchRules } from "./match-rules.ts";
import type { Disposition, ReceiptAction, ReceiptRule, RuleSet } from "./model.ts";

/** Which action of which rule, both counted from 0 in the rule set as it was at receipt. */
export interface ActionRef {
  readonly ruleIndex: number;
  readonly actionIndex: number;
}

/**
 * What is known of one action. No outcome: it was never begun.
 * - `pending`: begun and not settled: under way, or waiting for its next attempt.
 * - `done`: it has happened. Only a synchronous Lambda has a disposition.
 * - `failed`: given up for good. `then` is what follows, by `consequenceOfFailure` at that moment, so that a later change
 *   of the configuration cannot change the course of an old message; absent, the defaults decide.
 */
export type ActionOutcome =
  | (ActionRef & { readonly state: "pending"; readonly reason?: string })
  | (ActionRef & { readonly state: "done"; readonly disposition?: Disposition })
  | (ActionRef & { readonly state: "failed"; readonly then?: FailureConsequence; readonly reason?: string });

/** The rest of the rule, or of the set, is given up; or evaluation goes on as if the action had been done. */
export type FailureConsequence = "end-rule" | "end-set" | "continue";

export interface EvaluationState {
  /** The set that was active at receipt; later edits do not count (ses-receiving.md §1.1). */
  readonly ruleSet: RuleSet;
  /** Accepted recipients in envelope order, as written in RCPT TO. */
  readonly recipients: readonly string[];
  readonly tls: boolean;
  readonly outcomes: readonly ActionOutcome[];
}

export interface PerformStep extends ActionRef {
  readonly kind: "perform";
  readonly rule: ReceiptRule;
  readonly action: ReceiptAction;
  /** The envelope recipients that this rule matched: `receipt.recipients`. */
  readonly recipients: readonly string[];
  /** Whether this rule sees scan verdicts and the two verdict headers; otherwise `DISABLED` and none. */
  readonly scan: boolean;
  /** What AddHeader actions before this one added, in order. */
  readonly addedHeaders: readonly Header[];
}

export interface StoppedBy extends ActionRef {
  readonly rule: string;
  readonly how: "stop-action" | "STOP_RULE_SET" | "given-up";
}

export type Step =
  | PerformStep
  /** Nothing may run before one of these settles. */
  | { readonly kind: "wait"; readonly pending: readonly ActionRef[] }
  | { readonly kind: "end"; readonly stoppedBy?: StoppedBy };

/**
 * What comes next for one message (ses-receiving.md §1.3, §1.6). Pure: the caller performs the step, records its outcome
 * and asks again; after a crash the recorded outcomes are enough to go on. Record `pending` before or while performing and
 * ask again to learn which later actions may run meanwhile:
 *
 * - a pending synchronous Lambda holds back everything behind it in the set;
 * - any other pending action holds back the rest of its rule. Later rules run, unless that rest may change what they
 *   see or whether they run (a Stop, a synchronous Lambda, an AddHeader): so no retry changes a message's course.
 */
export function nextStep(state: EvaluationState): Step {
  const addedHeaders: Header[] = [];
  const pending: ActionRef[] = [];
  for (const event of walkRules(state)) {
    if (event.kind === "rule") {
      // A set that has ended, or waits, holds every rule behind it: no need to walk on.
      if (!event.gate) continue;
      if (pending.length === 0 && event.gate.kind === "set-ended") return { kind: "end", stoppedBy: event.gate.by };
      break;
    }
    const { ruleIndex, actionIndex, action, matched } = event;
    if (event.fate === "next") {
      const { rule, recipients } = matched;
      return {
        kind: "perform",
        ruleIndex,
        actionIndex,
        rule,
        action,
        recipients,
        scan: rule.scanEnabled,
        addedHeaders,
      };
    }
    if (event.fate === "pending") pending.push({ ruleIndex, actionIndex });
    if (event.fate === "done" && action.type === "AddHeader") {
      addedHeaders.push({ name: action.headerName, value: action.headerValue });
    }
    if (event.stops && pending.length === 0) return { kind: "end", stoppedBy: event.stops };
  }
  return pending.length > 0 ? { kind: "wait", pending } : { kind: "end" };
}

/** Why an action, or a whole rule, does not run now. */
export type Gate =
  | { readonly kind: "set-ended"; readonly by: StoppedBy }
  | { readonly kind: "rule-ended"; readonly by: ActionRef; readonly how: "STOP_RULE" | "given-up" }
  /** Behind an action that is not settled, or not begun. */
  | { readonly kind: "behind"; readonly by: ActionRef };

export type WalkEvent =
  | { readonly kind: "rule"; readonly matched: MatchedRule; readonly gate?: Gate }
  | ({
      readonly kind: "action";
      readonly matched: MatchedRule;
      readonly action: ReceiptAction;
      readonly fate: "done" | "failed" | "pending" | "next" | "held";
      readonly outcome?: ActionOutcome;
      /** For `held`. */
      readonly gate?: Gate;
      /** This action ends the set. */
      readonly stops?: StoppedBy;
    } & ActionRef);

/**
 * The course of a message through the whole set, rule by rule and action by action: what `nextStep` decides by and
 * `traceRules` explains.
 *
 * @param assumeDone - a prediction: what was never begun counts as done, a synchronous Lambda as CONTINUE
 */
export function* walkRules(state: EvaluationState, assumeDone = false): Generator<WalkEvent> {
  const outcomes = new Map(state.outcomes.map((outcome) => [key(outcome), outcome]));
  let setGate: Gate | undefined;
  for (const matched of matchRules(state)) {
    yield { kind: "rule", matched, ...(setGate && { gate: setGate }) };
    if (!matched.runs) continue;
    const { rule, ruleIndex } = matched;
    let ruleGate: Gate | undefined;
    for (const [actionIndex, action] of rule.actions.entries()) {
      const by = { ruleIndex, actionIndex };
      const event = { kind: "action", matched, action, ...by } as const;
      const gate: Gate | undefined = setGate ?? ruleGate;
      if (gate) {
        yield { ...event, fate: "held", gate };
        continue;
      }
      const recorded = outcomes.get(key(by));
      const outcome: ActionOutcome | undefined = recorded ?? (assumeDone ? { ...by, state: "done" } : undefined);
      if (!outcome) {
        yield { ...event, fate: "next" };
        setGate = { kind: "behind", by };
        continue;
      }
      if (outcome.state === "pending") {
        yield { ...event, fate: "pending", outcome };
        const steers = rule.actions.slice(actionIndex).some(steersWhatFollows);
        if (steers) setGate = { kind: "behind", by };
        else ruleGate = { kind: "behind", by };
        continue;
      }
      const course = courseAfter(state, action, outcome);
      const stops = course === "end-set" ? { ...by, rule: rule.name, how: howStopped(action, outcome) } : undefined;
      yield { ...event, fate: outcome.state, outcome, ...(stops && { stops }) };
      if (stops) setGate = { kind: "set-ended", by: stops };
      if (course === "end-rule") {
        ruleGate = { kind: "rule-ended", by, how: outcome.state === "failed" ? "given-up" : "STOP_RULE" };
      }
    }
  }
}

/**
 * What follows when an action is given up (four hours after receipt, ses-receiving.md §1.6, §5.6). A failed synchronous
 * Lambda ends the set, or lets it go on under `onSyncFailure: "continue"`. Any other action ends its rule; a Stop in the rest
 * of that rule still ends the set, and a synchronous Lambda there, having decided nothing, counts as failed too.
 */
export function consequenceOfFailure(
  { ruleSet, ruleIndex, actionIndex }: ActionRef & { readonly ruleSet: RuleSet },
  onSyncFailure: "drop" | "continue" = choices.onSyncFailure.value,
): FailureConsequence {
  const [action, ...rest] = ruleSet.rules[ruleIndex]?.actions.slice(actionIndex) ?? [];
  if (!action) return "end-rule";
  if (isSynchronous(action)) return onSyncFailure === "drop" ? "end-set" : "continue";
  if (action.type === "Stop") return "end-set";
  if (rest.some((later) => later.type === "Stop")) return "end-set";
  if (onSyncFailure === "drop" && rest.some(isSynchronous)) return "end-set";
  return "end-rule";
}

/** A Lambda action whose answer decides what follows. */
export function isSynchronous(action: ReceiptAction): boolean {
  return action.type === "Lambda" && action.invocationType === "RequestResponse";
}

/**
 * What a synchronous function told SES. Anything but the three documented words, in upper case, is CONTINUE
 * (ses-receiving.md §5.6).
 *
 * @param result - the function's parsed JSON answer
 */
export function dispositionOf(result: unknown): Disposition {
  const disposition =
    typeof result === "object" && result !== null && "disposition" in result ? result.disposition : undefined;
  return disposition === "STOP_RULE" || disposition === "STOP_RULE_SET" ? disposition : "CONTINUE";
}

function courseAfter(state: EvaluationState, action: ReceiptAction, outcome: ActionOutcome): FailureConsequence {
  if (action.type === "Stop") return "end-set";
  if (outcome.state === "failed") return outcome.then ?? consequenceOfFailure({ ...state, ...outcome });
  if (outcome.state === "done" && isSynchronous(action)) {
    if (outcome.disposition === "STOP_RULE") return "end-rule";
    if (outcome.disposition === "STOP_RULE_SET") return "end-set";
  }
  return "continue";
}

/** Whether an action may change what later rules see, or whether they run at all. */
function steersWhatFollows(action: ReceiptAction): boolean {
  return action.type === "Stop" || action.type === "AddHeader" || isSynchronous(action);
}

function howStopped(action: ReceiptAction, outcome: ActionOutcome): StoppedBy["how"] {
  if (action.type === "Stop") return "stop-action";
  return outcome.state === "failed" ? "given-up" : "STOP_RULE_SET";
}

const key = ({ ruleIndex, actionIndex }: ActionRef) => `${ruleIndex}/${actionIndex}`;

/** Whether any rule that runs for this message wants the scan: the message is scanned once (ses-receiving.md §4.2). */
export function wantsScan(state: Omit<EvaluationState, "outcomes">): boolean {
  return matchRules(state).some((matched) => matched.runs && matched.rule.scanEnabled);
}
