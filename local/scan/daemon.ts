import { once } from "node:events";
import { connect } from "node:net";

export interface DaemonAddress {
  readonly host: string;
  readonly port: number;
}

/** Why a daemon gave no verdict; the text is for the operator. */
export class DaemonFailure extends Error {}

/** No daemon answers in more: a longer answer is not from what we believe to talk to. */
const maxAnswerBytes = 262_144;

/**
 * One conversation over TCP: sends what `request` yields, then reads to the end of the answer.
 *
 * @param ends - the octet that ends an answer; without it, the daemon closes
 * @param signal - ends the conversation; carries the time-out
 * @throws {DaemonFailure} when the daemon cannot be reached, hangs up without a word or talks without end
 */
export async function converse(
  { host, port }: DaemonAddress,
  request: AsyncIterable<Uint8Array>,
  { ends, halfClose, signal }: { readonly ends?: number; readonly halfClose: boolean; readonly signal: AbortSignal },
): Promise<Buffer> {
  signal.throwIfAborted();
  const socket = connect({ host, port });
  const chunks: Buffer[] = [];
  let size = 0;
  const answer = new Promise<Buffer>((resolve, reject) => {
    const aborted = () => reject(signal.reason);
    signal.addEventListener("abort", aborted, { once: true });
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      size += chunk.length;
      if (size > maxAnswerBytes) reject(new DaemonFailure(`${host}:${port} answers without end`));
      else if (ends !== undefined && chunk.includes(ends)) resolve(Buffer.concat(chunks));
    });
    socket.on("close", () => {
      signal.removeEventListener("abort", aborted);
      if (size > 0) resolve(Buffer.concat(chunks));
      else reject(new DaemonFailure(`${host}:${port} hung up without an answer`));
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      // A daemon that has seen enough answers and closes while we still send: its answer counts, not our EPIPE.
      if (size === 0 && error.code !== "EPIPE" && error.code !== "ECONNRESET") {
        reject(new DaemonFailure(`${host}:${port} cannot be reached: ${error.code ?? error.message}`));
      }
    });
  });
  const sent = send(socket, request, halfClose, answer);
  try {
    // Reading the message may fail, which is no failure of the daemon; else the answer decides.
    return await Promise.race([answer, sent.then(() => answer)]);
  } finally {
    socket.destroy();
    answer.catch(() => {});
    sent.catch(() => {});
  }
}

async function send(
  socket: ReturnType<typeof connect>,
  request: AsyncIterable<Uint8Array>,
  halfClose: boolean,
  answer: Promise<unknown>,
): Promise<void> {
  let answered = false;
  const done = answer.then(
    () => {
      answered = true;
    },
    () => {
      answered = true;
    },
  );
  await Promise.race([once(socket, "connect").catch(() => {}), done]);
  for await (const chunk of request) {
    if (answered || socket.destroyed) return;
    if (!socket.write(chunk)) await Promise.race([once(socket, "drain").catch(() => {}), done]);
  }
  if (halfClose && !socket.destroyed) socket.end();
}
