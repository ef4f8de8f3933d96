import type { Server, Socket } from "node:net";
import { type SecureContext, TLSSocket } from "node:tls";
import type { LocalLimits } from "../../shared/config/types.ts";
import type { Clock } from "../../shared/ports.ts";
import { formatReply, replies, type SmtpReply } from "../../shared/receipt/replies.ts";
import type { Log } from "../log.ts";
import { createDotDecoder } from "./dot-decoder.ts";
import { parsePathCommand } from "./path-command.ts";
import {
  type Arrival,
  type Client,
  namedRecipients,
  type Received,
  type Reception,
  type Soon,
  type Transaction,
} from "./reception.ts";
import { engineReplies, protocolReplies } from "./reply-lines.ts";
import type { SmtpTimes } from "./server.ts";
import { shareReads, unshareReads } from "./shared-reads.ts";

/** What the sessions of one endpoint share. */
export interface Endpoint {
  /** Its name in the greeting. */
  readonly name: string;
  readonly limits: Pick<LocalLimits, "messageBytes" | "connections">;
  readonly reception: Reception;
  readonly clock: Clock;
  readonly reverse?: (ip: string) => Promise<string | undefined>;
  readonly log: Pick<Log, "info">;
  readonly server: Server;
  /** Sessions that count against the limit. */
  readonly open: Set<Session>;
  /** Ended by us, and their clients have not closed yet. */
  readonly leaving: Set<Session>;
  secureContext(): SecureContext;
  /** No further command is taken. */
  isClosing(): boolean;
}

