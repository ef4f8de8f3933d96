import { type IncomingMessage, request } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { VerdictStatus } from "../../shared/mail/judgement.ts";
import { attempt, quoted } from "./attempt.ts";
import { type DaemonAddress, DaemonFailure } from "./daemon.ts";
import type { ScanContext, Scanner } from "./scanner.ts";

/**
 * rspamd's `POST /checkv2`. Its action decides: reject, add header, rewrite subject, quarantine, discard are FAIL;
 * greylist and soft reject are GRAY; no action is PASS; a message that it skipped is PROCESSING_FAILED.
 *
 * @param timeoutMs - for the whole scan. Default 30 000
 */
export function rspamdScanner(daemon: DaemonAddress & { readonly timeoutMs?: number }): Scanner {
  return {
    scan: (raw, context, signal) =>
      attempt(
        "rspamd",
        daemon.timeoutMs ?? 30_000,
        signal,
        (detail) => ({ spam: "PROCESSING_FAILED", detail }),
        async (within) => {
          // rspamd wants the length in advance; counting reads the spool once more, which is cheaper than holding it.
          let octets = 0;
          for await (const chunk of raw()) octets += chunk.length;
          const answer = await post(daemon, raw(), octets, context, within);
          return readAnswer(answer);
        },
      ),
  };
}

const actions: Readonly<Record<string, VerdictStatus>> = {
  "no action": "PASS",
  greylist: "GRAY",
  "soft reject": "GRAY",
  "add header": "FAIL",
  "rewrite subject": "FAIL",
  quarantine: "FAIL",
  discard: "FAIL",
  reject: "FAIL",
};

function readAnswer(text: string): { spam: VerdictStatus; detail: string } {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new DaemonFailure(`unexpected answer "${quoted(text)}"`);
  }
  if (typeof answer !== "object" || answer === null) throw new DaemonFailure(`unexpected answer "${quoted(text)}"`);
  const { action, score, required_score, symbols, is_skipped } = answer as Readonly<Record<string, unknown>>;
  const spam = typeof action === "string" ? actions[action] : undefined;
  if (spam === undefined) throw new DaemonFailure(`it knows no action in "${quoted(text)}"`);
  // "Skipped" also says that one rule was enough to reject (GTUBE); then it is a judgement.
  if (is_skipped === true && spam === "PASS") throw new DaemonFailure("it skipped the message (see its settings)");
  const names = typeof symbols === "object" && symbols !== null ? Object.keys(symbols).join(",") : "";
  const points = typeof score === "number" ? `, score ${round(score)} of ${round(required_score)}` : "";
  return { spam, detail: `rspamd: ${action}${points}, ${quoted(names)}` };
}

const round = (value: unknown) => (typeof value === "number" ? String(Math.round(value * 100) / 100) : "?");

const maxAnswerBytes = 1_048_576;

async function post(
  { host, port }: DaemonAddress,
  raw: AsyncIterable<Uint8Array>,
  octets: number,
  { ip, helo, mailFrom, recipients }: ScanContext,
  signal: AbortSignal,
): Promise<string> {
  const sending = request({
    host,
    port,
    method: "POST",
    path: "/checkv2",
    agent: false,
    signal,
    headers: {
      "Content-Length": octets,
      IP: clean(ip),
      Helo: clean(helo),
      From: mailFrom === "" ? "<>" : clean(mailFrom),
      Rcpt: recipients.slice(0, 100).map(clean),
    },
  });
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    sending.on("response", resolve);
    sending.on("error", (error: NodeJS.ErrnoException) => {
      reject(new DaemonFailure(`${host}:${port} cannot be reached: ${error.code ?? error.message}`, { cause: error }));
    });
  });
  answered.catch(() => {});
  let unreadable: unknown;
  async function* watched() {
    try {
      yield* raw;
    } catch (error) {
      unreadable = error;
      throw error;
    }
  }
  // A failed transfer shows in the answer, or in the lack of one; only our own side's failure is ours.
  const sent = pipeline(Readable.from(watched(), { objectMode: false }), sending).catch((error: unknown) => {
    if (unreadable !== undefined) throw error;
  });
  const response = await Promise.race([answered, sent.then(() => answered)]);
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response) {
      size += chunk.length;
      if (size > maxAnswerBytes) throw new DaemonFailure(`${host}:${port} answers without end`);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof DaemonFailure || signal.aborted) throw error;
    throw new DaemonFailure(`${host}:${port} broke off its answer`, { cause: error });
  } finally {
    response.destroy();
  }
  const text = Buffer.concat(chunks).toString("utf8");
  if (response.statusCode !== 200) {
    throw new DaemonFailure(`${host}:${port} answered ${response.statusCode}: ${quoted(text)}`);
  }
  return text;
}

const clean = (text: string) => text.replace(/[^\x21-\x7e]/g, "").slice(0, 320);
