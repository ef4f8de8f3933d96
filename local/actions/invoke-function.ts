import { buildLambdaEvent } from "../../shared/receipt/build-notification.ts";
import { dispositionOf } from "../../shared/receipt/evaluate.ts";
import { limits } from "../../shared/receipt/limits.ts";
import type { LambdaAction } from "../../shared/receipt/model.ts";
import type { PerformAction } from "./action.ts";
import { UnknownFunctionError } from "./errors.ts";
import { notificationInput, notify } from "./notify.ts";

/**
 * The Lambda action (ses-receiving.md §5.6). `Event`: an invocation row, whose retries are its own. `RequestResponse`: the
 * function runs now, for 30 seconds at most, and its disposition steers what follows.
 *
 * @throws {UnknownFunctionError} and whatever the function's run rejects with: a failure of the action
 */
export const invokeFunction: PerformAction<LambdaAction> = async (input, tools) => {
  const { functionArn, invocationType } = input.action;
  if (!tools.knowsFunction(functionArn)) throw new UnknownFunctionError(functionArn);
  const event = buildLambdaEvent(await notificationInput(input));
  const notification = await notify(input);
  if (invocationType === "Event") {
    return { result: `invoked ${functionArn}`, effects: [{ kind: "invoke", functionArn, event }, ...notification] };
  }
  const disposition = dispositionOf(await tools.invokeSync(functionArn, JSON.stringify(event), limits.syncLambdaMs));
  return { result: `${functionArn} answered ${disposition}`, effects: notification, disposition };
};
