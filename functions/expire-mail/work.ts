import { expireOnStage, type StageExpired, type StageExpiryParts } from "../../shared/aws/expire-mail.ts";
import { countMany, type Handler, logger } from "../stack.ts";

// What was begun with one message, and the place that is noted, take no longer.
const marginMs = 60_000;

/** Runs by itself, every hour: removes mail and tickets whose periods are over, as far as it comes before its time-out. */
export const work =
  (parts: StageExpiryParts): Handler<StageExpired> =>
  async (_event, context) => {
    const expired = await expireOnStage(parts, () => context.getRemainingTimeInMillis() > marginMs);
    const { kind, messages, objects, tickets, held, unread } = expired;
    if (kind === "changed") logger.info("retention changed: the first deletion comes an hour from now");
    for (const { hold, messages: count, first } of held) {
      const { by, at: since, reason } = hold;
      logger.info("mail stays beyond its period: it is held", { messages: count, first, by, since, reason });
    }
    if (unread.length > 0) {
      logger.warn("mail stays beyond its period: it cannot be opened, and addresses are held", {
        messages: unread.length,
        first: unread[0],
      });
    }
    if (messages > 0) logger.info("mail expired", { removed: messages, objects });
    if (tickets > 0) logger.info("tickets expired", { removed: tickets });
    countMany("MailExpired", messages);
    countMany("TicketsExpired", tickets);
    return expired;
  };
