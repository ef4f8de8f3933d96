import type { ResolvedConfig } from "../../shared/config/types.ts";
import { parseNotices, parseNoticeText } from "../../shared/receipt/parse-notice.ts";
import { type BatchResponse, eachRecord } from "../batch.ts";
import { type RouterPorts, routeNotice } from "../route-notice.ts";
import type { Handler } from "../stack.ts";

/**
 * Reads the notices of stored mail: from a queue behind the topic (raw or in SNS's envelope), or from the topic itself.
 * Of a queue's batch, single records fail and come again; SNS tries the whole invocation again when it throws. Both may
 * deliver twice, which changes nothing.
 */
export const work =
  (ports: RouterPorts, config: ResolvedConfig): Handler<BatchResponse> =>
  async (event, context) => {
    if (isQueueBatch(event)) {
      return eachRecord(
        event,
        context,
        async ({ body, receiveCount }) => {
          for (const notice of parseNoticeText(body)) {
            await routeNotice(ports, config, notice, { mayWait: receiveCount < 3 });
          }
        },
        ports,
      );
    }
    for (const notice of parseNotices(event)) await routeNotice(ports, config, notice, { mayWait: false });
    return { batchItemFailures: [] };
  };

function isQueueBatch(event: unknown): boolean {
  if (typeof event !== "object" || event === null || !("Records" in event) || !Array.isArray(event.Records))
    return false;
  const [record]: unknown[] = event.Records;
  return typeof record === "object" && record !== null && "eventSource" in record && record.eventSource === "aws:sqs";
}
