// RFC 4648 §6 in lower case and without padding: it survives relays that fold the case of a local part, and holds no
// character that an address, a header or a shell would have to quote.
const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
const values = new Map(
  [...alphabet].flatMap((letter, value) => [[letter, value] as const, [letter.toUpperCase(), value] as const]),
);

export function encodeBase32(bytes: Uint8Array): string {
  let text = "";
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(held >> bits) & 31];
    }
    held &= (1 << bits) - 1;
  }
  return bits > 0 ? text + alphabet[(held << (5 - bits)) & 31] : text;
}

/** Reads either case; `undefined` for any text that `encodeBase32` does not write, so that one value has one spelling. */
export function decodeBase32(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(Math.floor((text.length * 5) / 8));
  let at = 0;
  let bits = 0;
  let held = 0;
  for (const character of text) {
    const value = values.get(character);
    if (value === undefined) return undefined;
    held = (held << 5) | value;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = held >> bits;
      held &= (1 << bits) - 1;
    }
  }
  // What is left must be fewer bits than a character, and zero.
  return bits < 5 && held === 0 ? bytes : undefined;
}
