import type { SesMessageId } from "../../shared/ses-message-id.ts";
import type { Log } from "../log.ts";
import type { EngineStore } from "../store/engine-store.ts";
import { MessageIncompleteError } from "./errors.ts";
import { type RunMessageOptions, runMessage } from "./run-message.ts";

export interface RunnerOptions extends Omit<RunMessageOptions, "log"> {
  readonly store: RunMessageOptions["store"] & Pick<EngineStore, "dueActions" | "unended">;
  /** Messages at a time. Default 16. */
  readonly concurrency?: number;
  readonly log: Pick<Log, "info" | "warn" | "error">;
}

export interface Runner {
  /** A new message, or one to go on with. One that waits or runs already is not taken twice. */
  enqueue(sesMessageId: SesMessageId): void;
  /** After a start: everything that has not ended, oldest first. */
  resume(): Promise<void>;
  /** Takes up the actions that are due, and messages whose run the store could not serve. */
  tick(now: Date): Promise<void>;
  /** When `tick` has something to do that the store does not know of. */
  nextDue(): Date | undefined;
  /** Resolves when nothing runs or waits to run. */
  drain(): Promise<void>;
  /** Starts nothing more and waits for what runs; what waited is found again by `resume`. */
  close(): Promise<void>;
}

const defaultConcurrency = 16;
const maxResumed = 100_000;
const dueAtOnce = 1_000;
const firstStallMs = 1_000;
const longestStallMs = 60_000;

/**
 * Runs messages through their rules, a bounded number at a time, in the order in which they came; those that come back for
 * a retry take turns with the new ones, so that neither waits for all of the other.
 */
export function createRunner(options: RunnerOptions): Runner {
  const { store, clock, log, concurrency = defaultConcurrency } = options;
  // Sets keep the order in which ids were put in, and an id only once.
  const fresh = new Set<SesMessageId>();
  const again = new Set<SesMessageId>();
  const running = new Map<SesMessageId, Promise<void>>();
  // Told to run while it ran: what it read may have been older than what it was told about.
  const runAgain = new Set<SesMessageId>();
  const stalled = new Map<SesMessageId, { readonly failures: number; readonly until: number }>();
  let turn: "fresh" | "again" = "fresh";
  let closed = false;
  let idle: (() => void)[] = [];

  const next = (): SesMessageId | undefined => {
    const [first, second] = turn === "fresh" ? [fresh, again] : [again, fresh];
    turn = turn === "fresh" ? "again" : "fresh";
    for (const queue of [first, second]) {
      for (const id of queue) {
        queue.delete(id);
        return id;
      }
    }
    return undefined;
  };

  const start = () => {
    while (!closed && running.size < concurrency) {
      const id = next();
      if (id === undefined) break;
      running.set(id, run(id));
    }
    if (running.size === 0 && (closed || fresh.size + again.size === 0)) {
      for (const resolve of idle.splice(0)) resolve();
    }
  };

  const run = async (id: SesMessageId) => {
    try {
      await runMessage(id, options);
      stalled.delete(id);
    } catch (error) {
      if (error instanceof MessageIncompleteError) {
        stalled.delete(id);
        log.error("message cannot be run", { sesMessageId: id, error: error.message });
        return;
      }
      const failures = (stalled.get(id)?.failures ?? 0) + 1;
      const delayMs = Math.min(longestStallMs, firstStallMs * 2 ** Math.min(failures - 1, 10));
      stalled.set(id, { failures, until: clock.now().getTime() + delayMs });
      log.error("message not run, it is tried again", { sesMessageId: id, failures, error: text(error) });
    } finally {
      running.delete(id);
      if (runAgain.delete(id)) again.add(id);
      start();
    }
  };

  const put = (queue: Set<SesMessageId>, id: SesMessageId) => {
    if (running.has(id)) runAgain.add(id);
    else if (!fresh.has(id) && !again.has(id)) queue.add(id);
  };

  return {
    enqueue(id) {
      put(fresh, id);
      start();
    },
    async resume() {
      for (const id of await store.unended({ limit: maxResumed })) put(again, id);
      start();
    },
    async tick(now) {
      for (const [id, { until }] of stalled) if (until <= now.getTime()) put(again, id);
      for (const id of await store.dueActions(now, dueAtOnce)) if (!running.has(id) && !stalled.has(id)) put(again, id);
      start();
    },
    nextDue() {
      let first = Number.POSITIVE_INFINITY;
      for (const { until } of stalled.values()) first = Math.min(first, until);
      return first === Number.POSITIVE_INFINITY ? undefined : new Date(first);
    },
    drain: () =>
      new Promise((resolve) => {
        idle.push(resolve);
        start();
      }),
    async close() {
      closed = true;
      await Promise.all(running.values());
      for (const resolve of idle.splice(0)) resolve();
      idle = [];
    },
  };
}

const text = (error: unknown) => (error instanceof Error ? error.message : String(error));
