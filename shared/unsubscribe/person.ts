import { createHmac } from "node:crypto";
import { normaliseAddress } from "../mail/address.ts";
import { decodeBase32, encodeBase32 } from "../tokens/base32.ts";
import { checkKeyRing, deriveKey, type KeyRing, type TokenKey } from "../tokens/key-ring.ts";

/** Octets of the hash that stands for an address. */
export const personOctets = 16;

/**
 * The keyed hash under which suppressions of an address are kept, as 26 characters of base32. Who has the list but not
 * the key cannot even try addresses; who has a row cannot learn the address. The address is normalised here: one mailbox,
 * one hash, however it is spelt. Sub-addresses (`ann+news@`) are mailboxes of their own.
 *
 * @throws {KeyRingError} when the ring cannot be used
 */
export function createPersonOf(ring: KeyRing): (address: string) => string {
  const known = made.get(ring);
  if (known) return known;
  const { keys, addressSecret } = checkKeyRing(ring);
  const [first] = keys as [TokenKey, ...TokenKey[]];
  const key = deriveKey(addressSecret ?? first.secret, "address");
  const personOf = (address: string) =>
    encodeBase32(
      createHmac("sha256", key).update(normaliseAddress(address), "utf8").digest().subarray(0, personOctets),
    );
  made.set(ring, personOf);
  return personOf;
}

// Only a memo: every mail asks, and deriving the key takes longer than using it.
const made = new WeakMap<KeyRing, (address: string) => string>();

export function personFromOctets(octets: Uint8Array): string {
  return encodeBase32(octets.subarray(0, personOctets));
}

/** @throws {RangeError} when the text is no person */
export function personToOctets(person: string): Uint8Array {
  const octets = decodeBase32(person);
  if (octets?.length === personOctets) return octets;
  throw new RangeError("a person is 26 characters of base32");
}

/** Says which address secret is in use without giving it away: a store compares it with the one its rows were hashed by. */
export function addressKeyFingerprint(ring: KeyRing): string {
  const { keys, addressSecret } = checkKeyRing(ring);
  const [first] = keys as [TokenKey, ...TokenKey[]];
  return encodeBase32(deriveKey(addressSecret ?? first.secret, "address fingerprint").subarray(0, 10));
}
