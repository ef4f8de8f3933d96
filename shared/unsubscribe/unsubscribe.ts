import type { ResolvedConfig } from "../config/types.ts";
import type { Header } from "../mail/headers.ts";
import type { Claim, Finish, Ports } from "../ports.ts";
import { storedObjectOf } from "../streams/stored-object.ts";
import type { StreamContent, StreamMessage } from "../streams/stream-message.ts";
import { createPersonOf } from "./person.ts";
import { decideWho } from "./who.ts";

export interface UnsubscribeRequest {
  readonly message: StreamMessage;
  readonly recipient: string;
  readonly claim: Claim;
  readonly headers: readonly Header[];
}

/**
 * Suppresses the person who asks, with the mail as evidence; a request that nobody can be held to ends done as well, with
 * the reason as its outcome.
 *
 * @throws {StaleClaimError}
 */
export async function unsubscribe(
  { suppressions, secrets }: Pick<Ports, "suppressions" | "secrets">,
  config: ResolvedConfig,
  { message, recipient, claim, headers }: UnsubscribeRequest,
): Promise<Finish> {
  const who = decideWho(config, { message, recipient, headers });
  if (who.kind === "nobody") {
    return { state: "done", outcome: who.outcome, detail: { reasons: who.reasons.join("; ").slice(0, 500) } };
  }
  const { address, list, reasons } = who;
  // A pointer even where the queue carried the mail itself: it must not live on here when the stored one is deleted.
  const pointer: StreamContent =
    message.content.kind === "s3" ? message.content : { kind: "s3", ...storedObjectOf(config, message.sesMessageId) };
  const person = createPersonOf(await secrets.keyRing())(address);
  const result = await suppressions.suppress(
    { claim },
    {
      person,
      address,
      list,
      reason: "mailto",
      since: message.receivedAt,
      evidence: {
        sesMessageId: message.sesMessageId,
        content: pointer,
        note: reasons.join("; ").slice(0, 500),
      },
    },
  );
  return { state: "done", outcome: "suppressed", detail: { address, list, result } };
}
