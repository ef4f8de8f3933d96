import { Webhook } from "standardwebhooks";

/**
 * The header fields of a signed request of the Standard Webhooks specification.
 *
 * @param id - the same in every attempt: a receiver that saw it before has nothing to do
 * @param secret - `whsec_` and base64, or any other text, which is used as it is
 */
export function signWebhook(id: string, body: string, secret: string, now: Date): Readonly<Record<string, string>> {
  const trimmed = secret.trim();
  const signer = trimmed.startsWith("whsec_") ? new Webhook(trimmed) : new Webhook(trimmed, { format: "raw" });
  return {
    "content-type": "application/json",
    "user-agent": "mailweir",
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(now.getTime() / 1000)),
    "webhook-signature": signer.sign(id, now, body),
  };
}