// RFC 5321 §4.5.3.1.4 asks for 512 octets; parameters and long paths need more.
const maxLineOctets = 4_096;
// RFC 5321 §4.5.3.1.2: a domain has 255 octets at most.
const maxHeloCharacters = 300;
const maxUnknownCommands = 10;
// Before others get their turn: a packet may hold thousands of commands.
const maxCommandsAtOnce = 100;
// From our end of the connection to its client's; nothing that the client sends makes it longer.
const leaveWithinMs = 5_000;
const lf = 0x0a;
const cr = 0x0d;
const nothing = Buffer.alloc(0);
const control = /[\x00-\x1f\x7f-\x9f]/;
const httpRequest = /^(?:OPTIONS|GET|HEAD|POST|PUT|DELETE|TRACE|CONNECT) \/.* HTTP\/\d\.\d$/i;
// How connections end that nobody has to know about.
const usualEnds = new Set(["ECONNRESET", "EPIPE", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH"]);

/**
 * One client's connection (RFC 5321): octets to commands and data, answers of `reception` to replies. Commands run one
 * after the other; while one is waited for, nothing is read. Replies to pipelined commands leave together (RFC 2920 §3.2).
 */
export class Session {
  readonly #endpoint: Endpoint;
  readonly #ip: string;
  #socket: Socket;
  #rdns: Promise<string | undefined> | undefined;
  #tls: Client["tls"];
  #phase: "connecting" | "talking" | "handshake" | "over" = "connecting";

  /** Read, and not yet looked at, from `#at` on. */
  #input: Buffer = nothing;
  #at = 0;
  /** Read behind `#input`. */
  #held: Buffer[] = [];
  /** The beginning of a line whose end is still to come. */
  #line: Buffer = nothing;
  /** Something is under way that decides how to go on. */
  #busy = false;
  /** What is read lies in a buffer that is others' as soon as we return. */
  #sharesReads = false;
  #output = "";

  #helo: string | undefined;
  /** What `#client` answered, until the client says something else about itself. */
  #known: Client | undefined;
  #transaction: Transaction | undefined;
  #from: string | undefined;
  #arrival: Arrival | undefined;
  #decode = createDotDecoder();
  /** The end of data was seen: the client waits for us. */
  #complete = false;
  #unknownCommands = 0;

  #commandAt: number;
  #productiveAt: number;
  #dataAt = 0;
  /** As the last sweep saw them, and since when they have not changed. */
  #seenBytes = -1;
  #seenAt = 0;
  #leaving: NodeJS.Timeout | undefined;

  constructor(endpoint: Endpoint, socket: Socket) {
    this.#endpoint = endpoint;
    this.#socket = socket;
    this.#ip = (socket.remoteAddress ?? "").replace(/^::ffff:/i, "").toLowerCase();
    this.#commandAt = endpoint.clock.now().getTime();
    this.#productiveAt = this.#commandAt;
  }

  start(): void {
    const { open, limits, reverse, name } = this.#endpoint;
    open.add(this);
    const shared = shareReads(this.#socket, (chunk) => this.#take(chunk));
    this.#listen(this.#socket, shared);
    if (open.size > limits.connections) {
      this.dismiss(engineReplies.tooManyConnections, `${limits.connections} connections are open`, "connect");
      return;
    }
    this.#rdns = reverse?.(this.#ip).catch(() => undefined);
    this.#known = undefined;
    // What is sent before the greeting is "too soon" (RFC 5321 §4.3.1): the event loop comes round once, so that it is read
    // by then, and nobody waits any longer for those who talk first.
    setImmediate(() =>
      setImmediate(() => {
        if (this.#phase !== "connecting") return;
        this.#phase = "talking";
        this.#say(`220 ${name} ESMTP`);
        this.#flush();
      }),
    );
  }

  /** Slow-loris: no octet that a client sends makes these times longer. */
  isSlow(now: number, times: SmtpTimes, commandMs: number): boolean {
    if (this.#arrival) {
      if (this.#complete) return false;
      const { sizeBytes } = this.#arrival;
      if (sizeBytes !== this.#seenBytes) {
        this.#seenBytes = sizeBytes;
        this.#seenAt = now;
      }
      if (now - this.#seenAt > times.commandMs) return true;
      return now - this.#dataAt > times.dataMs + (1_000 * sizeBytes) / times.dataBytesPerSecond;
    }
    if (this.#busy) return false;
    return now - this.#commandAt > commandMs || now - this.#productiveAt > times.unproductiveMs;
  }

  /** Whether the client has nothing under way that it would lose. */
  isWaiting(): boolean {
    return this.#arrival === undefined && !this.#busy;
  }

  /** Ends the session with a 421 that is kept in the refusal log. */
  dismiss(reply: SmtpReply, reason: string, stage?: "connect"): void {
    const from = this.#from;
    const at = stage ?? (this.#arrival ? "DATA" : this.#transaction ? "RCPT" : "connect");
    this.#refuse(at, reply, reason, from, at === "DATA" ? this.#transaction?.recipients : undefined);
    this.say(reply);
  }

  /** Says it now; 421 ends the session. */
  say(reply: SmtpReply): void {
    this.#reply(reply);
    this.#flush();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #listen(socket: Socket, sharesReads = false): void {
    this.#sharesReads = sharesReads;
    if (sharesReads) socket.resume();
    else socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("error", (error: NodeJS.ErrnoException) => this.#failed(error));
    socket.on("close", () => this.#closed());
  }

  #take(chunk: Buffer): void {
    if (this.#phase === "over") return;
    if (this.#phase === "connecting") {
      this.#reply({ code: 421, text: `${this.#endpoint.name} You talk too soon` });
      this.#flush();
      return;
    }
    if (this.#busy) {
      this.#held.push(this.#sharesReads ? Buffer.from(chunk) : chunk);
      this.#socket.pause();
      return;
    }
    this.#input = chunk;
    this.#at = 0;
    this.#run();
  }

  /** Goes on until the input is used up, or somebody has to be waited for. */
  #run(): void {
    let commands = 0;
    while (!this.#busy && this.#phase === "talking") {
      if (this.#at === this.#input.length) {
        const next = this.#held.shift();
        if (!next) break;
        this.#input = next;
        this.#at = 0;
      }
      if (this.#arrival) {
        this.#feed(this.#arrival);
        continue;
      }
      const line = this.#nextLine();
      if (line === undefined) continue;
      this.#commandAt = this.#endpoint.clock.now().getTime();
      this.#command(line);
      commands += 1;
      if (commands === maxCommandsAtOnce && !this.#busy) this.#pauseUntil((resume) => setImmediate(resume));
    }
    if (this.#busy) {
      // Until it goes on, others read into the same buffer.
      if (this.#sharesReads && this.#at < this.#input.length) this.#input = Buffer.from(this.#input.subarray(this.#at));
      else this.#input = this.#input.subarray(this.#at);
      this.#at = 0;
      // Whoever pipelined hears the replies so far, should this take longer.
      if (this.#output !== "") setImmediate(() => this.#flush());
      return;
    }
    this.#flush();
    if (this.#phase === "over") return;
    this.#input = nothing;
    this.#at = 0;
    if (this.#socket.writableNeedDrain) {
      // Who does not read the replies is not read from: they would pile up here.
      this.#pauseUntil((resume) => this.#socket.once("drain", resume));
      return;
    }
    if (this.#socket.isPaused()) this.#socket.resume();
  }

  #pauseUntil(wait: (resume: () => void) => void): void {
    this.#busy = true;
    wait(() => {
      this.#busy = false;
      this.#run();
    });
  }

  /** `then` runs when there is an answer, which may be at once; the input goes on behind it. */
  #await<T>(answer: Soon<T>, then: (value: T) => void): void {
    if (!(answer instanceof Promise)) {
      then(answer);
      return;
    }
    this.#busy = true;
    answer.then(
      (value) => {
        this.#busy = false;
        if (this.#phase === "talking") then(value);
        this.#run();
      },
      () => {
        // `reception` answers its failures itself; this would be a fault of ours.
        this.#busy = false;
        this.#arrival = undefined;
        this.#endTransaction();
        this.#reply(replies.tryLater);
        this.#run();
      },
    );
  }

  /** The next whole line without its end; a line may end with LF alone here, since many senders' tools do that. */
  #nextLine(): string | undefined {
    const input = this.#input;
    const from = this.#at;
    const end = input.indexOf(lf, from);
    if (end === -1) {
      this.#at = input.length;
      const part = input.subarray(from);
      // Copied: a few octets would keep the whole chunk.
      this.#line = Buffer.concat([this.#line, part]);
      if (this.#line.length > maxLineOctets) this.#lineTooLong();
      return undefined;
    }
    this.#at = end + 1;
    if (this.#line.length === 0) return this.#text(input, from, end);
    const line = Buffer.concat([this.#line, input.subarray(from, end)]);
    this.#line = nothing;
    return this.#text(line, 0, line.length);
  }

  #text(octets: Buffer, from: number, end: number): string | undefined {
    const last = end > from && octets[end - 1] === cr ? end - 1 : end;
    if (last - from <= maxLineOctets) return octets.toString("utf8", from, last);
    this.#lineTooLong();
    return undefined;
  }

  #lineTooLong(): void {
    this.#line = nothing;
    this.#reply(protocolReplies.lineTooLong);
  }

  #command(line: string): void {
    if (this.#endpoint.isClosing()) {
      this.#reply(engineReplies.shuttingDown);
      return;
    }
    const space = line.indexOf(" ");
    const verb = (space === -1 ? line : line.slice(0, space)).toUpperCase();
    switch (verb) {
      case "MAIL":
        if (this.#knowsClient()) this.#mail(line);
        return;
      case "RCPT":
        if (this.#knowsClient()) this.#rcpt(line);
        return;
      case "DATA":
        if (this.#knowsClient()) this.#data();
        return;
      case "RSET":
        this.#endTransaction();
        this.#reply(protocolReplies.reset);
        return;
      case "NOOP":
        this.#reply(protocolReplies.noop);
        return;
      case "EHLO":
      case "HELO":
        this.#hello(verb, line);
        return;
      case "QUIT":
        this.#reply(protocolReplies.bye);
        this.#leave();
        return;
      case "STARTTLS":
        this.#startTls(line);
        return;
      case "VRFY":
        this.#reply(words(line).length > 1 ? protocolReplies.unverified : protocolReplies.vrfySyntax);
        return;
      case "HELP":
        this.#reply(protocolReplies.help);
        return;
      default:
        this.#unknown(line);
    }
  }

  #knowsClient(): boolean {
    if (this.#helo !== undefined) return true;
    this.#reply(protocolReplies.helloFirst);
    return false;
  }

  #unknown(line: string): void {
    // A web page that makes a browser send to this port.
    if (httpRequest.test(line)) {
      this.#reply(protocolReplies.noHttp);
      return;
    }
    this.#unknownCommands += 1;
    this.#reply(
      this.#unknownCommands >= maxUnknownCommands ? protocolReplies.tooManyUnknown : protocolReplies.unknownCommand,
    );
  }

  #hello(verb: "EHLO" | "HELO", line: string): void {
    const [, host, ...more] = words(line);
    if (host === undefined || more.length > 0) {
      this.#reply(verb === "EHLO" ? protocolReplies.ehloSyntax : protocolReplies.heloSyntax);
      return;
    }
    if (host.length > maxHeloCharacters || control.test(host)) {
      this.#reply(protocolReplies.badHost);
      return;
    }
    this.#helo = host.toLowerCase();
    this.#known = undefined;
    // RFC 5321 §4.1.4: as RSET.
    this.#endTransaction();
    const { name, limits } = this.#endpoint;
    if (verb === "HELO") {
      this.#say(`250 ${name}`);
      return;
    }
    const startTls = this.#tls ? "" : "250-STARTTLS\r\n";
    this.#say(`250-${name}\r\n250-PIPELINING\r\n250-8BITMIME\r\n${startTls}250 SIZE ${limits.messageBytes}`);
  }

  #mail(line: string): void {
    const command = parsePathCommand("MAIL FROM", line);
    if (!command) {
      this.#refuse("MAIL", replies.badSenderSyntax, "the command holds no <path>");
      this.#reply(replies.badSenderSyntax);
      return;
    }
    let size: string | undefined;
    let body: string | undefined;
    let twice: string | undefined;
    for (const { keyword, value } of command.parameters) {
      if (keyword === "SIZE") {
        if (size !== undefined) twice = keyword;
        size = value;
      } else if (keyword === "BODY") {
        if (body !== undefined) twice = keyword;
        body = value;
      } else {
        this.#unknownParameter("MAIL", keyword);
        return;
      }
    }
    const bad =
      twice !== undefined
        ? { code: 501, text: `Error: duplicate ${twice} parameter` }
        : body === "" || size === ""
          ? { code: 501, text: `Error: ${body === "" ? "BODY" : "SIZE"} parameter requires a value` }
          : this.#from !== undefined
            ? protocolReplies.nestedMail
            : undefined;
    if (bad) {
      this.#reply(bad);
      return;
    }
    // Syntax only: whether the size is too large, reception says, and logs it (RFC 1870 §6.1).
    if (size !== undefined && !/^[0-9]{1,20}$/.test(size)) {
      this.#badValue(engineReplies.badSize);
      return;
    }
    // RFC 6152 §2.
    if (body !== undefined && !/^(?:7BIT|8BITMIME)$/i.test(body)) {
      this.#badValue(engineReplies.badBody);
      return;
    }
    const { path } = command;
    this.#await(this.#endpoint.reception.begin(this.#client(), path, Number(size ?? 0)), (begun) => {
      if (!("addRecipient" in begun)) {
        this.#reply(begun);
        return;
      }
      this.#transaction = begun;
      this.#from = path;
      this.#reply(replies.ok);
    });
  }

  #badValue(reply: SmtpReply): void {
    this.#refuse("MAIL", reply, "a parameter of MAIL has a value that it cannot have");
    this.#reply(reply);
  }

  /** RFC 5321 §4.1.1.11: a parameter that was not offered is 555, not ignored. */
  #unknownParameter(stage: "MAIL" | "RCPT", keyword: string): void {
    this.#refuse(stage, engineReplies.unknownParameter, `parameter ${keyword.slice(0, 40)} was not offered`);
    this.#reply(engineReplies.unknownParameter);
  }

  #rcpt(line: string): void {
    const command = parsePathCommand("RCPT TO", line);
    if (!command || command.path === "") {
      this.#refuse("RCPT", replies.badRecipientSyntax, "the command holds no <path>");
      this.#reply(replies.badRecipientSyntax);
      return;
    }
    const [parameter] = command.parameters;
    if (parameter) {
      this.#unknownParameter("RCPT", parameter.keyword);
      return;
    }
    if (!this.#transaction) {
      this.#reply(protocolReplies.needMail);
      return;
    }
    this.#await(this.#transaction.addRecipient(command.path), (reply) => this.#reply(reply));
  }

  #data(): void {
    if (!this.#transaction || this.#transaction.recipients.length === 0) {
      this.#reply(replies.noRecipients);
      return;
    }
    this.#arrival = this.#transaction.open();
    this.#decode = createDotDecoder();
    this.#complete = false;
    this.#dataAt = this.#commandAt;
    this.#seenBytes = -1;
    this.#reply(replies.dataStart);
  }

  #feed(arrival: Arrival): void {
    const { octets, rest } = this.#decode(this.#at === 0 ? this.#input : this.#input.subarray(this.#at));
    this.#input = rest ?? nothing;
    this.#at = 0;
    const written = octets.length > 0 ? arrival.write(octets) : undefined;
    if (rest || arrival.excessive) {
      this.#complete = true;
      this.#await(arrival.end(), (received) => this.#received(received));
    } else if (written) {
      // Nothing more is read from the socket until the spool has taken this.
      this.#await(written, () => undefined);
    }
  }

  #received(received: Received): void {
    this.#arrival = undefined;
    this.#endTransaction();
    this.#unknownCommands = 0;
    if (received.kind === "accepted") this.#productiveAt = this.#endpoint.clock.now().getTime();
    this.#reply(received.kind === "gone" ? replies.tryLater : received.reply);
    if (received.kind === "refused" && received.hangUp) this.#leave();
  }

  #endTransaction(): void {
    this.#transaction = undefined;
    this.#from = undefined;
  }

  #startTls(line: string): void {
    if (words(line).length > 1) {
      this.#reply(protocolReplies.startTlsSyntax);
      return;
    }
    if (this.#tls) {
      this.#reply(protocolReplies.tlsAlready);
      return;
    }
    this.#reply(protocolReplies.startTls);
    this.#flush();
    this.#phase = "handshake";
    // Commands that came in clear behind STARTTLS must not run under TLS (CVE-2011-0411).
    this.#input = nothing;
    this.#at = 0;
    this.#line = nothing;
    this.#held = [];
    const plain = this.#socket;
    plain.removeAllListeners("data");
    unshareReads(plain);
    plain.removeAllListeners("close");
    const { server } = this.#endpoint;
    const socket = new TLSSocket(plain, { isServer: true, server, secureContext: this.#endpoint.secureContext() });
    this.#socket = socket;
    this.#listen(socket);
    socket.on("_tlsError", (error: NodeJS.ErrnoException) => this.#failed(error));
    // Once: a TLS 1.2 client may negotiate anew at any time.
    socket.once("secure", () => {
      if (this.#phase !== "handshake") return;
      const { version, name } = socket.getCipher();
      this.#tls = { protocol: version, cipher: name };
      this.#phase = "talking";
      // RFC 3207 §4.2: what was said in clear is forgotten.
      this.#helo = undefined;
      this.#known = undefined;
      this.#endTransaction();
    });
  }

  #client(): Client {
    this.#known ??= {
      ip: this.#ip,
      helo: this.#helo ?? "",
      ...(this.#rdns && { rdns: this.#rdns }),
      ...(this.#tls && { tls: this.#tls }),
    };
    return this.#known;
  }

  #refuse(
    stage: "connect" | "MAIL" | "RCPT" | "DATA",
    reply: SmtpReply,
    reason: string,
    from?: string,
    recipients: readonly string[] = [],
  ): void {
    void this.#endpoint.reception.refuse(this.#client(), {
      stage,
      ...(from !== undefined && { from }),
      ...namedRecipients(recipients),
      reply,
      reason,
    });
  }

  #reply(reply: SmtpReply): void {
    this.#say(formatReply(reply));
    if (reply.code === 421) this.#leave();
  }

  #say(lines: string): void {
    this.#output += `${lines}\r\n`;
  }

  #flush(): void {
    if (this.#output === "") return;
    const output = this.#output;
    this.#output = "";
    // In the middle of a handshake a reply in clear would be a part of it.
    if (this.#phase !== "handshake" && this.#socket.writable) this.#socket.write(output, "latin1");
  }

  /** Nothing that comes from now on is answered; the client has a moment to close its side. */
  #leave(): void {
    if (this.#phase === "over") return;
    this.#flush();
    const socket = this.#socket;
    const inHandshake = this.#phase === "handshake";
    this.#phase = "over";
    this.#endpoint.open.delete(this);
    this.#endpoint.leaving.add(this);
    this.#abandon();
    if (inHandshake) {
      socket.destroy();
      return;
    }
    socket.end();
    // A paused socket would never learn that the client closed.
    socket.resume();
    this.#leaving = setTimeout(() => socket.destroy(), leaveWithinMs);
    this.#leaving.unref();
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (this.#from === undefined && error.code !== undefined && usualEnds.has(error.code)) return;
    this.#endpoint.log.info("smtp connection failed", { error: error.message });
  }

  #closed(): void {
    clearTimeout(this.#leaving);
    this.#phase = "over";
    this.#endpoint.open.delete(this);
    this.#endpoint.leaving.delete(this);
    this.#abandon();
  }

  #abandon(): void {
    this.#input = nothing;
    this.#at = 0;
    this.#held = [];
    // A message that is complete is kept, whether its sender hears so or not.
    if (this.#arrival && !this.#complete) {
      void this.#arrival.abort("the connection was closed before the message was complete");
    }
    this.#arrival = undefined;
  }
}

function words(line: string): string[] {
  return line.trim().split(/\s+/);
}
