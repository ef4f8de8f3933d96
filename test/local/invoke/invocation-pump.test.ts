import { expect, test } from "vitest";
import type { InvokeOutcome } from "../../../local/invoke/function-host.ts";
import { createInvocationPump } from "../../../local/invoke/invocation-pump.ts";
import type { Invocation } from "../../../local/store/engine-store.ts";

const silent = { info() {}, warn() {}, error() {}, take() {}, attach() {}, close: async () => undefined };
const start = new Date("2026-08-04T09:00:00Z");

interface Settled {
  readonly retryAfterMs?: number;
  readonly cause?: string;
}

/** Runs the pump over one invocation and tells how it was settled, and how often the function was called. */
async function run(invocation: Partial<Invocation>, outcome: InvokeOutcome, known = true) {
  const waiting: Invocation[] = [
    { id: 1, functionArn: "arn:f", payload: "{}", attempts: 1, createdAt: start, ...invocation },
  ];
  const settled: Settled[] = [];
  let calls = 0;
  const now = new Date(start.getTime() + 1_000);
  const pump = createInvocationPump({
    engine: {
      takeInvocations: async () => waiting.splice(0, 1),
      settleInvocation: async (_id: number, { retryAt, cause }: { retryAt?: Date; cause?: string }) => {
        settled.push({
          ...(retryAt && { retryAfterMs: retryAt.getTime() - now.getTime() }),
          ...(cause !== undefined && { cause }),
        });
      },
    } as never,
    host: {
      async invoke() {
        calls++;
        return outcome;
      },
      close: async () => undefined,
    },
    functionOf: () => (known ? { name: "f", arn: "arn:f", timeoutMs: 1_000, memoryMb: 128 } : undefined),
    clock: { now: () => now },
    random: { bytes: (count) => new Uint8Array(count) },
    log: silent,
  });
  await pump.tick();
  await pump.idle();
  return { settled, calls };
}

const returned: InvokeOutcome = { kind: "returned", value: null };
const failed: InvokeOutcome = { kind: "failed", code: "ERR_X", cause: "no" };

test.for<[string, Partial<Invocation>, InvokeOutcome, Settled, number]>([
  ["what returned is over", {}, returned, {}, 1],
  ["the first failure is tried again after a minute", {}, failed, { retryAfterMs: 60_000, cause: "no" }, 1],
  ["the second after two", { attempts: 2 }, failed, { retryAfterMs: 120_000, cause: "no" }, 1],
  ["the third failure is the last", { attempts: 3 }, failed, { cause: "no" }, 1],
  ["a time-out is a failure", {}, { kind: "timed-out", cause: "slow" }, { retryAfterMs: 60_000, cause: "slow" }, 1],
  [
    "an event older than six hours is not tried again",
    { createdAt: new Date(start.getTime() - 6 * 3_600_000) },
    failed,
    { cause: "no" },
    1,
  ],
  ["what was begun 20 times without an end may still succeed once", { attempts: 20 }, returned, {}, 1],
  [
    "after that it is given up without being begun",
    { attempts: 21 },
    returned,
    { cause: "begun 20 times and never ended" },
    0,
  ],
])("%s", async ([, invocation, outcome, expected, calls]) => {
  expect(await run(invocation, outcome)).toEqual({ settled: [expected], calls });
});

test("a function that nobody knows is given up with the reason", async () => {
  expect(await run({}, returned, false)).toEqual({ settled: [{ cause: "no function is known as arn:f" }], calls: 0 });
});
