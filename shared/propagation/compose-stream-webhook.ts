import type { StreamMessage } from "../streams/stream-message.ts";
import { signWebhook } from "./sign-webhook.ts";

/**
 * One recipient's mail as a signed request of the Standard Webhooks specification. The id is the mail's and the
 * recipient's, the same in every attempt and for every copy: a receiver that saw it before has nothing to do.
 *
 * @param secret - `whsec_` and base64, or any other text, which is used as it is
 */
export function composeStreamWebhook(
  message: StreamMessage,
  recipient: string,
  secret: string,
  now: Date,
): { readonly headers: Readonly<Record<string, string>>; readonly body: string } {
  const body = JSON.stringify({
    type: "mail.received",
    timestamp: message.receivedAt,
    data: { ...message, recipients: [recipient] },
  });
  // A recipient may hold what no header field can.
  const id = `${message.sesMessageId}.${encodeURIComponent(recipient.toWellFormed())}`;
  return { body, headers: signWebhook(id, body, secret, now) };
}
