import { formatMailAddress, parseMailAddress } from "../mail/address.ts";
import { type Tokens, tokenIn } from "../tokens/tokens.ts";

/** The ticket that a reply token names. Numbers start again where a store was lost; the time of opening tells them apart. */
export interface TicketMark {
  readonly ticketId: number;
  /** Seconds since the Unix epoch. */
  readonly openedAt: number;
}

export const markOf = ({ id, createdAt }: { readonly id: number; readonly createdAt: string }): TicketMark => ({
  ticketId: id,
  openedAt: Math.floor(Date.parse(createdAt) / 1000),
});

// RFC 5321 §4.5.3.1.1.
const maxLocalPartOctets = 64;

/**
 * The address by which people answer: `support+<token>@example.com`. Where the local part would get too long the address
 * stays as it is, and the answer threads by its headers.
 *
 * @param base - one of our addresses that leads to the ticket's stream; its own label is dropped
 */
export function replyAddress(tokens: Tokens, base: string, { ticketId, openedAt }: TicketMark): string {
  const address = parseMailAddress(base);
  if (address === undefined) return base;
  const payload = Buffer.alloc(9);
  payload.writeUIntBE(ticketId, 0, 5);
  payload.writeUInt32BE(openedAt, 5);
  const localPart = `${address.localPart.replace(/\+.*$/s, "")}+${tokens.sign("reply", payload)}`;
  if (Buffer.byteLength(localPart) > maxLocalPartOctets) return base;
  return formatMailAddress({ localPart, domain: address.domain });
}

/** The ticket that a recipient's token names, if the token is ours and valid. */
export function ticketOfAddress(tokens: Tokens, recipient: string, now: Date): TicketMark | undefined {
  const token = tokenIn(recipient);
  const verified = token === undefined ? undefined : tokens.verify("reply", token, now);
  if (verified?.kind !== "valid" || verified.payload.length !== 9) return undefined;
  const payload = Buffer.from(verified.payload);
  return { ticketId: payload.readUIntBE(0, 5), openedAt: payload.readUInt32BE(5) };
}
