import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";
import { loadConfig } from "../../shared/config/load-config.ts";
import type { Clock } from "../../shared/ports.ts";
import { openChannel } from "./channel.ts";
import { lambdaContext } from "./lambda-context.ts";
import { type Handler, loadFunction } from "./load-function.ts";
import { remotePorts } from "./remote-ports.ts";
import type { ThreadData, ThreadInvocation, ThreadResult } from "./thread-messages.ts";

// One thread of the pool. It owns no database: every port call is a message that carries its invocation's id, so that
// the owner can refuse what comes from an invocation that it has given up.

interface Running {
  readonly id: number;
  readonly clock: Clock;
}

const { configPath, prefix } = workerData as ThreadData;
const port = parentPort;
if (!port) throw new Error("worker-thread.ts runs in a worker thread only");

const config = await loadConfig(configPath, { prefix });
const running = new AsyncLocalStorage<Running>();
const channel = openChannel(port, async (target, method, args) => {
  if (target !== "thread" || method !== "invoke") throw new Error(`a thread has no ${target}.${method}`);
  return invoke(args[0] as ThreadInvocation);
});
const ports = remotePorts(
  (target, method, args) => channel.call(`${running.getStore()?.id ?? 0}:${target}`, method, args),
  { now: () => running.getStore()?.clock.now() ?? new Date(0) },
  { bytes: (count) => new Uint8Array(randomBytes(count)) },
);
const handlers = new Map<string, Promise<Handler>>();

/** Each function is built once a thread, as it is once an execution environment on Lambda. */
function handlerOf(name: string): Promise<Handler> {
  const known = handlers.get(name);
  if (known) return known;
  const loading = loadFunction(name, ports, config);
  handlers.set(name, loading);
  // A module that failed to load is tried again: its file may have been mended.
  loading.catch(() => handlers.delete(name));
  return loading;
}

function invoke(invocation: ThreadInvocation): Promise<ThreadResult> {
  const clock = clockOf(invocation);
  return running.run({ id: invocation.id, clock }, async (): Promise<ThreadResult> => {
    try {
      const handler = await handlerOf(invocation.functionName);
      const context = lambdaContext(invocation.functionName, invocation, config, () => clock.now().getTime());
      return { kind: "returned", value: await handler(invocation.event, context) };
    } catch (error) {
      return {
        kind: "failed",
        code: error instanceof Error && "code" in error ? String(error.code) : "ERR_UNEXPECTED",
        cause: error instanceof Error ? error.message : String(error),
      };
    }
  });
}

/** The owner's clock: it stands still where the owner's does (a test), otherwise it runs on from what the owner said. */
function clockOf({ now, ticking }: ThreadInvocation): Clock {
  const start = performance.now();
  return { now: () => new Date(ticking ? now + Math.floor(performance.now() - start) : now) };
}

port.postMessage({ kind: "ready" });
