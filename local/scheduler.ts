import type { Clock } from "../shared/ports.ts";

/** Something that may have due work; asked whenever anything changed, and when the next due time comes. */
export interface Ticking {
  tick(now: Date): Promise<void>;
}

export interface Scheduler {
  /** Something may be due now. */
  wake(): void;
  stop(): void;
}

// The clock of the machine may be set, and a sleep longer than that is not worth a promise.
const longestSleepMs = 30_000;
// What is due but not taken waits for a consumer that is busy: its end looks for more by itself.
const shortestSleepMs = 250;

/**
 * Ticks everything when the store changed, and again when the earliest row becomes due. Due times are rows; the timer here
 * only ends a sleep.
 */
export function createScheduler(options: {
  readonly clock: Clock;
  readonly ticking: readonly Ticking[];
  readonly nextDue: (now: Date) => Promise<Date | undefined>;
  readonly onError: (error: unknown) => void;
}): Scheduler {
  const { clock, ticking } = options;
  let timer: NodeJS.Timeout | undefined;
  let running = false;
  let again = false;
  let stopped = false;

  const run = async () => {
    running = true;
    try {
      do {
        again = false;
        const now = clock.now();
        await Promise.all(ticking.map((item) => item.tick(now)));
      } while (again && !stopped);
      if (stopped) return;
      const due = await options.nextDue(clock.now());
      const sleepMs = due === undefined ? longestSleepMs : due.getTime() - clock.now().getTime();
      clearTimeout(timer);
      timer = setTimeout(wake, Math.min(longestSleepMs, Math.max(shortestSleepMs, sleepMs)));
    } catch (error) {
      options.onError(error);
      clearTimeout(timer);
      timer = setTimeout(wake, shortestSleepMs);
    } finally {
      running = false;
      if (again && !stopped) setImmediate(wake);
    }
  };

  const wake = () => {
    if (stopped) return;
    again = true;
    if (!running) void run();
  };

  return {
    wake,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
