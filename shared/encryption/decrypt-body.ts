import { createDecipheriv } from "node:crypto";
import { BodyLengthError, BodyNotAuthenticError } from "./envelope-errors.ts";
import { fixedChunks } from "./fixed-chunks.ts";

const tagBytes = 16;
const blockBytes = 16;

interface GcmKey {
  readonly kind: "gcm";
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
  readonly additionalData: Uint8Array | undefined;
}

interface CbcKey {
  readonly kind: "cbc";
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
}

/** How many octets of plaintext a body of this size holds; undefined where the padding hides it. */
export function plainBytesOf(kind: "gcm" | "cbc", sizeBytes: number): number | undefined {
  if (kind === "cbc") {
    if (sizeBytes > 0 && sizeBytes % blockBytes === 0) return undefined;
    throw new BodyLengthError(`An AES/CBC body of ${sizeBytes} octets is not made of whole blocks`, "object");
  }
  if (sizeBytes >= tagBytes) return sizeBytes - tagBytes;
  throw new BodyLengthError(`An AES/GCM body of ${sizeBytes} octets is shorter than its tag`, "object");
}

/**
 * Decrypts a whole body, at most `fixed-chunks.chunkBytes` at a time, and returns the chunks only after the tag (GCM)
 * or the padding (CBC) proved right: until then nobody has seen an octet. Holds the plaintext once, in small pieces.
 *
 * @param sizeBytes - what the store says the body has; anything else in the stream is an error
 * @throws {BodyLengthError} when the stream ends early or goes on; reading stops at the first octet too many
 * @throws {BodyNotAuthenticError}
 */
export async function decryptBody(
  body: Uint8Array | AsyncIterable<Uint8Array>,
  sizeBytes: number,
  how: GcmKey | CbcKey,
): Promise<Uint8Array[]> {
  const gcm = how.kind === "gcm" ? createGcm(how) : undefined;
  const decipher = gcm ?? createDecipheriv("aes-256-cbc", how.key, how.iv);
  const cipherBytes = how.kind === "gcm" ? sizeBytes - tagBytes : sizeBytes;
  const tag = new Uint8Array(sizeBytes - cipherBytes);
  const plain: Uint8Array[] = [];
  let read = 0;
  for await (const chunk of fixedChunks(body)) {
    if (read + chunk.length > sizeBytes) {
      throw new BodyLengthError(`The body goes on after the ${sizeBytes} octets that it should have`, "transfer");
    }
    const cipherPart = chunk.subarray(0, Math.max(0, cipherBytes - read));
    if (cipherPart.length > 0) plain.push(decipher.update(cipherPart));
    if (cipherPart.length < chunk.length) {
      tag.set(chunk.subarray(cipherPart.length), read + cipherPart.length - cipherBytes);
    }
    read += chunk.length;
  }
  if (read < sizeBytes) {
    throw new BodyLengthError(`The body ended after ${read} of ${sizeBytes} octets`, "transfer");
  }
  try {
    gcm?.setAuthTag(tag);
    const last = decipher.final();
    if (last.length > 0) plain.push(last);
    return plain;
  } catch (cause) {
    // Nobody will read these, so they need not wait for the garbage collector to be forgotten.
    for (const chunk of plain) chunk.fill(0);
    const what = how.kind === "gcm" ? "The body does not fit its authentication tag" : "The body's padding is wrong";
    throw new BodyNotAuthenticError(what, { cause });
  }
}

function createGcm({ key, iv, additionalData }: GcmKey) {
  const decipher = createDecipheriv("aes-256-gcm", key, iv, { authTagLength: tagBytes });
  if (additionalData !== undefined) decipher.setAAD(additionalData);
  return decipher;
}
