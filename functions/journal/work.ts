import type { ResolvedConfig } from "../../shared/config/types.ts";
import type { Ports } from "../../shared/ports.ts";
import { parseNotices } from "../../shared/receipt/parse-notice.ts";
import { type Handler, logger } from "../stack.ts";

/**
 * The asynchronous Lambda action behind the store: writes the envelope and the verdicts down, which no other place keeps.
 * SES ignores what it answers; a throw makes Lambda try again twice. Writing twice changes nothing.
 */
export const work =
  ({ ledger }: Pick<Ports, "ledger">, _config: ResolvedConfig): Handler<void> =>
  async (event) => {
    for (const notice of parseNotices(event)) {
      if (notice.kind !== "received") {
        logger.warn("nothing to record", { kind: notice.kind });
        continue;
      }
      const { sesMessageId, receivedAt, source, recipients, verdicts } = notice;
      await ledger.putMeta({ sesMessageId, receivedAt, from: source, recipients, verdicts });
      logger.info("receipt recorded", { sesMessageId, recipients: recipients.length });
    }
  };
