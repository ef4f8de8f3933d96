/** One field as it stands in the mail: name in lower case, and its octets (Latin-1) with all line ends. */
export interface RawField {
  readonly name: string;
  readonly text: string;
}

/**
 * Splits a mail into its header fields and what lies behind them, so that fields can be taken out or put in and every other
 * octet stays. The empty line belongs to `rest`; so does whatever is no field.
 */
export function splitFields(raw: Uint8Array): { readonly fields: readonly RawField[]; readonly rest: Uint8Array } {
  const fields: { name: string; text: string }[] = [];
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  let at = 0;
  while (at < bytes.length) {
    const newline = bytes.indexOf(0x0a, at);
    const end = newline === -1 ? bytes.length : newline + 1;
    const line = bytes.toString("latin1", at, end);
    const last = fields.at(-1);
    if (/^[ \t]/.test(line) && last) last.text += line;
    else {
      const name = /^([\x21-\x39\x3b-\x7e]+)[ \t]*:/.exec(line)?.[1];
      if (name === undefined) break;
      fields.push({ name: name.toLowerCase(), text: line });
    }
    at = end;
  }
  return { fields, rest: bytes.subarray(at) };
}

export function joinFields(fields: readonly RawField[], rest: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(fields.map(({ text }) => text).join(""), "latin1"), rest]);
}

/** The value without name, unfolded. */
export function fieldValue({ text }: RawField): string {
  return text
    .slice(text.indexOf(":") + 1)
    .replace(/\r?\n(?=[ \t])/g, "")
    .trim();
}
