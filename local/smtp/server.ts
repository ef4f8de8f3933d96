import { type AddressInfo, createServer } from "node:net";
import { createSecureContext, type SecureContext } from "node:tls";
import type { LocalLimits } from "../../shared/config/types.ts";
import { MailweirError } from "../../shared/errors.ts";
import type { Clock } from "../../shared/ports.ts";
import { listenFailure } from "../listen-failure.ts";
import type { Log } from "../log.ts";
import type { CertificateSource } from "./certificate.ts";
import type { Reception } from "./reception.ts";
import { engineReplies } from "./reply-lines.ts";
import type { KeyAndCertificate } from "./self-signed-certificate.ts";
import { type Endpoint, Session } from "./session.ts";

export interface SmtpOptions {
  /** Port 0: any free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** Names the endpoint in the greeting. */
  readonly region: string;
  readonly limits: Pick<LocalLimits, "messageBytes" | "connections">;
  readonly reception: Reception;
  readonly certificate: CertificateSource;
  readonly clock: Clock;
  /** Name of a client from its address; must end by itself. Nothing waits for it. */
  readonly reverse?: (ip: string) => Promise<string | undefined>;
  readonly times?: Partial<SmtpTimes>;
  readonly log: Pick<Log, "info" | "warn" | "error">;
}

/** How long a client may take, in ms. */
export interface SmtpTimes {
  /** For one command, or without a word (RFC 5321 §4.5.3.2.7: at least five minutes). */
  readonly commandMs: number;
  /** The same while more than three quarters of the connections are taken. */
  readonly commandUnderStressMs: number;
  /** For the data, beside the time that they take at `dataBytesPerSecond`. */
  readonly dataMs: number;
  readonly dataBytesPerSecond: number;
  /** Since connecting or the last accepted message. */
  readonly unproductiveMs: number;
}

const defaultTimes: SmtpTimes = {
  commandMs: 300_000,
  commandUnderStressMs: 30_000,
  dataMs: 180_000,
  dataBytesPerSecond: 1_000,
  unproductiveMs: 1_800_000,
};
const sweepEveryMs = 5_000;

export interface Smtp {
  readonly address: { readonly host: string; readonly port: number };
  /** Open connections. */
  connections(): number;
  /** Closes the connections that are too slow, and takes a renewed certificate. Runs every five seconds by itself. */
  sweep(): Promise<void>;
  /**
   * Takes no new connection, says 421 to those that send nothing, lets messages under way end for `drainMs`, then closes.
   * Resolves when no message is on its way into the store.
   */
  close(options: { readonly drainMs: number }): Promise<void>;
}

export class SmtpListenError extends MailweirError {
  readonly code = "ERR_SMTP_LISTEN";
  readonly retryable = false;
  constructor({ host, port }: SmtpOptions["listen"], cause: NodeJS.ErrnoException) {
    super(`Cannot receive mail on ${host}:${port}: ${listenFailure(cause, "--smtp")}`, { cause });
  }
}

/**
 * SES's receiving endpoint: `Session` speaks the protocol with one client, `reception` decides; here is what concerns all
 * clients together.
 *
 * @throws {SmtpListenError | CertificateError}
 */
export async function startSmtp(options: SmtpOptions): Promise<Smtp> {
  const { listen, limits, reception, log, clock } = options;
  const times = { ...defaultTimes, ...options.times };
  const open = new Set<Session>();
  const leaving = new Set<Session>();
  let secureContext = secure(await options.certificate.load());
  let closing = false;
  const server = createServer({ noDelay: true }, (socket) => {
    new Session(endpoint, socket).start();
  });
  const endpoint: Endpoint = {
    name: `inbound-smtp.${options.region}.amazonaws.com`,
    ...{ limits, reception, clock, log, open, leaving, server },
    ...(options.reverse && { reverse: options.reverse }),
    secureContext: () => secureContext,
    isClosing: () => closing,
  };
  // Beyond the limit a client gets its 421; beyond this, when even those pile up, the socket is closed at once.
  server.maxConnections = 2 * limits.connections + 10;
  await new Promise<void>((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException) => reject(new SmtpListenError(listen, cause));
    server.once("error", failed);
    server.listen(listen.port, listen.host, () => {
      server.off("error", failed);
      resolve();
    });
  });
  server.on("error", (error) => log.error("smtp server failed", { error: error.message }));

  const sweep = async () => {
    const now = clock.now().getTime();
    const stressed = open.size > 0.75 * limits.connections;
    for (const session of open) {
      if (session.isSlow(now, times, stressed ? times.commandUnderStressMs : times.commandMs)) {
        session.dismiss(engineReplies.tooSlow, "the client was too slow");
      }
    }
    try {
      const renewed = await options.certificate.reload();
      if (!renewed) return;
      secureContext = secure(renewed);
      log.info("tls certificate reloaded");
    } catch (error) {
      log.error("tls certificate not reloaded, the old one stays", { error: (error as Error).message });
    }
  };
  const sweeping = setInterval(() => void sweep(), sweepEveryMs);
  sweeping.unref();

  const { address: host, port } = server.address() as AddressInfo;
  return {
    address: { host, port },
    connections: () => open.size,
    sweep,
    async close({ drainMs }) {
      clearInterval(sweeping);
      closing = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of open) if (session.isWaiting()) session.say(engineReplies.shuttingDown);
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, drainMs);
      timer.unref();
      await Promise.race([closed, late.promise]);
      clearTimeout(timer);
      for (const session of open) session.say(engineReplies.shuttingDown);
      for (const session of leaving) session.destroy();
      await reception.settled();
    },
  };
}

function secure({ key, cert }: KeyAndCertificate): SecureContext {
  // Old senders speak old versions; what is too old, OpenSSL refuses by itself.
  return createSecureContext({ key, cert, honorCipherOrder: true, minVersion: "TLSv1", sessionIdContext: "mailweir" });
}
