import { createServer, type Socket } from "node:net";

/** A next hop that takes everything and notes what it took: the mail that leaves. */
export interface Relay {
  readonly port: number;
  /** By Message-ID, each time that it answered 250 for it or would have, had the sender still been there. */
  readonly taken: ReadonlyMap<string, number>;
  close(): void;
}

/** Speaks as much of SMTP as a client needs; no library, so that nothing is tested by itself. */
export async function startRelay(): Promise<Relay> {
  const taken = new Map<string, number>();
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket)).on("error", () => undefined);
    socket.setEncoding("latin1").write("220 relay.example ready\r\n");
    let buffered = "";
    let inData = false;
    socket.on("data", (text: string) => {
      buffered += text;
      for (;;) {
        const end = buffered.indexOf(inData ? "\r\n.\r\n" : "\r\n");
        if (end === -1) return;
        const part = buffered.slice(0, end);
        buffered = buffered.slice(end + (inData ? 5 : 2));
        if (inData) {
          const head = part.slice(0, part.indexOf("\r\n\r\n"));
          const id = /^message-id:\s*<([^<>\s]+)>/im.exec(head)?.[1] ?? "none";
          // A bounce's row has its id as SES writes it in an event: without the domain that SES itself adds.
          const name = id.replace(/@email\.amazonses\.com$/, "");
          taken.set(name, (taken.get(name) ?? 0) + 1);
          inData = false;
          socket.write("250 2.0.0 taken\r\n");
        } else {
          const verb = part.slice(0, 4).toUpperCase();
          inData = verb === "DATA";
          if (verb === "QUIT") socket.end("221 bye\r\n");
          else socket.write(inData ? "354 go on\r\n" : "250 fine\r\n");
        }
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: address !== null && typeof address === "object" ? address.port : 0,
    taken,
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
