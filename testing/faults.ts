import type { EngineHooks } from "../local/engine-hooks.ts";
import { KeyAccessDeniedError } from "../shared/encryption/keys.ts";
import { ObjectNotFoundError } from "../shared/streams/errors.ts";
import { type Duration, toMs } from "./test-clock.ts";
import { TestKitError } from "./test-kit-error.ts";

/** What goes wrong on AWS sooner or later. Each is armed by its call, and happens the next time that it can. */
export interface Faults {
  /** The next reads of stored mail find nothing at its key: it was deleted, or is not there yet. Default once. */
  objectMissing(times?: number): void;
  /** The next store notices are delivered a second time, as SNS and SQS may. Default one. */
  noticeTwice(times?: number): void;
  /** The next store notices come that much later. Default one. */
  noticeLate(by: Duration, times?: number): void;
  /**
   * The next invocations of a function (`work-ticket`, `route-notification`, … or one of `local.functions`) end at its
   * time-out. `effects: "done"`: its work was done, and only the answer was lost. Default: once, nothing done.
   *
   * @throws {TestKitError} the engine has no such function
   */
  functionTimeout(
    functionName: string,
    options?: { readonly times?: number; readonly effects?: "none" | "done" },
  ): void;
  /** KMS refuses to make or open data keys, so many times. Default: until `clear`. */
  keyDenied(times?: number): void;
  /** The disk of the data folder is full: mail is refused with 452. Until `clear`, or `diskFull(false)`. */
  diskFull(full?: boolean): void;
  /** Nothing goes wrong any more. */
  clear(): void;
}

interface Armed {
  objectMissing: number;
  noticeTwice: number;
  noticeLate: { times: number; ms: number };
  timeouts: Map<string, { times: number; done: boolean }>;
  keyDenied: number;
  diskFull: boolean;
}

const none = (): Armed => ({
  objectMissing: 0,
  noticeTwice: 0,
  noticeLate: { times: 0, ms: 0 },
  timeouts: new Map(),
  keyDenied: 0,
  diskFull: false,
});

/**
 * The faults, and the hooks of an engine that suffers them.
 *
 * @param noticeQueue - the queue that store notices come through
 * @param functionNames - what may be invoked
 * @param onDisk - the engine looks at its disk at most once a second of its clock: called when that is to be over
 */
export function createFaults(
  noticeQueue: () => string,
  functionNames: () => readonly string[],
  onDisk: () => void,
): { faults: Faults; hooks: EngineHooks } {
  let armed = none();
  const take = (name: "objectMissing" | "noticeTwice" | "keyDenied") => {
    if (armed[name] <= 0) return false;
    armed[name] -= 1;
    return true;
  };
  const faults: Faults = {
    objectMissing(times = 1) {
      armed.objectMissing = times;
    },
    noticeTwice(times = 1) {
      armed.noticeTwice = times;
    },
    noticeLate(by, times = 1) {
      armed.noticeLate = { times, ms: toMs(by) };
    },
    functionTimeout(functionName, { times = 1, effects = "none" } = {}) {
      const names = functionNames();
      if (!names.includes(functionName)) {
        throw new TestKitError(
          `functionTimeout: there is no function "${functionName}". Those of this configuration: ${names.join(", ")}`,
        );
      }
      armed.timeouts.set(functionName, { times, done: effects === "done" });
    },
    keyDenied(times = Number.POSITIVE_INFINITY) {
      armed.keyDenied = times;
    },
    diskFull(full = true) {
      armed.diskFull = full;
      onDisk();
    },
    clear() {
      const wasFull = armed.diskFull;
      armed = none();
      if (wasFull) onDisk();
    },
  };
  const denied = async <Result>(run: () => Promise<Result>): Promise<Result> => {
    if (take("keyDenied")) throw new KeyAccessDeniedError("AccessDeniedException");
    return run();
  };
  const hooks: EngineHooks = {
    ports: (ports) => ({
      ...ports,
      objects: {
        ...ports.objects,
        async open(ref) {
          if (take("objectMissing")) throw new ObjectNotFoundError(ref);
          return ports.objects.open(ref);
        },
      },
      keys: {
        generateDataKey: (arn, context) => denied(() => ports.keys.generateDataKey(arn, context)),
        decrypt: (blob, context) => denied(() => ports.keys.decrypt(blob, context)),
      },
    }),
    queues: (queues) => ({
      ...queues,
      async receive(queue, options) {
        const messages = await queues.receive(queue, options);
        if (queue !== noticeQueue()) return messages;
        const arrived = [];
        for (const message of messages) {
          if (armed.noticeLate.times > 0 && message.receiveCount === 1) {
            armed.noticeLate.times -= 1;
            await queues.changeVisibility(queue, message.receiptHandle, armed.noticeLate.ms);
          } else arrived.push(message);
        }
        return arrived;
      },
    }),
    host: (host) => ({
      ...host,
      async invoke(functionName, event, options) {
        const timeout = armed.timeouts.get(functionName);
        if (timeout !== undefined && timeout.times > 0) {
          timeout.times -= 1;
          if (timeout.done) await host.invoke(functionName, event, options);
          const cause = `${functionName} did not answer within ${options.timeoutMs} ms (a fault of the test)`;
          return { kind: "timed-out", cause };
        }
        const outcome = await host.invoke(functionName, event, options);
        if (functionName === "route-notification" && take("noticeTwice")) {
          return host.invoke(functionName, event, options);
        }
        return outcome;
      },
    }),
    freeDiskBytes: async (read) => (armed.diskFull ? 0 : read()),
  };
  return { faults, hooks };
}
