import type { Context } from "aws-lambda";
import { deriveTopology } from "../shared/config/topology.ts";
import type { ResolvedConfig, ResolvedStream } from "../shared/config/types.ts";
import type { Claim, Finish, Ports, RecipientRecord } from "../shared/ports.ts";
import type { SesMessageId } from "../shared/ses-message-id.ts";
import {
  OriginalUnfinishedError,
  QueueSendError,
  RecipientUndecidedError,
  StreamUnknownError,
} from "../shared/streams/errors.ts";
import { type MessageContent, messageContent } from "../shared/streams/message-content.ts";
import { decodeStreamMessage } from "../shared/streams/read-stream-message.ts";
import type { StreamMessage } from "../shared/streams/stream-message.ts";
import { type BatchResponse, causeOf, eachRecord, hasCode, isPostponable, isThrottled, loggable } from "./batch.ts";
import { byteBudget } from "./byte-budget.ts";
import { count, type Handler, logger } from "./stack.ts";

/** One recipient of one message, and the right to act for it. */
export interface Job {
  readonly message: StreamMessage;
  readonly recipient: string;
  readonly stream: ResolvedStream;
  readonly claim: Claim;
  readonly record: RecipientRecord;
  readonly content: MessageContent;
  /** Whether a throw ends it as failed. */
  readonly isLast: boolean;
}

/** Does the work and says how it ended. Its effects are conditional on the claim; a throw is a setback and comes again. */
export type StreamWork = (job: Job) => Promise<Finish>;

// What the messages being worked on at one time may weigh together; a bigger one is worked on alone.
const batchBytes = 32 * 1024 * 1024;
// A line of the log is no list of all recipients of a large mail.
const maxNamedRecipients = 10;

/**
 * What all workers share: read the claim check, and for each recipient claim, leave alone what has ended or is a
 * transport duplicate, work, and note the end. Only single records fail, never the batch; a record that fails for the
 * last time ends `failed` with its cause and goes to the dead letters, from where a redrive starts it again.
 */
export function workBatch(ports: Ports, config: ResolvedConfig, work: StreamWork): Handler<BatchResponse> {
  const budget = byteBudget(batchBytes);
  const maxReceives = new Map(
    deriveTopology(config).queues.map(({ name, maxReceiveCount }) => [name, maxReceiveCount]),
  );
  const lastReceive = (stream: string) => maxReceives.get(config.names.streamQueue(stream)) ?? Number.POSITIVE_INFINITY;

  return (event: unknown, context: Context) =>
    eachRecord(
      event,
      context,
      async ({ body, receiveCount, about }) => {
        const message = decodeStreamMessage(body);
        about({ sesMessageId: message.sesMessageId, stream: message.stream });
        const stream = config.streams.find(({ name }) => name === message.stream);
        const content = messageContent(ports, message.sesMessageId, message.content);
        const isLast = receiveCount >= lastReceive(message.stream);
        const failures: unknown[] = [];
        const failed: string[] = [];
        for (const recipient of message.recipients) {
          try {
            await workRecipient(ports, config, { message, recipient, stream, content, isLast }, async (job) => {
              const release = await budget.take(await content.sizeBytes());
              try {
                return (await endAsDuplicate(ports, job)) ?? (await work(job));
              } finally {
                release();
              }
            });
          } catch (error) {
            failures.push(error);
            failed.push(recipient);
          }
        }
        // One that has to wait puts the whole record back; the others then have their ends, or another try.
        about({ recipients: failed.slice(0, maxNamedRecipients) });
        if (failures.length > 0) throw failures.find(isPostponable) ?? failures[0];
      },
      ports,
    );
}

interface Attempt {
  readonly message: StreamMessage;
  readonly recipient: string;
  readonly stream: ResolvedStream | undefined;
  readonly content: MessageContent;
  readonly isLast: boolean;
}

