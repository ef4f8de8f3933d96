import type { FunctionTopology } from "../../shared/config/topology.ts";
import type { Clock, Random } from "../../shared/ports.ts";
import type { Log } from "../log.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { FunctionHost } from "./function-host.ts";
import { createPump, type Pump } from "./pump.ts";
import { requestId } from "./request-id.ts";

export interface InvocationPumpOptions {
  readonly engine: EngineStore;
  readonly host: FunctionHost;
  /** The function behind an ARN or name; `undefined` when there is none. */
  functionOf(arn: string): FunctionTopology | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

// Lambda's asynchronous invocation: two retries, after one and two minutes, none for events older than six hours.
const retryDelaysMs = [60_000, 120_000];
const maxAgeMs = 6 * 60 * 60_000;
const concurrency = 8;
// Begun so often without an end, it takes the engine down each time: a start must get past it.
const maxBegins = 20;

/** Runs what was invoked asynchronously: Lambda actions of type Event, and functions subscribed to a topic. */
export function createInvocationPump({ engine, host, functionOf, clock, random, log }: InvocationPumpOptions): Pump {
  return createPump({
    concurrency,
    async take() {
      const now = clock.now();
      const [invocation] = await engine.takeInvocations(now, new Date(now.getTime() + 15 * 60_000), 1);
      return invocation;
    },
    async work(invocation) {
      const target = functionOf(invocation.functionArn);
      if (!target) {
        await engine.settleInvocation(invocation.id, { cause: `no function is known as ${invocation.functionArn}` });
        return;
      }
      if (invocation.attempts > maxBegins) {
        const cause = `begun ${maxBegins} times and never ended`;
        log.error("invocation given up", { function: target.name, cause });
        await engine.settleInvocation(invocation.id, { cause });
        return;
      }
      const outcome = await host.invoke(target.name, JSON.parse(invocation.payload), {
        requestId: requestId(random),
        timeoutMs: target.timeoutMs,
        memoryMb: target.memoryMb,
      });
      if (outcome.kind === "returned") {
        await engine.settleInvocation(invocation.id, {});
        return;
      }
      const delay = retryDelaysMs[invocation.attempts - 1];
      const now = clock.now().getTime();
      const young = now - invocation.createdAt.getTime() < maxAgeMs;
      const again = delay !== undefined && young;
      log.warn(again ? "invocation failed, will be retried" : "invocation given up", {
        function: target.name,
        cause: outcome.cause,
      });
      await engine.settleInvocation(invocation.id, {
        cause: outcome.cause,
        ...(again && { retryAt: new Date(now + delay) }),
      });
    },
    onError: (error) =>
      log.error("invocation pump failed", { cause: error instanceof Error ? error.message : String(error) }),
  });
}
