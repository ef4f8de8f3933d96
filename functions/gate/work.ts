import type { ResolvedConfig } from "../../shared/config/types.ts";
import type { Ports } from "../../shared/ports.ts";
import type { Disposition } from "../../shared/receipt/model.ts";
import { parseNotices } from "../../shared/receipt/parse-notice.ts";
import { arrivalOf } from "../../shared/streams/arrival.ts";
import { askGate, type GatePorts } from "../../shared/streams/ask-gate.ts";
import { type Handler, logger } from "../stack.ts";

/**
 * The synchronous Lambda action in front of what cannot be undone. SES does what `disposition` says: `STOP_RULE` skips the
 * rest of this rule, `STOP_RULE_SET` everything behind it, for all recipients of the message. A throw is a failed
 * action: SES waits and asks again, for up to four hours (ses-receiving.md §5.6).
 */
export const work =
  (
    ports: GatePorts & Pick<Ports, "objects" | "keys">,
    config: ResolvedConfig,
  ): Handler<{ readonly disposition: Disposition }> =>
  async (event) => {
    const [notice] = parseNotices(event);
    if (notice?.kind !== "received") {
      logger.warn("nothing to decide", { kind: notice?.kind ?? "none" });
      return { disposition: "CONTINUE" };
    }
    const { disposition, bounced } = await askGate(ports, config, arrivalOf(ports, config, notice));
    logger.info("gate answered", {
      sesMessageId: notice.sesMessageId,
      disposition,
      recipients: notice.recipients.length,
      bounced: bounced.length,
    });
    return { disposition };
  };
