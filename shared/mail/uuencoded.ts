/** A file that stood between the words of a text, in the encoding from before MIME. */
export interface UuencodedFile {
  /** As the sender wrote it. */
  readonly name: string;
  readonly octets: Uint8Array;
}

const maxFiles = 100;

/**
 * Takes uuencoded files out of a text (POSIX `uuencode`): `begin`, a mode and a name, lines whose first character tells their
 * length, `end`. What only looks like it stays where it is.
 */
export function takeUuencoded(text: string): { readonly text: string; readonly files: readonly UuencodedFile[] } {
  const files: UuencodedFile[] = [];
  if (!text.includes("\nend") || !/^begin [0-7]{3,4} /m.test(text)) return { text, files };
  const lines = text.split("\n");
  const kept: string[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] as string;
    const name = files.length < maxFiles ? /^begin [0-7]{3,4} (\S.{0,250})$/.exec(line.trimEnd())?.[1] : undefined;
    const file = name === undefined ? undefined : readFile(lines, at + 1);
    if (name === undefined || file === undefined) {
      kept.push(line);
      continue;
    }
    files.push({ name: name.trim(), octets: file.octets });
    at = file.end;
  }
  return { text: files.length === 0 ? text : kept.join("\n"), files };
}

function readFile(lines: readonly string[], start: number): { octets: Uint8Array; end: number } | undefined {
  const pieces: Uint8Array[] = [];
  for (let at = start; at < lines.length; at++) {
    const line = (lines[at] as string).trimEnd();
    // An empty file has no lines at all; a full one ends in a line of length 0, which some mailers have eaten.
    if (line === "end") return at > start ? { octets: Buffer.concat(pieces), end: at } : undefined;
    if (line === "" || line === "`") continue;
    const piece = decodeLine(line);
    if (piece === undefined) return undefined;
    pieces.push(piece);
  }
  return undefined;
}

function decodeLine(line: string): Uint8Array | undefined {
  const length = (line.charCodeAt(0) - 32) & 63;
  const sextets = Math.ceil(length / 3) * 4;
  // Trailing spaces stand for zeros and get lost on the way; a checksum character may follow.
  if (line.charCodeAt(0) < 33 || line.charCodeAt(0) > 96 || line.length > sextets + 3) return undefined;
  const out = new Uint8Array(length);
  const value = (index: number) => {
    const code = index < line.length ? line.charCodeAt(index) : 32;
    return code < 32 || code > 96 ? -1 : (code - 32) & 63;
  };
  for (let group = 0; group * 3 < length; group++) {
    const at = 1 + group * 4;
    const [a, b, c, d] = [value(at), value(at + 1), value(at + 2), value(at + 3)];
    if (a < 0 || b < 0 || c < 0 || d < 0) return undefined;
    const bits = (a << 18) | (b << 12) | (c << 6) | d;
    for (let octet = 0; octet < 3 && group * 3 + octet < length; octet++) {
      out[group * 3 + octet] = (bits >>> (16 - octet * 8)) & 255;
    }
  }
  return out;
}
