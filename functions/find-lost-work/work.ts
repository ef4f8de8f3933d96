import type { LostWorkPorts } from "../../shared/aws/open-lost-work.ts";
import { count, type Handler, logger } from "../stack.ts";

/** Runs by itself, every half hour: finds recipients that no queue will finish, and has the router send them again. */
export const work =
  ({ lostWork }: LostWorkPorts): Handler<{ readonly sentAgain: number; readonly failed: number }> =>
  async () => {
    const { lost, isMore } = await lostWork.find();
    for (const { sesMessageId, stream, state, outcome, cause } of lost) {
      count("WorkLost");
      if (outcome === "failed") count("RecipientFailed");
      logger.error("work was lost", { sesMessageId, stream, state, outcome, cause });
    }
    if (isMore) logger.warn("more is unfinished than one run looks at", { lost: lost.length });
    const failed = lost.filter(({ outcome }) => outcome === "failed").length;
    return { sentAgain: lost.length - failed, failed };
  };
