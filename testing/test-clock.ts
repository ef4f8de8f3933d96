import type { Clock } from "../shared/ports.ts";

/** How long: milliseconds, or parts that are added up. */
export type Duration =
  | number
  | { readonly days?: number; readonly hours?: number; readonly minutes?: number; readonly seconds?: number };

export function toMs(duration: Duration): number {
  const ms =
    typeof duration === "number"
      ? duration
      : (((duration.days ?? 0) * 24 + (duration.hours ?? 0)) * 60 + (duration.minutes ?? 0)) * 60_000 +
        (duration.seconds ?? 0) * 1_000;
  if (Number.isFinite(ms) && ms >= 0) return ms;
  throw new RangeError(
    `a duration is a number of milliseconds from 0, or { days, hours, minutes, seconds }; not ${ms}`,
  );
}

export interface TestClock extends Clock {
  /** A standing clock shows the same time to threads, too. */
  readonly ticking: boolean;
  set(at: Date): void;
}

/** Stands until it is set, or goes on from `start` as the machine's does. */
export function createTestClock(start: Date, ticking: boolean): TestClock {
  let base = start.getTime();
  let since = performance.now();
  return {
    ticking,
    now: () => new Date(ticking ? base + Math.floor(performance.now() - since) : base),
    set(at) {
      base = at.getTime();
      since = performance.now();
    },
  };
}
