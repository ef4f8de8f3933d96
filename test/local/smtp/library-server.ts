import type { AddressInfo, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { SMTPServer, type SMTPServerAddress, type SMTPServerDataStream, type SMTPServerSession } from "smtp-server";
import { SMTPConnection, type SMTPConnectionOptions } from "smtp-server/lib/smtp-connection.js";
import { SMTPStream } from "smtp-server/lib/smtp-stream.js";
import { createDotDecoder } from "../../../local/smtp/dot-decoder.ts";
import { parsePathCommand } from "../../../local/smtp/path-command.ts";
import type { Client, Transaction } from "../../../local/smtp/reception.ts";
import { engineReplies } from "../../../local/smtp/reply-lines.ts";
import { type Smtp, SmtpListenError, type SmtpOptions, type SmtpTimes } from "../../../local/smtp/server.ts";
import { replies, type SmtpReply } from "../../../shared/receipt/replies.ts";

const defaultTimes: SmtpTimes = {
  commandMs: 300_000,
  commandUnderStressMs: 30_000,
  dataMs: 180_000,
  dataBytesPerSecond: 1_000,
  unproductiveMs: 1_800_000,
};
const sweepEveryMs = 5_000;

/**
 * The reference: the endpoint as it was before decision 015, with `smtp-server` speaking the protocol, bent where SES or
 * RFC 5321 is stricter: replies, paths, dots, parameters, time. like-the-library.test.ts holds ours against it.
 *
 * @throws {SmtpListenError | CertificateError}
 */
export async function startLibrarySmtp(options: SmtpOptions): Promise<Smtp> {
  const { listen, limits, reception, log } = options;
  const server = new Endpoint(options, await options.certificate.load());
  server.on("error", (error) => {
    // One client's trouble: a reset, a failed handshake.
    log.info("smtp connection failed", { error: error.message });
  });
  // Beyond the limit a client gets its 421; beyond this, when even those pile up, the socket is closed at once.
  server.server.maxConnections = 2 * limits.connections + 10;
  await new Promise<void>((resolve, reject) => {
    const failed = (cause: NodeJS.ErrnoException) => reject(new SmtpListenError(listen, cause));
    server.server.once("error", failed);
    server.listen(listen.port, listen.host, () => {
      server.server.off("error", failed);
      resolve();
    });
  });

  const sweep = async () => {
    server.closeSlow();
    try {
      const renewed = await options.certificate.reload();
      if (!renewed) return;
      server.updateSecureContext(renewed);
      log.info("tls certificate reloaded");
    } catch (error) {
      log.error("tls certificate not reloaded, the old one stays", { error: (error as Error).message });
    }
  };
  const sweeping = setInterval(() => void sweep(), sweepEveryMs);
  sweeping.unref();

  const { address: host, port } = server.server.address() as AddressInfo;
  return {
    address: { host, port },
    connections: () => server.connections.size,
    sweep,
    async close({ drainMs }) {
      clearInterval(sweeping);
      await server.drain(drainMs);
      await reception.settled();
    },
  };
}

class Endpoint extends SMTPServer {
  readonly settings: SmtpOptions;
  readonly times: SmtpTimes;
  // The library's handlers are told the session only.
  readonly bySession = new WeakMap<SMTPServerSession, Connection>();

  constructor(settings: SmtpOptions, tls: { readonly key: string; readonly cert: string }) {
    super({
      ...tls,
      name: `inbound-smtp.${settings.region}.amazonaws.com`,
      heloResponse: "%s",
      size: settings.limits.messageBytes,
      hideSMTPUTF8: true,
      hideDSN: true,
      hideREQUIRETLS: true,
      // SES's texts carry their enhanced status themselves, and not all of them have one.
      hideENHANCEDSTATUSCODES: true,
      disabledCommands: ["AUTH", "XCLIENT", "XFORWARD", "WIZ", "SHELL", "KILL"],
      disableReverseLookup: true,
      socketTimeout: settings.times?.commandMs ?? defaultTimes.commandMs,
      maxCommandLength: 4_096,
      logger: false,
    });
    this.settings = settings;
    this.times = { ...defaultTimes, ...settings.times };
  }

  override connect(socket: Socket | TLSSocket, socketOptions?: SMTPConnectionOptions | null): void {
    const connection = new Connection(this, socket, socketOptions);
    this.bySession.set(connection.session, connection);
    this.connections.add(connection);
    connection.on("error", (error: Error) => this._onError(error));
    connection.init();
  }

  override onMailFrom(address: SMTPServerAddress, session: SMTPServerSession, answer: (error?: Error) => void): void {
    const connection = this.bySession.get(session);
    const size = address.args === false ? undefined : address.args["SIZE"];
    const answered = this.settings.reception.begin(connectionClient(connection), address.address, Number(size ?? 0));
    Promise.resolve(answered).then((begun) => {
      if (!("addRecipient" in begun)) {
        answer(asError(begun));
        return;
      }
      if (connection) connection.transaction = begun;
      answer();
    }, answer);
  }

  override onRcptTo(address: SMTPServerAddress, session: SMTPServerSession, answer: (error?: Error) => void): void {
    const transaction = this.bySession.get(session)?.transaction;
    if (!transaction) {
      answer(asError({ code: 503, text: "Error: need MAIL command" }));
      return;
    }
    Promise.resolve(transaction.addRecipient(address.address)).then(
      (reply) => answer(reply.code < 300 ? undefined : asError(reply)),
      answer,
    );
  }

  override onData(
    stream: SMTPServerDataStream,
    session: SMTPServerSession,
    answer: (error?: Error | null, message?: string) => void,
  ): void {
    const connection = this.bySession.get(session);
    if (!connection?.transaction) {
      answer(asError(replies.noRecipients));
      return;
    }
    connection.dataSince = this.settings.clock.now().getTime();
    connection.transaction.receive(stream).then(
      (received) => {
        connection.dataSince = undefined;
        if (received.kind === "accepted") {
          connection.productiveAt = this.settings.clock.now().getTime();
          answer(null, received.reply.text);
          return;
        }
        answer(asError(received.kind === "gone" ? replies.tryLater : received.reply));
        if (received.kind === "refused" && received.hangUp) connection.close();
      },
      (error: Error) => {
        connection.dataSince = undefined;
        answer(error);
      },
    );
  }

  /** Slow-loris: the idle time-out alone is reset by every octet. */
  closeSlow(): void {
    const { times, settings } = this;
    const now = settings.clock.now().getTime();
    const stressed = this.connections.size > 0.75 * settings.limits.connections;
    for (const connection of this.connections as Set<Connection>) {
      if (connection.isSlow(now, times, stressed ? times.commandUnderStressMs : times.commandMs)) {
        connection.dismiss(engineReplies.tooSlow, "the client was too slow");
      }
    }
  }

  async drain(drainMs: number): Promise<void> {
    this.options.closeTimeout = Math.max(1, drainMs);
    const closed = new Promise<void>((resolve) => this.close(() => resolve()));
    for (const connection of this.connections as Set<Connection>) {
      if (connection.isWaiting()) connection.say(engineReplies.shuttingDown);
    }
    await closed;
    for (const connection of this.connections) connection._socket.destroy();
  }
}

class Connection extends SMTPConnection {
  transaction: Transaction | undefined;
  /** When DATA began, while the message arrives. */
  dataSince: number | undefined;
  productiveAt: number;
  #commandAt: number;
  #endpoint: Endpoint;
  #rdns: Promise<string | undefined> | undefined;

  constructor(endpoint: Endpoint, socket: Socket | TLSSocket, options?: SMTPConnectionOptions | null) {
    super(endpoint, socket, options);
    this.#endpoint = endpoint;
    this.#commandAt = endpoint.settings.clock.now().getTime();
    this.productiveAt = this.#commandAt;
  }

  /**
   * The library waits 100 ms before its greeting to catch those who talk first; that would make every sender wait, so
   * here only what is sent before the greeting is out is "too soon".
   */
  override init(): void {
    this._setListeners(() => {
      const { limits, reverse } = this.#endpoint.settings;
      if (this.#endpoint.connections.size > limits.connections) {
        this.dismiss(engineReplies.tooManyConnections, `${limits.connections} connections are open`, "connect");
        return;
      }
      this.#rdns = reverse?.(this.remoteAddress).catch(() => undefined);
      this.connectionReady();
    });
  }

  client(): Client {
    const { tlsOptions } = this;
    return {
      ip: this.remoteAddress,
      helo: this.hostNameAppearsAs || "",
      ...(this.#rdns && { rdns: this.#rdns }),
      ...(tlsOptions && { tls: { protocol: tlsOptions.version, cipher: tlsOptions.name } }),
    };
  }

  isSlow(now: number, times: SmtpTimes, commandMs: number): boolean {
    if (this.dataSince !== undefined) {
      const parser = this._parser;
      // The message is complete: the client waits for us.
      if (parser === false || !parser._dataMode) return false;
      return now - this.dataSince > times.dataMs + (1_000 * parser.dataBytes) / times.dataBytesPerSecond;
    }
    if (this._handlerPending) return false;
    return now - this.#commandAt > commandMs || now - this.productiveAt > times.unproductiveMs;
  }

  /** Whether the client has nothing under way that it would lose. */
  isWaiting(): boolean {
    return this.dataSince === undefined && !this._handlerPending;
  }

  /** Ends the session with a 421 that is kept in the refusal log. */
  dismiss(reply: SmtpReply, reason: string, stage?: "connect"): void {
    const from = this.session.envelope?.mailFrom;
    const at = stage ?? (this.dataSince !== undefined ? "DATA" : this.transaction ? "RCPT" : from ? "MAIL" : "connect");
    void this.#endpoint.settings.reception.refuse(this.client(), {
      stage: at,
      ...(from && { from: from.address }),
      reply,
      reason,
    });
    this.say(reply);
    if (this._upgrading) this._socket.destroy();
  }

  say({ code, status, text }: SmtpReply): void {
    super.send(code, status === undefined ? text : `${status} ${text}`, false);
  }

  /** The library's own texts in SES's words. */
  override send(code: number, data?: string | string[] | null, context?: string | false): void {
    switch (context) {
      case "MAIL_FROM_OK":
      case "RCPT_TO_OK":
        this.say(replies.ok);
        break;
      case "SENDER_SYNTAX_ERROR":
        this.#refuse("MAIL", replies.badSenderSyntax, "the command holds no <path>");
        this.say(replies.badSenderSyntax);
        break;
      case "MAILBOX_SYNTAX_ERROR":
        this.#refuse("RCPT", replies.badRecipientSyntax, "the command holds no <path>");
        this.say(replies.badRecipientSyntax);
        break;
      default:
        super.send(code, data, context);
    }
  }

  #refuse(stage: "MAIL" | "RCPT", reply: SmtpReply, reason: string): void {
    void this.#endpoint.settings.reception.refuse(this.client(), { stage, reply, reason });
  }

  override _onCommand(command: Buffer, done?: () => void): void {
    this.#commandAt = this.#endpoint.settings.clock.now().getTime();
    super._onCommand(command, done);
  }

  /** RSET, EHLO, STARTTLS and the end of a message all end the transaction. */
  override _resetSession(): void {
    super._resetSession();
    this.transaction = undefined;
  }

  /** The library's reading of paths loses quotes, A-labels and long VERP senders; what an address is, reception decides. */
  override _parseAddressCommand(name: string, command: Buffer | string) {
    const parsed = parsePathCommand(name.toUpperCase() === "MAIL FROM" ? "MAIL FROM" : "RCPT TO", command.toString());
    if (!parsed) return false as const;
    const args: Record<string, string | true> = {};
    let duplicate: string | undefined;
    for (const { keyword, value } of parsed.parameters) {
      if (keyword in args) duplicate = keyword;
      args[keyword] = value === "" ? true : value;
    }
    return { address: parsed.path, args, ...(duplicate !== undefined && { duplicate }) };
  }

  /** RFC 5321 §4.1.1.11: a parameter that was not offered is 555, not ignored. */
  override _rejectInvalidParams(parsed: SMTPServerAddress, keys: string[], done: () => void): boolean {
    const offered = keys.includes("SIZE") ? ["SIZE", "BODY"] : [];
    const given = parsed.args === false ? [] : Object.keys(parsed.args);
    const unknown = given.find((keyword) => !offered.includes(keyword));
    if (unknown !== undefined) {
      const stage = offered.length > 0 ? "MAIL" : "RCPT";
      this.#refuse(stage, engineReplies.unknownParameter, `parameter ${unknown.slice(0, 40)} was not offered`);
      this.say(engineReplies.unknownParameter);
      done();
      return true;
    }
    return super._rejectInvalidParams(parsed, keys, done);
  }

  /** Syntax only: whether the size is too large, reception says, and logs it (RFC 1870 §6.1). */
  override _validateMailParams({ args }: SMTPServerAddress) {
    if (args === false) return null;
    const bad = (reply: SmtpReply) => {
      this.#refuse("MAIL", reply, "a parameter of MAIL has a value that it cannot have");
      return { code: reply.code, message: `${reply.status} ${reply.text}`, enhancedCode: null };
    };
    const { SIZE: size, BODY: body } = args;
    if (size !== undefined && !(typeof size === "string" && /^[0-9]{1,20}$/.test(size)))
      return bad(engineReplies.badSize);
    // RFC 6152 §2.
    if (body !== undefined && !(typeof body === "string" && /^(?:7BIT|8BITMIME)$/i.test(body))) {
      return bad(engineReplies.badBody);
    }
    return null;
  }

  /** Called by the library's constructor, before this class's own fields exist. */
  override _createParser(): SMTPStream {
    const parser = new Parser({ maxCommandLength: this._server.options.maxCommandLength });
    parser.oncommand = (command, done) => this._onCommand(command, done);
    parser.on("error", (error) => super.send(421, `Error: ${error.message}`));
    return parser;
  }
}

