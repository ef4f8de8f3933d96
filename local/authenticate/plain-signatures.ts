import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import { repeatedFields } from "../../shared/mail/signed-whole.ts";
import type { Resolver } from "./resolver.ts";

/** What a message of the plain kind says: each of its signatures is valid, and this is who signed and who wrote. */
export interface PlainSignatures {
  readonly signers: readonly { readonly domain: string; readonly selector: string }[];
  /** The mailbox in the one From field. */
  readonly author: string;
}

/**
 * Verifies the signatures of mail as nearly all of it is written: one From field with one mailbox, header fields of ASCII, no
 * ARC, signatures by RSA and SHA-256 without anything unusual in them or in their key's record, and all of them valid. What
 * is certain then needs no second look; everything else, every failure above all, is for the verifier of all cases
 * (mailauth.ts), which words it. It says `undefined` rather than guess: docs/decisions/017.
 *
 * @param message - CRLF line ends
 */
export async function verifyPlain(message: Uint8Array, dns: Resolver, now: Date): Promise<PlainSignatures | undefined> {
  const octets = Buffer.from(message.buffer, message.byteOffset, message.length);
  const end = octets.indexOf("\r\n\r\n");
  if (end <= 0 || end > maxHeaderBytes) return undefined;
  const fields = splitFields(octets.toString("latin1", 0, end));
  const author = fields && authorOf(fields);
  if (!fields || author === undefined || repeatedFields(fields.map(({ name }) => name)).size > 0) return undefined;
  const body = octets.subarray(end + 4);
  const hashes = new Map<string, string>();
  const signers: { domain: string; selector: string }[] = [];
  for (const field of fields) {
    if (field.name !== "dkim-signature") continue;
    const signature = readSignature(field.text, now);
    if (!signature) return undefined;
    let hash = hashes.get(signature.bodyCanon);
    if (hash === undefined) {
      hash = createHash("sha256").update(canonicalBody(body, signature.bodyCanon)).digest("base64");
      hashes.set(signature.bodyCanon, hash);
    }
    if (hash !== signature.bodyHash) return undefined;
    const key = await keyOf(signature, dns);
    const signed = key && Buffer.from(canonicalHeader(fields, field, signature), "latin1");
    if (!key || !signed || !verify("sha256", signed, key, signature.octets)) return undefined;
    signers.push({ domain: signature.domain, selector: signature.selector });
  }
  return { signers, author };
}

const maxHeaderBytes = 65_536;

interface Field {
  /** Lower case. */
  readonly name: string;
  /** As it is, without its last line end. */
  readonly text: string;
}

/** The fields of a header section in which nothing is strange; `undefined` otherwise. */
function splitFields(section: string): readonly Field[] | undefined {
  if (!/^[\t\r\n\x20-\x7e]*$/.test(section)) return undefined;
  const fields: { name: string; text: string }[] = [];
  for (const line of section.split("\r\n")) {
    if (line.includes("\r") || line.includes("\n")) return undefined;
    const last = fields.at(-1);
    if (line.startsWith(" ") || line.startsWith("\t")) {
      if (!last) return undefined;
      last.text += `\r\n${line}`;
      continue;
    }
    const name = /^([a-z0-9-]+):/i.exec(line)?.[1]?.toLowerCase();
    if (name === undefined || name.startsWith("arc-")) return undefined;
    fields.push({ name, text: line });
  }
  return fields;
}

// Nothing of RFC 5322's specials outside the quotes, and nothing escaped inside them: one reading only.
const mailbox =
  /^(?:[ \t]*(?:"[^"\\<>@]*"|[^"<>()[\]:;@\\,]*)[ \t]*<([a-z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-z0-9.-]+)>|[ \t]*([a-z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-z0-9.-]+))[ \t]*$/i;

const maxAuthorCharacters = 1_000;

function authorOf(fields: readonly Field[]): string | undefined {
  const [from, second] = fields.filter(({ name }) => name === "from");
  if (!from || second) return undefined;
  const text = from.text.slice("from:".length).replaceAll("\r\n", "");
  // A longer one is left to who reads the rest: the expression's time grows with the square of it.
  if (text.length > maxAuthorCharacters) return undefined;
  const match = mailbox.exec(text);
  return match?.[1] ?? match?.[2];
}

type Canon = "relaxed" | "simple";

interface PlainSignature {
  readonly domain: string;
  readonly selector: string;
  readonly headerCanon: Canon;
  readonly bodyCanon: Canon;
  readonly bodyHash: string;
  readonly octets: Buffer;
  readonly fields: readonly string[];
  /** Of `i=`, when there is one. */
  readonly identityDomain?: string;
}

