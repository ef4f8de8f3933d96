import { createHash } from "node:crypto";
import type {
  ChangeMessageVisibilityCommandInput,
  ChangeMessageVisibilityCommandOutput,
  DeleteMessageBatchCommandInput,
  DeleteMessageBatchCommandOutput,
  GetQueueAttributesCommandInput,
  GetQueueAttributesCommandOutput,
  ReceiveMessageCommandInput,
  ReceiveMessageCommandOutput,
  SendMessageBatchCommandInput,
  SendMessageBatchCommandOutput,
  SendMessageBatchRequestEntry,
} from "@aws-sdk/client-sqs";
import type { OutgoingQueueMessage, Queues } from "../ports.ts";
import { AwsUnreachableError, call, ThrottledError } from "./call.ts";
import type { Connection } from "./connection.ts";
import { createJsonClient, type JsonClient, sqs } from "./json-client.ts";
import { pauseUpTo } from "./pause.ts";

// What a stream's queue takes, on every home; SQS itself takes four times that much since 2025.
const maxBodyBytes = 262_144;
const maxBatchBytes = 262_144;
const maxBatch = 10;
const maxDelaySeconds = 900;
const rounds = 3;

/** What `Queues` asks of SQS. */
export type QueueOperations = {
  readonly SendMessageBatch: {
    readonly input: SendMessageBatchCommandInput;
    readonly output: SendMessageBatchCommandOutput;
  };
  readonly ReceiveMessage: { readonly input: ReceiveMessageCommandInput; readonly output: ReceiveMessageCommandOutput };
  readonly DeleteMessageBatch: {
    readonly input: DeleteMessageBatchCommandInput;
    readonly output: DeleteMessageBatchCommandOutput;
  };
  readonly ChangeMessageVisibility: {
    readonly input: ChangeMessageVisibilityCommandInput;
    readonly output: ChangeMessageVisibilityCommandOutput;
  };
  readonly GetQueueAttributes: {
    readonly input: GetQueueAttributesCommandInput;
    readonly output: GetQueueAttributesCommandOutput;
  };
};

export function openQueues(connection: Connection, accountId: string): Queues {
  // Queues are named by address; where they are asked is the connection's business.
  const client = createJsonClient<QueueOperations>(connection, sqs);
  const base = connection.endpoint ?? `https://sqs.${connection.region}.amazonaws.com`;
  return createQueues(client, (queue) => `${base.replace(/\/$/, "")}/${accountId}/${queue}`);
}

/** `Queues` on SQS. A batch is cut where it would be too many or too much; single entries that failed on AWS's side are sent again. */
export function createQueues(client: JsonClient<QueueOperations>, urlOf: (queue: string) => string): Queues {
  return {
    async send(queue, messages) {
      const { fit, refused } = sift(messages);
      for (const batch of batchesOf(fit)) {
        let left: readonly OutgoingQueueMessage[] = batch;
        for (let round = 1; left.length > 0; round++) {
          const failed = await sendBatch(client, urlOf(queue), queue, left);
          const again = failed.filter(({ isOurFault }) => !isOurFault);
          refused.push(...failed.filter(({ isOurFault }) => isOurFault));
          if (round === rounds) {
            refused.push(...again);
            break;
          }
          left = left.filter(({ id }) => again.some((entry) => entry.id === id));
          if (left.length > 0) await pauseUpTo(50 * 2 ** round);
        }
      }
      return refused.map(({ id, cause }) => ({ id, cause }));
    },
    async receive(queue, { max, visibilityTimeoutMs }) {
      const input: ReceiveMessageCommandInput = {
        QueueUrl: urlOf(queue),
        MaxNumberOfMessages: Math.min(maxBatch, max),
        MessageSystemAttributeNames: ["All"],
        ...(visibilityTimeoutMs !== undefined && { VisibilityTimeout: seconds(visibilityTimeoutMs) }),
      };
      const { Messages = [] } = await call(`SQS ReceiveMessage ${queue}`, () => client.send("ReceiveMessage", input));
      for (const { Body = "", MD5OfBody } of Messages) checkMd5(Body, MD5OfBody, queue);
      return Messages.map(({ MessageId, ReceiptHandle, Body, Attributes = {} }) => ({
        messageId: MessageId ?? "",
        receiptHandle: ReceiptHandle ?? "",
        body: Body ?? "",
        receiveCount: Number(Attributes.ApproximateReceiveCount ?? 1),
        sentAt: new Date(Number(Attributes.SentTimestamp ?? 0)),
        firstReceivedAt: new Date(Number(Attributes.ApproximateFirstReceiveTimestamp ?? 0)),
      }));
    },
    async delete(queue, receiptHandles) {
      for (let at = 0; at < receiptHandles.length; at += maxBatch) {
        const Entries = receiptHandles
          .slice(at, at + maxBatch)
          .map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle }));
        const input: DeleteMessageBatchCommandInput = { QueueUrl: urlOf(queue), Entries };
        const { Failed = [] } = await call(`SQS DeleteMessageBatch ${queue}`, () =>
          client.send("DeleteMessageBatch", input),
        );
        // A handle whose visibility ended is our fault in SQS's words, and no error here.
        if (Failed.some(({ SenderFault }) => !SenderFault)) throw new ThrottledError(`SQS DeleteMessageBatch ${queue}`);
      }
    },
    async changeVisibility(queue, ReceiptHandle, visibilityTimeoutMs) {
      const input: ChangeMessageVisibilityCommandInput = {
        QueueUrl: urlOf(queue),
        ReceiptHandle,
        VisibilityTimeout: seconds(visibilityTimeoutMs),
      };
      await call(`SQS ChangeMessageVisibility ${queue}`, () => client.send("ChangeMessageVisibility", input));
    },
    async counts(queue) {
      const input: GetQueueAttributesCommandInput = { QueueUrl: urlOf(queue), AttributeNames: ["All"] };
      const { Attributes = {} } = await call(`SQS GetQueueAttributes ${queue}`, () =>
        client.send("GetQueueAttributes", input),
      );
      return {
        visible: Number(Attributes["ApproximateNumberOfMessages"] ?? 0),
        inFlight: Number(Attributes["ApproximateNumberOfMessagesNotVisible"] ?? 0),
        delayed: Number(Attributes["ApproximateNumberOfMessagesDelayed"] ?? 0),
      };
    },
  };
}

