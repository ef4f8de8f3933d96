import { Readable } from "node:stream";

/** A message whose header section has been looked at once, so that hostile ones cost no more than others. */
export interface BoundedMessage {
  /** The header section alone, without anything that is a signature. */
  readonly unsigned: Uint8Array;
  /** The whole message for the verifier; the header section alone when nothing in it is signed. May be read once. */
  chunks(): AsyncIterable<Uint8Array>;
  /** Lets go of the source, read to its end or not. */
  close(): Promise<void>;
  /** DKIM-Signature fields that are left out of `chunks()`, with the reason. */
  readonly leftOut: readonly string[];
}

export interface HeaderLimits {
  /** Octets of the header section. Default 1 MiB. */
  readonly headerBytes: number;
  readonly headerLines: number;
  /** Lines of one folded field. */
  readonly fieldLines: number;
  /** Octets of one DKIM-Signature or ARC field. */
  readonly signatureBytes: number;
  /** DKIM-Signature fields verified, from the top. */
  readonly signatures: number;
  /** For each signature, the names in `h=` times the fields of the message: what the search for them costs. */
  readonly work: number;
  /** Octets of one body line; RFC 5322 §2.1.1 allows 998. The canonicaliser holds a line in memory. */
  readonly bodyLineBytes: number;
}

export const headerLimits: HeaderLimits = {
  headerBytes: 1_048_576,
  headerLines: 50_000,
  fieldLines: 2000,
  signatureBytes: 16_384,
  signatures: 10,
  work: 20_000_000,
  bodyLineBytes: 1_048_576,
};

/** A line of the body is longer than the verifier may hold. */
export class BodyLineTooLongError extends Error {}

/**
 * Reads the header section of a message and leaves out what the verifier must not be given. What is left out is still
 * reported, so that a message cannot shed a signature by making it too large.
 *
 * @throws whatever reading `raw` throws
 */
export async function boundHeaders(
  raw: Uint8Array | AsyncIterable<Uint8Array>,
  limits: HeaderLimits = headerLimits,
): Promise<BoundedMessage> {
  const source =
    raw instanceof Uint8Array ? Readable.from(slices(raw))[Symbol.asyncIterator]() : raw[Symbol.asyncIterator]();
  const { head, rest } = await readHead(source, limits.headerBytes);
  const fields = split(head);
  const leftOut: string[] = [];

  let lines = 0;
  let tooLarge =
    head.length > limits.headerBytes ? `the header section is over ${limits.headerBytes} octets` : undefined;
  for (const field of fields) {
    lines += field.lines;
    if (lines > limits.headerLines) tooLarge ??= `the header section is over ${limits.headerLines} lines`;
    if (field.lines > limits.fieldLines) tooLarge ??= `a header field is over ${limits.fieldLines} lines`;
  }

  let signatures = 0;
  let work = 0;
  let signed = false;
  const kept: Uint8Array[] = [];
  const unsigned: Uint8Array[] = [];
  for (const field of fields) {
    if (field.kind === "other") {
      // DMARC needs the author even then: a header section must not be able to grow out of its author's policy.
      if (!tooLarge || (field.isFrom && field.lines <= limits.fieldLines)) {
        kept.push(field.bytes);
        unsigned.push(field.bytes);
      }
      continue;
    }
    const isSignature = field.kind === "dkim-signature";
    if (isSignature) signatures += 1;
    work += count(field.bytes, colon) * fields.length;
    const problem =
      tooLarge ??
      (isSignature && signatures > limits.signatures ? `more than ${limits.signatures} signatures` : undefined) ??
      (field.bytes.length > limits.signatureBytes ? `longer than ${limits.signatureBytes} octets` : undefined) ??
      (work > limits.work ? "too many header fields to look for" : undefined);
    if (problem === undefined) {
      kept.push(field.bytes);
      signed = true;
    } else if (isSignature && leftOut.length < maxLeftOut) leftOut.push(problem);
  }
  const end = Buffer.from("\r\n");

  return {
    unsigned: Buffer.concat([...unsigned, end]),
    leftOut,
    async *chunks() {
      yield createLineEnds()(Buffer.concat([...kept, end]));
      if (!signed) return;
      let line = 0;
      const toCrlf = createLineEnds();
      const checked = (chunk: Uint8Array) => {
        const first = chunk.indexOf(lf);
        const longest = first === -1 ? line + chunk.length : line + first;
        if (longest > limits.bodyLineBytes) {
          throw new BodyLineTooLongError(`a line of the body is over ${limits.bodyLineBytes} octets`);
        }
        line = first === -1 ? line + chunk.length : chunk.length - chunk.lastIndexOf(lf) - 1;
        return toCrlf(chunk);
      };
      for (const slice of slices(rest)) yield checked(slice);
      for (;;) {
        const next = await source.next();
        if (next.done) return;
        for (const slice of slices(next.value)) yield checked(slice);
      }
    },
    async close() {
      await source.return?.();
    },
  };
}

