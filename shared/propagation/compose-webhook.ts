import { Webhook } from "standardwebhooks";
import type { Propagation } from "./message.ts";

/**
 * The signed request of the Standard Webhooks specification. The id is the change's and the endpoint's, the same in every
 * attempt: a receiver that saw it before has nothing to do.
 *
 * @param secret - `whsec_` and base64, or any other text, which is used as it is
 */
export function composeWebhook(
  { change }: Propagation,
  endpoint: string,
  secret: string,
  now: Date,
): { readonly headers: Readonly<Record<string, string>>; readonly body: string } {
  const { id, kind, person, address, list, reason, at, sesMessageId } = change;
  const body = JSON.stringify({
    type: kind === "suppressed" ? "suppression.created" : "suppression.removed",
    timestamp: at,
    data: {
      person,
      // Absent where only a token named the person: whoever sends knows the hash too (`personOf`).
      ...(address !== undefined && { address }),
      list,
      reason,
      ...(sesMessageId !== undefined && { sesMessageId }),
    },
  });
  const trimmed = secret.trim();
  const signer = trimmed.startsWith("whsec_") ? new Webhook(trimmed) : new Webhook(trimmed, { format: "raw" });
  const messageId = `${id}.${endpoint}`;
  return {
    body,
    headers: {
      "content-type": "application/json",
      "user-agent": "mailweir",
      "webhook-id": messageId,
      "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
      "webhook-signature": signer.sign(messageId, now, body),
    },
  };
}