async function workRecipient(
  ports: Ports,
  config: ResolvedConfig,
  { message, recipient, stream, content, isLast }: Attempt,
  work: StreamWork,
): Promise<void> {
  const { sesMessageId } = message;
  const claimed = await ports.ledger.claim(sesMessageId, recipient);
  if (claimed.kind === "unknown") throw new RecipientUndecidedError(sesMessageId);
  if (claimed.kind === "ended") {
    logger.info("already ended", { sesMessageId, stream: message.stream, state: claimed.record.state });
    return;
  }
  const { claim, record } = claimed;
  const fields = { sesMessageId, stream: message.stream, attempt: claim.attempt };
  try {
    if (record.stream !== null && record.stream !== message.stream) {
      await passOn(ports, config, message, recipient, record.stream);
      logger.info("passed on", { ...fields, to: record.stream });
      return;
    }
    if (stream === undefined)
      throw new StreamUnknownError(
        message.stream,
        config.streams.map(({ name }) => name),
      );
    const finish = await work({ message, recipient, stream, claim, record, content, isLast });
    const taken = await ports.ledger.finish(claim, finish);
    if (taken) count("RecipientEnded");
    logger.info(taken ? "worked" : "overtaken", { ...fields, state: finish.state, outcome: finish.outcome });
  } catch (error) {
    if (hasCode(error) && error.code === "ERR_STALE_CLAIM") {
      // The attempt that overtook this one carries the work on, with a queue message of its own.
      logger.info("overtaken", fields);
      return;
    }
    // Nothing failed, and the ledger is not to be asked for more just now.
    if (!isThrottled(error)) await noteFailure(ports, claim, error, isLast);
    throw error;
  }
}

/**
 * A late copy of a message whose recipient was released from quarantine meanwhile. Its claim has overtaken whoever works in
 * the stream that counts now, so that stream gets the message again.
 */
async function passOn(
  { queues }: Ports,
  { names }: ResolvedConfig,
  message: StreamMessage,
  recipient: string,
  stream: string,
): Promise<void> {
  const queue = names.streamQueue(stream);
  const body = JSON.stringify({ ...message, stream, recipients: [recipient] });
  const [refused] = await queues.send(queue, [{ id: "0", body }]);
  if (refused) throw new QueueSendError(message.sesMessageId, [{ queue, cause: refused.cause }]);
}

async function noteFailure(ports: Ports, claim: Claim, error: unknown, isLast: boolean): Promise<void> {
  const { code, cause } = causeOf(error);
  const text = `${code}: ${cause}`;
  try {
    if (!isLast) return await ports.ledger.setback(claim, text);
    count("RecipientFailed");
    await ports.ledger.finish(claim, { state: "failed", outcome: "failed", cause: text });
  } catch (noting) {
    // The ledger itself is in trouble: the first error is the one to report, and the queue brings the record again.
    logger.error("failure not noted", { sesMessageId: claim.sesMessageId, ...loggable(noting) });
  }
}

/**
 * The same mail under another SES id (a sender that missed our 250 sends again) acts only if the first one failed. Held
 * mail is no answer to a copy that was found clean, so that copy acts too.
 */
async function endAsDuplicate(
  { ledger }: Ports,
  { message, recipient, stream, content }: Job,
): Promise<Finish | undefined> {
  const headerMessageId = message.headers.messageId;
  // Without the sender's identifier two mails with the same words are two mails.
  if (headerMessageId === undefined) return undefined;
  const { sesMessageId, receivedAt } = message;
  const bodySha256 = await content.bodySha256();
  const first = await ledger.firstOf({ bodySha256, headerMessageId, recipient, sesMessageId, receivedAt });
  if (first === sesMessageId) return undefined;
  const original = await recordOf(ledger, first, recipient);
  switch (original?.state) {
    case undefined:
    case "failed":
      return undefined;
    case "quarantined":
      return stream.worker === "quarantine" ? duplicateOf(first) : undefined;
    case "done":
      return duplicateOf(first);
    default:
      throw new OriginalUnfinishedError(first);
  }
}

function duplicateOf(first: SesMessageId): Finish {
  return { state: "done", outcome: "duplicate", duplicateOf: first };
}

async function recordOf(
  ledger: Ports["ledger"],
  sesMessageId: SesMessageId,
  recipient: string,
): Promise<RecipientRecord | undefined> {
  return (await ledger.recipients(sesMessageId)).find((record) => record.recipient === recipient);
}
