import type { ResolvedConfig } from "../../shared/config/types.ts";
import type { Ports } from "../../shared/ports.ts";
import type { FunctionHost, InvokeOutcome } from "./function-host.ts";
import { lambdaContext } from "./lambda-context.ts";
import { type Handler, loadFunction } from "./load-function.ts";

/**
 * Runs handlers in this thread, for a configuration that was given as an object: its functions cannot cross into
 * another one. A handler that outlives its time is not ended, only its answer is no longer waited for.
 */
export function createInProcessHost(ports: Ports, config: ResolvedConfig): FunctionHost {
  const handlers = new Map<string, Promise<Handler>>();
  const running = new Set<Promise<unknown>>();

  const handlerOf = (name: string) => {
    const known = handlers.get(name) ?? loadFunction(name, ports, config);
    handlers.set(name, known);
    known.catch(() => handlers.delete(name));
    return known;
  };

  return {
    async invoke(functionName, event, options) {
      const { timeoutMs } = options;
      const now = () => ports.clock.now().getTime();
      const work = handlerOf(functionName).then((handler) =>
        handler(structuredClone(event), lambdaContext(functionName, options, config, now)),
      );
      let timer: NodeJS.Timeout | undefined;
      const timedOut = new Promise<InvokeOutcome>((resolve) => {
        timer = setTimeout(
          () => resolve({ kind: "timed-out", cause: `${functionName} did not answer within ${timeoutMs} ms` }),
          timeoutMs,
        );
      });
      const outcome = work.then(
        (value): InvokeOutcome => ({ kind: "returned", value }),
        (error: unknown): InvokeOutcome => ({
          kind: "failed",
          code: error instanceof Error && "code" in error ? String(error.code) : "ERR_UNEXPECTED",
          cause: error instanceof Error ? error.message : String(error),
        }),
      );
      running.add(outcome);
      try {
        return await Promise.race([outcome, timedOut]);
      } finally {
        clearTimeout(timer);
        running.delete(outcome);
      }
    },
    async close(drainMs) {
      let timer: NodeJS.Timeout | undefined;
      const enough = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, drainMs);
      });
      await Promise.race([Promise.all(running), enough]);
      clearTimeout(timer);
    },
  };
}
