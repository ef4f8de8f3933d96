import type { ResolvedConfig } from "../../shared/config/types.ts";
import type { Ports } from "../../shared/ports.ts";
import { recordTicket } from "../../shared/tickets/record-ticket.ts";
import { alertLoop } from "../alert-loop.ts";
import type { BatchResponse } from "../batch.ts";
import type { Handler } from "../stack.ts";
import { workBatch } from "../work-batch.ts";

/** Makes tickets of mail: opens one, or joins the one that the mail answers. */
export const work = (ports: Ports, config: ResolvedConfig): Handler<BatchResponse> =>
  workBatch(ports, config, async (job) => {
    const finish = await recordTicket(ports, config, job);
    if (finish.detail?.["loop"] !== undefined) {
      await alertLoop(ports, {
        about: `mail from ${job.message.headers.author?.address ?? ""}`,
        id: job.message.sesMessageId,
      });
    }
    return finish;
  });
