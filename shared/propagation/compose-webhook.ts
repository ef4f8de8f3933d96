import type { SuppressionPropagation } from "./message.ts";
import { signWebhook } from "./sign-webhook.ts";

/**
 * The signed request of the Standard Webhooks specification. The id is the change's and the endpoint's, the same in every
 * attempt: a receiver that saw it before has nothing to do.
 *
 * @param secret - `whsec_` and base64, or any other text, which is used as it is
 */
export function composeWebhook(
  { change }: SuppressionPropagation,
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
  return { body, headers: signWebhook(`${id}.${endpoint}`, body, secret, now) };
}
