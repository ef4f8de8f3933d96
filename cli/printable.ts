import { showConfusables } from "../shared/mail/confusable.ts";

/**
 * For a terminal, when strangers wrote it: no control or direction characters, letters that pretend to be others named, and not
 * longer than `max`.
 */
export function printable(text: string, max: number): string {
  const safe = showConfusables(text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "·"));
  return safe.length > max ? `${safe.slice(0, max - 1)}…` : safe;
}
