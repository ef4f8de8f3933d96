import { normaliseAddress } from "../mail/address.ts";
import type { Ports } from "../ports.ts";
import type { StreamMessage } from "./stream-message.ts";

/**
 * Whether a held message may go on because somebody allowed its author: only where the spam verdict is all that speaks against
 * it, and only where SPF or DKIM prove who wrote it. A virus, a limit and a failed DMARC are nobody's to allow.
 *
 * @param reasons - why it was to be held
 */
export async function isFromAllowedSender(
  { senders }: Pick<Ports, "senders">,
  { headers, trust, verdicts, safety }: Pick<StreamMessage, "headers" | "trust" | "verdicts" | "safety">,
  reasons: readonly string[],
): Promise<boolean> {
  const author = headers.author?.address;
  if (author === undefined || (trust !== "aligned" && trust !== "token")) return false;
  if (verdicts.virus !== "PASS" && verdicts.virus !== "DISABLED") return false;
  const spam = "spam verdict FAIL";
  if (verdicts.spam !== "FAIL" || ![...reasons, ...safety.reasons].every((reason) => reason === spam)) return false;
  return senders.isAllowed(normaliseAddress(author));
}
