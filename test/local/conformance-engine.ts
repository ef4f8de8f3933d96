import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { SESClient } from "@aws-sdk/client-ses";
import { createTransport } from "nodemailer";
import { onTestFinished } from "vitest";
import { type Engine, startEngine } from "../../local/engine.ts";
import { resourceNames } from "../../shared/config/names.ts";
import type { LocalConfig, MailConfig } from "../../shared/config/types.ts";
import type { ReceiptAction, ReceiptRule } from "../../shared/receipt/model.ts";
import type { SesLambdaEvent, SesNotification } from "../../shared/receipt/notification.ts";
import { answerWith } from "./conformance-function.ts";
import { type Dialogue, greeted } from "./smtp/receiving-endpoint.ts";
import { bytesOf, fixedClock, type TestClock, testRandom } from "./store/store-fixture.ts";

export const names = resourceNames("mailweir", "us-east-1", "000000000000");
export const topicArn = names.noticeTopicArn;
export const functionArn = "arn:aws:lambda:us-east-1:000000000000:function:classify";

/** What the world's DNS says, unless a test brings its own. Clients of these tests come from 127.0.0.0/8. */
export const zone: Record<string, unknown> = {
  "sender.example": { TXT: ["v=spf1 ip4:127.0.0.0/8 -all"] },
  "_dmarc.sender.example": { TXT: ["v=DMARC1; p=reject"] },
  "1.0.0.127.in-addr.arpa": { PTR: ["mx.sender.example"] },
};

export const actions = {
  s3: { type: "S3", bucketName: names.bucket, objectKeyPrefix: "inbound/", topicArn },
  sns: { type: "SNS", topicArn, encoding: "Base64" },
  event: { type: "Lambda", functionArn, invocationType: "Event" },
  sync: { type: "Lambda", functionArn, invocationType: "RequestResponse" },
  bounce: {
    type: "Bounce",
    smtpReplyCode: "550",
    statusCode: "5.1.1",
    message: "Mailbox does not exist",
    sender: "bounce@shop.example",
  },
  stop: { type: "Stop", scope: "RuleSet" },
} as const satisfies Record<string, ReceiptAction>;

export function rule(name: string, performed: readonly ReceiptAction[], rest: Partial<ReceiptRule> = {}): ReceiptRule {
  return {
    ...{ name, enabled: true, tlsPolicy: "Optional", scanEnabled: true, recipients: [], actions: performed },
    ...rest,
  };
}

export interface Mail {
  readonly from?: string;
  readonly to?: string | readonly string[];
  /** Header lines and body with CRLF, as they are. */
  readonly raw?: string | Buffer;
  readonly tls?: boolean;
  readonly helo?: string;
}

export const plainMail = [
  "From: Ann Lee <ann@sender.example>",
  "To: orders@shop.example",
  "Subject: Order 1207",
  "Date: Tue, 4 Aug 2026 11:15:00 +0200",
  "Message-ID: <m1@sender.example>",
  "",
  "Twelve oars, please.",
  "",
].join("\r\n");

export interface Conformance {
  readonly engine: Engine;
  readonly clock: TestClock;
  /** The unmodified SDK's client for the engine's API. */
  readonly ses: SESClient;
  /** What the topic's queue delivered, as its function got it: batches of SQS records. */
  readonly batches: { readonly Records: readonly { readonly body: string }[] }[];
  /** Calls of functions other than the topic's. */
  readonly calls: { readonly name: string; readonly event: unknown }[];
  /** What the function of `functionArn` answers. */
  answer: (event: unknown) => Promise<unknown>;
  /** Greeting and EHLO read, and with `from` MAIL said. */
  client(from?: string, localAddress?: string): Promise<Dialogue>;
  /** The replies to RCPT TO, from one session. */
  rcpt(recipients: readonly string[], localAddress?: string): Promise<string[]>;
  /** Sends a mail by SMTP, waits until its rules have run as far as they go, and answers the id of the final 250. */
  send(mail?: Mail): Promise<string>;
  /** The notifications published to the topic, in order. */
  notices(): SesNotification[];
  lambdaEvents(): SesLambdaEvent[];
  stored(key: string, bucket?: string): Promise<Buffer>;
  outbox(): Promise<string[]>;
  /** Moves the clock and lets everything that is due run. */
  pass(ms: number): Promise<void>;
  /** The engine again, on the same data folder. */
  restart(): Promise<void>;
}

