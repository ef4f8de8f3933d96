import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";
import { normaliseAddress, parseMailAddress } from "../mail/address.ts";
import { checkKeyRing, deriveKey, type KeyRing, type TokenKey } from "../tokens/key-ring.ts";
import { parseListId } from "./list-id.ts";

export interface SealedRequest {
  /** Normalised. */
  readonly address: string;
  readonly list: string;
}

export type OpenedLink =
  | ({ readonly kind: "valid"; readonly keyId: string } & SealedRequest)
  | { readonly kind: "invalid"; readonly reason: "malformed" | "unknown-key" | "expired-key" | "bad-signature" };

export interface Links {
  /** What stands behind the address of the page: key id and base64url. The same for the same person and list. */
  seal(request: SealedRequest): string;
  open(sealed: string, now: Date): OpenedLink;
}

const nonceOctets = 12;
const tagOctets = 16;
// An address has at most 254 octets and a list 63.
const maxSealedLength = 800;

/**
 * The HTTPS link carries the address, because a suppression list of somebody else's needs it, but nobody on the way can
 * read or change it: AES-256-GCM. The nonce is a MAC of what is sealed, so that no two texts ever share one and writing
 * a link needs no randomness.
 *
 * @throws {KeyRingError} when the ring cannot be used
 */
export function createLinks(ring: KeyRing): Links {
  const { keys } = checkKeyRing(ring);
  const [sealer] = keys as [TokenKey, ...TokenKey[]];
  const derived = new Map<string, { readonly seal: Uint8Array; readonly nonce: Uint8Array }>();
  const keysOf = (key: TokenKey) => {
    const known = derived.get(key.id) ?? {
      seal: deriveKey(key.secret, "link seal"),
      nonce: deriveKey(key.secret, "link nonce"),
    };
    derived.set(key.id, known);
    return known;
  };
  return {
    seal({ address, list }) {
      const text = Buffer.from(JSON.stringify([normaliseAddress(address), list]));
      const { seal, nonce } = keysOf(sealer);
      const iv = createHmac("sha256", nonce).update(text).digest().subarray(0, nonceOctets);
      const cipher = createCipheriv("aes-256-gcm", seal, iv).setAAD(Buffer.from(sealer.id));
      const body = Buffer.concat([iv, cipher.update(text), cipher.final(), cipher.getAuthTag()]);
      return sealer.id + body.toString("base64url");
    },
    open(sealed, now) {
      if (sealed.length > maxSealedLength || !/^[a-z2-7][\w-]+$/.test(sealed)) return invalid("malformed");
      const octets = Buffer.from(sealed.slice(1), "base64url");
      // One link, one spelling: the last character of base64 may hold bits that belong to no octet.
      if (octets.length < nonceOctets + tagOctets || octets.toString("base64url") !== sealed.slice(1)) {
        return invalid("malformed");
      }
      const key = keys.find(({ id }) => id === sealed[0]);
      if (key === undefined) return invalid("unknown-key");
      const text = decrypt(keysOf(key).seal, key.id, octets);
      const request = text === undefined ? undefined : parseRequest(text);
      if (request === undefined) return invalid("bad-signature");
      if (key.verifyUntil !== undefined && now.getTime() >= Date.parse(key.verifyUntil)) return invalid("expired-key");
      return { kind: "valid", keyId: key.id, ...request };
    },
  };
}

function decrypt(key: Uint8Array, keyId: string, octets: Buffer): string | undefined {
  const end = octets.length - tagOctets;
  const decipher = createDecipheriv("aes-256-gcm", key, octets.subarray(0, nonceOctets), { authTagLength: tagOctets })
    .setAAD(Buffer.from(keyId))
    .setAuthTag(octets.subarray(end));
  try {
    return Buffer.concat([decipher.update(octets.subarray(nonceOctets, end)), decipher.final()]).toString("utf8");
  } catch {
    // The tag does not fit: somebody else's text, or a changed one.
    return undefined;
  }
}

function parseRequest(text: string): SealedRequest | undefined {
  const [address, list] = JSON.parse(text) as readonly unknown[];
  if (typeof address !== "string" || typeof list !== "string") return undefined;
  const id = parseListId(list);
  return id !== undefined && parseMailAddress(address) ? { address, list: id } : undefined;
}

function invalid(reason: Extract<OpenedLink, { kind: "invalid" }>["reason"]): OpenedLink {
  return { kind: "invalid", reason };
}
