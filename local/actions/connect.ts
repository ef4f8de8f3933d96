import type { ConnectAction } from "../../shared/receipt/model.ts";
import type { PerformAction } from "./action.ts";
import { bounceEffect } from "./bounce.ts";

// Amazon Connect takes no more; SES bounces the mail then (ses-receiving.md §5.8).
const maxAttachments = 10;

/**
 * Amazon Connect cannot be run here: that the action would have started a contact is recorded. What Connect would not take is
 * bounced as on AWS, so that a rule set shows the same to its senders.
 */
export const startContact: PerformAction<ConnectAction> = async (input, tools) => {
  const { parseMail } = await import("../../shared/mail/parse-mail.ts");
  const { attachments } = await parseMail(input.stored());
  if (attachments.length > maxAttachments) {
    const { result, effects } = await bounceEffect(
      input,
      { smtpReplyCode: "552", statusCode: "5.3.4", message: "Message too large", sender: tools.bounceSender },
      tools,
    );
    return { result: `${attachments.length} attachments are too many for Connect: ${result}`, effects };
  }
  return {
    result: `would start a contact in ${input.action.instanceArn}: nothing is sent from this machine`,
    effects: [],
  };
};