/** The whole engine as `mailweir start` runs it, on free ports, with DNS from a zone file and a clock that is moved by hand. */
export async function startConformance(
  rules: readonly ReceiptRule[],
  options: { zone?: Record<string, unknown>; config?: Partial<MailConfig>; local?: LocalConfig; smtp?: string } = {},
): Promise<Conformance> {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-conformance-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const zoneFile = join(folder, "zone.json");
  await writeFile(zoneFile, JSON.stringify(options.zone ?? zone));
  const module = fileURLToPath(new URL("conformance-function.ts", import.meta.url));
  const config: MailConfig = {
    domains: ["shop.example"],
    ruleSet: { name: "mailweir", rules },
    ...options.config,
    local: {
      dns: { zone: zoneFile },
      functions: {
        classify: module,
        "take-order": module,
        "route-notification": module,
        "route-object": module,
        "work-record": module,
      },
      ...options.local,
    },
  };
  const clock = fixedClock();
  const random = testRandom("conformance");
  const start = () =>
    startEngine({
      config,
      smtp: options.smtp ?? "127.0.0.1:0",
      http: "127.0.0.1:0",
      data: join(folder, "data"),
      clock: { now: clock.now, ticking: false },
      random,
      stderr: "none",
    });
  let engine = await start();
  let ses = clientOf(engine);
  onTestFinished(async () => {
    ses.destroy();
    await engine.stop();
  });

  const batches: { Records: { body: string }[] }[] = [];
  const calls: { name: string; event: unknown }[] = [];
  const self: Conformance = {
    ...{ clock, batches, calls },
    get engine() {
      return engine;
    },
    get ses() {
      return ses;
    },
    answer: async () => null,
    client: (from, localAddress) => greeted({ address: addressOf(engine) }, from, localAddress),
    async rcpt(recipients, localAddress) {
      const client = await self.client("ann@sender.example", localAddress);
      const replies: string[] = [];
      for (const recipient of recipients) replies.push(await client.say(`RCPT TO:<${recipient}>\r\n`));
      client.socket.end("QUIT\r\n");
      return replies;
    },
    async send({ from = "ann@sender.example", to = "orders@shop.example", raw = plainMail, ...session } = {}) {
      const { host, port } = addressOf(engine);
      const transport = createTransport({
        ...{ host, port, name: session.helo ?? "mx.sender.example", tls: { rejectUnauthorized: false } },
        ...(session.tls ? { requireTLS: true } : { ignoreTLS: true }),
      });
      const { response } = await transport.sendMail({ envelope: { from, to: [to].flat() }, raw: Buffer.from(raw) });
      const id = /^250 OK ([0-9a-v]{40})$/.exec(response)?.[1];
      if (id === undefined) throw new Error(`not accepted: ${response}`);
      await settled(engine);
      return id;
    },
    notices: () => batches.flatMap(({ Records }) => Records.map(({ body }) => JSON.parse(body) as SesNotification)),
    lambdaEvents: () => calls.filter(({ name }) => name === "classify").map(({ event }) => event as SesLambdaEvent),
    stored: async (key, bucket = names.bucket) => bytesOf((await engine.ports.objects.open({ bucket, key })).body),
    async outbox() {
      const { outbox } = engine.store.ports;
      const entries = await outbox.list({ limit: 100 });
      const opened = entries.map(({ number }) => outbox.open(number)).filter((octets) => octets !== undefined);
      return Promise.all(opened.map(async (octets) => (await bytesOf(octets)).toString("latin1")));
    },
    async pass(ms) {
      clock.advance(ms);
      const overdue = async () => {
        const due = await engine.store.engine.nextDue(clock.now());
        return due !== undefined && due.getTime() <= clock.now().getTime();
      };
      do {
        // Work for a queue wakes the scheduler, which then looks at the clock.
        await engine.store.ports.queues.send(wakingQueue, [{ id: "0", body: "{}", delaySeconds: 0 }]);
        await settled(engine);
      } while (await overdue());
    },
    async restart() {
      ses.destroy();
      await engine.stop();
      engine = await start();
      ses = clientOf(engine);
      await settled(engine);
    },
  };
  answerWith(async (name, event) => {
    if (name === "route-notification") batches.push(event as (typeof batches)[number]);
    else calls.push({ name, event });
    return name === "classify" ? self.answer(event) : undefined;
  });
  return self;
}

const wakingQueue = names.streamQueue("bounce");

function clientOf(engine: Engine): SESClient {
  return new SESClient({
    endpoint: engine.http,
    region: "us-east-1",
    credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" },
    maxAttempts: 1,
  });
}

function addressOf(engine: Engine): { host: string; port: number } {
  const { hostname, port } = new URL(`smtp://${engine.smtp}`);
  return { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(port) };
}

/** Nothing runs, and nothing that the queues hold is visible: what was published has arrived. */
async function settled(engine: Engine): Promise<void> {
  for (;;) {
    await engine.settled();
    await turn();
    const { visible, inFlight } = await engine.ports.queues.counts(names.noticeQueue);
    if (visible + inFlight > 0) continue;
    await engine.settled();
    return;
  }
}
