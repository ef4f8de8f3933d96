import type { ResolvedConfig } from "../config/types.ts";
import type { Ports, ReceiptMeta, RecipientRecord } from "../ports.ts";
import { buildS3Event } from "../receipt/s3-event.ts";
import type { SesMessageId } from "../ses-message-id.ts";
import { composeMessage } from "./compose-message.ts";
import { QueueSendError } from "./errors.ts";
import { messageContent } from "./message-content.ts";
import { storedObjectOf } from "./stored-object.ts";

export type SentAgain =
  /** No object of that name: it was never received, or was deleted. */
  | { readonly kind: "no-object" }
  /** Every recipient has ended: nothing to do. */
  | { readonly kind: "ended" }
  /** Handed to the safety net's queue: whoever was not routed will be. */
  | { readonly kind: "to-router"; readonly recipients: readonly string[] }
  /** Sent to the streams' queues again. */
  | { readonly kind: "to-streams"; readonly recipients: readonly string[]; readonly streams: readonly string[] };

export interface SendAgainParts {
  readonly config: ResolvedConfig;
  readonly ports: Pick<Ports, "ledger" | "queues" | "objects" | "keys">;
}

export interface SendAgainChoice {
  /** Only recipients whose work failed. */
  readonly failedOnly: boolean;
  /** Only this stream's. */
  readonly stream?: string;
  /** Only these, normalised. */
  readonly recipients?: readonly string[];
  /** Stands among the reasons. Default `replayed`. */
  readonly why?: string;
  readonly dryRun: boolean;
}

/**
 * Starts a stored mail again from where each recipient stands: without a decision at the router, by the queue of the safety net;
 * with one, at its stream's queue. Decisions stand as they were made. Whoever is done stays done, and an effect that has
 * happened does not happen again: the ledger knows it.
 */
export async function sendAgain(
  { config, ports }: SendAgainParts,
  sesMessageId: SesMessageId,
  { failedOnly, stream, dryRun, recipients, why = "replayed" }: SendAgainChoice,
): Promise<SentAgain> {
  const place = storedObjectOf(config, sesMessageId);
  const [head, meta, records] = await Promise.all([
    ports.objects.head(place),
    ports.ledger.meta(sesMessageId),
    ports.ledger.recipients(sesMessageId),
  ]);
  if (head === undefined) return { kind: "no-object" };

  const known = new Set(records.map(({ recipient }) => recipient));
  const undecided = [
    ...records.filter(({ state }) => state === "received" || state === "decided").map(({ recipient }) => recipient),
    ...(meta?.recipients ?? []).filter((recipient) => !known.has(recipient)),
  ];
  const isUnknown = meta === undefined && records.length === 0;
  if (!failedOnly && stream === undefined && (isUnknown || undecided.length > 0)) {
    if (!dryRun) await toRouter({ config, ports }, place, head, sesMessageId);
    return { kind: "to-router", recipients: undecided };
  }

  const again = records.filter(
    (record) =>
      record.stream !== null &&
      (stream === undefined || record.stream === stream) &&
      (recipients === undefined || recipients.includes(record.recipient)) &&
      (record.state === "failed" || (!failedOnly && (record.state === "routed" || record.state === "working"))),
  );
  if (again.length === 0) return { kind: "ended" };
  const streams = [...new Set(again.flatMap((record) => record.stream ?? []))];
  if (!dryRun)
    await toStreams({ config, ports }, sesMessageId, { ...place, sizeBytes: head.sizeBytes }, meta, again, why);
  return { kind: "to-streams", recipients: again.map(({ recipient }) => recipient), streams };
}

/** The bucket's own event again, this time without the quarter of an hour. */
async function toRouter(
  { config, ports }: SendAgainParts,
  { bucket, key }: { readonly bucket: string; readonly key: string },
  { sizeBytes, lastModified }: { readonly sizeBytes: number; readonly lastModified: Date },
  sesMessageId: SesMessageId,
): Promise<void> {
  const event = buildS3Event({
    region: config.region,
    bucket,
    key,
    sizeBytes,
    eTag: "",
    sequencer: "00",
    storedAt: lastModified,
    configurationId: "replay",
    requestId: "replay",
  });
  await send({ ports }, config.names.objectQueue, sesMessageId, [JSON.stringify(event)]);
}

async function toStreams(
  { config, ports }: SendAgainParts,
  sesMessageId: SesMessageId,
  stored: { readonly bucket: string; readonly key: string; readonly sizeBytes: number },
  meta: ReceiptMeta | undefined,
  records: readonly RecipientRecord[],
  why: string,
): Promise<void> {
  const content = { kind: "s3", ...stored } as const;
  const mail = await messageContent(ports, sesMessageId, content).mail();
  const envelope = { from: meta?.from ?? "", to: meta?.recipients ?? records.map(({ recipient }) => recipient) };
  const verdicts = meta?.verdicts ?? { spam: "DISABLED", virus: "DISABLED", spf: "GRAY", dkim: "GRAY", dmarc: "GRAY" };
  for (const [stream, group] of Map.groupBy(records, (record) => record.stream ?? "")) {
    // One recipient a message: each comes back, or not, by itself.
    const bodies = group.map((record) =>
      JSON.stringify(
        composeMessage({
          sesMessageId,
          stream,
          recipients: [record.recipient],
          // What was found when it was decided, not what would be found today.
          judgement: { nature: record.nature, safety: record.safety, trust: record.trust, complete: true },
          envelope,
          verdicts,
          headers: mail.headers,
          content,
          reasons: [...record.reasons, why],
          receivedAt: record.receivedAt,
        }),
      ),
    );
    await send({ ports }, config.names.streamQueue(stream), sesMessageId, bodies);
  }
}

async function send(
  { ports }: Pick<SendAgainParts, "ports">,
  queue: string,
  sesMessageId: SesMessageId,
  bodies: readonly string[],
): Promise<void> {
  const refused = await ports.queues.send(
    queue,
    bodies.map((body, at) => ({ id: String(at), body, delaySeconds: 0 })),
  );
  if (refused.length > 0)
    throw new QueueSendError(
      sesMessageId,
      refused.map(({ cause }) => ({ queue, cause })),
    );
}
