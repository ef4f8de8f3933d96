export interface Gauge {
  /** Looks at the next octets of the message. */
  measure(chunk: Uint8Array): void;
  /** Octets so far. */
  readonly sizeBytes: number;
  /** A CR without LF or an LF without CR was seen. Final once the message has ended: see `end`. */
  readonly bareNewline: boolean;
  /** Received fields in the header section so far. */
  readonly hops: number;
  /** The message is over: a CR at its very end was bare. */
  end(): void;
}

const cr = 0x0d;
const lf = 0x0a;
const received = Buffer.from("received:");

/**
 * Measures a message while it streams by: size, bare newlines, hops. Bounded memory, one native search per line end.
 */
export function createGauge(): Gauge {
  let sizeBytes = 0;
  let bareNewline = false;
  let hops = 0;
  let lastWasCr = false;
  let inHeaders = true;
  // The first octets of the current header line, as far as they may spell `received:`; -1 once they do not.
  let spelled = 0;
  let lineOctets = 0;

  const readHeaders = (chunk: Uint8Array): void => {
    let at = 0;
    while (at < chunk.length && inHeaders) {
      while (spelled >= 0 && at < chunk.length) {
        const octet = chunk[at] ?? 0;
        if (octet === lf) break;
        at += 1;
        lineOctets += 1;
        const lower = octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet;
        spelled = lower === received[spelled] ? spelled + 1 : -1;
        if (spelled === received.length) {
          hops += 1;
          spelled = -1;
        }
      }
      const newline = chunk.indexOf(lf, at);
      if (newline === -1) {
        lineOctets += chunk.length - at;
        return;
      }
      // An empty line, CRLF or LF, ends the section.
      const octets = lineOctets + (newline - at);
      if (octets === 0 || (octets === 1 && (newline > 0 ? chunk[newline - 1] === cr : lastWasCr))) inHeaders = false;
      at = newline + 1;
      lineOctets = 0;
      spelled = 0;
    }
  };

  return {
    measure(chunk) {
      if (chunk.length === 0) return;
      if (inHeaders) readHeaders(chunk);
      sizeBytes += chunk.length;
      bareNewline ||= hasBareNewline(chunk, lastWasCr);
      lastWasCr = chunk[chunk.length - 1] === cr;
    },
    end() {
      bareNewline ||= lastWasCr;
    },
    get sizeBytes() {
      return sizeBytes;
    },
    get bareNewline() {
      return bareNewline;
    },
    get hops() {
      return hops;
    },
  };
}

function hasBareNewline(chunk: Uint8Array, afterCr: boolean): boolean {
  if (afterCr && chunk[0] !== lf) return true;
  for (let at = chunk.indexOf(lf); at !== -1; at = chunk.indexOf(lf, at + 1)) {
    if (at === 0 ? !afterCr : chunk[at - 1] !== cr) return true;
  }
  for (let at = chunk.indexOf(cr); at !== -1; at = chunk.indexOf(cr, at + 1)) {
    if (at + 1 < chunk.length && chunk[at + 1] !== lf) return true;
  }
  return false;
}
