import { decodeCharset } from "./charset.ts";

// Linear: no part of the pattern can match what the next one matches.
const word = /=\?([^?\s]{1,60})\?([bq])\?([^?]{0,8192})\?=/gi;

/**
 * Decodes RFC 2047 encoded-words, in the tolerant way that real senders force: inside quotes, glued to other text, with
 * a language tag (RFC 2231 §5), or with one multi-octet character cut across two words. What cannot be read stays.
 */
export function decodeWords(input: string): string {
  if (!input.includes("=?")) return input;
  let out = "";
  let last = 0;
  let pending: { charset: string; octets: Buffer[] } | undefined;
  const flush = () => {
    if (pending) out += decodeCharset(Buffer.concat(pending.octets), pending.charset).text;
    pending = undefined;
  };
  for (const match of input.matchAll(word)) {
    const [whole, label, encoding, data] = match as unknown as [string, string, string, string];
    const between = input.slice(last, match.index);
    const charset = (label.split("*")[0] as string).toLowerCase();
    // RFC 2047 §6.2: white space between two encoded-words is not part of the text.
    const adjacent = pending !== undefined && /^\s*$/.test(between);
    if (!adjacent || pending?.charset !== charset) flush();
    if (!adjacent) out += between;
    pending ??= { charset, octets: [] };
    pending.octets.push(encoding.toLowerCase() === "b" ? Buffer.from(data, "base64") : decodeQ(data));
    last = match.index + whole.length;
  }
  flush();
  return out + input.slice(last);
}

function decodeQ(data: string): Buffer {
  const octets = Buffer.from(data, "utf8").toString("latin1");
  const out = Buffer.alloc(octets.length);
  let size = 0;
  for (let at = 0; at < octets.length; at++) {
    const code = octets.charCodeAt(at);
    if (code === 0x5f) {
      out[size++] = 0x20;
    } else if (code === 0x3d && /^[0-9a-f]{2}$/i.test(octets.slice(at + 1, at + 3))) {
      out[size++] = Number.parseInt(octets.slice(at + 1, at + 3), 16);
      at += 2;
    } else {
      out[size++] = code;
    }
  }
  return out.subarray(0, size);
}
