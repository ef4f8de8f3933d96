import { afterEach, expect, test } from "vitest";
import type { BatchResponse } from "../../../functions/batch.ts";
import { work as routeNotification } from "../../../functions/route-notification/work.ts";
import type { FunctionHost, InvokeOutcome } from "../../../local/invoke/function-host.ts";
import { createNearHost, isNear } from "../../../local/invoke/near-host.ts";
import { resolveConfig } from "../../../shared/config/resolve-config.ts";
import type { StreamMatch } from "../../../shared/config/types.ts";
import type { Ports } from "../../../shared/ports.ts";
import { buildSqsEvent } from "../../../shared/receipt/sqs-event.ts";
import { context, openPipeline, type Pipeline, type TestMail } from "../../functions/pipeline.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const options = { requestId: "r", timeoutMs: 30_000, memoryMb: 256 };

/** The host on a store, with threads that only note what they were asked for and answer as told. */
async function open(
  answer: InvokeOutcome = { kind: "returned", value: { batchItemFailures: [] } },
  change: (ports: Ports) => Ports = (ports) => ports,
) {
  const pipeline = await openPipeline();
  closing.push(() => pipeline.close());
  const inThreads: unknown[] = [];
  const threads: FunctionHost = {
    async invoke(_, event) {
      inThreads.push(event);
      return answer;
    },
    close: async () => undefined,
  };
  const lines: string[] = [];
  const say = (message: string) => void lines.push(message);
  const log = {
    ...{ info: say, warn: say, error: say, attach: () => undefined, close: async () => undefined },
    take: (_: string, message: string) => say(message),
  };
  const { config } = pipeline;
  const host = createNearHost({ threads, ports: change(pipeline.ports), config, log });
  return { pipeline, host, lines, inThreads };
}

/** Mails that are decided and lie in the ticket queue, taken from it as one batch. */
async function batchOf({ ports, config, ...pipeline }: Pipeline, mails: readonly Omit<TestMail, "to">[]) {
  for (const mail of mails) {
    const { notice } = await pipeline.arrive({ ...mail, to: ["support@example.com"] });
    const event = buildSqsEvent("arn:aws:sqs:us-east-1:000000000000:notices", [message(JSON.stringify(notice))]);
    await routeNotification(ports, config)(event, context("route-notification"));
  }
  const messages = await ports.queues.receive(config.names.streamQueue("ticket"), { max: 10 });
  return { messages, event: buildSqsEvent("arn:aws:sqs:us-east-1:000000000000:ticket", messages) };
}

const message = (body: string) => ({
  ...{ messageId: "m", receiptHandle: "1.1", body, receiveCount: 1 },
  ...{ sentAt: new Date(0), firstReceivedAt: new Date(0) },
});

const failuresIn = (outcome: InvokeOutcome) =>
  outcome.kind === "returned"
    ? (outcome.value as BatchResponse).batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)
    : outcome.kind;

test("small mail is worked on beside the store, its lines in the engine's log", async () => {
  const { pipeline, host, lines, inThreads } = await open();
  const { event } = await batchOf(pipeline, [{}, { headers: { Subject: "Another" } }]);
  expect(failuresIn(await host.invoke("work-ticket", event, options))).toEqual([]);
  expect(inThreads).toEqual([]);
  expect((await pipeline.ports.tickets.list({ limit: 10 })).tickets.length).toBe(2);
  expect(lines).toEqual(["worked", "worked"]);
});

test("of a batch the large mail goes to a thread, and fails alone when that does", async () => {
  const { pipeline, host, inThreads } = await open({ kind: "timed-out", cause: "it took too long" });
  const { event, messages } = await batchOf(pipeline, [{}, { body: "A long line of words.\r\n".repeat(4_000) }]);
  const [small, large] = messages;
  expect(failuresIn(await host.invoke("work-ticket", event, options))).toEqual([large?.messageId]);
  expect(inThreads).toMatchObject([{ Records: [{ messageId: large?.messageId }] }]);
  expect(small?.messageId).not.toBe(large?.messageId);
  expect((await pipeline.ports.tickets.list({ limit: 10 })).tickets.length).toBe(1);
});

test("a batch of which nothing is small is the thread's alone", async () => {
  const { pipeline, host } = await open({ kind: "timed-out", cause: "it took too long" });
  const { event } = await batchOf(pipeline, [{ body: "A long line of words.\r\n".repeat(4_000) }]);
  expect(await host.invoke("work-ticket", event, options)).toEqual({ kind: "timed-out", cause: "it took too long" });
});

test("whatever is no worker of ours, and a message that cannot be read, is the thread's", async () => {
  const { host, inThreads } = await open();
  for (const name of ["work-own", "work-webhook", "gate", "propagate", "some-function"]) {
    await host.invoke(name, { Records: [] }, options);
  }
  await host.invoke(
    "work-ticket",
    buildSqsEvent("arn:aws:sqs:us-east-1:000000000000:q", [message("no JSON")]),
    options,
  );
  expect(inThreads.length).toBe(6);
});

test.for<[string, StreamMatch, boolean]>([
  ["a pattern", { recipient: /^orders/ }, false],
  ["a function", () => true, false],
  ["an address", { recipient: "orders@in.example" }, true],
])("near, where %s chooses a stream or a folder", ([, match, near]) => {
  const domains = ["in.example"];
  const byStream = resolveConfig({
    domains,
    streams: {
      personal: { recipients: ["in.example"] },
      orders: { recipients: ["o@in.example"], match, worker: "personal" },
    },
  });
  const byFolder = resolveConfig({
    domains,
    streams: { personal: { recipients: ["in.example"] } },
    personal: { folders: [{ match, folder: "Orders" }] },
  });
  expect([isNear("work-quarantine", byStream), isNear("work-personal", byFolder)]).toEqual([near, near]);
});

test("what a worker does behind its time-out is refused", async () => {
  const { promise: late, resolve: goOn } = Promise.withResolvers<void>();
  const { pipeline, host, lines } = await open(undefined, (ports) => ({
    ...ports,
    ledger: {
      ...ports.ledger,
      async firstOf(fingerprint) {
        await late;
        return ports.ledger.firstOf(fingerprint);
      },
    },
  }));
  const { event } = await batchOf(pipeline, [{}]);
  const outcome = await host.invoke("work-ticket", event, { ...options, timeoutMs: 50 });
  expect(outcome.kind).toBe("timed-out");
  goOn();
  await expect
    .poll(() => lines.filter((line) => /^(worked|record failed)$/.test(line)), { timeout: 30_000 })
    .not.toEqual([]);
  expect(lines).not.toContain("worked");
  expect((await pipeline.ports.tickets.list({ limit: 10 })).tickets).toEqual([]);
});
