import { forwardsSent } from "../shared/delivery/forward.ts";
import type { Ports } from "../shared/ports.ts";
import { count, logger } from "./stack.ts";

const forwardsBounced = "forward-bounced";

const hours = 24;
// Two of three mails that come back say little about the others.
const atLeast = 5;
const rate = 0.05;
const alertLimit = { max: 1, windowMs: 3_600_000 } as const;

/**
 * Counts a forwarded mail that came back, and tells whoever runs the pipeline when 5 % of a day's did: receivers then judge
 * all mail of ours by it. One error and one `ForwardsBounce` an hour, not one a mail.
 *
 * @param id - of what told us, so that being told again says nothing new
 */
export async function alertForwardBounces(
  { tallies, limits }: Pick<Ports, "tallies" | "limits">,
  id: string,
): Promise<void> {
  await tallies.add(forwardsBounced);
  const [sent, bounced] = await Promise.all([tallies.sum(forwardsSent, hours), tallies.sum(forwardsBounced, hours)]);
  if (bounced < atLeast || bounced < rate * sent) return;
  if (!(await limits.take("forwards bounce alert", id, alertLimit))) return;
  count("ForwardsBounce");
  logger.error("5 % of forwarded mail bounces: look at the paused targets (suppress list --list forwarding)", {
    sent,
    bounced,
    hours,
  });
}
