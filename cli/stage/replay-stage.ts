import type { ReceiptMeta, RecipientRecord } from "../../shared/ports.ts";
import { buildS3Event } from "../../shared/receipt/s3-event.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import { composeMessage } from "../../shared/streams/compose-message.ts";
import { QueueSendError } from "../../shared/streams/errors.ts";
import { messageContent } from "../../shared/streams/message-content.ts";
import { sesMessageIdOf, storedObjectOf } from "../../shared/streams/stored-object.ts";
import type { OpenStage } from "./open-stage.ts";

export type Replayed =
  /** No object of that name: it was never received, or was deleted. */
  | { readonly kind: "no-object" }
  /** Every recipient has ended: nothing to do. */
  | { readonly kind: "ended" }
  /** Handed to the safety net's queue: whoever was not routed will be. */
  | { readonly kind: "to-router"; readonly recipients: readonly string[] }
  /** Sent to the streams' queues again. */
  | { readonly kind: "to-streams"; readonly recipients: readonly string[]; readonly streams: readonly string[] };

export interface ReplayChoice {
  /** Only recipients whose work failed. */
  readonly failedOnly: boolean;
  /** Only this stream's. */
  readonly stream?: string;
  readonly dryRun: boolean;
}

/**
 * Starts a stored mail again from where each recipient stands: without a decision at the router, by the queue of the safety net;
 * with one, at its stream's queue. Decisions stand as they were made. Whoever is done stays done, and an effect that has
 * happened does not happen again: the ledger knows it.
 */
export async function replayMessage(
  { config, ports }: OpenStage,
  sesMessageId: SesMessageId,
  { failedOnly, stream, dryRun }: ReplayChoice,
): Promise<Replayed> {
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
      (record.state === "failed" || (!failedOnly && (record.state === "routed" || record.state === "working"))),
  );
  if (again.length === 0) return { kind: "ended" };
  const streams = [...new Set(again.flatMap((record) => record.stream ?? []))];
  if (!dryRun) await toStreams({ config, ports }, sesMessageId, { ...place, sizeBytes: head.sizeBytes }, meta, again);
  return { kind: "to-streams", recipients: again.map(({ recipient }) => recipient), streams };
}

type Use = Pick<OpenStage, "config" | "ports">;

/** The bucket's own event again, this time without the quarter of an hour. */
async function toRouter(
  { config, ports }: Use,
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
  { config, ports }: Use,
  sesMessageId: SesMessageId,
  stored: { readonly bucket: string; readonly key: string; readonly sizeBytes: number },
  meta: ReceiptMeta | undefined,
  records: readonly RecipientRecord[],
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
          reasons: [...record.reasons, "replayed"],
          receivedAt: record.receivedAt,
        }),
      ),
    );
    await send({ ports }, config.names.streamQueue(stream), sesMessageId, bodies);
  }
}

async function send(
  { ports }: Pick<Use, "ports">,
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

export interface Selection {
  readonly since?: Date;
  readonly until?: Date;
  /** Behind this key: where an earlier run stopped. */
  readonly after?: string;
}

/** Stored mails in the order of their keys, with what has to be remembered to go on behind them. */
export async function* storedMails(
  { config, ports }: Use,
  { since, until, after }: Selection,
): AsyncGenerator<{ readonly sesMessageId: SesMessageId; readonly key: string } | { readonly key: string }> {
  const { bucket, key: sample } = storedObjectOf(config, "x".repeat(40) as SesMessageId);
  const prefix = sample.slice(0, -40);
  for (let last = after; ; ) {
    const page = await ports.objects.list(bucket, { prefix, limit: 1_000, ...(last !== undefined && { after: last }) });
    for (const { key, lastModified } of page) {
      const sesMessageId = sesMessageIdOf(config, { bucket, key });
      const isMeant = !(since && lastModified < since) && !(until && lastModified >= until);
      yield sesMessageId && isMeant ? { sesMessageId, key } : { key };
    }
    last = page.at(-1)?.key;
    if (page.length < 1_000 || last === undefined) return;
  }
}
