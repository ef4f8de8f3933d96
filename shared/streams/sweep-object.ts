import type { ResolvedConfig } from "../config/types.ts";
import { normaliseAddress } from "../mail/address.ts";
import type { Ports, ReceiptMeta, RecipientRecord } from "../ports.ts";
import type { ObjectNotice } from "../receipt/notice.ts";
import type { SesMessageId } from "../ses-message-id.ts";
import { ObjectNotStoredBySesError, ReceiptMetaMissingError } from "./errors.ts";
import { type FannedOut, fanOut } from "./fan-out.ts";
import { messageContent } from "./message-content.ts";
import { readSesBlock } from "./read-ses-block.ts";
import { possibleSesMessageId, sesMessageIdOf } from "./stored-object.ts";

export type Swept =
  /** An attachment, the set-up notification, somebody's own file. */
  | { readonly kind: "no-mail" }
  /** Every recipient is routed or has ended: the notice came. The usual case. */
  | { readonly kind: "nothing-missing"; readonly sesMessageId: SesMessageId }
  | {
      readonly kind: "routed";
      readonly sesMessageId: SesMessageId;
      readonly envelopeFrom: "journal" | "header-block";
      readonly fannedOut: FannedOut;
    };

/**
 * The safety net under the router: for one stored object, routes every recipient that is not routed yet. The envelope is
 * the journal's; where that is missing, it is worth waiting, and at last SES's header block is read, which names the
 * first recipient only.
 *
 * @param options.mayWait - true while another try will follow
 * @throws {ReceiptMetaMissingError} to be tried again, when `mayWait`
 */
export async function sweepObject(
  ports: Pick<Ports, "ledger" | "queues" | "objects" | "keys">,
  config: ResolvedConfig,
  { bucket, key, sizeBytes }: ObjectNotice,
  { mayWait }: { readonly mayWait: boolean },
): Promise<Swept> {
  const expected = sesMessageIdOf(config, { bucket, key });
  const sesMessageId = expected ?? possibleSesMessageId(config, { bucket, key });
  if (sesMessageId === undefined) return { kind: "no-mail" };
  const [meta, records] = await Promise.all([ports.ledger.meta(sesMessageId), ports.ledger.recipients(sesMessageId)]);
  if (expected === undefined && meta === undefined && records.length === 0) return { kind: "no-mail" };
  const missing = missingRecipients(meta, records);
  if (missing.length === 0 && (meta !== undefined || records.length > 0)) {
    return { kind: "nothing-missing", sesMessageId };
  }
  // Its object is deleted, or about to be.
  if (meta === undefined && (await ports.ledger.isForgotten(sesMessageId))) return { kind: "no-mail" };
  if (meta === undefined && mayWait) throw new ReceiptMetaMissingError(sesMessageId);

  const content = messageContent(ports, sesMessageId, { kind: "s3", bucket, key });
  const mail = await content.mail();
  const envelope = meta ?? recoverMeta(sesMessageId, mail.headers);
  if (meta === undefined) await ports.ledger.putMeta(envelope);
  const recipients = new Set([...missing, ...missingRecipients(envelope, records)]);
  const fannedOut = await fanOut(ports, config, {
    sesMessageId,
    receivedAt: envelope.receivedAt,
    from: envelope.from,
    recipients: [...recipients],
    verdicts: envelope.verdicts,
    headers: mail.headers,
    headersTruncated: false,
    content: { kind: "s3", bucket, key, ...(sizeBytes !== undefined && { sizeBytes }) },
    mail: async () => mail,
  });
  return { kind: "routed", sesMessageId, envelopeFrom: meta ? "journal" : "header-block", fannedOut };
}

/** Recipients without a decision, and those decided for a stream and not sent there. */
function missingRecipients(meta: ReceiptMeta | undefined, records: readonly RecipientRecord[]): string[] {
  const unsent = records.filter(({ state }) => state === "received" || state === "decided");
  const known = new Set(records.map(({ recipient }) => recipient));
  const undecided = (meta?.recipients ?? []).map(normaliseAddress).filter((recipient) => !known.has(recipient));
  return [...new Set([...unsent.map(({ recipient }) => recipient), ...undecided])];
}

function recoverMeta(sesMessageId: SesMessageId, headers: Parameters<typeof readSesBlock>[0]): ReceiptMeta {
  const block = readSesBlock(headers, sesMessageId);
  if (block === undefined) throw new ObjectNotStoredBySesError(sesMessageId);
  return {
    sesMessageId,
    receivedAt: block.receivedAt,
    from: block.from,
    recipients: [block.recipient],
    recipientsIncomplete: true,
    verdicts: block.verdicts,
  };
}
