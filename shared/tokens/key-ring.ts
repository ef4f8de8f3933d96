import { hkdfSync } from "node:crypto";
import { MailweirError } from "../errors.ts";

/** A secret that signs, or signed, what we hand to strangers. Text counts as its UTF-8 octets; a line end behind it does not. */
export type Secret = string | Uint8Array;

export interface TokenKey {
  /** One letter a–z or digit 2–7: it stands in front of every token that the key signed. */
  readonly id: string;
  readonly secret: Secret;
  /** ISO 8601: what this key signed is no longer believed from then on. Default: for ever. */
  readonly verifyUntil?: string;
}

export interface KeyRing {
  /** The first one signs; all of them verify. To rotate, put a new one in front. */
  readonly keys: readonly TokenKey[];
  /**
   * Hashes addresses, and must stay the same for ever: suppressions are kept under these hashes. May be left out while
   * there is one key, whose secret it is then; when a second key comes, the first one's secret belongs here.
   */
  readonly addressSecret?: Secret;
}

export class KeyRingError extends MailweirError {
  readonly code = "ERR_KEY_RING";
  readonly retryable = false;
}

/** The ring, if it can be used as it is. @throws {KeyRingError} */
export function checkKeyRing(ring: KeyRing): KeyRing {
  if (ring.keys.length === 0) throw new KeyRingError("There is no token key: name at least one in tokens.keys");
  const seen = new Set<string>();
  for (const { id, secret, verifyUntil } of ring.keys) {
    if (!/^[a-z2-7]$/.test(id)) {
      throw new KeyRingError(`"${id}" cannot be a token key's id: use one letter a-z or digit 2-7`);
    }
    if (seen.has(id)) throw new KeyRingError(`Two token keys have the id "${id}": give the newer one another`);
    seen.add(id);
    checkSecret(secret, `token key "${id}"`);
    if (verifyUntil !== undefined && Number.isNaN(Date.parse(verifyUntil))) {
      throw new KeyRingError(`verifyUntil of token key "${id}" is no time: write for example 2026-12-31T00:00:00Z`);
    }
  }
  if (ring.addressSecret !== undefined) checkSecret(ring.addressSecret, "the address secret");
  else if (ring.keys.length > 1) {
    throw new KeyRingError(
      "With more than one token key the address secret must be named: it is the secret of your first key, for ever",
    );
  }
  return ring;
}

const minSecretOctets = 16;

function checkSecret(secret: Secret, what: string): void {
  const octets = secretOctets(secret).length;
  if (octets >= minSecretOctets) return;
  throw new KeyRingError(
    `The secret of ${what} has ${octets} octets: use at least ${minSecretOctets}, from a random source`,
  );
}

/** What a secret is derived to: one key a purpose, so that what is signed for one is worth nothing for another. */
export function deriveKey(secret: Secret, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", secretOctets(secret), "", `mailweir ${purpose}`, 32));
}

/** Editors and `echo` put a line end behind a secret in a file, and an environment variable has none: both must agree. */
function secretOctets(secret: Secret): Uint8Array {
  const octets = typeof secret === "string" ? Buffer.from(secret, "utf8") : secret;
  let end = octets.length;
  while (end > 0 && (octets[end - 1] === 0x0a || octets[end - 1] === 0x0d)) end--;
  return octets.subarray(0, end);
}
