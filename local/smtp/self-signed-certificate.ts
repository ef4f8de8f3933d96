import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { isIP, isIPv4 } from "node:net";

export interface KeyAndCertificate {
  /** PKCS #8, PEM. */
  readonly key: string;
  /** X.509 v3, PEM. */
  readonly cert: string;
}

const validForMs = 10 * 365 * 86_400_000;

/**
 * A new ECDSA P-256 key with a certificate that it signs itself (RFC 5280), good for ten years: enough for opportunistic
 * STARTTLS, whose senders verify nothing. One fixed shape of DER, which is why no ASN.1 library is needed.
 *
 * @param names - host names and IP addresses for subjectAltName; the first one is the subject
 * @param serial - 16 random octets
 */
export function createSelfSignedCertificate(
  names: readonly string[],
  now: Date,
  serial: Uint8Array,
): KeyAndCertificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const tbs = toBeSigned(publicKey, names, now, serial);
  const signature = sign("sha256", tbs, privateKey);
  const certificate = der(tag.sequence, tbs, ecdsaWithSha256, der(tag.bitString, Buffer.of(0), signature));
  const lines = certificate.toString("base64").match(/.{1,64}/g) ?? [];
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
  };
}

// X.690 §8: identifier octets.
const tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

const oid = {
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
  commonName: [0x55, 0x04, 0x03],
  subjectAltName: [0x55, 0x1d, 0x11],
  keyUsage: [0x55, 0x1d, 0x0f],
  basicConstraints: [0x55, 0x1d, 0x13],
  extendedKeyUsage: [0x55, 0x1d, 0x25],
  serverAuth: [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01],
} as const;

const ecdsaWithSha256 = der(tag.sequence, objectId(oid.ecdsaWithSha256));

/** RFC 5280 §4.1.2. */
function toBeSigned(publicKey: KeyObject, names: readonly string[], now: Date, serial: Uint8Array): Buffer {
  const number = Buffer.from(serial);
  // A positive INTEGER without leading zeros.
  number[0] = ((number[0] ?? 0) & 0x3f) | 0x40;
  const commonName = der(tag.sequence, objectId(oid.commonName), der(tag.utf8, Buffer.from(names[0] ?? "localhost")));
  const name = der(tag.sequence, der(tag.set, commonName));
  // An hour's grace for a sender whose clock is behind.
  const validity = der(tag.sequence, time(now.getTime() - 3_600_000), time(now.getTime() + validForMs));
  const spki = publicKey.export({ type: "spki", format: "der" });
  const extensions = der(
    tag.sequence,
    extension(oid.basicConstraints, true, der(tag.sequence)),
    extension(oid.keyUsage, true, der(tag.bitString, Buffer.of(7, 0x80))),
    extension(oid.extendedKeyUsage, false, der(tag.sequence, objectId(oid.serverAuth))),
    extension(oid.subjectAltName, false, der(tag.sequence, ...names.map(generalName))),
  );
  return der(
    tag.sequence,
    der(0xa0, der(tag.integer, Buffer.of(2))),
    der(tag.integer, number),
    ecdsaWithSha256,
    name,
    validity,
    name,
    spki,
    der(0xa3, extensions),
  );
}

/** RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime from then on. */
function time(atMs: number): Buffer {
  const digits = `${new Date(atMs).toISOString().slice(0, 19).replace(/[-:T]/g, "")}Z`;
  return digits < "2050"
    ? der(tag.utcTime, Buffer.from(digits.slice(2)))
    : der(tag.generalizedTime, Buffer.from(digits));
}

function extension(id: readonly number[], critical: boolean, value: Buffer): Buffer {
  const flag = critical ? [der(tag.boolean, Buffer.of(0xff))] : [];
  return der(tag.sequence, objectId(id), ...flag, der(tag.octetString, value));
}

/** RFC 5280 §4.2.1.6: dNSName [2], iPAddress [7]. */
function generalName(name: string): Buffer {
  if (isIP(name) === 0) return der(0x82, Buffer.from(name, "ascii"));
  return der(0x87, isIPv4(name) ? Buffer.from(name.split(".").map(Number)) : ipv6Octets(name));
}

function ipv6Octets(address: string): Buffer {
  const [head = "", tail] = address.split("::");
  const groups = (part: string) => (part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16)));
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  const octets = Buffer.alloc(16);
  for (const [index, group] of front.entries()) octets.writeUInt16BE(group, 2 * index);
  for (const [index, group] of back.entries()) octets.writeUInt16BE(group, 16 - 2 * (back.length - index));
  return octets;
}

function objectId(octets: readonly number[]): Buffer {
  return der(tag.oid, Buffer.from(octets));
}

/** X.690 §8.1: identifier, definite length, contents. */
function der(identifier: number, ...contents: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(contents);
  const { length } = body;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >>> 8, length & 0xff];
  return Buffer.concat([Buffer.of(identifier, ...size), body]);
}
