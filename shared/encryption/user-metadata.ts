import { EnvelopeMalformedError } from "./envelope-errors.ts";

/** User metadata as SDKs show them: names in lower case, without `x-amz-meta-`. */
export type UserMetadata = ReadonlyMap<string, string>;

const prefix = "x-amz-meta-";

/**
 * Reads user metadata in any case, with or without the `x-amz-meta-` of the HTTP headers.
 *
 * @throws {EnvelopeMalformedError} when two spellings of one name disagree: which of them counts must not be a guess
 */
export function readUserMetadata(input: Readonly<Record<string, string>>): UserMetadata {
  const metadata = new Map<string, string>();
  for (const [key, value] of Object.entries(input)) {
    const lower = key.toLowerCase();
    const name = lower.startsWith(prefix) ? lower.slice(prefix.length) : lower;
    if ((metadata.get(name) ?? value) !== value) {
      throw new EnvelopeMalformedError(`The metadata give "${name}" twice, with different values`);
    }
    metadata.set(name, value);
  }
  return metadata;
}

const encodedWord = /=\?utf-8\?([bq])\?([^?]*)\?=(?:\s+(?==\?utf-8\?[bq]\?))?/gi;

/**
 * Undoes what S3 does to a metadata value with other than ASCII characters: it takes the UTF-8 octets for Latin-1
 * characters, and hands those out as RFC 2047 encoded words. A value without encoded words is returned as it is.
 */
export function decodeMetadataValue(value: string): string {
  if (!value.includes("=?")) return value;
  const octets: Buffer[] = [];
  let end = 0;
  for (const match of value.matchAll(encodedWord)) {
    const [whole, scheme = "", text = ""] = match;
    octets.push(Buffer.from(value.slice(end, match.index)));
    octets.push(scheme.toLowerCase() === "b" ? Buffer.from(text, "base64") : decodeQ(text));
    end = match.index + whole.length;
  }
  octets.push(Buffer.from(value.slice(end)));
  const decoded = Buffer.concat(octets).toString("utf8");
  // A value that somebody encoded once and properly is no Latin-1 reading of UTF-8, and stays.
  return latin1ReadAsUtf8(decoded) ?? decoded;
}

/** RFC 2047 §4.2. */
function decodeQ(text: string): Buffer {
  const unescaped = text.replace(/_/g, " ").replace(/=([0-9a-f]{2})/gi, (_, hex: string) => {
    return String.fromCharCode(Number.parseInt(hex, 16));
  });
  return Buffer.from(unescaped, "latin1");
}

function latin1ReadAsUtf8(text: string): string | undefined {
  for (const character of text) if (character > "\u00ff") return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.from(text, "latin1"));
  } catch {
    // Not UTF-8 underneath: the one thing the caller wants to know.
    return undefined;
  }
}
