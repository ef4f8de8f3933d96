import { expect, test } from "vitest";
import { createQueuePump } from "../../../local/invoke/queue-pump.ts";
import type { ReceivedQueueMessage } from "../../../shared/ports.ts";

const start = new Date("2026-08-04T09:00:00Z");
const message = (id: string): ReceivedQueueMessage => ({
  messageId: id,
  receiptHandle: `handle ${id}`,
  body: "{}",
  receiveCount: 1,
  sentAt: start,
  firstReceivedAt: start,
});

/** A pump over one batch of two, the second of which fails, on a queue that refuses to write so many times. */
function pumpOver(refusals: number) {
  const waiting = [[message("a"), message("b")]];
  const deleted: string[] = [];
  const back: string[] = [];
  const log: string[] = [];
  let left = refusals;
  const write = () => {
    if (left-- > 0) throw new Error("database or disk is full");
  };
  const pump = createQueuePump({
    queue: {
      name: "q",
      deadLetterQueue: "q-dlq",
      visibilityTimeoutMs: 360_000,
      delayMs: 0,
      maxReceiveCount: 5,
      consumer: { functionName: "f", batchSize: 10, concurrency: 1 },
    },
    queueArn: "arn:aws:sqs:us-east-1:000000000000:q",
    target: { name: "f", arn: "arn:f", timeoutMs: 1_000, memoryMb: 128 },
    queues: {
      receive: async () => waiting.shift() ?? [],
      delete: async (_queue: string, handles: readonly string[]) => {
        write();
        deleted.push(...handles);
      },
      changeVisibility: async (_queue: string, handle: string) => {
        write();
        back.push(handle);
      },
    } as never,
    host: {
      invoke: async () => ({ kind: "returned", value: { batchItemFailures: [{ itemIdentifier: "b" }] } }),
      close: async () => undefined,
    },
    clock: { now: () => start },
    random: { bytes: (count) => new Uint8Array(count) },
    log: {
      info() {},
      warn: (text: string) => void log.push(text),
      error: (text: string) => void log.push(text),
      take() {},
      attach() {},
      close: async () => undefined,
    },
  });
  return { pump, deleted, back, log };
}

test("what was worked on is deleted, what failed comes again", async () => {
  const { pump, deleted, back, log } = pumpOver(0);
  await pump.tick();
  await pump.idle();
  expect([deleted, back, log]).toEqual([["handle a"], ["handle b"], []]);
});

test("on a full disk the queue is told as soon as there is room, and one line says so", async () => {
  const { pump, deleted, back, log } = pumpOver(2);
  await pump.tick();
  await pump.idle();
  expect([deleted, back]).toEqual([["handle a"], ["handle b"]]);
  expect(log).toEqual(["batch not settled, will be tried again"]);
});

test("whoever stops meanwhile does not wait for room", async () => {
  const { pump, deleted, log } = pumpOver(Number.POSITIVE_INFINITY);
  await pump.tick();
  pump.stop();
  await pump.idle();
  expect(deleted).toEqual([]);
  expect(log.at(-1)).toBe("queue pump failed");
});
