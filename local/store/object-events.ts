import type { Topology } from "../../shared/config/topology.ts";
import type { Clock, ObjectRef, Random } from "../../shared/ports.ts";
import { buildS3Event } from "../../shared/receipt/s3-event.ts";
import type { Transaction } from "./database.ts";
import { functionArn, insertInvocation } from "./invocations.ts";
import type { Sending } from "./queues.ts";

/** A bucket tells its queue and its function of a new object, in the transaction that writes it; with `delayMs` again, so late. */
export type TellOfObject = (
  tx: Transaction,
  object: ObjectRef & { readonly sizeBytes: number; readonly content: number },
  delayMs?: number,
) => void;

export function createObjectEvents(topology: Topology, sending: Sending, clock: Clock, random: Random): TellOfObject {
  const region = topology.topics[0]?.arn.split(":")[3] || "us-east-1";
  return (tx, { bucket, key, sizeBytes, content }, delayMs) => {
    const { eventQueue, eventFunction } = topology.buckets.find(({ name }) => name === bucket) ?? {};
    if (eventQueue === undefined && eventFunction === undefined) return;
    const now = clock.now();
    const event = JSON.stringify(
      buildS3Event({
        ...{ region, bucket, key, sizeBytes },
        eTag: hex(random.bytes(16)),
        sequencer: sequencer(now, content),
        storedAt: now,
        configurationId: "mailweir",
        requestId: hex(random.bytes(8)).toUpperCase(),
      }),
    );
    if (eventQueue !== undefined) sending.enqueue(tx, eventQueue, event, delayMs);
    if (eventFunction !== undefined) insertInvocation(tx, functionArn(topology, eventFunction), event, now.getTime());
  };
}

const hex = (octets: Uint8Array) => Buffer.from(octets).toString("hex");

/** Rises with every write: the time, then the number of the content. */
function sequencer(now: Date, content: number): string {
  const part = (value: number, digits: number) => value.toString(16).toUpperCase().padStart(digits, "0");
  return part(now.getTime(), 12) + part(content, 8);
}
