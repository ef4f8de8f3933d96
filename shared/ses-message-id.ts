declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** SES's id for one delivery: the last part of the S3 key and what the sender was told with 250. Ours to trust. */
export type SesMessageId = Brand<string, "SesMessageId">;

/** The name under which SES proves that it may write; never a mail (ses-receiving.md §5.3). */
export const setupNotificationId = "AMAZON_SES_SETUP_NOTIFICATION";

const readable = /^[0-9a-z]{20,64}$/;

/** Treats the id as opaque; `undefined` when it cannot be one. */
export function parseSesMessageId(input: unknown): SesMessageId | undefined {
  return typeof input === "string" && readable.test(input) ? (input as SesMessageId) : undefined;
}

const base32hex = "0123456789abcdefghijklmnopqrstuv";

/**
 * A new id in the shape of all ids seen since 2015: 25 octets in lower-case base32hex, the last one 0x01.
 *
 * @param randomBytes - 24 random octets
 */
export function createSesMessageId(randomBytes: Uint8Array): SesMessageId {
  if (randomBytes.length !== 24) throw new RangeError("an SES message id needs 24 random octets");
  const codes = new Array<number>(40);
  let buffer = 0;
  let bits = 0;
  let at = 0;
  for (let index = 0; index < 25; index += 1) {
    buffer = (buffer << 8) | (randomBytes[index] ?? 1);
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      codes[at] = base32hex.charCodeAt((buffer >>> bits) & 31);
      at += 1;
    }
    buffer &= (1 << bits) - 1;
  }
  // At once: a string that grows letter by letter is a chain, which is made flat when it is used.
  return String.fromCharCode(...codes) as SesMessageId;
}

/** The 25 octets behind an id of that shape; `undefined` for any other. */
export function sesMessageIdOctets(id: SesMessageId): Uint8Array | undefined {
  if (!/^[0-9a-v]{40}$/.test(id)) return undefined;
  const octets = new Uint8Array(25);
  for (const [index, character] of [...id].entries()) {
    const value = base32hex.indexOf(character);
    for (let bit = 0; bit < 5; bit++) {
      if (((value >>> (4 - bit)) & 1) === 0) continue;
      const at = index * 5 + bit;
      octets[at >>> 3] = (octets[at >>> 3] ?? 0) | (128 >>> (at & 7));
    }
  }
  return octets;
}

/** `undefined` when they are not 25. */
export function sesMessageIdOfOctets(octets: Uint8Array): SesMessageId | undefined {
  if (octets.length !== 25) return undefined;
  let id = "";
  for (let at = 0; at < 200; at += 5) {
    let value = 0;
    for (let bit = at; bit < at + 5; bit++) value = (value << 1) | (((octets[bit >>> 3] ?? 0) >>> (7 - (bit & 7))) & 1);
    id += base32hex[value];
  }
  return id as SesMessageId;
}
