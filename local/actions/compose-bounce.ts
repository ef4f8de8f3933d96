import { MailweirError } from "../../shared/errors.ts";
import { normaliseAddress } from "../../shared/mail/address.ts";
import type { Clock, Random } from "../../shared/ports.ts";
import { limits } from "../../shared/receipt/limits.ts";
import type { ReceiptSigner } from "../../shared/receipt/receipt-signer.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { ComposeBounce } from "../store/outbox.ts";
import { buildDeliveryStatus } from "./delivery-status.ts";
import { buildStoredBlock, quotedHeader, readHeader } from "./stored-block.ts";

/** SES's MessageRejected: this mail cannot be bounced, now or later. */
export class BounceRefusedError extends MailweirError {
  readonly code = "ERR_BOUNCE_REFUSED";
  readonly retryable = false;
}

/**
 * Writes the DSN of `Outbox.sendBounce` (SES's SendBounce, ses-receiving.md §9.6): same form as the Bounce action's.
 *
 * @throws {BounceRefusedError} for the null sender, an unknown message, one older than 24 hours, a recipient it never had
 */
export function createBounceComposer(parts: {
  readonly store: Pick<EngineStore, "message" | "verification" | "openRaw">;
  readonly region: string;
  readonly sign: ReceiptSigner;
  readonly clock: Clock;
  readonly random: Random;
}): ComposeBounce {
  const { store, region, clock } = parts;
  return async ({ originalMessageId, bounceSender, recipients }) => {
    const refused = (why: string) => new BounceRefusedError(`${originalMessageId} cannot be bounced: ${why}`);
    const message = await store.message(originalMessageId);
    if (!message) throw refused("it was not received here");
    if (message.from === "") throw refused("its envelope sender is null, and a bounce is never bounced");
    const now = clock.now();
    if (now.getTime() - message.receivedAt.getTime() > limits.sendBounceWindowMs) {
      throw refused("it was received more than 24 hours ago");
    }
    const known = new Set(message.recipients.map(normaliseAddress));
    const stranger = recipients.find(({ recipient }) => !known.has(normaliseAddress(recipient)));
    if (stranger) throw refused(`${stranger.recipient} is none of its recipients`);

    const verification = await store.verification(originalMessageId);
    const block = verification
      ? buildStoredBlock(message, verification, { scan: true, addedHeaders: [] }, parts)
      : new Uint8Array();
    const { messageId, raw } = buildDeliveryStatus({
      key: `${originalMessageId}/${Buffer.from(parts.random.bytes(16)).toString("hex")}`,
      region,
      sentAt: now,
      arrivedAt: message.receivedAt,
      from: bounceSender,
      to: message.from,
      recipients,
      originalHeaders: quotedHeader(block, await readHeader(store.openRaw(originalMessageId))),
    });
    return { messageId, to: message.from, raw };
  };
}
