import { Webhook } from "standardwebhooks";
import { expect, onTestFinished, test } from "vitest";
import { arnsOf, permissionsOf } from "../../shared/aws/permissions.ts";
import { deriveTopology } from "../../shared/config/topology.ts";
import type { StreamMessage } from "../../shared/streams/stream-message.ts";
import { testConfig } from "../shared/streams/stream-fixture.ts";
import { openPipeline } from "./pipeline.ts";
import { type Call, secret, useWebhookReceiver } from "./webhook-receiver.ts";

const receiver = useWebhookReceiver();

async function start(webhook: { url: string; allowPrivate?: string[] } = receiver.webhook) {
  const invoices = { recipients: ["invoices.example.com"], webhook: { ...webhook, secretFrom: { env: "HOOK" } } };
  const config = testConfig({ domains: ["example.com"], streams: { invoices } });
  const pipeline = await openPipeline(config, { env: { HOOK: secret } });
  onTestFinished(() => pipeline.close());
  return pipeline;
}

const idOf = ({ headers }: Call) => String(headers["webhook-id"]);
const ann = "ann@invoices.example.com";

test("each recipient's mail is posted once, signed, and later copies of its notice post nothing", async () => {
  const pipeline = await start();
  const { id, notice } = await pipeline.arrive({ to: [ann, "bob@invoices.example.com"] });
  for (let copy = 0; copy < 5; copy++) {
    await pipeline.queue(pipeline.config.names.noticeQueue, notice);
    await pipeline.drain();
  }
  expect(receiver.calls.map(idOf)).toEqual([`${id}.ann%40invoices.example.com`, `${id}.bob%40invoices.example.com`]);
  const [{ headers, body }] = receiver.calls as [Call];
  const at = new Date(Number(headers["webhook-timestamp"]) * 1000);
  expect(headers["webhook-signature"]).toBe(new Webhook(secret).sign(idOf(receiver.calls[0]!), at, body));
  const { type, timestamp, data } = JSON.parse(body) as { type: string; timestamp: string; data: StreamMessage };
  expect([type, timestamp]).toEqual(["mail.received", data.receivedAt]);
  expect(data).toMatchObject({ version: 1, sesMessageId: id, stream: "invoices", recipients: [ann] });
  expect(data.headers.subject).toBe("Order 1207");
  expect(await pipeline.record(id, ann)).toMatchObject({ state: "done", outcome: "webhook", detail: { http: "204" } });
});

test("copies that are worked at one time may post again, every time under the same id", async () => {
  const pipeline = await start();
  const { id, notice } = await pipeline.arrive({ to: [ann] });
  for (let copy = 0; copy < 5; copy++) await pipeline.queue(pipeline.config.names.noticeQueue, notice);
  await pipeline.settle();
  expect(new Set(receiver.calls.map(idOf))).toEqual(new Set([`${id}.ann%40invoices.example.com`]));
  expect(await pipeline.record(id, ann)).toMatchObject({ state: "done", outcome: "webhook" });
});

test("an endpoint that fails is tried again for a day at no cost, then until the receives end: a dead letter", async () => {
  const pipeline = await start();
  receiver.answers = [500, 302, 429, 503, ...Array(200).fill(500)];
  const { id, notice } = await pipeline.arrive({ to: [ann] });
  await pipeline.queue(pipeline.config.names.noticeQueue, notice);
  const deadLetters = () => pipeline.deadLetters(pipeline.config.names.streamQueue("invoices"));
  for (let quarter = 0; quarter < 4 * 24; quarter++) {
    await pipeline.drain();
    expect(await deadLetters()).toBe(0);
    pipeline.clock.advance(15 * 60_000);
  }
  // One each quarter of an hour: the shorter waits at the beginning are over by then.
  expect(receiver.calls).toHaveLength(4 * 24);
  expect(await pipeline.record(id, ann)).toMatchObject({
    state: "working",
    cause: expect.stringContaining("HTTP 500"),
  });
  await pipeline.settle();
  expect(new Set(receiver.calls.map(idOf))).toEqual(new Set([`${id}.ann%40invoices.example.com`]));
  expect(await pipeline.record(id, ann)).toMatchObject({
    state: "failed",
    cause: "ERR_STREAM_WEBHOOK: the webhook answered HTTP 500",
  });
  expect(await deadLetters()).toBe(1);
});

test.for([
  [410, "HTTP 410: the endpoint wants no more"],
  [422, "HTTP 422: the endpoint refuses it"],
] as const)("%i is not asked again", async ([status, cause]) => {
  const pipeline = await start();
  receiver.answers = [status];
  const { id, notice } = await pipeline.arrive({ to: [ann] });
  await pipeline.queue(pipeline.config.names.noticeQueue, notice);
  await pipeline.settle();
  expect(receiver.calls).toHaveLength(1);
  expect(await pipeline.record(id, ann)).toMatchObject({ state: "failed", outcome: "webhook-refused", cause });
});

test("a private address that nobody allowed is never called, and is asked about once a record", async () => {
  const pipeline = await start({ ...receiver.webhook, allowPrivate: ["10.0.0.0/8"] });
  const { id, notice } = await pipeline.arrive({ to: [ann, "bob@invoices.example.com"] });
  await pipeline.queue(pipeline.config.names.noticeQueue, notice);
  await pipeline.drain();
  // A name may become a public one within the day, so it is waited for; then the receives run out.
  pipeline.clock.advance(25 * 3_600_000);
  await pipeline.settle();
  expect(receiver.calls).toEqual([]);
  const [first, second] = await pipeline.ports.ledger.recipients(id);
  expect(first).toMatchObject({ state: "failed", cause: expect.stringContaining("which is no public address") });
  expect(second).toMatchObject({ state: "failed", cause: expect.stringContaining("not tried") });
});

test("on AWS its function reads its secret and its queue, and stores nothing of others", () => {
  const webhook = { url: "https://shop.example.com/mail", secretFrom: { secretsManager: "shop-hook" } };
  const config = testConfig({ streams: { invoices: { recipients: ["invoices@example.com"], webhook } } });
  const topology = deriveTopology(config);
  expect(topology.functions.find(({ name }) => name === "work-webhook")).toMatchObject({ streams: ["invoices"] });
  const permissions = permissionsOf("work-webhook");
  const options = { functionName: "work-webhook", ledgerTable: "l", storeTable: "s", keyArn: "k" };
  const arns = permissions.flatMap(({ resources }) => resources.flatMap((one) => arnsOf(one, config, options)));
  expect(arns.filter((arn) => arn.includes("secret:shop-hook-"))).toHaveLength(1);
  expect(arnsOf("own-queues", config, options)).toHaveLength(1);
  expect(permissions.flatMap(({ actions }) => actions).filter((action) => /s3:Put|ses:/.test(action))).toEqual([]);
});
