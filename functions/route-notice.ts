import type { ResolvedConfig } from "../shared/config/types.ts";
import { unreachable } from "../shared/errors.ts";
import type { Ports } from "../shared/ports.ts";
import type { Notice } from "../shared/receipt/notice.ts";
import { arrivalOf, storeContent } from "../shared/streams/arrival.ts";
import { fanOut } from "../shared/streams/fan-out.ts";
import { count, logger } from "./stack.ts";

export type RouterPorts = Pick<Ports, "ledger" | "queues" | "objects" | "keys" | "random" | "clock">;

/** Routes whatever a notice tells of, the same for every way by which it came. */
export async function routeNotice(
  ports: RouterPorts,
  config: ResolvedConfig,
  notice: Notice,
  options: {
    /** True while another try will follow. */
    readonly mayWait: boolean;
  },
): Promise<void> {
  switch (notice.kind) {
    case "received": {
      await storeContent(ports, config, notice);
      const { records, sent } = await fanOut(ports, config, arrivalOf(ports, config, notice));
      count("MailRouted");
      logger.info("mail routed", {
        sesMessageId: notice.sesMessageId,
        recipients: records.length,
        nature: records[0]?.nature.kind,
        streams: [...new Set(records.map(({ stream, outcome }) => stream ?? outcome ?? "none"))],
        sent,
      });
      return;
    }
    case "object": {
      // The safety net opens objects; news of received mail seldom needs that.
      const { sweepObject } = await import("../shared/streams/sweep-object.ts");
      const swept = await sweepObject(ports, config, notice, options);
      switch (swept.kind) {
        case "no-mail":
          logger.debug("object is no mail", { bucket: notice.bucket });
          return;
        case "nothing-missing":
          logger.debug("nothing missing", { sesMessageId: swept.sesMessageId });
          return;
        case "routed":
          // Somebody should know: the notice has not come, or its handling died.
          count("MailRoutedLate");
          logger.warn("mail routed by the safety net", {
            sesMessageId: swept.sesMessageId,
            envelopeFrom: swept.envelopeFrom,
            sent: swept.fannedOut.sent,
          });
          return;
        default:
          return unreachable(swept);
      }
    }
    case "feedback":
      // About mail that was sent, not received; it came here because the topics are one.
      logger.warn("feedback is not for the router", { type: notice.type });
      return;
    case "ignore":
      logger.debug("notice ignored", { why: notice.why });
      return;
    default:
      return unreachable(notice);
  }
}
