import { decodeCharset } from "./charset.ts";
import { decodeWords } from "./encoded-words.ts";

/** A structured field with parameters: `Content-Type` or `Content-Disposition` (RFC 2045 §5.1, RFC 2183). */
export interface StructuredValue {
  /** Lower case; `""` when there is none. */
  readonly value: string;
  /** Names in lower case; RFC 2231 continuations joined and charsets decoded; the first of a repeated name wins. */
  readonly parameters: Readonly<Record<string, string>>;
}

const maxParameters = 100;

// Text that was just made is looked up among all of the engine's names before it can name a member; one of these was once.
const usual: ReadonlyMap<string, string> = new Map(
  [
    "boundary",
    "charset",
    "delsp",
    "filename",
    "format",
    "micalg",
    "name",
    "protocol",
    "report-type",
    "size",
    "type",
  ].map((name) => [name, name]),
);

/** Reads any input, however broken, in linear time. Comments are dropped; `;` inside quotes does not separate. */
export function parseStructuredValue(input: string): StructuredValue {
  const fields = splitFields(input.slice(0, 16_384));
  const value = (fields[0] ?? "").trim().toLowerCase();
  const parameters: Record<string, string> = Object.create(null);
  let continued: Map<string, { index: number; text: string; encoded: boolean }[]> | undefined;
  const count = Math.min(fields.length, maxParameters);
  for (let at = 1; at < count; at += 1) {
    const field = fields[at] as string;
    const equals = field.indexOf("=");
    if (equals <= 0) continue;
    const written = field.slice(0, equals).trim().toLowerCase();
    const name = usual.get(written) ?? written;
    const text = unquote(field.slice(equals + 1).trim());
    const extended = name.includes("*") ? /^([^*]+)(?:\*(\d{1,3}))?(\*)?$/.exec(name) : null;
    if (extended?.[1]) {
      continued ??= new Map();
      const pieces = continued.get(extended[1]) ?? [];
      pieces.push({ index: Number(extended[2] ?? 0), text, encoded: extended[3] === "*" });
      continued.set(extended[1], pieces);
    } else if (parameters[name] === undefined) {
      parameters[name] = text.includes("=?") ? decodeWords(text) : text;
    }
  }
  // RFC 2231 wins over the plain form, which senders add for readers that do not know it.
  if (continued) for (const [name, pieces] of continued) parameters[name] = joinExtended(pieces);
  return { value, parameters };
}

function splitFields(input: string): string[] {
  // Nothing quotes and nothing comments: the common case, and the faster way.
  if (!/["(\\]/.test(input)) return input.split(";");
  const fields: string[] = [];
  let field = "";
  let quoted = false;
  let comment = 0;
  for (let at = 0; at < input.length; at++) {
    const char = input[at] as string;
    if (char === "\\" && (quoted || comment > 0) && at + 1 < input.length) {
      if (comment === 0) field += char + input[at + 1];
      at++;
    } else if (comment > 0) {
      if (char === "(") comment++;
      if (char === ")") comment--;
    } else if (char === '"') {
      quoted = !quoted;
      field += char;
    } else if (!quoted && char === "(" && input.indexOf(")", at) !== -1) {
      comment++;
    } else if (!quoted && char === ";") {
      fields.push(field);
      field = "";
    } else {
      field += char;
    }
  }
  fields.push(field);
  return fields;
}

function unquote(text: string): string {
  if (!text.startsWith('"')) return text;
  const end = text.length > 1 && text.endsWith('"') ? -1 : undefined;
  return text.slice(1, end).replace(/\\(.)/g, "$1");
}

/** RFC 2231 §3 and §4: pieces in order of their number; the first may carry `charset'language'`. */
function joinExtended(pieces: { index: number; text: string; encoded: boolean }[]): string {
  pieces.sort((a, b) => a.index - b.index);
  const octets: Buffer[] = [];
  let charset: string | undefined;
  for (const [position, piece] of pieces.entries()) {
    let text = piece.text;
    if (position === 0 && piece.encoded) {
      const lead = /^([^']*)'[^']*'/.exec(text);
      if (lead) {
        charset = lead[1] || undefined;
        text = text.slice(lead[0].length);
      }
    }
    octets.push(piece.encoded ? percentDecode(text) : Buffer.from(text, "utf8"));
  }
  return decodeCharset(Buffer.concat(octets), charset).text;
}

function percentDecode(text: string): Buffer {
  const octets: number[] = [];
  for (const octet of Buffer.from(text, "utf8")
    .toString("latin1")
    .matchAll(/%([0-9a-f]{2})|([\s\S])/gi)) {
    octets.push(octet[1] === undefined ? (octet[2] as string).charCodeAt(0) : Number.parseInt(octet[1], 16));
  }
  return Buffer.from(octets);
}
