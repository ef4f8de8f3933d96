import { createHmac, timingSafeEqual } from "node:crypto";
import { decodeBase32, encodeBase32 } from "./base32.ts";
import { checkKeyRing, deriveKey, type KeyRing, type TokenKey } from "./key-ring.ts";

/** What a token may be used for. A token of one purpose verifies for no other. */
export type TokenPurpose = "unsubscribe" | "confirm" | "bounce" | "reply" | "mail-link";

export type VerifiedToken =
  | { readonly kind: "valid"; readonly payload: Uint8Array; readonly keyId: string }
  /** Signed by a key whose time is over: who else knows it by now, nobody can say. */
  | { readonly kind: "expired"; readonly payload: Uint8Array; readonly keyId: string }
  | { readonly kind: "invalid"; readonly reason: "malformed" | "unknown-key" | "bad-signature" };

export interface Tokens {
  /** `<key id><base32 of payload and MAC>`: lower case, letters and digits. @param payload - at most 40 octets */
  sign(purpose: TokenPurpose, payload: Uint8Array): string;
  /** Either case; any text of a stranger's. */
  verify(purpose: TokenPurpose, token: string, now: Date): VerifiedToken;
}

/** Octets of the MAC: one guess in 2^80, and every guess is a mail or a request. */
export const macOctets = 10;
const maxPayloadOctets = 40;

/**
 * Signed tokens that fit in a local part behind a word: `unsubscribe+<token>@`, `support+<token>@`. HMAC-SHA256 over
 * key id and payload, truncated (RFC 2104 §5), with a key derived for each purpose.
 *
 * @throws {KeyRingError} when the ring cannot be used
 */
export function createTokens(ring: KeyRing): Tokens {
  const { keys } = checkKeyRing(ring);
  const [signer] = keys as [TokenKey, ...TokenKey[]];
  const derived = new Map<string, Uint8Array>();
  const mac = (key: TokenKey, purpose: TokenPurpose, payload: Uint8Array) => {
    const name = `${key.id} ${purpose}`;
    const known = derived.get(name) ?? deriveKey(key.secret, `token ${purpose}`);
    derived.set(name, known);
    return createHmac("sha256", known).update(key.id).update(payload).digest().subarray(0, macOctets);
  };
  return {
    sign(purpose, payload) {
      if (payload.length > maxPayloadOctets) throw new RangeError(`a token holds at most ${maxPayloadOctets} octets`);
      return signer.id + encodeBase32(Buffer.concat([payload, mac(signer, purpose, payload)]));
    },
    verify(purpose, token, now) {
      const octets = token.length <= maxTokenLength ? decodeBase32(token.slice(1)) : undefined;
      if (octets === undefined || octets.length < macOctets) return { kind: "invalid", reason: "malformed" };
      const key = keys.find(({ id }) => id === token[0]?.toLowerCase());
      if (key === undefined) return { kind: "invalid", reason: "unknown-key" };
      const payload = octets.subarray(0, octets.length - macOctets);
      if (!timingSafeEqual(octets.subarray(octets.length - macOctets), mac(key, purpose, payload))) {
        return { kind: "invalid", reason: "bad-signature" };
      }
      if (key.verifyUntil !== undefined && now.getTime() >= Date.parse(key.verifyUntil)) {
        return { kind: "expired", payload, keyId: key.id };
      }
      return { kind: "valid", payload, keyId: key.id };
    },
  };
}

const maxTokenLength = 1 + Math.ceil(((maxPayloadOctets + macOctets) * 8) / 5);

/** What stands behind the first `+` of an address's local part, if it may be a token; the domain is not looked at. */
export function tokenIn(address: string): string | undefined {
  const localPart = address.slice(0, Math.max(0, address.lastIndexOf("@")));
  return /^[^+"]*\+([A-Za-z2-7]{17,90})$/.exec(localPart)?.[1];
}