const tagNames = new Set(["v", "a", "b", "bh", "c", "d", "h", "i", "q", "s", "t", "x"]);
const label = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const domainName = new RegExp(`^${label}(?:\\.${label})+$`, "i");
const selectorName = new RegExp(`^${label}(?:\\.${label})*$`, "i");
const base64 = /^[a-z0-9+/]+={0,2}$/i;
const seconds = /^\d{1,11}$/;

/** RFC 6376 §3.5; `undefined` unless all of it is as signers write it, and in force. */
function readSignature(text: string, now: Date): PlainSignature | undefined {
  const tags = new Map<string, string>();
  const parts = text.slice(text.indexOf(":") + 1).split(";");
  if (parts.at(-1)?.trim() === "") parts.pop();
  for (const part of parts) {
    const equals = part.indexOf("=");
    const name = part.slice(0, Math.max(0, equals)).trim();
    if (!tagNames.has(name) || tags.has(name)) return undefined;
    tags.set(name, part.slice(equals + 1).trim());
  }
  const get = (name: string) => tags.get(name) ?? "";
  const canon = /^(relaxed|simple)(?:\/(relaxed|simple))?$/.exec(tags.get("c") ?? "simple");
  const [domain, selector] = [get("d"), get("s")];
  const [b, bodyHash] = [get("b").replace(/\s+/g, ""), get("bh").replace(/\s+/g, "")];
  const fields = get("h")
    .split(":")
    .map((name) => name.trim().toLowerCase());
  const sound =
    get("v") === "1" &&
    get("a") === "rsa-sha256" &&
    (tags.get("q") ?? "dns/txt") === "dns/txt" &&
    domain.length <= 253 &&
    domainName.test(domain) &&
    `${selector}._domainkey.${domain}`.length <= 253 &&
    selectorName.test(selector) &&
    base64.test(b) &&
    base64.test(bodyHash) &&
    fields.includes("from") &&
    // It never covers its own field: which one is meant is not as plain.
    fields.every((name) => /^[a-z0-9-]+$/.test(name) && name !== "dkim-signature");
  if (!sound || !canon || !isInForce(tags.get("t"), tags.get("x"), now)) return undefined;
  const identity = tags.get("i");
  const identityDomain = identity === undefined ? undefined : domainOfIdentity(identity, domain);
  if (identity !== undefined && identityDomain === undefined) return undefined;
  return {
    ...{ domain, selector, bodyHash, fields },
    headerCanon: canon[1] as Canon,
    bodyCanon: (canon[2] ?? "simple") as Canon,
    octets: Buffer.from(b, "base64"),
    ...(identityDomain !== undefined && { identityDomain }),
  };
}

function isInForce(from: string | undefined, until: string | undefined, now: Date): boolean {
  if (from !== undefined && !seconds.test(from)) return false;
  if (until === undefined) return true;
  return seconds.test(until) && Number(until) * 1000 >= now.getTime() && Number(until) > Number(from ?? 0);
}

