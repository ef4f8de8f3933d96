import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Context } from "aws-lambda";
import { work as answerTicket } from "../../functions/answer-ticket/work.ts";
import type { BatchResponse } from "../../functions/batch.ts";
import { work as expireQuarantine } from "../../functions/expire-quarantine/work.ts";
import { work as feedback } from "../../functions/feedback/work.ts";
import { work as gate } from "../../functions/gate/work.ts";
import { work as journal } from "../../functions/journal/work.ts";
import { work as propagate } from "../../functions/propagate/work.ts";
import { work as routeNotification } from "../../functions/route-notification/work.ts";
import { work as routeObject } from "../../functions/route-object/work.ts";
import { type Handler, logger } from "../../functions/stack.ts";
import { work as workOwn } from "../../functions/work-own/work.ts";
import { work as workPersonal } from "../../functions/work-personal/work.ts";
import { work as workQuarantine } from "../../functions/work-quarantine/work.ts";
import { work as workRecord } from "../../functions/work-record/work.ts";
import { work as workTicket } from "../../functions/work-ticket/work.ts";
import { work as workUnsubscribe } from "../../functions/work-unsubscribe/work.ts";
import { work as workWebhook } from "../../functions/work-webhook/work.ts";
import { openStore, type Store, type StoreOptions } from "../../local/store/open-store.ts";
import { deriveTopology, type Topology } from "../../shared/config/topology.ts";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import { parseHeaderSection } from "../../shared/mail/headers.ts";
import type { Verdicts } from "../../shared/mail/judgement.ts";
import type { Ports, RecipientRecord } from "../../shared/ports.ts";
import type { Authentication } from "../../shared/receipt/authentication.ts";
import {
  buildLambdaEvent,
  buildNotification,
  type NotificationInput,
} from "../../shared/receipt/build-notification.ts";
import { buildHeaderBlock } from "../../shared/receipt/header-block.ts";
import type { S3Action, SnsAction } from "../../shared/receipt/model.ts";
import { buildS3Event } from "../../shared/receipt/s3-event.ts";
import { buildSqsEvent } from "../../shared/receipt/sqs-event.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import { storedObjectOf } from "../../shared/streams/stored-object.ts";
import { fixedClock, type TestClock, testRandom } from "../local/store/store-fixture.ts";
import { passing, testConfig, testId } from "../shared/streams/stream-fixture.ts";

// One test reads the log; the others must not fill the screen.
logger.setLogLevel("SILENT");

const works: Readonly<Record<string, (ports: Ports, config: ResolvedConfig) => Handler<unknown>>> = {
  "answer-ticket": answerTicket,
  feedback,
  "expire-quarantine": expireQuarantine,
  gate,
  journal,
  propagate,
  "route-notification": routeNotification,
  "route-object": routeObject,
  "work-own": workOwn,
  "work-personal": workPersonal,
  "work-quarantine": workQuarantine,
  "work-record": workRecord,
  "work-ticket": workTicket,
  "work-unsubscribe": workUnsubscribe,
  "work-webhook": workWebhook,
};

/** A mail as a sender's server hands it over, and what the receiving side found out about it. */
export interface TestMail {
  readonly id?: SesMessageId;
  readonly from?: string;
  readonly to: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The whole message instead of `headers` and `body`. */
  readonly raw?: Uint8Array;
  readonly verdicts?: Partial<Verdicts>;
  /** Domains whose signatures verified, for Authentication-Results. */
  readonly signedBy?: readonly string[];
  /** Default: when the clock was started. */
  readonly at?: Date;
}

/** The functions on the real store, with SES's part played by hand: which events come, how often, and in which order. */
export interface Pipeline {
  readonly store: Store;
  readonly ports: Ports;
  readonly config: ResolvedConfig;
  readonly topology: Topology;
  readonly clock: TestClock;
  /** Stores a mail as SES does and answers the events that SES would send. */
  arrive(mail: TestMail): Promise<Events>;
  call(functionName: string, event: unknown, ports?: Ports): Promise<unknown>;
  /** Works every queue until nothing is visible; failed records stay. Answers how many records failed. */
  drain(ports?: Ports): Promise<number>;
  /** `drain`, over and over with the visibility timeouts passing, until nothing is left in any queue. */
  settle(): Promise<void>;
  states(id: SesMessageId): Promise<Record<string, string>>;
  record(id: SesMessageId, recipient: string): Promise<RecipientRecord | undefined>;
  /** Contents of all Maildirs: `name/…` → text. */
  maildirs(): Promise<Record<string, string>>;
  queue(name: string, body: unknown): Promise<void>;
  deadLetters(queue: string): Promise<number>;
  close(): Promise<void>;
}

