import type { AwsSuppressions } from "../shared/aws/suppressions.ts";
import type { Clock } from "../shared/ports.ts";
import { loggable } from "./batch.ts";
import { type Handler, logger } from "./stack.ts";

const everyMs = 5 * 60_000;

/**
 * Looks, before the work and at most every five minutes, for changes that somebody wrote and died before handing them to the
 * propagation queue. The work goes on whatever comes of it.
 */
export function handingOver<Result>(
  { suppressions, clock }: { readonly suppressions: AwsSuppressions; readonly clock: Clock },
  work: Handler<Result>,
): Handler<Result> {
  let lookedAt = Number.NEGATIVE_INFINITY;
  return async (event, context) => {
    const now = clock.now().getTime();
    if (now - lookedAt >= everyMs) {
      lookedAt = now;
      try {
        const count = await suppressions.handOverLeftovers();
        if (count > 0) logger.warn("changes handed over late", { count });
      } catch (error) {
        logger.warn("changes not handed over", loggable(error));
      }
    }
    return work(event, context);
  };
}
