import { setTimeout as sleep } from "node:timers/promises";
import type { FunctionTopology, QueueTopology } from "../../shared/config/topology.ts";
import type { Clock, Queues, Random, ReceivedQueueMessage } from "../../shared/ports.ts";
import { buildSqsEvent } from "../../shared/receipt/sqs-event.ts";
import type { Log } from "../log.ts";
import type { FunctionHost } from "./function-host.ts";
import { createPump, type Pump } from "./pump.ts";
import { requestId } from "./request-id.ts";

export interface QueuePumpOptions {
  readonly queue: QueueTopology;
  readonly queueArn: string;
  readonly target: FunctionTopology;
  /** How much is taken at a time. Default: as the queue says. */
  readonly consumer?: { readonly batchSize: number; readonly concurrency: number };
  readonly queues: Queues;
  readonly host: FunctionHost;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * Lambda's event source mapping for one queue: batches in, partial batch responses out. What a function did not report as
 * failed is deleted; what it did, or everything when it failed as a whole, comes again until the dead-letter queue takes
 * it. A message that failed comes back sooner than its visibility timeout, doubling from 2 seconds: nobody at a single
 * machine wants to wait six function time-outs for a name server that hiccuped.
 */
export function createQueuePump(options: QueuePumpOptions): Pump {
  const { queue, queues, host, target, log } = options;
  const consumer = options.consumer ?? queue.consumer ?? { batchSize: 10, concurrency: 1 };

  const giveBack = async (messages: readonly ReceivedQueueMessage[]) => {
    for (const message of messages) {
      const backoffMs = Math.min(queue.visibilityTimeoutMs, 1_000 * 2 ** Math.min(message.receiveCount, 20));
      await queues.changeVisibility(queue.name, message.receiptHandle, backoffMs);
    }
  };

  let stopped = false;
  /**
   * Tells the queue what became of the batch. On a full disk it cannot be told: then again and again until it can, since until
   * their visibility timeout is over nobody else gets these messages.
   */
  const settle = async (messages: readonly ReceivedQueueMessage[], failed: ReadonlySet<string>) => {
    const done = messages.filter((message) => !failed.has(message.messageId));
    const back = messages.filter((message) => failed.has(message.messageId));
    for (let waitedMs = 0; ; waitedMs += settleAgainMs) {
      try {
        await queues.delete(
          queue.name,
          done.map((message) => message.receiptHandle),
        );
        return await giveBack(back);
      } catch (error) {
        if (stopped || waitedMs >= queue.visibilityTimeoutMs) throw error;
        if (waitedMs === 0) {
          const cause = error instanceof Error ? error.message : String(error);
          log.warn("batch not settled, will be tried again", { queue: queue.name, messages: messages.length, cause });
        }
        await sleep(settleAgainMs);
      }
    }
  };

  const pump = createPump({
    concurrency: consumer.concurrency,
    async take() {
      const messages = await queues.receive(queue.name, { max: consumer.batchSize });
      return messages.length > 0 ? messages : undefined;
    },
    async work(messages) {
      const outcome = await host.invoke(target.name, buildSqsEvent(options.queueArn, messages), {
        requestId: requestId(options.random),
        timeoutMs: target.timeoutMs,
        memoryMb: target.memoryMb,
      });
      if (outcome.kind !== "returned") {
        log.warn("batch failed", {
          queue: queue.name,
          function: target.name,
          messages: messages.length,
          cause: outcome.cause,
        });
        await settle(messages, new Set(messages.map(({ messageId }) => messageId)));
        return;
      }
      await settle(messages, failedIds(outcome.value));
    },
    onError: (error) =>
      log.error("queue pump failed", {
        queue: queue.name,
        cause: error instanceof Error ? error.message : String(error),
      }),
  });
  return {
    ...pump,
    stop() {
      stopped = true;
      pump.stop();
    },
  };
}

const settleAgainMs = 1_000;

/** `{ batchItemFailures: [{ itemIdentifier }] }`; anything else means that every record was handled. */
function failedIds(answer: unknown): ReadonlySet<string> {
  const failures: unknown =
    typeof answer === "object" && answer !== null && "batchItemFailures" in answer ? answer.batchItemFailures : [];
  const ids = Array.isArray(failures)
    ? failures.map((failure: { itemIdentifier?: unknown }) => String(failure?.itemIdentifier))
    : [];
  return new Set(ids);
}
