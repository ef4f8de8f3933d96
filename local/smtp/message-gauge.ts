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

/** Four octets at a time: only where one of them is a control character, CR and LF are looked for one by one. */
function hasBareNewline(chunk: Uint8Array, wasCr: boolean): boolean {
  let afterCr = wasCr;
  const skipped = (4 - (chunk.byteOffset & 3)) & 3;
  const words =
    chunk.length > skipped
      ? new Int32Array(chunk.buffer, chunk.byteOffset + skipped, (chunk.length - skipped) >> 2)
      : [];
  const wordsEnd = skipped + 4 * words.length;
  for (let at = 0; at < chunk.length; at += 1) {
    if (!afterCr && at >= skipped && at < wordsEnd && ((at - skipped) & 3) === 0) {
      let index = (at - skipped) >> 2;
      while (index < words.length && !hasControl(words[index] ?? 0)) index += 1;
      at = skipped + 4 * index;
      if (at >= chunk.length) return false;
    }
    const octet = chunk[at];
    if (afterCr !== (octet === lf)) return true;
    afterCr = octet === cr;
  }
  return false;
}

/** Whether one of the four octets is below 0x10. */
function hasControl(word: number): boolean {
  return ((word - 0x10101010) & ~word & 0x80808080) !== 0;
}
