import { unreachable } from "../../shared/errors.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import type { Transaction } from "./database.ts";
import type { PipelineWrite } from "./engine-store.ts";
import { PipelineConflictError } from "./errors.ts";
import { sequenceOf } from "./ids.ts";
import { markRouted, writeDecision, writeMeta } from "./ledger.ts";
import type { Sending } from "./queues.ts";

/** The message whose run is recorded: nearly always the one that is written about. */
export interface KnownMessage {
  readonly sesMessageId: SesMessageId;
  readonly seq: number;
}

const sequence = (tx: Transaction, told: KnownMessage, sesMessageId: SesMessageId): number =>
  sesMessageId === told.sesMessageId ? told.seq : sequenceOf(tx, sesMessageId);

/**
 * Does what a function of the pipeline wrote ahead, in the transaction of what it was told of.
 *
 * @throws {PipelineConflictError} when a decision is not the first: the function was answered that it would be
 */
export function applyPipelineWrite(
  tx: Transaction,
  write: PipelineWrite,
  told: KnownMessage,
  sending: Sending,
  now: number,
): void {
  switch (write.kind) {
    case "put-meta":
      writeMeta(tx, sequence(tx, told, write.meta.sesMessageId), write.meta);
      return;
    case "decide":
      for (const decision of write.decisions) {
        const seq = sequence(tx, told, decision.sesMessageId);
        if (!writeDecision(tx, seq, decision, now)) throw new PipelineConflictError(decision.sesMessageId);
      }
      return;
    case "send":
      for (const { body, delaySeconds } of write.messages) {
        sending.enqueue(tx, write.queue, body, delaySeconds === undefined ? undefined : delaySeconds * 1000);
      }
      return;
    case "routed":
      markRouted(tx, sequence(tx, told, write.sesMessageId), write.recipients, now);
      return;
    default:
      unreachable(write);
  }
}
