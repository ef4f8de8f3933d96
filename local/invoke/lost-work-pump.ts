import type { Clock } from "../../shared/ports.ts";
import type { Log } from "../log.ts";
import type { LostWork } from "../store/lost-work.ts";
import { createPump, type Pump } from "./pump.ts";

const everyMs = 15 * 60_000;

/** The last net: every quarter of an hour, and at start, what the ledger calls unfinished and nothing will finish is found. */
export function createLostWorkPump(
  lostWork: { find(): Promise<readonly LostWork[]> },
  { clock, log }: { readonly clock: Clock; readonly log: Pick<Log, "error"> },
): Pump {
  let nextLook = 0;
  return createPump<"look">({
    concurrency: 1,
    async take() {
      const now = clock.now().getTime();
      // The clock may have been set back.
      if (now < nextLook && nextLook - now <= everyMs) return undefined;
      nextLook = now + everyMs;
      return "look";
    },
    async work() {
      for (const { sesMessageId, outcome, cause } of await lostWork.find())
        log.error("work was lost", { sesMessageId, outcome, cause });
    },
    onError: (error) =>
      log.error("lost work could not be looked for", { cause: error instanceof Error ? error.message : String(error) }),
  });
}
