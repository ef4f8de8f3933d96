import type { RecipientRecord } from "../ports.ts";
import type { SesMessageId } from "../ses-message-id.ts";

/** What a ledger answers of a recipient of a message that was forgotten: nothing is kept of it. */
export function forgottenRecord(sesMessageId: SesMessageId, recipient: string, now: Date): RecipientRecord {
  const at = now.toISOString();
  return {
    sesMessageId,
    recipient,
    stream: null,
    state: "done",
    outcome: "forgotten",
    attempts: 0,
    configVersion: "",
    nature: { kind: "human", confidence: 0, evidence: [] },
    safety: { kind: "clean", reasons: [] },
    trust: "unaligned",
    reasons: [],
    receivedAt: at,
    updatedAt: at,
  };
}
