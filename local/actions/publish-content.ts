import { buildNotification, notificationSubject } from "../../shared/receipt/build-notification.ts";
import { limits } from "../../shared/receipt/limits.ts";
import type { SnsAction } from "../../shared/receipt/model.ts";
import type { PerformAction } from "./action.ts";
import { bounceEffect } from "./bounce.ts";
import { notificationInput } from "./notify.ts";

/** The result of a message that went nowhere because it was too large; whoever counts what was told looks for it. */
export const tooLargeToPublish = "too large for SNS";

/**
 * The SNS action: the whole stored message in the notification, up to 150 KB; a larger one is bounced to its sender and
 * nothing is published (ses-receiving.md §5.5). Later actions run either way.
 */
export const publishContent: PerformAction<SnsAction> = async (input, tools) => {
  const { action, storedBytes } = input;
  if (storedBytes > limits.snsMessageBytes) {
    // Which text and sender SES takes is not known: those of its template "Message too large".
    const bounce = await bounceEffect(
      input,
      { smtpReplyCode: "552", statusCode: "5.3.4", message: "Message too large", sender: tools.bounceSender },
      tools,
    );
    return { result: `${tooLargeToPublish}: ${bounce.result}`, effects: bounce.effects };
  }
  const chunks: Uint8Array[] = [];
  for await (const chunk of input.stored()) chunks.push(chunk);
  const notification = buildNotification(await notificationInput(input), Buffer.concat(chunks));
  return {
    result: `published to ${action.topicArn}`,
    effects: [
      {
        kind: "publish",
        topicArn: action.topicArn,
        subject: notificationSubject,
        message: JSON.stringify(notification),
      },
    ],
  };
};
