import type { Context } from "aws-lambda";

/** The context object of the Node runtime, with what middy and Powertools read of it. */
export function lambdaContext(options: {
  readonly functionName: string;
  readonly functionArn: string;
  readonly requestId: string;
  readonly memoryMb: number;
  readonly deadline: number;
  readonly now: () => number;
}): Context {
  return {
    callbackWaitsForEmptyEventLoop: false,
    functionName: options.functionName,
    functionVersion: "$LATEST",
    invokedFunctionArn: options.functionArn,
    memoryLimitInMB: String(options.memoryMb),
    awsRequestId: options.requestId,
    logGroupName: `/aws/lambda/${options.functionName}`,
    logStreamName: "local",
    getRemainingTimeInMillis: () => Math.max(0, options.deadline - options.now()),
    // The callback style of old runtimes: part of the type, called by nothing we run.
    done: () => undefined,
    fail: () => undefined,
    succeed: () => undefined,
  };
}
