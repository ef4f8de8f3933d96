import type { ActionOutcome, FailureConsequence } from "../../shared/receipt/evaluate.ts";
import type { Disposition } from "../../shared/receipt/model.ts";
import type { ActionLogEntry } from "../store/engine-store.ts";

/**
 * The action log as the evaluator and its trace read it.
 *
 * @param due - leaves out the pending actions whose time has come: they count as not begun, and are the next to perform
 */
export function actionOutcomes(log: Iterable<ActionLogEntry>, due?: Date): ActionOutcome[] {
  const known: ActionOutcome[] = [];
  for (const { ruleIndex, actionIndex, state, disposition, dueAt, result } of log) {
    const ref = { ruleIndex, actionIndex };
    if (state === "done") {
      known.push({ ...ref, state, ...(disposition && { disposition }) });
    } else if (state === "failed") {
      // biome-ignore lint/suspicious/noThenProperty: the evaluator's word; nobody awaits an outcome
      known.push({ ...ref, state, reason: result, then: consequenceFor[disposition ?? "STOP_RULE_SET"] });
    } else if (!due || (dueAt !== undefined && Date.parse(dueAt) > due.getTime())) {
      // Begun and not ended counts as due: a message is run once at a time, so that attempt is no more.
      known.push({ ...ref, state, reason: result });
    }
  }
  return known;
}

/**
 * How the log keeps the course that an action took when it was given up: in the words of a function's answer. It is fixed at
 * that moment, so that a later configuration does not change it.
 */
export const dispositionOfFailure: Readonly<Record<FailureConsequence, Disposition>> = {
  continue: "CONTINUE",
  "end-rule": "STOP_RULE",
  "end-set": "STOP_RULE_SET",
};

const consequenceFor: Readonly<Record<Disposition, FailureConsequence>> = {
  CONTINUE: "continue",
  STOP_RULE: "end-rule",
  STOP_RULE_SET: "end-set",
};
