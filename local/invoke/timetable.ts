import type { FunctionTopology } from "../../shared/config/topology.ts";
import type { Clock, Random } from "../../shared/ports.ts";
import type { Log } from "../log.ts";
import type { Database } from "../store/database.ts";
import type { FunctionHost } from "./function-host.ts";
import { createPump, type Pump } from "./pump.ts";
import { requestId } from "./request-id.ts";

/** Runs the functions that run by themselves. When each last began is a row, so a restart neither skips nor repeats one. */
export function createTimetable(options: {
  readonly functions: readonly FunctionTopology[];
  readonly database: Database;
  readonly host: FunctionHost;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}): Pump & { nextDue(): Date | undefined } {
  const { database, host, clock, random, log } = options;
  const timed = options.functions.flatMap((one) =>
    one.everyMs === undefined ? [] : [{ ...one, everyMs: one.everyMs }],
  );
  // A folder that is new has nothing to be looked after yet: its first turn comes when its first interval is over.
  const opened = clock.now().getTime();
  const dueAt = ({ name, everyMs }: (typeof timed)[number]): number => {
    const began = database.read((sql) => sql.get("SELECT value FROM settings WHERE name = ?", settingOf(name)));
    return (began ? Number(began["value"]) : opened) + everyMs;
  };
  let noted: Promise<void> | undefined;
  /** The first interval is a row as well, so that starting often does not put it off for ever. */
  const begun = () => {
    noted ??= database.write((tx) => {
      for (const { name } of timed) {
        tx.run("INSERT OR IGNORE INTO settings (name, value) VALUES (?, ?)", settingOf(name), String(opened));
      }
    });
    return noted;
  };
  const pump = createPump({
    concurrency: 1,
    async take() {
      await begun();
      const now = clock.now().getTime();
      const due = timed.find((one) => dueAt(one) <= now);
      if (due === undefined) return undefined;
      await database.write((tx) => {
        tx.run("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", settingOf(due.name), String(now));
      });
      return due;
    },
    async work({ name, timeoutMs, memoryMb }) {
      const outcome = await host.invoke(name, {}, { requestId: requestId(random), timeoutMs, memoryMb });
      if (outcome.kind !== "returned") log.warn("timed function failed", { function: name, cause: outcome.cause });
    },
    onError: (error) =>
      log.error("timed function failed", { cause: error instanceof Error ? error.message : String(error) }),
  });
  return {
    ...pump,
    nextDue() {
      const times = timed.map(dueAt);
      return times.length === 0 ? undefined : new Date(Math.min(...times));
    },
  };
}

const settingOf = (name: string) => `began ${name}`;
