import type { VerdictStatus } from "../../shared/mail/judgement.ts";
import type { Clock } from "../../shared/ports.ts";
import { attempt, quoted } from "./attempt.ts";
import { converse, type DaemonAddress, DaemonFailure } from "./daemon.ts";
import type { ScanContext, Scanner } from "./scanner.ts";

/** spamd works in memory and by regular expressions: its own client refuses more than this. */
const maxOctets = 512_000;

/** From this part of the threshold on, spamd is "not confident either way". */
const grayShare = 0.6;

/**
 * SpamAssassin's spamd (protocol SPAMC/1.5, command SYMBOLS). Spam by its own threshold is FAIL; from 60 % of the
 * threshold on GRAY; below PASS. Of a message over 512 000 octets the first 512 000 are judged, and `detail` says so.
 *
 * @param timeoutMs - for the whole scan. Default 30 000
 */
export function spamdScanner(
  daemon: DaemonAddress & { readonly timeoutMs?: number },
  clock: Clock = { now: () => new Date() },
): Scanner {
  return {
    scan: (raw, context, signal) =>
      attempt(
        "spamd",
        daemon.timeoutMs ?? 30_000,
        signal,
        (detail) => ({ spam: "PROCESSING_FAILED", detail }),
        async (within) => {
          const { octets, cut } = await firstOctets(raw());
          const trace = Buffer.from(traceHeaders(context, clock.now()), "latin1");
          const head = `SYMBOLS SPAMC/1.5\r\nContent-length: ${trace.length + octets.length}\r\n\r\n`;
          const request = parts(Buffer.from(head, "latin1"), trace, octets);
          const answer = await converse(daemon, request, { halfClose: true, signal: within });
          const { spam, detail } = readAnswer(answer.toString("latin1"));
          return { spam, detail: `spamd: ${detail}${cut ? ` (first ${maxOctets} octets)` : ""}` };
        },
      ),
  };
}

function readAnswer(text: string): { spam: VerdictStatus; detail: string } {
  const status = /^SPAMD\/[\d.]+ (\d+) ([^\r\n]*)/.exec(text);
  if (!status) throw new DaemonFailure(`unexpected answer "${quoted(text)}"`);
  if (status[1] !== "0") throw new DaemonFailure(`it refused: ${quoted(status[2] ?? "")}`);
  const verdict = /^Spam: (True|False|Yes|No) ; (-?\d+(?:\.\d+)?) \/ (-?\d+(?:\.\d+)?)/im.exec(text);
  if (!verdict) throw new DaemonFailure(`no Spam line in "${quoted(text)}"`);
  const [, word = "", score = "", threshold = ""] = verdict;
  const symbols = text.slice(text.indexOf("\r\n\r\n") + 4);
  const isSpam = /^(?:true|yes)$/i.test(word);
  const isGray = Number(threshold) > 0 && Number(score) >= Number(threshold) * grayShare;
  return {
    spam: isSpam ? "FAIL" : isGray ? "GRAY" : "PASS",
    detail: `score ${score} of ${threshold}, ${quoted(symbols)}`,
  };
}

/** What SpamAssassin takes from the MTA's own header: without it, it would believe the sender's. */
function traceHeaders({ ip, helo, mailFrom }: ScanContext, now: Date): string {
  const clean = (text: string) => text.replace(/[^\x21-\x7e]|[()<>]/g, "").slice(0, 255);
  const address = ip.includes(":") ? `IPv6:${clean(ip)}` : clean(ip);
  const date = now.toUTCString().replace("GMT", "+0000");
  // The reverse name is not known here. Claiming the HELO name keeps RDNS_NONE from counting against everybody.
  const name = clean(helo) || "unknown";
  return (
    `X-Envelope-From: <${clean(mailFrom)}>\r\n` +
    `Received: from ${name} (${name} [${address}])\r\n\tby localhost with SMTP id mailweir;\r\n\t${date}\r\n`
  );
}

async function firstOctets(raw: AsyncIterable<Uint8Array>): Promise<{ octets: Buffer; cut: boolean }> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of raw) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > maxOctets) break;
  }
  return { octets: Buffer.concat(chunks).subarray(0, maxOctets), cut: size > maxOctets };
}

async function* parts(...all: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* all;
}
