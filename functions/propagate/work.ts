import type { ResolvedConfig } from "../../shared/config/types.ts";
import type { Ports } from "../../shared/ports.ts";
import { decodePropagation } from "../../shared/propagation/message.ts";
import { propagate } from "../../shared/propagation/propagate.ts";
import { type BatchResponse, eachRecord } from "../batch.ts";
import { type Handler, logger } from "../stack.ts";

/** Tells the world what changed: the suppression list to SES's account list and webhooks, tickets to their sinks. */
export const work =
  (ports: Ports, config: ResolvedConfig): Handler<BatchResponse> =>
  (event, context) =>
    eachRecord(
      event,
      context,
      async ({ body }) => {
        const message = decodePropagation(body);
        const outcome = await propagate(ports, config, message);
        const change = "ticket" in message ? message.ticket.change : message.change.id;
        logger.info("propagated", { change, target: message.target, outcome });
      },
      ports,
    );
