import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { logger } from "../../../functions/stack.ts";
import { runMessage } from "../../../local/actions/run-message.ts";
import { createVerify } from "../../../local/actions/verify.ts";
import { lambdaContext } from "../../../local/invoke/lambda-context.ts";
import { loadFunction } from "../../../local/invoke/load-function.ts";
import { createRunAhead, type RunAhead } from "../../../local/invoke/run-ahead.ts";
import { testStringScanner } from "../../../local/scan/test-string-scanner.ts";
import { openStore } from "../../../local/store/open-store.ts";
import { deriveLocalTopology } from "../../../shared/config/local-topology.ts";
import { resolveConfig } from "../../../shared/config/resolve-config.ts";
import type { MailConfig, StreamMatch } from "../../../shared/config/types.ts";
import type { Ports } from "../../../shared/ports.ts";
import { createReceiptSigner } from "../../../shared/receipt/receipt-signer.ts";
import { buildSqsEvent } from "../../../shared/receipt/sqs-event.ts";
import type { SesMessageId } from "../../../shared/ses-message-id.ts";
import { passing } from "../actions/engine-fixture.ts";
import { bytesOf, fixedClock, sesId, testRandom } from "../store/store-fixture.ts";

logger.setLogLevel("SILENT");
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const input = (match?: StreamMatch): MailConfig => ({
  domains: ["in.example"],
  streams: {
    ticket: { recipients: ["support@in.example"] },
    unsubscribe: { recipients: ["unsubscribe@in.example"] },
    personal: { recipients: ["in.example"] },
    ...(match && { orders: { recipients: ["orders@in.example"], match, worker: "personal" } }),
  },
  rejects: [{ recipients: ["gone@in.example"], template: "mailbox-does-not-exist" }],
});

async function open(config = resolveConfig(input())) {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-ahead-"));
  closing.push(() => rm(folder, { recursive: true, force: true }));
  const clock = fixedClock();
  const random = testRandom();
  const topology = deriveLocalTopology(config);
  const store = await openStore({ folder, topology, clock, random });
  closing.push(() => store.close());
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const options: Parameters<typeof runMessage>[1] = {
    store: store.engine,
    verify: createVerify({
      authenticate: async (raw) => {
        await bytesOf(raw);
        return passing;
      },
      scanner: testStringScanner(),
      clock,
      log,
    }),
    tools: {
      region: config.region,
      accountId: config.accountId,
      bounceSender: config.bounceSender,
      random,
      keys: store.ports.keys,
      spoolFolder: store.folder.spool,
      knowsFunction: () => true,
      invokeSync: async () => ({ disposition: "STOP_RULE" }),
      deliverToMailbox: async () => "nowhere",
    },
    names: config.names,
    sign: createReceiptSigner(Buffer.alloc(16, 7)),
    clock,
    log,
  };
  const ports: Ports = { clock, random, ...store.ports };
  return {
    ...{ config, store, clock },
    runAhead: createRunAhead({ config, topology, clock, random }) as RunAhead,
    async take(id: SesMessageId, recipients: readonly string[], bytes: Buffer, from = "ann@sender.example") {
      const snapshot = await store.engine.snapshotRuleSet(config.ruleSet);
      const client = { ip: "192.0.2.7", helo: "mx.sender.example" };
      const message = { sesMessageId: id, receivedAt: clock.now(), client, from, recipients };
      await store.engine.accept(
        { ...message, ruleSetSnapshot: snapshot, sizeBytes: bytes.length },
        { kind: "inline", bytes },
      );
    },
    run: (id: SesMessageId, runAhead?: RunAhead) => runMessage(id, { ...options, ...(runAhead && { runAhead }) }),
    /** What the pumps do: rows to functions, with all ports. */
    async pump() {
      const call = async (name: string, event: unknown) => {
        const handler = await loadFunction(name, ports, config);
        const options = { requestId: "r", timeoutMs: 30_000, memoryMb: 256 };
        return handler(
          event,
          lambdaContext(name, options, config, () => clock.now().getTime()),
        );
      };
      const now = clock.now();
      const invocations = await store.engine.takeInvocations(now, new Date(now.getTime() + 1_000), 100);
      for (const { id, payload } of invocations) {
        await call("journal", JSON.parse(payload));
        await store.engine.settleInvocation(id, {});
      }
      const notices = await store.ports.queues.receive(config.names.noticeQueue, { max: 10 });
      if (notices.length > 0) {
        await call("route-notification", buildSqsEvent("arn:aws:sqs:us-east-1:000000000000:notices", notices));
        const handles = notices.map(({ receiptHandle }) => receiptHandle);
        await store.ports.queues.delete(config.names.noticeQueue, handles);
      }
      return { invocations: invocations.length, notices: notices.length };
    },
    /** Everything that says where the mail has gone, without ids that are drawn. */
    async state(id: SesMessageId) {
      const queues = await Promise.all(
        config.streams.map(async ({ name }) => {
          const messages = await store.ports.queues.peek(config.names.streamQueue(name), { limit: 100 });
          return [name, messages.map(({ body }) => JSON.parse(body) as unknown)] as const;
        }),
      );
      return {
        queues: Object.fromEntries(queues),
        recipients: await store.ports.ledger.recipients(id),
        meta: await store.ports.ledger.meta(id),
        journey: await store.engine.actionLog(id),
        verification: await store.engine.verification(id),
        unended: await store.engine.countUnended(),
        safetyNet: (await store.ports.queues.peek(config.names.objectQueue, { limit: 100 })).length,
        minutes: store.database.read((sql) => sql.all("SELECT * FROM stream_minutes").map((row) => ({ ...row }))),
        feed: store.database.read((sql) =>
          sql.all("SELECT stream, recipient FROM stream_feed ORDER BY id").map((row) => ({ ...row })),
        ),
      };
    },
  };
}

