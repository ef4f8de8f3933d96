import type { ResolvedConfig } from "../../shared/config/types.ts";
import type { Ports } from "../../shared/ports.ts";
import { expireHeld } from "../../shared/streams/discard.ts";
import { type Handler, logger } from "../stack.ts";

const dayMs = 86_400_000;

/** Runs by itself, every hour: what nobody released for so many days ends as expired. */
export const work =
  (ports: Ports, { quarantine }: ResolvedConfig): Handler<{ readonly expired: number }> =>
  async () => {
    const before = new Date(ports.clock.now().getTime() - quarantine.days * dayMs);
    const { expired, isMore } = await expireHeld(ports, before);
    if (expired > 0) logger.info("held mail expired", { expired, isMore });
    return { expired };
  };
