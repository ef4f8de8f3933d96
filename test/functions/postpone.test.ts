import type { Context, SQSRecord } from "aws-lambda";
import { expect, test } from "vitest";
import { eachRecord } from "../../functions/batch.ts";
import { postpone } from "../../functions/postpone.ts";
import type { OutgoingQueueMessage } from "../../shared/ports.ts";

const now = new Date("2026-08-04T12:00:00.000Z");

function record(body: string, sentAt = now): SQSRecord {
  return {
    messageId: "m",
    receiptHandle: "h",
    body,
    attributes: {
      ApproximateReceiveCount: "4",
      SentTimestamp: String(sentAt.getTime()),
      SenderId: "s",
      ApproximateFirstReceiveTimestamp: String(sentAt.getTime()),
    },
    messageAttributes: {},
    md5OfBody: "",
    eventSource: "aws:sqs",
    eventSourceARN: "arn:aws:sqs:us-east-1:111122223333:mailweir-prod-stream-ticket",
    awsRegion: "us-east-1",
  };
}

function queues(refused = false) {
  const sent: { readonly queue: string; readonly message: OutgoingQueueMessage | undefined }[] = [];
  return {
    sent,
    async send(queue: string, messages: readonly OutgoingQueueMessage[]) {
      sent.push({ queue, message: messages[0] });
      return refused ? [{ id: "0", cause: "no" }] : [];
    },
  };
}

test("a record goes back into its own queue, a while later", async () => {
  const to = queues();
  const body = JSON.stringify({ receivedAt: "2026-08-04T11:00:00.000Z" });
  expect(await postpone(record(body), to, now)).toBe(true);
  expect(to.sent).toMatchObject([{ queue: "mailweir-prod-stream-ticket", message: { body } }]);
  expect(to.sent[0]?.message?.delaySeconds).toBeGreaterThanOrEqual(20);
  expect(to.sent[0]?.message?.delaySeconds).toBeLessThanOrEqual(120);
});

test.for<[string, string]>([
  ["a stream message", JSON.stringify({ receivedAt: "2026-08-01T11:59:59.000Z" })],
  ["a notice", JSON.stringify({ mail: { timestamp: "2026-08-01T11:59:59.000Z" } })],
  [
    "a notice in SNS's envelope",
    JSON.stringify({ Message: JSON.stringify({ mail: { timestamp: "2026-08-01T11:59:59.000Z" } }) }),
  ],
  ["a bucket's event", JSON.stringify({ Records: [{ eventTime: "2026-08-01T11:59:59.000Z" }] })],
])("%s of more than three days ago is not put back for ever", async ([, body]) => {
  const to = queues();
  expect(await postpone(record(body), to, now)).toBe(false);
  expect(to.sent).toEqual([]);
});

test("without a date the queue's own counts", async () => {
  expect(await postpone(record("{}"), queues(), now)).toBe(true);
  expect(await postpone(record("{}", new Date("2026-08-01T00:00:00Z")), queues(), now)).toBe(false);
});

test("a queue that takes nothing, or cannot be reached, leaves the record to fail", async () => {
  expect(await postpone(record("{}"), queues(true), now)).toBe(false);
  const unreachable = { send: () => Promise.reject(new Error("no connection")) };
  expect(await postpone(record("{}"), unreachable, now)).toBe(false);
});

test("a batch goes by the clock that it is given: where that has been moved, the mail is as old as it says", async () => {
  const throttled = Object.assign(new Error("slow down"), { code: "ERR_THROTTLED", retryable: true });
  const batchAt = async (clockNow: Date, receivedAt: string) => {
    const to = queues();
    const { batchItemFailures } = await eachRecord(
      { Records: [record(JSON.stringify({ receivedAt }))] },
      {} as Context,
      () => Promise.reject(throttled),
      { queues: to as never, clock: { now: () => clockNow } },
    );
    return { sent: to.sent.length, failed: batchItemFailures.length };
  };
  const inTwentyYears = new Date("2046-08-04T12:00:00.000Z");
  expect(await batchAt(inTwentyYears, "2046-08-04T11:00:00.000Z")).toEqual({ sent: 1, failed: 0 });
  expect(await batchAt(inTwentyYears, "2026-08-04T11:00:00.000Z")).toEqual({ sent: 0, failed: 1 });
  expect(await batchAt(new Date("2006-08-04T12:00:00.000Z"), "2006-08-01T11:00:00.000Z")).toEqual({
    sent: 0,
    failed: 1,
  });
});
