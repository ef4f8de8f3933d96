import type { ResolvedConfig } from "../config/types.ts";
import { normaliseAddress, parseMailAddress } from "../mail/address.ts";
import type { MailEntry } from "../ports.ts";
import { maxHops } from "./hops.ts";

/** One acknowledgement an author and hour, and this many mails of ours in one ticket and hour, whoever asks for them. */
export const acknowledgementLimit = { max: 1, windowMs: 3_600_000 } as const;
export const threadLimit = { max: 20, windowMs: 3_600_000 } as const;

export type Acknowledging =
  | { readonly kind: "yes"; readonly to: string }
  | { readonly kind: "no"; readonly why: string };

/**
 * Whether the author of a mail that opened a ticket is told so. RFC 3834 §2: never an answer to what is automatic (such mail
 * does not come here), to the null sender, or to an address that nobody has proven: it would reach whoever is forged.
 *
 * @param envelopeFrom - `""` is the null sender
 */
export function mayAcknowledge(
  { tickets, domains }: Pick<ResolvedConfig, "tickets" | "domains">,
  entry: Pick<MailEntry, "author" | "trust">,
  { envelopeFrom, hops }: { readonly envelopeFrom: string; readonly hops: number },
): Acknowledging {
  const no = (why: string) => ({ kind: "no", why }) as const;
  if (!tickets.acknowledge) return no("acknowledgements are off");
  const author = parseMailAddress(entry.author.address);
  if (author === undefined) return no("its author has no address");
  if (envelopeFrom === "") return no("its envelope sender is null");
  if (entry.trust !== "aligned" && entry.trust !== "token") return no(`its author is not proven (${entry.trust})`);
  if (hops >= maxHops) return no(`it is in a loop: ${hops} answers of machines`);
  const ours = domains.some((domain) => author.domain === domain || author.domain.endsWith(`.${domain}`));
  if (ours) return no("its author is one of our own addresses");
  if (isNobody(author.localPart)) return no("its author's address takes no answers");
  return { kind: "yes", to: normaliseAddress(entry.author.address) };
}

/** RFC 3834 §2 and habit: addresses behind which no person reads. */
function isNobody(localPart: string): boolean {
  return /^(?:mailer-daemon|postmaster|no-?reply|do-?not-?reply|bounces?|owner-.*|.*-request|.*-bounces?|listserv|majordomo)(?:\+.*)?$/i.test(
    localPart,
  );
}

/** What an author is counted under: labels are made at will, by answering machines too. */
export function withoutLabel(address: string): string {
  const at = address.lastIndexOf("@");
  return address.slice(0, at).replace(/\+.*$/s, "") + address.slice(at);
}
