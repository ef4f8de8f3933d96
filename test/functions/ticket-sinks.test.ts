import { Webhook } from "standardwebhooks";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { WebhookError } from "../../shared/propagation/guarded-post.ts";
import { testConfig } from "../shared/streams/stream-fixture.ts";
import { dyingPorts, openPipeline, type Pipeline, type TestMail } from "./pipeline.ts";
import { type Call, secret, useWebhookReceiver } from "./webhook-receiver.ts";

const receiver = useWebhookReceiver();
let pipeline: Pipeline;
beforeEach(async () => {
  pipeline = await openPipeline(
    testConfig({
      tickets: {
        sinks: {
          crm: {
            kind: "webhook",
            ...receiver.webhook,
          },
        },
      },
    }),
    { env: { HOOK: secret } },
  );
});
afterEach(async () => {
  await pipeline.close();
});

const idOf = ({ headers }: Call) => String(headers["webhook-id"]);
const said = (call: Call) =>
  JSON.parse(call.body) as { type: string; data: { ticket: { id: number; state: string }; entry?: { text: string } } };

async function receive(mail: Partial<TestMail> = {}) {
  const events = await pipeline.arrive({ to: ["support@example.com"], ...mail });
  await pipeline.queue(pipeline.config.names.noticeQueue, events.notice);
  return events.id;
}

test("a mail that opens a ticket, an answer, a note and a change are told, each under its own id, signed", async () => {
  const id = await receive();
  await pipeline.drain();
  const { tickets } = pipeline.ports;
  await tickets.change(1, {
    id: "note/n1",
    entry: { kind: "note", id: "n1", text: "Call back", by: "carol", at: "2026-08-04T10:00:00.000Z" },
  });
  await tickets.change(1, { id: "change/c1", state: "closed" });
  // A Message-ID that SES gave is nothing for a ticket system.
  await tickets.change(1, { id: "x/sent", messageIds: ["<ours@example.com>"] });
  await receive({ headers: { "In-Reply-To": "<m1@sender.example>", Subject: "Re: Order 1207" }, body: "Thanks\r\n" });
  await pipeline.settle();
  expect(new Map(receiver.calls.map((call) => [idOf(call), said(call).type]))).toEqual(
    new Map([
      [`mail/${id}.crm`, "ticket.opened"],
      ["note/n1.crm", "ticket.note"],
      ["change/c1.crm", "ticket.change"],
      [expect.stringMatching(/^mail\/.*\.crm$/), "ticket.mail"],
    ]),
  );
  expect(receiver.calls).toHaveLength(4);
  const [first] = receiver.calls as [Call];
  expect(said(first).data).toMatchObject({ ticket: { id: 1 }, entry: { text: "Hello", sesMessageId: id } });
  const timestamp = new Date(Number(first.headers["webhook-timestamp"]) * 1000);
  expect(first.headers["webhook-signature"]).toBe(new Webhook(secret).sign(idOf(first), timestamp, first.body));
  expect(await pipeline.ports.propagations.of(id)).toMatchObject([
    {
      ...{ change: `mail/${id}`, target: "sink:crm", state: "done", attempts: 1 },
      cause: "told, at least once under one id",
    },
  ]);
});

test("what fails is tried again under the same id, and the mail's journey says so", async () => {
  receiver.answers = [503];
  const id = await receive();
  await pipeline.drain();
  expect(await pipeline.ports.propagations.of(id)).toMatchObject([
    { state: "waiting", attempts: 1, cause: "HTTP 503" },
  ]);
  await pipeline.settle();
  expect(receiver.calls.map(idOf)).toEqual([`mail/${id}.crm`, `mail/${id}.crm`]);
  expect(await pipeline.ports.propagations.of(id)).toMatchObject([{ state: "done", attempts: 2 }]);
});

test("410 stops this change for good", async () => {
  receiver.answers = [410];
  const id = await receive();
  await pipeline.settle();
  expect(receiver.calls).toHaveLength(1);
  expect(await pipeline.ports.propagations.of(id)).toMatchObject([{ state: "stopped" }]);
});

test("a target that never takes it ends as a dead letter, and a redrive brings it there", async () => {
  receiver.answers = Array.from({ length: 100 }, () => 500);
  const id = await receive();
  for (let hour = 0; hour < 60; hour++) await pipeline.settle();
  const { propagateQueue } = pipeline.config.names;
  expect(await pipeline.ports.propagations.of(id)).toMatchObject([{ state: "failed" }]);
  expect(await pipeline.deadLetters(propagateQueue)).toBe(1);
  receiver.answers = [];
  await pipeline.store.ports.queues.redrive(`${propagateQueue}-dlq`);
  await pipeline.drain();
  expect(await pipeline.ports.propagations.of(id)).toMatchObject([{ state: "done" }]);
});

test("20 duplicates of one mail: one ticket, told once", async () => {
  const events = await pipeline.arrive({ to: ["support@example.com"] });
  for (let copy = 0; copy < 20; copy++) await pipeline.queue(pipeline.config.names.noticeQueue, events.notice);
  await Promise.all(Array.from({ length: 4 }, () => pipeline.drain()));
  await pipeline.settle();
  expect(receiver.calls.map(idOf)).toEqual([`mail/${events.id}.crm`]);
  expect((await pipeline.ports.tickets.list({ limit: 10 })).tickets).toHaveLength(1);
});

test("a process that dies at any point of the way loses no entry: it is told after the restart, under one id", async () => {
  for (let nth = 1; ; nth++) {
    receiver.calls = [];
    const id = await receive({ headers: { "Message-ID": `<death-${nth}@sender.example>`, Subject: `Death ${nth}` } });
    const { ports, died } = dyingPorts(pipeline.ports, nth, nth % 2 === 0 ? "before" : "after");
    await pipeline.drain(ports);
    await pipeline.settle();
    expect(new Set(receiver.calls.map(idOf)), `call ${nth}`).toEqual(new Set([`mail/${id}.crm`]));
    expect(receiver.calls.length).toBeLessThanOrEqual(2);
    expect(await pipeline.ports.propagations.of(id)).toMatchObject([{ state: "done" }]);
    if (!died()) {
      expect(nth).toBeGreaterThan(10);
      return;
    }
  }
});

test("a ticket system that did not answer gets two minutes to end what it does, before it is asked again", async () => {
  const sinks = { dev: { kind: "github", repository: "acme/support", tokenFrom: { env: "TOKEN" } } } as const;
  const slow = await openPipeline(testConfig({ tickets: { sinks } }), { env: { TOKEN: "x" } });
  onTestFinished(() => slow.close());
  let asked = 0;
  const webhooks = {
    ...slow.ports.webhooks,
    request: async () => {
      asked++;
      throw new WebhookError("api.github.com did not answer in time");
    },
  };
  const events = await slow.arrive({ to: ["support@example.com"] });
  await slow.queue(slow.config.names.noticeQueue, events.notice);
  await slow.drain({ ...slow.ports, webhooks });
  expect(asked).toBe(1);
  const dueAt = new Date(slow.clock.now().getTime() + 120_000).toISOString();
  expect(await slow.ports.propagations.of(events.id)).toMatchObject([
    { state: "waiting", attempts: 1, cause: "api.github.com did not answer in time", dueAt },
  ]);
});
