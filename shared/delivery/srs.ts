import { createHmac, timingSafeEqual } from "node:crypto";
import { normaliseAddress, parseMailAddress } from "../mail/address.ts";
import { encodeBase32 } from "../tokens/base32.ts";
import { deriveKey, type KeyRing, type TokenKey } from "../tokens/key-ring.ts";

/**
 * The Sender Rewriting Scheme (draft-mengwong-sender-rewrite; Meng Weng Wong, "SRS: Sender Rewriting Scheme"): an envelope
 * sender of our own domain that holds the original one, so that SPF passes for us and bounces find their way back.
 *
 * `SRS0=<hash>=<day>=<domain>=<local part>@<ours>`; of one that another forwarder wrote, SRS1 keeps what it needs:
 * `SRS1=<hash>=<first forwarder>==<rest>@<ours>`, and the bounce goes back to that forwarder.
 */
export interface Srs {
  /** `undefined`: the result would be longer than an address may be. `""` stays `""`: nobody answers a bounce. */
  forward(envelopeSender: string, now: Date): string | undefined;
  reverse(address: string, now: Date): SrsAnswer;
}

export type SrsAnswer =
  | { readonly kind: "valid"; readonly address: string }
  /** Not one of ours: a guess, a changed one, or signed by a key that is gone. */
  | { readonly kind: "invalid" }
  /** Bounces come within days; whoever sends to an old one found it somewhere. */
  | { readonly kind: "expired" };

const dayMs = 86_400_000;
/** How long a bounce may take. Mail is given up after five days. */
const validDays = 21;
// RFC 5321 §4.5.3.1.1 says 64; every large receiver takes more, and ours 128.
const maxLocalPart = 128;

export function isSrs(address: string): boolean {
  return /^srs[01][=+-]/i.test(address);
}

export function createSrs(ring: KeyRing, domain: string): Srs {
  const derived = new Map<TokenKey, Uint8Array>();
  // 40 bits in base32: it survives relays that fold the case of a local part.
  const hash = (key: TokenKey, text: string) => {
    const secret = derived.get(key) ?? deriveKey(key.secret, "srs");
    derived.set(key, secret);
    return encodeBase32(createHmac("sha256", secret).update(text.toLowerCase()).digest().subarray(0, 5));
  };
  const isSigned = (given: string, text: string, now: Date) =>
    ring.keys.some((key) => {
      if (key.verifyUntil !== undefined && now.getTime() >= Date.parse(key.verifyUntil)) return false;
      const [ours, theirs] = [Buffer.from(hash(key, text)), Buffer.from(given.toLowerCase())];
      return ours.length === theirs.length && timingSafeEqual(ours, theirs);
    });
  const [signer] = ring.keys;
  const sign = (text: string) => (signer === undefined ? "" : hash(signer, text));

  return {
    forward(envelopeSender, now) {
      if (envelopeSender === "") return "";
      const at = envelopeSender.lastIndexOf("@");
      const parsed = parseMailAddress(envelopeSender);
      // A quoted local part could hold what separates.
      if (at < 1 || parsed === undefined || envelopeSender.startsWith('"')) return undefined;
      const local = envelopeSender.slice(0, at);
      const srs0 = /^srs0([=+-].*)$/is.exec(local);
      const srs1 = /^srs1[=+-][^=]*=([^=]+)=([=+-].*)$/is.exec(local);
      let result: string;
      if (srs1 || srs0) {
        const rest = srs1 ? `${srs1[1]}=${srs1[2]}` : `${parsed.domain}=${srs0?.[1]}`;
        result = `SRS1=${sign(rest)}=${rest}`;
      } else {
        const rest = `${dayStamp(now)}=${parsed.domain}=${local}`;
        result = `SRS0=${sign(rest)}=${rest}`;
      }
      return result.length > maxLocalPart ? undefined : `${result}@${domain}`;
    },
    reverse(address, now) {
      const local = address.slice(0, Math.max(0, address.lastIndexOf("@")));
      const srs0 = /^srs0[=+-]([^=]+)=([a-z2-7]{2})=([^=]+)=(.+)$/is.exec(local);
      if (srs0) {
        const [, given = "", stamp = "", host = "", user = ""] = srs0;
        if (!isSigned(given, `${stamp}=${host}=${user}`, now)) return { kind: "invalid" };
        if (ageDays(stamp, now) > validDays) return { kind: "expired" };
        return validAddress(`${user}@${host}`);
      }
      const srs1 = /^srs1[=+-]([^=]+)=([^=]+)=([=+-].+)$/is.exec(local);
      if (srs1) {
        const [, given = "", host = "", rest = ""] = srs1;
        if (!isSigned(given, `${host}=${rest}`, now)) return { kind: "invalid" };
        return validAddress(`SRS0${rest}@${host}`);
      }
      return { kind: "invalid" };
    },
  };
}

function validAddress(address: string): SrsAnswer {
  return parseMailAddress(address) ? { kind: "valid", address: normaliseCase(address) } : { kind: "invalid" };
}

// The local part is given back as it came: some hosts tell its case apart. The domain is one in any case.
function normaliseCase(address: string): string {
  const at = address.lastIndexOf("@");
  const domain = normaliseAddress(`x${address.slice(at)}`).slice(1);
  return `${address.slice(0, at)}${domain}`;
}

const alphabet = "abcdefghijklmnopqrstuvwxyz234567";

/** The day modulo 1024 as two characters. */
function dayStamp(now: Date): string {
  const day = Math.floor(now.getTime() / dayMs) % 1024;
  return `${alphabet[day >> 5]}${alphabet[day & 31]}`;
}

function ageDays(stamp: string, now: Date): number {
  const [high, low] = [...stamp.toLowerCase()].map((letter) => alphabet.indexOf(letter));
  const then = ((high ?? 0) << 5) | (low ?? 0);
  return ((Math.floor(now.getTime() / dayMs) % 1024) - then + 1024) % 1024;
}
