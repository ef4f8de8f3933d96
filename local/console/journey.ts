import type { ReceiptMeta, RecipientRecord } from "../../shared/ports.ts";
import type { RuleSet } from "../../shared/receipt/model.ts";
import { type RuleTrace, traceRules } from "../../shared/receipt/trace.ts";
import { actionOutcomes } from "../actions/action-outcomes.ts";
import type { AcceptedMessage, ActionLogEntry, Verification } from "../store/engine-store.ts";

/** What became of one message, from the connection to the worker, and why. Everything in it was recorded, nothing guessed. */
export interface Journey {
  readonly sesMessageId: string;
  readonly receivedAt: string;
  readonly connection: AcceptedMessage["client"] & { readonly from: string; readonly sizeBytes: number };
  readonly recipients: readonly string[];
  readonly verification: Verification | null;
  readonly rules: readonly JourneyRule[];
  readonly decisions: readonly RecipientRecord[];
  /** The journal's record, when it was written. */
  readonly meta: ReceiptMeta | null;
}

export interface JourneyRule extends RuleTrace {
  readonly log: readonly ActionLogEntry[];
}

/** @param ruleSet - as it was at receipt; `undefined` when none was active */
export function buildJourney(parts: {
  readonly message: AcceptedMessage;
  readonly ruleSet: RuleSet | undefined;
  readonly verification: Verification | undefined;
  readonly log: readonly ActionLogEntry[];
  readonly records: readonly RecipientRecord[];
  readonly meta: ReceiptMeta | undefined;
}): Journey {
  const { message, ruleSet, log } = parts;
  const traces = ruleSet
    ? traceRules({
        ruleSet,
        recipients: message.recipients,
        tls: message.client.tls !== undefined,
        outcomes: actionOutcomes(log),
      })
    : [];
  return {
    sesMessageId: message.sesMessageId,
    receivedAt: message.receivedAt.toISOString(),
    connection: { ...message.client, from: message.from, sizeBytes: message.sizeBytes },
    recipients: message.recipients,
    verification: parts.verification ?? null,
    rules: traces.map((trace) => ({ ...trace, log: log.filter(({ ruleIndex }) => ruleIndex === trace.ruleIndex) })),
    decisions: parts.records,
    meta: parts.meta ?? null,
  };
}
