import { hkdfSync, timingSafeEqual } from "node:crypto";
import { KeyCommitmentError } from "./envelope-errors.ts";

/** The algorithm suite's number, 0x0073, as two octets: HKDF's label begins with it and GCM authenticates it. */
export const committedSuiteId = Uint8Array.of(0x00, 0x73);

/**
 * The content IV of the committing suite. The clients and their specification say octets of 0x01; a text that says
 * zeros is wrong (a client's own objects do not open with them). The message id makes each key unique instead.
 */
export const committedIv: Uint8Array = new Uint8Array(12).fill(0x01);

/**
 * The content key of format V3: HKDF-SHA512 over the data key, salted with the message id (28 octets).
 *
 * @throws {KeyCommitmentError} when the data key is not the one the object was made with
 */
export function deriveCommittedKey(dataKey: Uint8Array, messageId: Uint8Array, commitment: Uint8Array): Uint8Array {
  // The commitment comes first: a key that it refuses is never used, not even derived.
  if (!timingSafeEqual(deriveCommitment(dataKey, messageId), commitment)) throw new KeyCommitmentError();
  return expand(dataKey, messageId, "DERIVEKEY", 32);
}

/** What format V3 stores as `x-amz-d`: 28 octets. */
export function deriveCommitment(dataKey: Uint8Array, messageId: Uint8Array): Uint8Array {
  return expand(dataKey, messageId, "COMMITKEY", 28);
}

function expand(dataKey: Uint8Array, salt: Uint8Array, label: string, length: number): Uint8Array {
  const info = Buffer.concat([committedSuiteId, Buffer.from(label)]);
  return new Uint8Array(hkdfSync("sha512", dataKey, salt, info, length));
}
