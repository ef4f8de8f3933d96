/** One header field as SES reports it in `mail.headers`: name as written, value unfolded, encoded-words left alone. */
export interface Header {
  readonly name: string;
  readonly value: string;
}

export interface HeaderSection {
  readonly headers: readonly Header[];
  /** Offset of the first body octet, behind the empty line; the length of `raw` when there is no body. */
  readonly bodyOffset: number;
  /** True when the section ended before an empty line: at a line that is no header field, or at `maxHeaderBytes`. */
  readonly malformed: boolean;
}

const lf = 0x0a;
const cr = 0x0d;
const utf8 = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

/**
 * Splits the header section off a message and unfolds it by SES's rules: CRLF and the run of white space behind it
 * become one space, one leading space after the colon goes, and `DKIM-Signature` loses white space inside `b=`.
 * Octets that are not UTF-8 become U+FFFD; the section ends at the first line that cannot be a header field
 * (ses-receiving.md §6.2). Never throws.
 *
 * @param raw - the message, CRLF or LF line ends; only the header section needs to be there
 * @param maxHeaderBytes - octets looked at, at most; what lies behind is not read. Default 1 MiB
 */
export function parseHeaderSection(raw: Uint8Array, maxHeaderBytes = 1_048_576): HeaderSection {
  const end = Math.min(raw.length, maxHeaderBytes);
  const headers: Header[] = [];
  let at = 0;
  let field: { name: string; lines: string[] } | undefined;

  const flush = () => {
    if (field) headers.push({ name: field.name, value: unfold(field.name, field.lines) });
    field = undefined;
  };

  while (at < end) {
    const newline = raw.indexOf(lf, at);
    const stop = newline === -1 || newline > end ? end : newline;
    const lineEnd = stop > at && raw[stop - 1] === cr && newline === stop ? stop - 1 : stop;
    const next = newline === stop ? stop + 1 : stop;
    if (lineEnd === at) {
      flush();
      return { headers, bodyOffset: next, malformed: newline === -1 };
    }
    const first = raw[at];
    const line = utf8.decode(raw.subarray(at, lineEnd));
    if ((first === 0x20 || first === 0x09) && field) {
      field.lines.push(line);
    } else {
      const colon = line.indexOf(":");
      const name = colon > 0 ? line.slice(0, colon).trimEnd() : "";
      // RFC 5322 §3.6.8: a field name is printable US-ASCII without the colon.
      if (!/^[\x21-\x39\x3b-\x7e]+$/.test(name)) {
        flush();
        return { headers, bodyOffset: at, malformed: true };
      }
      flush();
      field = { name, lines: [line.slice(colon + 1)] };
    }
    at = next;
  }
  flush();
  return { headers, bodyOffset: end, malformed: true };
}

function unfold(name: string, lines: readonly string[]): string {
  const value = lines
    .map((line, index) => (index === 0 ? line.replace(/^[ \t]/, "") : ` ${line.replace(/^[ \t]+/, "")}`))
    .join("");
  if (name.toLowerCase() !== "dkim-signature") return value;
  // Seen since 2020 for DKIM-Signature only: SES joins the folded base64 of b= (not bh=).
  return value.replace(/(^|;\s*)(b=)([^;]*)/i, (_, lead, tag, data) => `${lead}${tag}${data.replace(/\s+/g, "")}`);
}

/** The first header of that name, compared without case; `undefined` when it is missing. */
export function headerValue(headers: readonly Header[], name: string): string | undefined {
  const wanted = name.toLowerCase();
  return headers.find((header) => header.name.toLowerCase() === wanted)?.value;
}

/** All headers of that name, compared without case, in their order. */
export function headerValues(headers: readonly Header[], name: string): string[] {
  const wanted = name.toLowerCase();
  return headers.filter((header) => header.name.toLowerCase() === wanted).map((header) => header.value);
}