export interface Events {
  readonly id: SesMessageId;
  /** What the S3 action's topic publishes. */
  readonly notice: unknown;
  /** What an SNS action publishes: the notice with the whole mail. */
  readonly contentNotice: unknown;
  /** What a Lambda action's function gets. */
  readonly lambda: unknown;
  /** The bucket's own event. */
  readonly object: unknown;
  readonly stored: Buffer;
}

export const receivedAt = new Date("2026-08-04T09:15:02.417Z");

export async function openPipeline(
  config: ResolvedConfig = testConfig(),
  more: Partial<StoreOptions> = {},
): Promise<Pipeline> {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-functions-"));
  const clock = fixedClock(receivedAt.toISOString());
  const random = testRandom();
  const topology = deriveTopology(config);
  const store = await openStore({
    folder,
    topology,
    clock,
    random,
    composeBounce: async ({ originalMessageId }) => ({
      messageId: `bounce-of-${originalMessageId}`,
      to: "ann@sender.example",
      raw: Buffer.from("DSN"),
    }),
    ...(config.tokens && { tokens: config.tokens }),
    hasTicketSinks: Object.keys(config.tickets.sinks).length > 0,
    ...more,
  });
  const real: Ports = { ...store.ports, clock, random };
  let mails = 0;

  const call = async (functionName: string, event: unknown, ports = real) => {
    const work = works[functionName];
    if (work === undefined) throw new Error(`no function ${functionName}`);
    return work(ports, config)(structuredClone(event), context(functionName));
  };

  const drain = async (ports = real): Promise<number> => {
    let failed = 0;
    for (let moved = true; moved; ) {
      moved = false;
      for (const { name, consumer } of topology.queues) {
        if (consumer === undefined) continue;
        const messages = await real.queues.receive(name, { max: consumer.batchSize });
        if (messages.length === 0) continue;
        moved = true;
        const failures = await runBatch(ports, name, consumer.functionName, messages);
        failed += failures.size;
        const done = messages.filter(({ messageId }) => !failures.has(messageId));
        await real.queues.delete(
          name,
          done.map(({ receiptHandle }) => receiptHandle),
        );
      }
    }
    return failed;
  };

  const runBatch = async (
    ports: Ports,
    name: string,
    functionName: string,
    messages: Awaited<ReturnType<Ports["queues"]["receive"]>>,
  ): Promise<Set<string>> => {
    try {
      const answer = await call(
        functionName,
        buildSqsEvent(`arn:aws:sqs:us-east-1:000000000000:${name}`, messages),
        ports,
      );
      return new Set((answer as BatchResponse).batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    } catch {
      // The whole invocation died: every message comes again.
      return new Set(messages.map(({ messageId }) => messageId));
    }
  };

  return {
    store,
    ports: real,
    config,
    topology,
    clock,
    call,
    drain,
    async arrive(mail) {
      const id = mail.id ?? testId(++mails);
      const events = eventsOf(config, mail, id, mails);
      await real.objects.put(storedObjectOf(config, id), events.stored);
      return events;
    },
    async settle() {
      for (let round = 0; round < 12; round++) {
        await drain();
        clock.advance(16 * 60_000);
      }
    },
    async states(id) {
      const records = await real.ledger.recipients(id);
      return Object.fromEntries(
        records.map(({ recipient, stream, state, outcome }) => [
          recipient,
          [stream ?? "-", state, ...(outcome === undefined ? [] : [outcome])].join(" "),
        ]),
      );
    },
    record: async (id, recipient) =>
      (await real.ledger.recipients(id)).find((record) => record.recipient === recipient),
    maildirs: () => readMaildirs(join(folder, "maildir")),
    async queue(name, body) {
      const text = typeof body === "string" ? body : JSON.stringify(body);
      const refused = await real.queues.send(name, [{ id: "0", body: text }]);
      if (refused.length > 0) throw new Error(refused[0]?.cause);
      if (name === config.names.objectQueue) clock.advance(15 * 60_000);
    },
    deadLetters: async (queue) => (await real.queues.counts(`${queue}-dlq`)).visible,
    async close() {
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function eventsOf(config: ResolvedConfig, mail: TestMail, id: SesMessageId, number: number): Events {
  const at = mail.at ?? receivedAt;
  const envelopeFrom = mail.from ?? "ann@sender.example";
  const verdicts: Verdicts = { ...passing, ...mail.verdicts };
  const block = buildHeaderBlock(
    {
      sesMessageId: id,
      region: "us-east-1",
      client: { helo: "mx.sender.example", rdns: "mx.sender.example", ip: "203.0.113.25" },
      envelopeFrom,
      recipient: mail.to[0] ?? "",
      receivedAt: at,
      authentication: authenticationOf(verdicts, mail.signedBy),
      scan: { spam: verdicts.spam, virus: verdicts.virus },
    },
    () => ({ receipt: "AEFB", dkimSignature: "a=rsa-sha256;" }),
  );
  const fields = {
    From: "Ann Lee <ann@sender.example>",
    To: mail.to.join(", "),
    Subject: "Order 1207",
    "Message-ID": `<m${number}@sender.example>`,
    ...mail.headers,
  };
  const head = Object.entries(fields)
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("");
  const stored = Buffer.concat([block, mail.raw ?? Buffer.from(`${head}\r\n${mail.body ?? "Hello\r\n"}`)]);
  const place = storedObjectOf(config, id);
  const s3: S3Action = {
    type: "S3",
    bucketName: place.bucket,
    objectKeyPrefix: config.names.keyPrefix,
    topicArn: config.names.noticeTopicArn,
  };
  const sns: SnsAction = { type: "SNS", topicArn: config.names.noticeTopicArn, encoding: "Base64" };
  const input: Omit<NotificationInput, "action"> = {
    sesMessageId: id,
    receivedAt: at,
    envelopeFrom,
    headers: parseHeaderSection(stored).headers,
    recipients: mail.to,
    verdicts,
    processingTimeMs: 611,
  };
  return {
    id,
    stored,
    notice: buildNotification({ ...input, action: s3 }),
    contentNotice: buildNotification({ ...input, action: sns }, stored),
    lambda: buildLambdaEvent({
      ...input,
      action: { type: "Lambda", functionArn: config.names.functionArn("gate"), invocationType: "RequestResponse" },
    }),
    object: buildS3Event({
      region: "us-east-1",
      ...place,
      sizeBytes: stored.length,
      eTag: "d41d8cd98f00b204e9800998ecf8427e",
      sequencer: "0066AF00",
      storedAt: at,
      configurationId: "inbound",
      requestId: "EXAMPLE",
    }),
  };
}

function authenticationOf({ spf, dmarc }: Verdicts, signedBy: readonly string[] = []): Authentication {
  const domain = "sender.example";
  return {
    spf: { result: spf === "PASS" ? "pass" : "fail", domain },
    dkim: signedBy.map((name) => ({
      result: "pass",
      domain: name,
      selector: "s1",

      aligned: name === domain,
    })),
    dmarc: { result: dmarc === "PASS" ? "pass" : dmarc === "FAIL" ? "fail" : "none", domain },
  };
}

export function context(functionName: string): Context {
  return {
    callbackWaitsForEmptyEventLoop: false,
    functionName,
    functionVersion: "$LATEST",
    invokedFunctionArn: `arn:aws:lambda:us-east-1:000000000000:function:${functionName}`,
    memoryLimitInMB: "256",
    awsRequestId: "00000000-0000-4000-8000-000000000000",
    logGroupName: "test",
    logStreamName: "test",
    getRemainingTimeInMillis: () => 30_000,
    done: () => undefined,
    fail: () => undefined,
    succeed: () => undefined,
  };
}

async function readMaildirs(folder: string): Promise<Record<string, string>> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const entries = files
    .filter((file) => file.isFile())
    .map(async (file) => {
      const path = join(file.parentPath, file.name);
      return [path.slice(folder.length + 1), await readFile(path, "latin1")] as const;
    });
  return Object.fromEntries(await Promise.all(entries));
}

/**
 * The ports of a process that dies at its nth call: before that call reaches the store, or after it and before anybody
 * hears of it. Whatever it asks from then on comes to nothing.
 */
export function dyingPorts(ports: Ports, nth: number, when: "before" | "after"): { ports: Ports; died: () => boolean } {
  let calls = 0;
  let dead = false;
  const wrap = <Port extends object>(port: Port): Port =>
    new Proxy(port, {
      get(target, name) {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== "function") return method;
        return async (...args: unknown[]) => {
          if (dead) throw new Error("the process is dead");
          dead = ++calls === nth;
          if (!dead) return method.apply(target, args);
          if (when === "after") await method.apply(target, args);
          throw new Error(`died at call ${nth}, ${String(name)}`);
        };
      },
    });
  const wrapped = Object.fromEntries(
    Object.entries(ports).map(([name, port]) => [name, name === "clock" || name === "random" ? port : wrap(port)]),
  );
  return { ports: wrapped as unknown as Ports, died: () => dead };
}
