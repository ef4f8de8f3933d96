import type { StopAction } from "../../shared/receipt/model.ts";
import type { PerformAction } from "./action.ts";
import { notify } from "./notify.ts";

/** Ends the rule set for all recipients of the message: the evaluator does that, as this action is recorded as done. */
export const stop: PerformAction<StopAction> = async (input) => ({
  result: "the rule set ends here",
  effects: await notify(input),
});