/** Signatures left out that are reported; more of the same says nothing more. */
const maxLeftOut = 10;

/** Makes CRLF of a bare LF, as mailauth does, but by the chunk: mailauth hashes each such line by itself. */
function createLineEnds(): (chunk: Uint8Array) => Uint8Array {
  let last = 0;
  return (chunk) => {
    let bare = 0;
    let before = last;
    for (let at = chunk.indexOf(lf); at !== -1; at = chunk.indexOf(lf, at + 1)) {
      if ((at === 0 ? before : chunk[at - 1]) !== cr) bare += 1;
    }
    before = last;
    last = chunk.at(-1) ?? last;
    if (bare === 0) return chunk;
    const out = Buffer.allocUnsafe(chunk.length + bare);
    let to = 0;
    for (const octet of chunk) {
      if (octet === lf && before !== cr) out[to++] = cr;
      out[to++] = octet;
      before = octet;
    }
    return out;
  };
}

const lf = 0x0a;
const cr = 0x0d;
const colon = 0x3a;

function* slices(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}

/** The header section with its last line end, and what was read behind its empty line. */
async function readHead(
  source: AsyncIterator<Uint8Array>,
  maxBytes: number,
): Promise<{ head: Uint8Array; rest: Uint8Array }> {
  let head = Buffer.alloc(0);
  let searched = 0;
  for (;;) {
    const end = emptyLine(head, searched);
    if (end) return { head: head.subarray(0, end.start), rest: head.subarray(end.stop) };
    searched = Math.max(0, head.length - 3);
    if (head.length > maxBytes) return { head, rest: head.subarray(head.length) };
    const next = await source.next();
    if (next.done) return { head, rest: head.subarray(head.length) };
    head = Buffer.concat([head, next.value]);
  }
}

/** Where the empty line begins and ends; CRLF or LF line ends. */
function emptyLine(bytes: Uint8Array, from: number): { start: number; stop: number } | undefined {
  if (from === 0) {
    if (bytes[0] === lf) return { start: 0, stop: 1 };
    if (bytes[0] === cr && bytes[1] === lf) return { start: 0, stop: 2 };
  }
  for (let at = bytes.indexOf(lf, from); at !== -1; at = bytes.indexOf(lf, at + 1)) {
    if (bytes[at + 1] === lf) return { start: at + 1, stop: at + 2 };
    if (bytes[at + 1] === cr && bytes[at + 2] === lf) return { start: at + 1, stop: at + 3 };
  }
  return undefined;
}

interface Field {
  readonly kind: "dkim-signature" | "arc" | "other";
  readonly isFrom: boolean;
  /** With its line end. */
  readonly bytes: Uint8Array;
  readonly lines: number;
}

/** A field begins at a line that looks like one, as mailauth has it: a strange line belongs to the field above. */
function split(head: Uint8Array): Field[] {
  const fields: Field[] = [];
  let start = 0;
  let lines = 0;
  let name = "";
  const push = (stop: number) => {
    if (stop > start) {
      const kind = name === "dkim-signature" ? name : arcFields.has(name) ? "arc" : "other";
      fields.push({ kind, isFrom: name === "from", bytes: withLineEnd(head.subarray(start, stop)), lines });
    }
    start = stop;
    lines = 0;
  };
  for (let at = 0; at < head.length; ) {
    const newline = head.indexOf(lf, at);
    const next = newline === -1 ? head.length : newline + 1;
    const begun = fieldName(head, at, next);
    if (begun !== undefined) {
      push(at);
      name = begun;
    }
    lines += 1;
    at = next;
  }
  push(head.length);
  return fields;
}

const arcFields = new Set(["arc-seal", "arc-message-signature", "arc-authentication-results"]);
const fieldStart = /^([\x21-\x39\x3b-\x7e]+)[ \t]*(?::|\r?\n?$)/;

/** RFC 5322 §3.6.8, and §4.5.8: white space, even a fold, may stand before the colon. */
function fieldName(head: Uint8Array, at: number, stop: number): string | undefined {
  const first = head[at];
  if (first === 0x20 || first === 0x09) return undefined;
  const line = Buffer.from(head.buffer, head.byteOffset + at, Math.min(stop - at, 998)).toString("latin1");
  const match = fieldStart.exec(line);
  if (!match) return undefined;
  if (!match[0].endsWith(":")) {
    const following = Buffer.from(head.buffer, head.byteOffset + stop, Math.min(head.length - stop, 998));
    if (!/^[ \t]*:/.test(following.toString("latin1"))) return undefined;
  }
  return match[1]?.toLowerCase();
}

function withLineEnd(bytes: Uint8Array): Uint8Array {
  return bytes.at(-1) === lf ? bytes : Buffer.concat([bytes, Buffer.from("\r\n")]);
}

function count(bytes: Uint8Array, octet: number): number {
  let found = 0;
  for (let at = bytes.indexOf(octet); at !== -1; at = bytes.indexOf(octet, at + 1)) found += 1;
  return found;
}
