import type { ResolvedConfig } from "../config/types.ts";
import type { HeldMessage, Ports } from "../ports.ts";
import type { SesMessageId } from "../ses-message-id.ts";
import { quarantineStream } from "./decide.ts";
import { QueueSendError, ReleaseRefusedError } from "./errors.ts";

export interface ReleaseOptions {
  /** Instead of the stream that the message was meant for. */
  readonly stream?: string;
  /** Stands among the reasons of the message that goes on. Default `released`. */
  readonly why?: string;
}

/**
 * Sends a held message on to the stream that it was meant for, exactly where it stopped: reopen the record, send, note as
 * routed, forget the held copy. May be called again after a crash anywhere; sending twice is settled by the worker's
 * claim.
 *
 * @param recipient - normalised
 * @returns the stream, `already-released` when nothing is held any more, or `unknown` when nothing ever was
 * @throws {ReleaseRefusedError} when no stream takes it, {QueueSendError} when its queue did not
 */
export async function releaseFromQuarantine(
  ports: Pick<Ports, "ledger" | "quarantine" | "queues">,
  config: ResolvedConfig,
  sesMessageId: SesMessageId,
  recipient: string,
  options: ReleaseOptions = {},
): Promise<
  | { readonly kind: "released"; readonly stream: string }
  | { readonly kind: "already-released" }
  | { readonly kind: "unknown" }
> {
  const held = await ports.quarantine.get(sesMessageId, recipient);
  if (held === undefined) {
    const known = (await ports.ledger.recipients(sesMessageId)).some((record) => record.recipient === recipient);
    return { kind: known ? "already-released" : "unknown" };
  }
  const wanted = targetOf(config, held, options);
  await ports.ledger.reopen(sesMessageId, recipient, wanted);
  const record = (await ports.ledger.recipients(sesMessageId)).find((entry) => entry.recipient === recipient);
  // A release that was begun before goes where it was begun to.
  const stream = record?.stream ?? wanted;
  if (record?.state === "decided") {
    await send(ports, config, held, recipient, stream, options.why ?? "released");
    await ports.ledger.routed(sesMessageId, [recipient]);
  }
  await ports.quarantine.remove(sesMessageId, recipient);
  return { kind: "released", stream };
}

function targetOf({ streams }: ResolvedConfig, { intendedStream }: HeldMessage, options: ReleaseOptions): string {
  const wanted = options.stream ?? intendedStream;
  const names = streams.filter(({ worker }) => worker !== "quarantine").map(({ name }) => name);
  if (names.includes(wanted)) return wanted;
  throw new ReleaseRefusedError(
    wanted === quarantineStream
      ? `No stream takes this message by itself: name one of ${names.join(", ")}`
      : `There is no stream "${wanted}" to release to: name one of ${names.join(", ")}`,
  );
}

async function send(
  { queues }: Pick<Ports, "queues">,
  { names }: ResolvedConfig,
  { message }: HeldMessage,
  recipient: string,
  stream: string,
  why: string,
): Promise<void> {
  const queue = names.streamQueue(stream);
  const body = JSON.stringify({
    ...message,
    stream,
    recipients: [recipient],
    reasons: [...message.reasons, why],
  });
  const [refused] = await queues.send(queue, [{ id: "0", body }]);
  if (refused) throw new QueueSendError(message.sesMessageId, [{ queue, cause: refused.cause }]);
}
