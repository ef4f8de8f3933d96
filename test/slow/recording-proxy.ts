import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** One message as it crossed the wire. */
export interface Recorded {
  readonly from: string;
  readonly to: readonly string[];
  /** The octets between DATA and the final dot, unstuffed: what the sender meant. */
  readonly octets: Buffer;
  /** Reply to the final dot. */
  readonly reply: string;
}

export interface RecordingProxy {
  readonly port: number;
  readonly recorded: readonly Recorded[];
  close(): Promise<void>;
}

/** Sits between client and server, changes nothing, and writes down each message with the reply that it got. */
export async function startRecordingProxy(target: { host: string; port: number }): Promise<RecordingProxy> {
  const recorded: Recorded[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target.port, target.host);
    const session = createSession((message) => recorded.push(message));
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      // A reset of one side ends the other.
      socket
        .on("error", () => undefined)
        .on("close", () => {
          sockets.delete(socket);
          client.destroy();
          upstream.destroy();
        });
    }
    client.on("data", (chunk: Buffer) => {
      session.fromClient(chunk);
      upstream.write(chunk);
    });
    upstream.on("data", (chunk: Buffer) => {
      session.fromServer(chunk);
      client.write(chunk);
    });
    client.on("end", () => upstream.end());
    upstream.on("end", () => client.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    recorded,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Follows one connection: commands until 354, then octets until the line with a single dot, then its reply. */
function createSession(onMessage: (message: Recorded) => void) {
  let phase: "commands" | "data" | "reply" = "commands";
  let fromClient = "";
  let fromServer = "";
  let envelope: { from: string; to: string[] } = { from: "", to: [] };
  let sent: string | undefined;
  // Recipients whose RCPT the server has not answered yet, with everything else that awaits a reply, in order.
  let asked: string[] = [];

  const readData = () => {
    // The end may be the very first line: an empty message.
    const end = fromClient.startsWith(".\r\n") ? 0 : fromClient.indexOf("\r\n.\r\n") + 2;
    if (end === 1) return;
    sent = fromClient.slice(0, end).replace(/(^|\r\n)\./g, "$1");
    fromClient = fromClient.slice(end + 3);
    phase = "reply";
  };

  return {
    fromClient(chunk: Buffer) {
      // latin1 keeps every octet as one character.
      fromClient += chunk.toString("latin1");
      if (phase === "data") readData();
      if (phase === "data") return;
      for (let at = fromClient.indexOf("\r\n"); at !== -1; at = fromClient.indexOf("\r\n")) {
        asked.push(fromClient.slice(0, at));
        fromClient = fromClient.slice(at + 2);
      }
    },
    fromServer(chunk: Buffer) {
      fromServer += chunk.toString("latin1");
      for (let at = fromServer.indexOf("\r\n"); at !== -1; at = fromServer.indexOf("\r\n")) {
        const line = fromServer.slice(0, at);
        fromServer = fromServer.slice(at + 2);
        if (line[3] === "-") continue;
        if (phase === "reply") {
          onMessage({ ...envelope, octets: Buffer.from(sent ?? "", "latin1"), reply: line });
          envelope = { from: "", to: [] };
          phase = "commands";
          continue;
        }
        // The greeting answers nothing.
        if (line.startsWith("220") && asked.length === 0) continue;
        const command = asked.shift() ?? "";
        const path = /<([^>]*)>/.exec(command)?.[1] ?? "";
        if (/^mail from/i.test(command)) envelope = { from: path, to: [] };
        if (/^rcpt to/i.test(command) && line.startsWith("250")) envelope.to.push(path);
        if (line.startsWith("354")) {
          asked = [];
          phase = "data";
        }
      }
    },
  };
}
