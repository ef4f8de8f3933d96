import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ActionTools } from "../../../local/actions/action.ts";
import { createBounceComposer } from "../../../local/actions/compose-bounce.ts";
import { type RunMessageOptions, runMessage } from "../../../local/actions/run-message.ts";
import { createVerify } from "../../../local/actions/verify.ts";
import { testStringScanner } from "../../../local/scan/test-string-scanner.ts";
import type { AcceptedMessage } from "../../../local/store/engine-store.ts";
import { openStore, type Store } from "../../../local/store/open-store.ts";
import type { Topology } from "../../../shared/config/topology.ts";
import type { Authentication } from "../../../shared/receipt/authentication.ts";
import type { ReceiptAction, ReceiptRule } from "../../../shared/receipt/model.ts";
import { createReceiptSigner } from "../../../shared/receipt/receipt-signer.ts";
import type { SesMessageId } from "../../../shared/ses-message-id.ts";
import { bytesOf, fixedClock, sesId, type TestClock, testRandom } from "../store/store-fixture.ts";

const account = "us-east-1:111122223333";
export const topicArn = `arn:aws:sns:${account}:inbound`;
export const otherTopicArn = `arn:aws:sns:${account}:other`;
export const functionArn = `arn:aws:lambda:${account}:function:classify`;
export const names = { bucket: "mail", noticeTopicArn: topicArn };

const topology: Topology = {
  topics: [
    { arn: topicArn, subscriptions: [{ kind: "queue", queue: "notices", rawDelivery: true }] },
    { arn: otherTopicArn, subscriptions: [{ kind: "queue", queue: "others", rawDelivery: true }] },
  ],
  buckets: [{ name: "mail", eventQueue: "objects" }, { name: "plain" }],
  queues: ["notices", "others", "objects"].map((name) => ({
    name,
    deadLetterQueue: `${name}-dlq`,
    visibilityTimeoutMs: 60_000,
    delayMs: 0,
    maxReceiveCount: 3,
  })),
  functions: [{ name: "classify", arn: functionArn, timeoutMs: 30_000, memoryMb: 256 }],
};

export const passing: Authentication = {
  spf: { result: "pass", domain: "sender.example" },
  dkim: [{ result: "pass", domain: "sender.example", selector: "s1", aligned: true }],
  dmarc: { result: "pass", policy: "reject", domain: "sender.example" },
};

export const actions = {
  s3: { type: "S3", bucketName: "mail", objectKeyPrefix: "inbound/", topicArn },
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
  addHeader: { type: "AddHeader", headerName: "X-Desk", headerValue: "orders" },
} as const satisfies Record<string, ReceiptAction>;

export function rule(name: string, actions: readonly ReceiptAction[], rest: Partial<ReceiptRule> = {}): ReceiptRule {
  return { name, enabled: true, tlsPolicy: "Optional", scanEnabled: true, recipients: [], actions, ...rest };
}

export interface Engine {
  readonly store: Store;
  readonly clock: TestClock;
  readonly options: RunMessageOptions;
  /** What the fakes of what we do not own answer; may be changed at any time. */
  readonly world: {
    authentication: Authentication;
    /** Called for a synchronous function. */
    answer: (payload: string) => Promise<unknown>;
    authenticated: number;
    scanned: number;
  };
  /** Puts a message into the store as SMTP does. */
  accept(
    rules: readonly ReceiptRule[],
    message?: Partial<AcceptedMessage> & { raw?: string | Buffer },
  ): Promise<SesMessageId>;
  run(id: SesMessageId, options?: Partial<RunMessageOptions>): ReturnType<typeof runMessage>;
  queue(name: string): Promise<unknown[]>;
  object(key: string, bucket?: string): Promise<Buffer>;
  outbox(): Promise<string[]>;
  close(): Promise<void>;
}

/** The real store in a new folder, everything around it real but DNS, functions and the clock. */
export async function openEngine(): Promise<Engine> {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-actions-"));
  const clock = fixedClock();
  const random = testRandom();
  const sign = createReceiptSigner(Buffer.alloc(16, 7));
  const composeBounce: ReturnType<typeof createBounceComposer> = (request) =>
    createBounceComposer({ store: store.engine, region: "us-east-1", sign, clock, random })(request);
  const store = await openStore({ folder, topology, clock, random, composeBounce });
  const world: Engine["world"] = {
    authentication: passing,
    answer: async () => null,
    authenticated: 0,
    scanned: 0,
  };
  const scanner = testStringScanner();
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const verify = createVerify({
    authenticate: async (raw) => {
      world.authenticated += 1;
      await bytesOf(raw);
      return world.authentication;
    },
    scanner: {
      scan(...given) {
        world.scanned += 1;
        return scanner.scan(...given);
      },
    },
    clock,
    log,
  });
  const tools: ActionTools = {
    region: "us-east-1",
    accountId: "111122223333",
    bounceSender: "mailer-daemon@shop.example",
    random,
    keys: store.ports.keys,
    spoolFolder: store.folder.spool,
    knowsFunction: (arn) => arn === functionArn,
    invokeSync: (_arn, payload) => world.answer(payload),
    deliverToMailbox: async ({ recipient, body }) => `mailbox of ${recipient} (${(await bytesOf(body)).length} octets)`,
  };
  const options: RunMessageOptions = { store: store.engine, verify, tools, names, sign, clock, log };
  let accepted = 0;

  return {
    ...{ store, clock, options, world },
    async accept(rules, { raw = "From: ann@sender.example\r\nSubject: a\r\n\r\nb\r\n", ...rest } = {}) {
      accepted += 1;
      const bytes = Buffer.from(raw);
      const sesMessageId = sesId(accepted);
      const message: AcceptedMessage = {
        sesMessageId,
        receivedAt: clock.now(),
        client: { ip: "203.0.113.25", helo: "mx.sender.example" },
        from: "ann@sender.example",
        recipients: ["a@shop.example"],
        ruleSetSnapshot: await store.engine.snapshotRuleSet({ name: "mailweir", rules }),
        sizeBytes: bytes.length,
        ...rest,
      };
      await store.engine.accept(message, { kind: "inline", bytes });
      return sesMessageId;
    },
    run: (id, changed) => runMessage(id, { ...options, ...changed }),
    queue: async (name) => (await store.ports.queues.peek(name, { limit: 100 })).map(({ body }) => JSON.parse(body)),
    object: async (key, bucket = "mail") => bytesOf((await store.ports.objects.open({ bucket, key })).body),
    outbox: async () => {
      const { outbox } = store.ports;
      const entries = await outbox.list({ limit: 100 });
      return Promise.all(
        entries
          .toReversed()
          .map(async ({ number }) => (await bytesOf(outbox.open(number) ?? nothing())).toString("latin1")),
      );
    },
    async close() {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
