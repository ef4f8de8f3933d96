/** For a terminal, when strangers wrote it: no control or direction characters, and not longer than `max`. */
export function printable(text: string, max: number): string {
  const safe = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "·");
  return safe.length > max ? `${safe.slice(0, max - 1)}…` : safe;
}
