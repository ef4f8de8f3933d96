import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { onTestFinished } from "vitest";

export interface Taken {
  readonly from: string;
  readonly to: readonly string[];
  readonly raw: string;
  readonly secure: boolean;
  readonly user: string | undefined;
}

export interface Relay {
  readonly port: number;
  readonly taken: Taken[];
  /** Answers to RCPT by address and to the end of DATA: a reply such as `450 4.2.2 Mailbox busy`. Empty: 250. */
  readonly replies: Record<string, string> & { data?: string; mail?: string };
  /** Runs before the end of DATA is answered. */
  beforeReply: () => Promise<void>;
  close(): Promise<void>;
}

/** A real SMTP server on a free port of this machine; closed with the test. */
export async function startRelay(options: SMTPServerOptions = {}, port = 0): Promise<Relay> {
  const refusal = (reply: string | undefined) => {
    if (reply === undefined) return undefined;
    return Object.assign(new Error(reply.slice(4)), { responseCode: Number(reply.slice(0, 3)) });
  };
  const relay = { taken: [] as Taken[], replies: {} as Relay["replies"], beforeReply: async () => undefined } as {
    -readonly [Key in keyof Relay]: Relay[Key];
  };
  const server = new SMTPServer({
    disabledCommands: ["STARTTLS", "AUTH"],
    authOptional: true,
    logger: false,
    onMailFrom: (_address, _session, done) => done(refusal(relay.replies.mail)),
    onRcptTo: ({ address }, _session, done) => done(refusal(relay.replies[address])),
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        void relay.beforeReply().then(() => {
          const refused = refusal(relay.replies.data);
          if (!refused) {
            relay.taken.push({
              from: session.envelope.mailFrom ? session.envelope.mailFrom.address : "",
              to: session.envelope.rcptTo.map(({ address }) => address),
              raw: Buffer.concat(chunks).toString("latin1"),
              secure: session.secure,
              user: session.user === undefined ? undefined : String(session.user),
            });
          }
          done(refused);
        });
      });
    },
    ...options,
  });
  // A client that a test kills resets its connection.
  server.on("error", () => undefined);
  server.listen(port, "127.0.0.1");
  await once(server.server, "listening");
  relay.port = (server.server.address() as AddressInfo).port;
  let closed: Promise<void> | undefined;
  relay.close = () => {
    closed ??= new Promise((resolve) => server.close(resolve));
    return closed;
  };
  onTestFinished(() => relay.close());
  return relay;
}
