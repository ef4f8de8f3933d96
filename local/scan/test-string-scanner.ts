import type { Scanner } from "./scanner.ts";

/**
 * Finds the two test strings that every scanner knows: GTUBE (spam) and EICAR (virus). It finds nothing else and says
 * so; it is there so that the path of such mail can be tried on a machine without a scanner.
 *
 * The strings are found in the clear and inside base64 (attachments), in whatever encoding phase they stand. Memory is
 * constant: a window of one chunk and the length of a test string.
 */
export function testStringScanner(options: { readonly spam?: boolean; readonly virus?: boolean } = {}): Scanner {
  const { spam = true, virus = true } = options;
  return {
    async scan(raw, _context, signal) {
      const search = createSearch();
      for await (const chunk of raw()) {
        signal?.throwIfAborted();
        search.add(chunk);
      }
      const found = search.found();
      const verdicts = [
        ...(spam ? [`GTUBE ${found.has("gtube") ? "found" : "not found"}`] : []),
        ...(virus ? [`EICAR ${found.has("eicar") ? "found" : "not found"}`] : []),
      ];
      return {
        ...(spam && { spam: found.has("gtube") ? ("FAIL" as const) : ("PASS" as const) }),
        ...(virus && { virus: found.has("eicar") ? ("FAIL" as const) : ("PASS" as const) }),
        detail: `test strings only, no scanner: ${verdicts.join(", ")}`,
      };
    },
  };
}

type Name = "gtube" | "eicar";

/** Split, so that neither this file nor a bundle of it is taken for the thing itself. */
const needles: Readonly<Record<Name, string>> = {
  gtube: ["XJS*C4JDBQADN1.NSBN3*2IDNEN*", "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"].join(""),
  eicar: ["X5O!P%@AP[4\\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].join(""),
};

const patterns: readonly { readonly name: Name; readonly bytes: Buffer; readonly encoded: boolean }[] = (
  Object.keys(needles) as Name[]
).flatMap((name) => [
  { name, bytes: Buffer.from(needles[name], "latin1"), encoded: false },
  ...base64Phases(needles[name]).map((text) => ({ name, bytes: Buffer.from(text, "latin1"), encoded: true })),
]);

/** The base64 of a text depends on its offset modulo 3 in the part; the characters shared with neighbours are cut. */
function base64Phases(text: string): string[] {
  return [0, 1, 2].map((offset) => {
    const encoded = Buffer.from("\0".repeat(offset) + text, "latin1")
      .toString("base64")
      .replaceAll("=", "");
    const firstWhole = Math.ceil((offset * 8) / 6);
    const lastWhole = Math.floor(((offset + text.length) * 8) / 6);
    return encoded.slice(firstWhole, lastWhole);
  });
}

const overlap = Math.max(...patterns.map(({ bytes }) => bytes.length)) - 1;

function createSearch() {
  const found = new Set<Name>();
  let plainTail: Buffer = Buffer.alloc(0);
  let packedTail: Buffer = Buffer.alloc(0);

  const look = (window: Buffer, encoded: boolean) => {
    for (const pattern of patterns) {
      if (pattern.encoded === encoded && !found.has(pattern.name) && window.includes(pattern.bytes)) {
        found.add(pattern.name);
      }
    }
    return Buffer.from(window.subarray(Math.max(0, window.length - overlap)));
  };

  return {
    add(chunk: Uint8Array) {
      const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
      plainTail = look(Buffer.concat([plainTail, bytes]), false);
      // Base64 is cut into lines: without their ends, a string that runs over several is whole again.
      packedTail = look(Buffer.concat([packedTail, withoutLineEnds(bytes)]), true);
    },
    found: () => found,
  };
}

function withoutLineEnds(bytes: Buffer): Buffer {
  const packed = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(0x0a, start);
    const stop = newline === -1 ? bytes.length : newline;
    const end = stop > start && bytes[stop - 1] === 0x0d ? stop - 1 : stop;
    length += bytes.copy(packed, length, start, end);
    start = stop + 1;
  }
  return packed.subarray(0, length);
}
