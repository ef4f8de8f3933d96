import type { ResolvedConfig } from "../../shared/config/types.ts";
import { parseNoticeText } from "../../shared/receipt/parse-notice.ts";
import { type BatchResponse, eachRecord } from "../batch.ts";
import { type RouterPorts, routeNotice } from "../route-notice.ts";
import type { Handler } from "../stack.ts";

// The queue shows a record six minutes after a failure: three tries give the journal a quarter of an hour more.
const triesForTheJournal = 3;

/**
 * The safety net: the bucket's own event for every stored object, 15 minutes late. Almost always everything is routed by
 * then, and two reads say so. A record that fails comes again after the visibility timeout.
 */
export const work =
  (ports: RouterPorts, config: ResolvedConfig): Handler<BatchResponse> =>
  (event, context) =>
    eachRecord(
      event,
      context,
      async ({ body, receiveCount }) => {
        for (const notice of parseNoticeText(body)) {
          await routeNotice(ports, config, notice, { mayWait: receiveCount < triesForTheJournal });
        }
      },
      ports,
    );
