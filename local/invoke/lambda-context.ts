import type { Context } from "aws-lambda";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import type { InvokeOptions } from "./function-host.ts";

/**
 * The context object of the Node runtime, with what middy and Powertools read of it.
 *
 * @param now - milliseconds since the epoch, by the invocation's own clock: its time runs from here on
 */
export function lambdaContext(
  functionName: string,
  { requestId, timeoutMs, memoryMb }: InvokeOptions,
  { names }: Pick<ResolvedConfig, "names">,
  now: () => number,
): Context {
  const deadline = now() + timeoutMs;
  return {
    callbackWaitsForEmptyEventLoop: false,
    functionName,
    functionVersion: "$LATEST",
    invokedFunctionArn: names.functionArn(functionName),
    memoryLimitInMB: String(memoryMb),
    awsRequestId: requestId,
    logGroupName: `/aws/lambda/${functionName}`,
    logStreamName: "local",
    getRemainingTimeInMillis: () => Math.max(0, deadline - now()),
    // The callback style of old runtimes: part of the type, called by nothing we run.
    done: () => undefined,
    fail: () => undefined,
    succeed: () => undefined,
  };
}
