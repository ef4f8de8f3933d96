import { createHash } from "node:crypto";
import type { SqsEvent, SqsRecord } from "./notification.ts";

export interface QueuedMessage {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  /** This receive included. */
  readonly receiveCount: number;
  readonly sentAt: Date;
  readonly firstReceivedAt: Date;
}

/** What an event source mapping hands to a function that reads a queue (ses-receiving.md §6.10). */
export function buildSqsEvent(queueArn: string, messages: readonly QueuedMessage[]): SqsEvent {
  return { Records: messages.map((message) => toRecord(queueArn, message)) };
}

/** What such a function answers when some of its messages are to come again. */
export interface SqsBatchResponse {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

function toRecord(queueArn: string, message: QueuedMessage): SqsRecord {
  return {
    messageId: message.messageId,
    receiptHandle: message.receiptHandle,
    body: message.body,
    attributes: {
      ApproximateReceiveCount: String(message.receiveCount),
      SentTimestamp: String(message.sentAt.getTime()),
      SenderId: "AIDAEXAMPLE",
      ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt.getTime()),
    },
    messageAttributes: {},
    // Not for security: SQS states the MD5 of the body so that a reader can tell a damaged one.
    md5OfBody: createHash("md5").update(message.body).digest("hex"),
    eventSource: "aws:sqs",
    eventSourceARN: queueArn,
    awsRegion: queueArn.split(":")[3] ?? "",
  };
}
