import { Worker } from "node:worker_threads";
import type { Clock, Ports } from "../../shared/ports.ts";
import type { Log } from "../log.ts";
import { type Channel, openChannel } from "./channel.ts";
import type { FunctionHost, InvokeOptions, InvokeOutcome } from "./function-host.ts";
import { serveCalls } from "./remote-ports.ts";
import type { ThreadData, ThreadInvocation, ThreadResult } from "./thread-messages.ts";

export interface ThreadHostOptions {
  readonly configPath: string;
  /** Prefix of the resources' names, as the configuration was resolved with. */
  readonly prefix: string;
  readonly ports: Omit<Ports, "clock" | "random">;
  readonly clock: Clock & { readonly ticking: boolean };
  /** Threads for stream workers; one more runs the pipeline's own functions, one more the user's. */
  readonly workers: number;
  readonly heapMb: number;
  readonly log: Log;
}

/** Which threads a function runs in: a worker that hangs must not keep the gate waiting, nor the user's code ours. */
type Group = "pipeline" | "workers" | "own";

// A handler spends most of its time waiting for ports, so that a thread may have several under way.
const invocationsPerThread: Readonly<Record<Group, number>> = { pipeline: 16, workers: 4, own: 1 };

interface Thread {
  readonly group: Group;
  readonly worker: Worker;
  readonly channel: Channel;
  readonly running: Map<number, (outcome: InvokeOutcome) => void>;
  /** False once one of its invocations has outlived its time: it gets no more, and is ended. */
  usable: boolean;
}

// A thread is 25 MB: another one is started only when those that there are have this much to do.
const invocationsBeforeNext = 2;

// How long the other invocations of a thread that has to go may still take.
const retireMs = 5_000;

/** Runs handlers in worker threads with bounded heaps, started when they are first needed. */
export function createThreadHost(options: ThreadHostOptions): FunctionHost {
  const { ports, clock, log } = options;
  const serve = serveCalls(ports);
  const threads = new Set<Thread>();
  const queued: Record<Group, (() => void)[]> = { pipeline: [], workers: [], own: [] };
  let nextId = 1;
  let closing = false;

  const groupSize = (group: Group) => (group === "workers" ? options.workers : 1);

  const start = (group: Group): Thread => {
    const worker = new Worker(new URL("./thread-entry.mjs", import.meta.url), {
      workerData: { configPath: options.configPath, prefix: options.prefix } satisfies ThreadData,
      resourceLimits: { maxOldGenerationSizeMb: options.heapMb, maxYoungGenerationSizeMb: 3 },
      // A function's log lines are the engine's, and stdout belongs to whoever started us.
      stdout: true,
      stderr: true,
    });
    for (const stream of [worker.stdout, worker.stderr]) log.attach(stream);
    const running: Thread["running"] = new Map();
    const channel = openChannel(worker, async (target, method, args) => {
      const colon = target.indexOf(":");
      const id = Number(target.slice(0, colon));
      if (!running.has(id))
        throw new Error("this invocation is over: its time ran out, and its late effect is refused");
      return serve(target.slice(colon + 1), method, args);
    });
    const thread: Thread = { group, worker, channel, running, usable: true };
    threads.add(thread);
    worker.on("error", (error) => end(thread, error instanceof Error ? error.message : String(error)));
    worker.on("exit", (code) => end(thread, `the thread ended with status ${code}`));
    return thread;
  };

  /** Everything that still ran in it failed: redelivery does the rest. */
  const end = (thread: Thread, cause: string) => {
    if (!threads.delete(thread)) return;
    thread.usable = false;
    if (thread.running.size > 0)
      log.warn("function thread ended", { group: thread.group, cause, running: thread.running.size });
    for (const settle of thread.running.values()) settle({ kind: "failed", code: "ERR_THREAD_ENDED", cause });
    thread.running.clear();
    thread.channel.close(new Error(cause));
    void thread.worker.terminate();
    next(thread.group);
  };

  const retire = (thread: Thread, cause: string) => {
    thread.usable = false;
    const timer = setTimeout(() => end(thread, cause), thread.running.size === 0 ? 0 : retireMs);
    timer.unref();
  };

  const free = (group: Group): Thread | undefined => {
    const usable = [...threads].filter((thread) => thread.group === group && thread.usable);
    const least = usable.sort((a, b) => a.running.size - b.running.size)[0];
    if (least && least.running.size < Math.min(invocationsBeforeNext, invocationsPerThread[group])) return least;
    if (usable.length < groupSize(group)) return start(group);
    return least && least.running.size < invocationsPerThread[group] ? least : undefined;
  };

  const next = (group: Group) => {
    while (queued[group].length > 0 && free(group)) queued[group].shift()?.();
  };

  const run = (thread: Thread, functionName: string, event: unknown, invoke: InvokeOptions) =>
    new Promise<InvokeOutcome>((resolve) => {
      const id = nextId++;
      const settle = (outcome: InvokeOutcome) => {
        clearTimeout(timer);
        thread.running.delete(id);
        resolve(outcome);
        next(thread.group);
      };
      // Real time: a handler that hangs hangs in it, whatever the engine's clock says.
      const timer = setTimeout(() => {
        const cause = `${functionName} did not answer within ${invoke.timeoutMs} ms and was ended`;
        settle({ kind: "timed-out", cause });
        retire(thread, cause);
      }, invoke.timeoutMs);
      thread.running.set(id, settle);
      const invocation: ThreadInvocation = {
        id,
        functionName,
        event,
        requestId: invoke.requestId,
        timeoutMs: invoke.timeoutMs,
        memoryMb: invoke.memoryMb,
        now: clock.now().getTime(),
        ticking: clock.ticking,
      };
      thread.channel.call("thread", "invoke", [invocation]).then(
        (result) => settle(result as ThreadResult),
        (error: unknown) =>
          settle({ kind: "failed", code: "ERR_THREAD", cause: error instanceof Error ? error.message : String(error) }),
      );
    });

  return {
    invoke(functionName, event, invoke) {
      const group = groupOf(functionName);
      if (closing) return Promise.resolve({ kind: "failed", code: "ERR_CLOSING", cause: "the engine is stopping" });
      return new Promise((resolve) => {
        const begin = () => {
          const thread = free(group);
          // `next` and the check below only call this when a thread is free.
          if (thread) void run(thread, functionName, event, invoke).then(resolve);
          else queued[group].unshift(begin);
        };
        if (queued[group].length === 0 && free(group)) begin();
        else queued[group].push(begin);
      });
    },

    async close(drainMs) {
      closing = true;
      for (const group of Object.keys(queued) as Group[]) queued[group] = [];
      const idle = () => [...threads].every((thread) => thread.running.size === 0);
      const deadline = performance.now() + drainMs;
      while (!idle() && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
      const ending = [...threads];
      for (const thread of ending) end(thread, "the engine is stopping");
      await Promise.all(ending.map((thread) => thread.worker.terminate()));
    },
  };
}

const pipelineFunctions = new Set(["gate", "journal", "route-notification", "route-object"]);

function groupOf(functionName: string): Group {
  if (pipelineFunctions.has(functionName)) return "pipeline";
  return functionName.startsWith("work-") && functionName !== "work-own" ? "workers" : "own";
}
