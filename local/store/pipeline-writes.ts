import { unreachable } from "../../shared/errors.ts";
import type { Transaction } from "./database.ts";
import type { PipelineWrite } from "./engine-store.ts";
import { PipelineConflictError } from "./errors.ts";
import { findSequence, sequenceOf } from "./ids.ts";
import { markRouted, writeDecision, writeMeta } from "./ledger.ts";
import type { Sending } from "./queues.ts";

/**
 * Does what a function of the pipeline wrote ahead, in the transaction of what it was told of.
 *
 * @throws {PipelineConflictError} when a decision is not the first: the function was answered that it would be
 */
export function applyPipelineWrite(tx: Transaction, write: PipelineWrite, sending: Sending, now: number): void {
  switch (write.kind) {
    case "put-meta":
      writeMeta(tx, sequenceOf(tx, write.meta.sesMessageId), write.meta);
      return;
    case "decide":
      for (const decision of write.decisions) {
        const seq = sequenceOf(tx, decision.sesMessageId);
        if (!writeDecision(tx, seq, decision, now)) throw new PipelineConflictError(decision.sesMessageId);
      }
      return;
    case "send":
      for (const { body, delaySeconds } of write.messages) {
        sending.enqueue(tx, write.queue, body, delaySeconds === undefined ? undefined : delaySeconds * 1000);
      }
      return;
    case "routed": {
      const seq = findSequence(tx, write.sesMessageId);
      if (seq !== undefined) markRouted(tx, seq, write.recipients, now);
      return;
    }
    default:
      unreachable(write);
  }
}
