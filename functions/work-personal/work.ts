import type { ResolvedConfig } from "../../shared/config/types.ts";
import { targetsOf } from "../../shared/delivery/address-map.ts";
import { deliverAll } from "../../shared/delivery/deliver-all.ts";
import { recordReport } from "../../shared/delivery/record-report.ts";
import { returnBounce } from "../../shared/delivery/return-bounce.ts";
import { isSrs } from "../../shared/delivery/srs.ts";
import type { Ports } from "../../shared/ports.ts";
import { alertForwardBounces } from "../alert-forward-bounces.ts";
import { alertLoop } from "../alert-loop.ts";
import type { BatchResponse } from "../batch.ts";
import type { Handler } from "../stack.ts";
import { workBatch } from "../work-batch.ts";

/**
 * Delivers to mailboxes and forwards. A bounce or a complaint in a person's mailbox is delivered like any other mail, and
 * recorded as a second effect, since it also tells us about an address.
 */
export const work = (ports: Ports, config: ResolvedConfig): Handler<BatchResponse> =>
  workBatch(ports, config, async (job) => {
    const { message, recipient, stream, claim, content } = job;
    if (isSrs(recipient)) {
      const { outcome, detail } = await returnBounce(ports, config, job);
      if (outcome === "bounce-returned") await alertForwardBounces(ports, message.sesMessageId);
      const told = await recordReport(ports, config, job);
      return { state: "done", outcome, detail: { ...told, ...detail } };
    }
    const delivered = await deliverAll(ports, config, job, targetsOf(config, stream, recipient));
    if (delivered["loop"] !== undefined) {
      await alertLoop(ports, { about: `forward ${recipient}`, id: message.sesMessageId });
    }
    const { kind } = message.nature;
    const tells = kind === "bounce" || kind === "complaint";
    const told = tells ? await recordReport(ports, config, { message, recipient, claim, content }) : {};
    return {
      state: "done",
      outcome: delivered["path"] !== undefined ? "delivered" : delivered["loop"] !== undefined ? "loop" : "forwarded",
      detail: { ...delivered, ...told, ...(tells && { recorded: kind }) },
    };
  });