/** The library removes dots behind bare LFs, and only those that are doubled; see `createDotDecoder` for the rule. */
class Parser extends SMTPStream {
  #decode = createDotDecoder();

  override startDataMode(maxBytes?: number | string | null): SMTPServerDataStream {
    this.#decode = createDotDecoder();
    return super.startDataMode(maxBytes);
  }

  override _feedDataStream(chunk: Buffer, done: (error?: Error | null) => void): void {
    const stream = this._dataStream;
    const { octets, rest } = this.#decode(chunk);
    this._countDataBytes(octets.length);
    if (rest) {
      this._endDataMode(octets.length > 0 && octets, rest, done);
      return;
    }
    if (octets.length === 0 || !stream?.writable || stream.write(octets)) {
      done();
      return;
    }
    // Backpressure: nothing more is read from the socket until the spool has taken this. A destroyed stream only closes.
    const go = () => {
      stream.off("drain", go);
      stream.off("close", go);
      done();
    };
    stream.on("drain", go);
    stream.on("close", go);
  }
}

function connectionClient(connection: Connection | undefined): Client {
  return connection?.client() ?? { ip: "", helo: "" };
}

/** How the library wants to be told a reply. */
function asError({ code, status, text }: SmtpReply): Error {
  return Object.assign(new Error(status === undefined ? text : `${status} ${text}`), { responseCode: code });
}