function domainOfIdentity(identity: string, domain: string): string | undefined {
  const found = /^(?:[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*)?@([a-z0-9.-]+)$/i.exec(identity)?.[1]?.toLowerCase();
  const wanted = domain.toLowerCase();
  const fits = found !== undefined && domainName.test(found) && (found === wanted || found.endsWith(`.${wanted}`));
  return fits ? found : undefined;
}

/** RFC 6376 §3.7: the fields that `h=` names, from the bottom, then the signature's own with an empty `b=`. */
function canonicalHeader(fields: readonly Field[], own: Field, signature: PlainSignature): string {
  const canonical = signature.headerCanon === "relaxed" ? relaxedField : ({ text }: Field) => text;
  const taken = new Map<string, number>();
  let signed = "";
  for (const name of signature.fields) {
    let at = (taken.get(name) ?? fields.length) - 1;
    while (at >= 0 && fields[at]?.name !== name) at -= 1;
    taken.set(name, at);
    const field = fields[at];
    if (field) signed += `${canonical(field)}\r\n`;
  }
  return signed + canonical(own).replace(/([:;][ \t\r\n]*b[ \t\r\n]*=)[^;]*/, "$1");
}

/** §3.4.2 */
function relaxedField({ name, text }: Field): string {
  const value = text.slice(name.length + 1).replaceAll("\r\n", "");
  return `${name}:${value.replace(/[ \t]+/g, " ").replace(/^ | $/g, "")}`;
}

const [cr, lf, space, tab] = [0x0d, 0x0a, 0x20, 0x09];

/** §3.4.3, §3.4.4 */
export function canonicalBody(body: Buffer, canon: Canon): Uint8Array {
  if (canon === "simple") {
    const stop = withoutEmptyEnd(body, body.length);
    // What ends without a line end gets one; so does what is empty.
    if (stop + 2 <= body.length && body[stop] === cr && body[stop + 1] === lf) return body.subarray(0, stop + 2);
    return Buffer.concat([body.subarray(0, stop), Buffer.from("\r\n")]);
  }
  const relaxed = needsRelaxing(body) ? relax(body) : body;
  const stop = withoutEmptyEnd(relaxed, relaxed.length);
  if (stop === 0) return new Uint8Array();
  if (stop + 2 <= relaxed.length) return relaxed.subarray(0, stop + 2);
  return Buffer.concat([relaxed.subarray(0, stop), Buffer.from("\r\n")]);
}

function withoutEmptyEnd(octets: Uint8Array, stop: number): number {
  while (stop >= 2 && octets[stop - 2] === cr && octets[stop - 1] === lf) stop -= 2;
  return stop;
}

/** Most bodies are relaxed as they are; these searches cost next to nothing. */
function needsRelaxing(body: Buffer): boolean {
  const last = body.at(-1);
  return body.includes("  ") || body.includes("\t") || body.includes(" \r\n") || last === space || last === tab;
}

/** White space within a line becomes one space, at its end none. */
function relax(body: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(body.length);
  let to = 0;
  let waiting = false;
  for (let at = 0; at < body.length; at += 1) {
    const octet = body[at] as number;
    if (octet === space || octet === tab) {
      waiting = true;
      continue;
    }
    if (waiting) {
      waiting = false;
      const ends = octet === cr && body[at + 1] === lf;
      if (!ends) out[to++] = space;
    }
    out[to++] = octet;
  }
  return out.subarray(0, to);
}

// Keys by the text of their record, so that a record that changed is another key. `undefined`: not of the plain kind.
const keys = new Map<string, KeyObject | undefined>();
const maxKeys = 2_000;
const maxRecordCharacters = 2_000;

async function keyOf(signature: PlainSignature, dns: Resolver): Promise<KeyObject | undefined> {
  const { selector, domain, identityDomain } = signature;
  // What the name server does not say in time is for the other verifier to word.
  const records = await dns(`${selector}._domainkey.${domain}`, "TXT").catch(() => []);
  const [record] = records;
  if (records.length !== 1 || record === undefined) return undefined;
  const text = (Array.isArray(record) ? record.join("") : String(record)).replace(/\s+/g, "");
  if (text.length > maxRecordCharacters) return undefined;
  // §3.6.1: t=s allows no subdomain in i=.
  if (/;t=s;|^t=s;/.test(text) && identityDomain !== undefined && identityDomain !== domain.toLowerCase())
    return undefined;
  if (keys.has(text)) return keys.get(text);
  const key = readKey(text);
  keys.set(text, key);
  for (const oldest of keys.keys()) {
    if (keys.size <= maxKeys) break;
    keys.delete(oldest);
  }
  return key;
}

/** §3.6.1: each tag once, `v=` first, all of them the usual ones. */
function readKey(text: string): KeyObject | undefined {
  const match = /^(?:v=DKIM1;)?((?:(?:k=rsa|t=s|s=email|h=sha256);)*)p=([A-Za-z0-9+/]+={0,2});?$/.exec(text);
  const [, tags = "", p = ""] = match ?? [];
  const named = tags.split(";").filter(Boolean);
  if (!match || p.length % 4 !== 0 || new Set(named).size < named.length) return undefined;
  const der = Buffer.from(p, "base64");
  try {
    const key = createPublicKey({ key: der, format: "der", type: isBareKey(der) ? "pkcs1" : "spki" });
    const bits = key.asymmetricKeyType === "rsa" ? (key.asymmetricKeyDetails?.modulusLength ?? 0) : 0;
    return bits >= minBits ? key : undefined;
  } catch {
    // No key: the other verifier says so.
    return undefined;
  }
}

/** RFC 8301 §3.2: shorter keys do not count. */
const minBits = 1024;

/** Whether the first element of the sequence is a number, as in an RSAPublicKey, or an algorithm. */
function isBareKey(der: Buffer): boolean {
  const length = der[1] ?? 0;
  return der[0] === 0x30 && der[length < 0x80 ? 2 : 2 + (length & 0x7f)] === 0x02;
}
