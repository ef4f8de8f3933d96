export interface Decoded {
  /** Message octets, dots unstuffed; share memory with the input. Empty when nothing is certain yet. */
  readonly octets: Buffer;
  /** What follows the end of data, once it was seen; then the decoder is used up. */
  readonly rest?: Buffer;
}

const lineDot = Buffer.from("\r\n.");
const dot = 0x2e;
const cr = 0x0d;
const lf = 0x0a;
const nothing = Buffer.alloc(0);

/**
 * Takes the octets behind DATA apart (RFC 5321 §4.5.2). A line ends with CRLF and nothing else, so the data end with
 * CRLF `.` CRLF and nothing else: a dot between bare LFs or CRs is text, which is what SMTP smuggling counts on a server
 * not to know. The one dot in front of a line goes, whatever follows it.
 *
 * @returns a function that takes the next octets, which it may move about; call it until `rest` is there
 */
export function createDotDecoder(): (chunk: Buffer) => Decoded {
  // DATA's own CRLF precedes the first line: with it in front, a leading dot needs no case of its own.
  let held: Buffer = Buffer.from("\r\n");
  let virtual = 2;

  return (chunk) => {
    // Nothing is copied for DATA's own CRLF unless a dot stands behind it.
    const beginsPlain = virtual === 2 && held.length === 2 && chunk.length > 0 && chunk[0] !== dot;
    const joined = held.length > 0 && !beginsPlain;
    const input = joined ? Buffer.concat([held, chunk]) : chunk;
    const output = createOutput(input);
    let from = beginsPlain ? 0 : virtual;
    if (beginsPlain) virtual = 0;
    let search = 0;
    const take = (end: number) => {
      if (end > from) output.take(from, end);
    };
    const hold = (start: number): Decoded => {
      take(start);
      // Copied: a few octets, and the chunk is the caller's again.
      held = start < input.length ? Buffer.from(input.subarray(start)) : nothing;
      virtual = Math.max(0, virtual - start);
      return { octets: output.octets() };
    };

    while (true) {
      const at = input.indexOf(lineDot, search);
      if (at === -1) return hold(input.length - heldBack(input));
      const next = input[at + 3];
      if (next === undefined) return hold(at);
      if (next === cr) {
        const last = input[at + 4];
        if (last === undefined) return hold(at);
        if (last === lf) {
          take(at + 2);
          return { octets: output.octets(), rest: input.subarray(at + 5) };
        }
      }
      take(at + 2);
      from = at + 3;
      search = from;
    }
  };
}

/** How many octets at the end may turn out to begin CRLF `.`: those of CR or CRLF. */
function heldBack(input: Buffer): number {
  if (input[input.length - 1] === cr) return 1;
  return input[input.length - 1] === lf && input[input.length - 2] === cr ? 2 : 0;
}

/**
 * The ranges of the input that remain: as they lie there when it is one, else closed up in place, always towards the front,
 * where everything has been looked at. No view is made of each, since a chunk of nothing but dots has twenty thousand of them.
 */
function createOutput(input: Buffer) {
  let start = 0;
  let end = -1;
  return {
    take(from: number, to: number): void {
      if (end === -1) {
        start = from;
        end = to;
        return;
      }
      input.copyWithin(end, from, to);
      end += to - from;
    },
    octets: (): Buffer => (end === -1 ? nothing : input.subarray(start, end)),
  };
}
