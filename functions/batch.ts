import { BatchProcessor, EventType, processPartialResponse } from "@aws-lambda-powertools/batch";
import type { PartialItemFailureResponse } from "@aws-lambda-powertools/batch/types";
import type { Context, SQSRecord } from "aws-lambda";
import type { Ports } from "../shared/ports.ts";
import { StreamWebhookError } from "../shared/streams/errors.ts";
import { postpone } from "./postpone.ts";
import { count, logger } from "./stack.ts";

export type BatchResponse = PartialItemFailureResponse;

export interface BatchRecord {
  readonly body: string;
  /** This receive included; starts again from 1 after a redrive. */
  readonly receiveCount: number;
  readonly sqs: SQSRecord;
  /** What the log is to name should it fail: ids and addresses, never what a mail says. */
  about(fields: FailedAbout): void;
}

export interface FailedAbout {
  readonly sesMessageId?: string;
  readonly stream?: string;
  /** For whom it failed. */
  readonly recipients?: readonly string[];
}

/**
 * Runs every record of a queue's batch by itself. A record whose handler throws is answered in `batchItemFailures`: the
 * queue shows it again after its visibility timeout, and after its last receive moves it to the dead letters. The
 * others are deleted.
 *
 * @param ports - where given, what AWS throttled, or a webhook has to be tried again for, is put back with a delay instead, and
 *   costs no receive
 */
export async function eachRecord(
  event: unknown,
  context: Context,
  handle: (record: BatchRecord) => Promise<void>,
  ports?: Pick<Ports, "queues" | "clock">,
): Promise<BatchResponse> {
  // A processor keeps the batch as its state, and invocations may overlap in one process.
  const processor = new BatchProcessor(EventType.SQS);
  const handleRecord = async (record: SQSRecord) => {
    let known: FailedAbout = {};
    const about = (fields: FailedAbout) => {
      known = { ...known, ...fields };
    };
    try {
      const receiveCount = Number(record.attributes.ApproximateReceiveCount);
      await handle({ body: record.body, receiveCount, sqs: record, about });
    } catch (error) {
      if (ports && isPostponable(error) && (await postpone(record, ports.queues, ports.clock.now(), delayOf(error)))) {
        count("RecordPostponed");
        logger.warn("record postponed", { queueMessageId: record.messageId, ...known, ...loggable(error) });
        return;
      }
      count("RecordFailed");
      logger.error("record failed", {
        queueMessageId: record.messageId,
        receiveCount: record.attributes.ApproximateReceiveCount,
        ...known,
        ...loggable(error),
      });
      throw error;
    }
  };
  return processPartialResponse(requireBatch(event), handleRecord, processor, {
    context,
    throwOnFullBatchFailure: false,
  });
}

/** What the ledger keeps about an error, for the one who runs the pipeline: its code or name, and its message. */
export function causeOf(error: unknown): { readonly code: string; readonly cause: string } {
  if (!(error instanceof Error)) return { code: typeof error, cause: "something that is no error was thrown" };
  return { code: hasCode(error) ? error.code : error.name, cause: error.message.slice(0, 500) };
}

/**
 * What a log line may say about an error. Our own messages never quote mail; anybody else's may hold all of it, so of
 * those only the name and the place are told.
 */
export function loggable(error: unknown): Readonly<Record<string, unknown>> {
  const { code, cause } = causeOf(error);
  // Errors lose their class on the way from another thread, so ours are known by their members.
  if (hasCode(error) && "retryable" in error) return { code, cause };
  const frames = error instanceof Error ? (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line)) : [];
  return { code, at: frames.slice(0, 3).map((line) => line.trim().slice(0, 200)) };
}

export function hasCode(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && "code" in error && typeof error.code === "string";
}

/** AWS asked for patience: nothing is wrong with the record. */
export function isThrottled(error: unknown): boolean {
  return hasCode(error) && error.code === "ERR_THROTTLED";
}

/** Waiting helps, and is to cost no receive. */
export function isPostponable(error: unknown): boolean {
  return isThrottled(error) || delayOf(error) !== undefined;
}

function delayOf(error: unknown): number | undefined {
  return error instanceof StreamWebhookError ? error.delaySeconds : undefined;
}

function requireBatch(event: unknown): { Records: SQSRecord[] } {
  // The event source mapping made it; a look at the outside is enough, the bodies are checked one by one.
  if (typeof event === "object" && event !== null && "Records" in event && Array.isArray(event.Records)) {
    return { Records: event.Records };
  }
  throw new TypeError("The event has no Records: subscribe this function to a queue");
}
