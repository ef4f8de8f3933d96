import type { Context } from "aws-lambda";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import type { Ports } from "../../shared/ports.ts";
import { decodeAnswerJob } from "../../shared/tickets/answer-job.ts";
import { answerTicket } from "../../shared/tickets/answer-ticket.ts";
import { alertLoop } from "../alert-loop.ts";
import { type BatchResponse, eachRecord } from "../batch.ts";
import { count, type Handler, logger } from "../stack.ts";

/** Writes answers and acknowledgements to the people of a ticket. */
export const work =
  (ports: Ports, config: ResolvedConfig): Handler<BatchResponse> =>
  (event: unknown, context: Context) =>
    eachRecord(
      event,
      context,
      async ({ body }) => {
        const job = decodeAnswerJob(body);
        const answered = await answerTicket(ports, config, job);
        const fields = { ticket: answered.ticketId, kind: job.kind };
        if (answered.kind === "sent") {
          count("TicketAnswered");
          logger.info("ticket answered", { ...fields, repeated: answered.repeated });
          return;
        }
        logger.info("answer withheld", { ...fields, why: answered.why });
        if (answered.why !== "thread-limit") return;
        await alertLoop(ports, { about: `ticket ${answered.ticketId}`, id: job.id, ticket: answered.ticketId });
      },
      ports,
    );
