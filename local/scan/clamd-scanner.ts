import { attempt, quoted } from "./attempt.ts";
import { converse, type DaemonAddress, DaemonFailure } from "./daemon.ts";
import type { Scanner } from "./scanner.ts";

/**
 * ClamAV's clamd by INSTREAM (clamd(8)). OK is PASS; a signature is FAIL; a heuristic or a "potentially unwanted
 * application" (`Heuristics.…`, `PUA.…`) is GRAY; ERROR (size limit, broken database) is PROCESSING_FAILED.
 *
 * @param timeoutMs - for the whole scan. Default 60 000
 */
export function clamdScanner(daemon: DaemonAddress & { readonly timeoutMs?: number }): Scanner {
  return {
    scan: (raw, _context, signal) =>
      attempt(
        "clamd",
        daemon.timeoutMs ?? 60_000,
        signal,
        (detail) => ({ virus: "PROCESSING_FAILED", detail }),
        async (within) => {
          const answer = await converse(daemon, instream(raw()), { ends: 0, halfClose: false, signal: within });
          const text = answer.toString("latin1").replace(/\0.*$/s, "");
          if (text === "stream: OK") return { virus: "PASS", detail: "clamd: OK" };
          const found = /^stream: (.+) FOUND$/.exec(text)?.[1];
          if (found === undefined) throw new DaemonFailure(`unexpected answer "${quoted(text)}"`);
          const unsure = /^(?:Heuristics|PUA)\./.test(found);
          return { virus: unsure ? "GRAY" : "FAIL", detail: `clamd: ${quoted(found)}` };
        },
      ),
  };
}

/** Chunks with their length in front (32 bits, network order), and one of length 0. */
async function* instream(raw: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield Buffer.from("zINSTREAM\0", "latin1");
  for await (const chunk of raw) {
    // A chunk of length 0 would end the stream.
    if (chunk.length === 0) continue;
    yield length(chunk.length);
    yield chunk;
  }
  yield length(0);
}

function length(octets: number): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(octets);
  return prefix;
}
