/** Where handlers run. They see events and ports, and answer or fail, exactly as a Lambda function does. */
export interface FunctionHost {
  /**
   * Runs one invocation. Never rejects: a handler that throws, or outlives its time, is an outcome.
   *
   * @param functionName - folder below `functions/`, or a name of `local.functions`
   * @param event - structured-cloneable
   */
  invoke(functionName: string, event: unknown, options: InvokeOptions): Promise<InvokeOutcome>;
  /** Waits for running invocations until `drainMs` is over, then ends them; what they had not finished is redelivered. */
  close(drainMs: number): Promise<void>;
}

export interface InvokeOptions {
  readonly requestId: string;
  readonly timeoutMs: number;
  readonly memoryMb: number;
}

export type InvokeOutcome =
  | { readonly kind: "returned"; readonly value: unknown }
  | { readonly kind: "failed"; readonly code: string; readonly cause: string }
  | { readonly kind: "timed-out"; readonly cause: string };
