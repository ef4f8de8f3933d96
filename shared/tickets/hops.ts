import { type Header, headerValue, headerValues } from "../mail/headers.ts";

/** Counts how often machines like this one answered each other; RFC 3834 gives no header of its own for it. */
export const hopHeader = "X-Mailweir-Hop";

/** Answers of machines to answers of machines before the next one is not written. */
export const maxHops = 3;

// RFC 5321 §6.3 asks for at least 100; a mail that passed half of that has been somewhere twice.
const maxReceived = 50;

/** How far the mail has come on the way round, from 0; it is in a loop from `maxHops` on. */
export function hopsOf(headers: readonly Header[]): number {
  if (headerValues(headers, "Received").length > maxReceived) return maxHops;
  const value = headerValue(headers, hopHeader);
  if (value === undefined) return 0;
  const hops = Number(/^\s*(\d{1,3})\s*$/.exec(value)?.[1]);
  // Somebody else wrote something there: it was here, and nobody knows how often.
  return Number.isNaN(hops) ? maxHops : Math.min(hops, maxHops);
}
