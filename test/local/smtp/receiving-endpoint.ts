import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ownCertificate } from "../../../local/smtp/certificate.ts";
import {
  createReception,
  type Receiving,
  type Reception,
  type ReceptionOptions,
} from "../../../local/smtp/reception.ts";
import type { KeyAndCertificate } from "../../../local/smtp/self-signed-certificate.ts";
import { type Smtp, type SmtpOptions, startSmtp } from "../../../local/smtp/server.ts";
import type { AcceptedMessage, RawInput, Refusal } from "../../../local/store/engine-store.ts";
import type { ReceiptRule } from "../../../shared/receipt/model.ts";

/** A rule that takes what `recipients` say and does nothing with it. */
export function rule(name: string, recipients: readonly string[], rest: Partial<ReceiptRule> = {}): ReceiptRule {
  return { name, enabled: true, tlsPolicy: "Optional", scanEnabled: true, recipients, actions: [], ...rest };
}

export interface Endpoint {
  readonly smtp: Smtp;
  readonly reception: Reception;
  readonly folder: string;
  readonly accepted: { readonly message: AcceptedMessage; readonly raw: RawInput }[];
  readonly refusals: Refusal[];
  /** Set to make the next sweep find a new certificate. */
  readonly certificate: { renewed: KeyAndCertificate | undefined };
  /** What the store, disk and configuration answer; may be changed at any time. */
  readonly world: {
    receiving: Receiving;
    unended: number;
    freeDiskBytes: number;
    now: Date;
    /** Runs before the store keeps a message: throws to fail, waits to be slow. */
    beforeAccept: () => Promise<void>;
    onAccepted: () => void;
  };
  stop(): Promise<void>;
}

/** The real server on a free port, with a store that keeps everything in arrays: the real one has its own tests. */
export async function startEndpoint(
  receiving: Partial<Receiving>,
  options: {
    limits?: Partial<ReceptionOptions["limits"] & SmtpOptions["limits"]>;
    times?: SmtpOptions["times"];
    reverse?: SmtpOptions["reverse"];
    /** Whose protocol. Default: ours. */
    server?: typeof startSmtp;
  } = {},
): Promise<Endpoint> {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-smtp-"));
  const accepted: Endpoint["accepted"] = [];
  const refusals: Refusal[] = [];
  const world: Endpoint["world"] = {
    receiving: {
      ruleSet: { name: "mailweir", rules: [rule("all", [])] },
      verifiedDomains: ["shop.example"],
      ipFilters: [],
      ...receiving,
    },
    unended: 0,
    freeDiskBytes: 1e12,
    now: new Date("2026-08-04T09:15:02Z"),
    beforeAccept: async () => undefined,
    onAccepted: () => undefined,
  };
  let drawn = 0;
  const clock = { now: () => world.now };
  const random = {
    bytes: (count: number) => {
      drawn += 1;
      return new Uint8Array(count).fill(drawn % 256);
    },
  };
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const limits = {
    messageBytes: 41_943_040,
    connections: 50,
    unfinished: 1_000,
    freeDiskBytes: 1e6,
    recipients: 100,
    ...options.limits,
  };
  const reception = createReception({
    store: {
      accept: async (message, raw) => {
        await world.beforeAccept();
        // The octets are lent until this ends.
        accepted.push({ message, raw: raw.kind === "inline" ? { ...raw, bytes: Buffer.from(raw.bytes) } : raw });
      },
      refuse: async (refusal) => void refusals.push(refusal),
      snapshotRuleSet: async (ruleSet) => `snapshot of ${ruleSet?.name}`,
      countUnended: async () => world.unended,
    },
    receiving: async () => world.receiving,
    limits,
    clock,
    random,
    spoolFolder: folder,
    freeDiskBytes: async () => world.freeDiskBytes,
    onAccepted: () => world.onAccepted(),
    log,
  });
  const own = ownCertificate(folder, { names: ["localhost"], now: clock.now, random: random.bytes });
  const certificate: Endpoint["certificate"] = { renewed: undefined };
  const smtp = await (options.server ?? startSmtp)({
    listen: { host: "127.0.0.1", port: 0 },
    region: "us-east-1",
    limits,
    reception,
    certificate: { load: own.load, reload: async () => certificate.renewed },
    clock,
    log,
    ...(options.times && { times: options.times }),
    ...(options.reverse && { reverse: options.reverse }),
  });
  return {
    ...{ smtp, certificate, reception, folder, accepted, refusals, world },
    async stop() {
      await smtp.close({ drainMs: 1 });
      await rm(folder, { recursive: true });
    },
  };
}

export interface Dialogue {
  readonly socket: Socket;
  /** Sends as it is and reads one reply, its lines joined by "\n". */
  say(octets: string | Uint8Array): Promise<string>;
  write(octets: string | Uint8Array): Promise<void>;
  /** The next reply. Rejects when the connection ends first. */
  reply(): Promise<string>;
  ended: Promise<void>;
}

/** A client that sends exactly the octets it is told to; `localAddress`: from another loopback address. */
export async function dial({ address }: Pick<Smtp, "address">, localAddress?: string): Promise<Dialogue> {
  const socket = connect({ ...address, ...(localAddress !== undefined && { localAddress }) });
  let buffered = "";
  const waiting: { resolve: (reply: string) => void; reject: (error: Error) => void }[] = [];
  const deliver = () => {
    while (waiting.length > 0) {
      const found = /^(?:\d{3}-[^\r\n]*\r\n)*\d{3}(?: [^\r\n]*)?\r\n/.exec(buffered);
      if (!found) return;
      buffered = buffered.slice(found[0].length);
      waiting.shift()?.resolve(found[0].trimEnd().replace(/\r\n/g, "\n"));
    }
  };
  socket.on("data", (chunk) => {
    buffered += chunk.toString("latin1");
    deliver();
  });
  socket.on("error", () => undefined);
  const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  void ended.then(() => {
    for (const { reject } of waiting.splice(0)) reject(new Error("the connection was closed"));
  });
  const reply = () =>
    new Promise<string>((resolve, reject) => {
      if (socket.destroyed) return reject(new Error("the connection was closed"));
      waiting.push({ resolve, reject });
      deliver();
    });
  const write = (octets: string | Uint8Array) => new Promise<void>((resolve) => socket.write(octets, () => resolve()));
  return {
    ...{ socket, reply, write, ended },
    async say(octets) {
      const answer = reply();
      void write(octets);
      return answer;
    },
  };
}

/** Connects, reads the greeting, says EHLO and, with `from`, MAIL. */
export async function greeted(smtp: Pick<Smtp, "address">, from?: string, localAddress?: string): Promise<Dialogue> {
  const client = await dial(smtp, localAddress);
  await client.reply();
  await client.say("EHLO mx.sender.example\r\n");
  if (from !== undefined) await client.say(`MAIL FROM:<${from}>\r\n`);
  return client;
}