const seconds = (ms: number) => Math.ceil(ms / 1000);

interface Refused {
  readonly id: string;
  readonly cause: string;
  readonly isOurFault: boolean;
}

/** What SQS would refuse is not sent: one entry that is too long fails its whole batch. */
function sift(messages: readonly OutgoingQueueMessage[]) {
  const fit: OutgoingQueueMessage[] = [];
  const refused: Refused[] = [];
  for (const message of messages) {
    const bytes = Buffer.byteLength(message.body);
    const { delaySeconds = 0 } = message;
    if (bytes > maxBodyBytes) {
      const cause = `the body has ${bytes} octets, a queue takes ${maxBodyBytes}`;
      refused.push({ id: message.id, cause, isOurFault: true });
    } else if (!(delaySeconds >= 0 && delaySeconds <= maxDelaySeconds)) {
      const cause = `a delay of ${delaySeconds} s is not between 0 and ${maxDelaySeconds}`;
      refused.push({ id: message.id, cause, isOurFault: true });
    } else fit.push(message);
  }
  return { fit, refused };
}

function batchesOf(messages: readonly OutgoingQueueMessage[]): OutgoingQueueMessage[][] {
  const batches: OutgoingQueueMessage[][] = [];
  let batch: OutgoingQueueMessage[] = [];
  let bytes = 0;
  for (const message of messages) {
    const size = Buffer.byteLength(message.body);
    if (batch.length === maxBatch || (batch.length > 0 && bytes + size > maxBatchBytes)) {
      batches.push(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(message);
    bytes += size;
  }
  return batch.length > 0 ? [...batches, batch] : batches;
}

async function sendBatch(
  client: JsonClient<QueueOperations>,
  QueueUrl: string,
  queue: string,
  batch: readonly OutgoingQueueMessage[],
): Promise<readonly Refused[]> {
  // An entry's id has other letters than SQS allows: it is named by its place.
  const Entries = batch.map(
    ({ body, delaySeconds }, index): SendMessageBatchRequestEntry => ({
      Id: String(index),
      MessageBody: body,
      ...(delaySeconds !== undefined && { DelaySeconds: delaySeconds }),
    }),
  );
  const input: SendMessageBatchCommandInput = { QueueUrl, Entries };
  const { Failed = [], Successful = [] } = await call(`SQS SendMessageBatch ${queue}`, () =>
    client.send("SendMessageBatch", input),
  );
  for (const { Id, MD5OfMessageBody } of Successful) {
    checkMd5(batch[Number(Id)]?.body ?? "", MD5OfMessageBody, queue);
  }
  return Failed.map(({ Id, Code, SenderFault }) => ({
    id: batch[Number(Id)]?.id ?? "",
    cause: `SQS: ${Code ?? "no reason"}`,
    isOurFault: SenderFault ?? false,
  }));
}

/** SQS says what it got: what was damaged on the way is asked again, and once more is no harm. */
function checkMd5(body: string, md5: string | undefined, queue: string): void {
  if (md5 === undefined || md5 === createHash("md5").update(body).digest("hex")) return;
  throw new AwsUnreachableError(`SQS ${queue}`, "a damaged message");
}
