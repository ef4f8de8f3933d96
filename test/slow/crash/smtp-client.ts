import { connect, type Socket } from "node:net";

/** A sender with one connection that sees every octet: no library, so that it can also behave badly. */
export interface SmtpClient {
  readonly socket: Socket;
  /** Sends octets as they are. */
  write(octets: string | Uint8Array): void;
  /** The next reply, its lines joined; rejects when the connection ends first. */
  reply(): Promise<string>;
  /** One command and its reply. */
  ask(command: string): Promise<string>;
  /** MAIL to the final reply; stops at the first refusal. Answers that reply. */
  send(mail: { readonly from: string; readonly to: readonly string[]; readonly raw: Uint8Array }): Promise<string>;
  close(): void;
}

/** Connects and greets. */
export async function connectSmtp(host: string, port: number, name = "mx.example.net"): Promise<SmtpClient> {
  const client = openSocket(connect({ host, port, noDelay: true }));
  const greeting = await client.reply();
  if (!greeting.startsWith("220")) {
    client.close();
    throw new SmtpRefused(greeting);
  }
  await client.ask(`EHLO ${name}`);
  return client;
}

export class SmtpRefused extends Error {}

/** Without a word to the server: the greeting is the first reply. */
export function openSocket(socket: Socket): SmtpClient {
  let text = "";
  let ended: Error | undefined;
  let waiting: { readonly resolve: (reply: string) => void; readonly reject: (cause: Error) => void } | undefined;
  const offer = () => {
    const reply = /^(?:\d{3}-[^\n]*\n)*\d{3}(?: [^\n]*)?\r\n/.exec(text)?.[0];
    if (!waiting) return;
    if (reply !== undefined) {
      text = text.slice(reply.length);
      const { resolve } = waiting;
      waiting = undefined;
      resolve(reply.trimEnd());
    } else if (ended) {
      const { reject } = waiting;
      waiting = undefined;
      reject(ended);
    }
  };
  const end = (cause: Error) => {
    ended ??= cause;
    offer();
  };
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => {
    text += chunk;
    offer();
  });
  socket.on("error", end);
  socket.on("close", () => end(new Error("the connection ended")));
  const reply = () =>
    new Promise<string>((resolve, reject) => {
      waiting = { resolve, reject };
      offer();
    });
  const ask = (command: string) => {
    socket.write(`${command}\r\n`);
    return reply();
  };
  return {
    socket,
    write: (octets) => void socket.write(octets),
    reply,
    ask,
    async send({ from, to, raw }) {
      for (const command of [`MAIL FROM:<${from}>`, ...to.map((recipient) => `RCPT TO:<${recipient}>`), "DATA"]) {
        const answer = await ask(command);
        if (!/^[23]/.test(answer)) return answer;
      }
      socket.write(stuffed(raw));
      return reply();
    },
    close: () => void socket.destroy(),
  };
}

/** Dots doubled at the beginning of lines, and the end of data (RFC 5321 §4.5.2). */
function stuffed(raw: Uint8Array): Buffer {
  const text = Buffer.from(raw).toString("latin1").replace(/^\./gm, "..");
  return Buffer.from(`${text}${text.endsWith("\r\n") ? "" : "\r\n"}.\r\n`, "latin1");
}

export const sesIdOf = (reply: string): string | undefined => /^250 OK ([0-9a-z]{40})/.exec(reply)?.[1];
