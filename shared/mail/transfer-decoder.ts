/** Undoes a Content-Transfer-Encoding piece by piece. Never throws; counts what did not belong. */
export interface TransferDecoder {
  /** What the piece says; to be used, or copied, before the next one is written. */
  write(octets: Uint8Array): Uint8Array;
  end(): Uint8Array;
  /** Octets that were no part of the encoding and were dropped or kept as they are. */
  readonly garbage: () => number;
}

/** @param encoding - lower case; anything unknown is taken as it is (RFC 2045 §6.4) */
export function createTransferDecoder(encoding: string): TransferDecoder {
  if (encoding === "base64") return base64();
  if (encoding === "quoted-printable") return quotedPrintable();
  return { write: (octets) => octets, end: () => none, garbage: () => 0 };
}

const none = new Uint8Array(0);

const sextets = new Int8Array(256).fill(-1);
for (const [value, char] of [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"].entries()) {
  sextets[char.charCodeAt(0)] = value;
}

function base64(): TransferDecoder {
  let bits = 0;
  let count = 0;
  let garbage = 0;
  let out = none;
  return {
    write(octets) {
      // One buffer for all pieces of a part: a new one for each waits for the collector, 30 MB of them for a mail of 40.
      const room = Math.ceil((octets.length * 3) / 4) + 3;
      if (out.length < room) out = new Uint8Array(room);
      let size = 0;
      for (let at = 0; at < octets.length; at++) {
        const octet = octets[at] as number;
        const sextet = sextets[octet] as number;
        if (sextet >= 0) {
          bits = (bits << 6) | sextet;
          if (++count === 4) {
            out[size++] = bits >>> 16;
            out[size++] = bits >>> 8;
            out[size++] = bits;
            bits = 0;
            count = 0;
          }
        } else if (octet === 0x3d) {
          // Padding ends a run; senders that join encoded pieces start a new one behind it.
          if (count === 3) {
            out[size++] = bits >>> 10;
            out[size++] = bits >>> 2;
          } else if (count === 2) out[size++] = bits >>> 4;
          bits = 0;
          count = 0;
        } else if (octet !== 0x0a && octet !== 0x0d && octet !== 0x20 && octet !== 0x09) garbage++;
      }
      return out.subarray(0, size);
    },
    end() {
      if (count === 3) return Uint8Array.of(bits >>> 10, bits >>> 2);
      return count === 2 ? Uint8Array.of(bits >>> 4) : none;
    },
    garbage: () => garbage,
  };
}

function quotedPrintable(): TransferDecoder {
  let held = "";
  let garbage = 0;
  const decode = (text: string): Uint8Array => {
    const out = Buffer.allocUnsafe(text.length);
    let size = 0;
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code !== 0x3d) {
        out[size++] = code;
        continue;
      }
      const high = hex(text.charCodeAt(at + 1));
      const low = hex(text.charCodeAt(at + 2));
      if (high >= 0 && low >= 0) {
        out[size++] = (high << 4) | low;
        at += 2;
        continue;
      }
      // A soft line break may have white space before the line end (RFC 2045 §6.7 rule 3).
      let next = at + 1;
      while (next < text.length && next - at < 80 && (text[next] === " " || text[next] === "\t")) next++;
      if (text[next] === "\r" && text[next + 1] === "\n") at = next + 1;
      else if (text[next] === "\n") at = next;
      else if (next >= text.length) at = next;
      else {
        out[size++] = code;
        garbage++;
      }
    }
    return out.subarray(0, size);
  };
  return {
    write(octets) {
      const text = held + Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString("latin1");
      // An escape may be cut by the end of the piece.
      const cut = text.lastIndexOf("=");
      const keep =
        cut !== -1 &&
        text.length - cut < 84 &&
        !/^=[0-9a-fA-F]{2}/.test(text.slice(cut, cut + 3)) &&
        !text.slice(cut).includes("\n");
      held = keep ? text.slice(cut) : "";
      return decode(keep ? text.slice(0, cut) : text);
    },
    end() {
      const rest = held;
      held = "";
      return decode(rest);
    },
    garbage: () => garbage,
  };
}

function hex(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