const mail = (name: string) => readFile(new URL(`../../mail/${name}`, import.meta.url));
const text = (head: string) => Buffer.from(`From: Ann <ann@sender.example>\r\n${head}\r\n\r\nGood morning.\r\n`);

test.for<[string, readonly string[], () => Promise<Buffer>, string?]>([
  ["a person's mail", ["support@in.example"], async () => text("Subject: a\r\nMessage-ID: <a@sender.example>")],
  ["several streams", ["ann@in.example", "support@in.example", "unsubscribe@in.example"], async () => text("To: x")],
  ["a recipient who is rejected", ["gone@in.example", "bob@in.example"], async () => text("Subject: b")],
  ["a bounce", ["support@in.example"], () => mail("dsn-postfix.eml"), ""],
  ["a complaint", ["ann@in.example"], () => mail("complaint-arf.eml")],
  ["an unsubscription", ["unsubscribe@in.example"], () => mail("unsubscribe-reply.eml")],
  ["no headers at all", ["ann@in.example"], async () => Buffer.from("\r\nb\r\n")],
  ["spam", ["ann@in.example"], async () => Buffer.from(`Subject: a\r\n\r\n${spam}\r\n`)],
])("%s goes the same way ahead of the commit as behind it", async ([, recipients, raw, from]) => {
  const id = sesId(1);
  const [behind, before] = [await open(), await open()];
  for (const engine of [behind, before]) await engine.take(id, recipients, await raw(), from);
  await behind.run(id);
  expect(await behind.pump()).toEqual({ invocations: 1, notices: 1 });
  await before.run(id, before.runAhead);
  const expected = await behind.state(id);
  expect(expected.recipients).toHaveLength(recipients.length);
  const ended = await before.state(id);
  // What needed the stored mail to be judged could not go ahead; it goes behind, like all others.
  const left = await before.pump();
  expect(left.invocations).toBe(0);
  expect(left.notices === 0 ? ended : await before.state(id)).toEqual(expected);
});

// Split, so that no scanner takes this file for the thing itself.
const spam = ["XJS*C4JDBQADN1.NSBN3*2IDNEN*", "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"].join("");

test("a header section that the notice cuts is left to the router's thread", async () => {
  const engine = await open();
  await engine.take(sesId(1), ["ann@in.example"], text(`X-Long: ${"y ".repeat(15_000)}\r\nSubject: a`));
  await engine.run(sesId(1), engine.runAhead);
  expect(await engine.store.ports.ledger.recipients(sesId(1))).toMatchObject([{ state: "received" }]);
  expect(await engine.pump()).toEqual({ invocations: 0, notices: 1 });
  expect(await engine.store.ports.ledger.recipients(sesId(1))).toMatchObject([{ state: "routed", stream: "personal" }]);
});

test("a decision that somebody made meanwhile stays, and nothing is sent twice or lost", async () => {
  const engine = await open();
  const [id, other] = [sesId(1), sesId(2)];
  for (const each of [other, id]) await engine.take(each, ["ann@in.example"], text("Subject: a"));
  await engine.run(other, engine.runAhead);
  const [decided] = await engine.store.ports.ledger.recipients(other);
  await engine.store.ports.ledger.decide([{ ...decided!, sesMessageId: id, stream: "ticket" }]);
  await engine.run(id, engine.runAhead);
  expect(await engine.pump()).toEqual({ invocations: 1, notices: 1 });
  expect(await engine.store.ports.ledger.recipients(id)).toMatchObject([{ state: "routed", stream: "ticket" }]);
  const { queues, unended } = await engine.state(id);
  expect([queues["ticket"]?.length, queues["personal"]?.length, unended]).toEqual([1, 1, 0]);
});

test.for<[string, StreamMatch, boolean]>([
  ["conditions that are data", { header: { name: "X-Shop", value: "orders" }, nature: "human" }, true],
  ["a function", () => true, false],
  ["a pattern for a header", { header: { name: "Subject", value: /^(a+)+$/ } }, false],
  ["a pattern for the recipient", { recipient: /orders/ }, false],
])("code of the user's never runs ahead: %s", ([, match, allowed]) => {
  const config = resolveConfig(input(match));
  const parts = { config, topology: deriveLocalTopology(config), clock: fixedClock(), random: testRandom() };
  expect(createRunAhead(parts) !== undefined).toBe(allowed);
});

test("a queue that refuses, or an effect for somebody else, leaves the effect as it was", async () => {
  const { runAhead, config } = await open();
  const elsewhere = { kind: "invoke", functionArn: config.names.functionArn("gate"), event: {} } as const;
  const garbage = { kind: "publish", topicArn: config.names.noticeTopicArn, subject: "s", message: "{" } as const;
  const broken = { kind: "invoke", functionArn: config.names.functionArn("journal"), event: "no event" } as const;
  for (const effect of [elsewhere, garbage, broken]) expect(await runAhead(effect)).toBe(effect);
});
