import { normaliseAddress } from "../../shared/mail/address.ts";
import { parseHeaderSection } from "../../shared/mail/headers.ts";
import type { ParsedMail } from "../../shared/mail/parsed-mail.ts";
import { BounceRefusedError } from "../../shared/outgoing/bounce-refused.ts";
import type { Clock, Random } from "../../shared/ports.ts";
import { limits } from "../../shared/receipt/limits.ts";
import type { ReceiptSigner } from "../../shared/receipt/receipt-signer.ts";
import { type BounceAnswer, mayBounce } from "../../shared/streams/policy.ts";
import type { AcceptedMessage, EngineStore, Verification } from "../store/engine-store.ts";
import type { ComposeBounce } from "../store/outbox.ts";
import { buildDeliveryStatus } from "./delivery-status.ts";
import { buildStoredBlock, quotedHeader, readHeader } from "./stored-block.ts";

/**
 * Writes the DSN of `Outbox.sendBounce` (SES's SendBounce, ses-receiving.md §9.6): same form as the Bounce action's.
 *
 * @throws {BounceRefusedError} for the null sender, an unknown message, one older than 24 hours, a recipient it never had;
 *   and, unless `toAnySender`, for automatic mail and a sender for whom SPF does not vouch
 */
export function createBounceComposer(parts: {
  readonly store: Pick<EngineStore, "message" | "verification" | "openRaw">;
  readonly region: string;
  readonly sign: ReceiptSigner;
  readonly clock: Clock;
  readonly random: Random;
  /** Bounce also what would be backscatter, as SES does. Default: no. */
  readonly toAnySender?: boolean;
}): ComposeBounce {
  const { store, region, clock } = parts;
  return async ({ originalMessageId, bounceSender, recipients, ...texts }) => {
    const refused = (why: string) => new BounceRefusedError(`${originalMessageId} cannot be bounced: ${why}`);
    const message = await store.message(originalMessageId);
    if (!message) throw refused("it was not received here");
    if (message.from === "") throw refused("its envelope sender is null, and a bounce is never bounced");
    const now = clock.now();
    if (now.getTime() - message.receivedAt.getTime() > limits.sendBounceWindowMs) {
      throw refused("it was received more than 24 hours ago");
    }
    const known = new Set(message.recipients.map(normaliseAddress));
    const stranger = recipients.find(
      ({ recipient, dsn }) =>
        ![recipient, dsn?.finalRecipient ?? recipient].some((address) => known.has(normaliseAddress(address))),
    );
    if (stranger) throw refused(`${stranger.recipient} is none of its recipients`);

    const verification = await store.verification(originalMessageId);
    const header = await readHeader(store.openRaw(originalMessageId));
    if (!parts.toAnySender) {
      const answer = await mayAnswer(message, verification, header, async () => {
        const { parseMail } = await import("../../shared/mail/parse-mail.ts");
        return parseMail(store.openRaw(originalMessageId));
      });
      if (!answer.allowed) throw refused(`it would be backscatter, ${answer.reason} (local.backscatter)`);
    }
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
      ...texts,
      originalHeaders: quotedHeader(block, header),
    });
    return { messageId, to: message.from, raw };
  };
}

/** Whether the one who would get the bounce is the one who sent the mail, and a person: judged as the gate judges. */
async function mayAnswer(
  { from, recipients }: AcceptedMessage,
  verification: Verification | undefined,
  header: Uint8Array,
  parse: () => Promise<ParsedMail>,
): Promise<BounceAnswer> {
  if (!verification) return { allowed: false, reason: "as its sender is not authenticated yet" };
  const { verdicts } = verification;
  const { headers } = parseHeaderSection(header);
  const input = { headers, headersTruncated: false, envelopeFrom: from, recipients, verdicts };
  // Loaded by whoever bounces: the engine's own thread judges no other mail.
  const { judge } = await import("../../shared/mail/judge.ts");
  const first = judge(input);
  const judgement = first.complete ? first : judge({ ...input, body: await parse() });
  return mayBounce({ judgement, verdicts, envelopeFrom: from });
}
