import { createHash } from "node:crypto";
import type { AcceptedMessage } from "../../../local/store/engine-store.ts";
import type { Topology } from "../../../shared/config/topology.ts";
import type { Clock, Random } from "../../../shared/ports.ts";
import { createSesMessageId, type SesMessageId } from "../../../shared/ses-message-id.ts";

/** A clock that stands until it is moved. */
export interface TestClock extends Clock {
  advance(ms: number): void;
}

export function fixedClock(start = "2026-08-04T09:15:02.417Z"): TestClock {
  let at = Date.parse(start);
  return {
    now: () => new Date(at),
    advance: (ms) => {
      at += ms;
    },
  };
}

/** Octets that differ from call to call and are the same in every run. */
export function testRandom(seed = "seed"): Random {
  let calls = 0;
  return {
    bytes(count) {
      const parts: Buffer[] = [];
      calls++;
      for (let part = 0; part * 32 < count; part++) {
        parts.push(createHash("sha256").update(`${seed} ${calls} ${part}`).digest());
      }
      return Buffer.concat(parts).subarray(0, count);
    },
  };
}

export function sesId(number: number): SesMessageId {
  const octets = Buffer.alloc(24);
  octets.writeUInt32BE(number, 20);
  return createSesMessageId(octets);
}

const account = "us-east-1:000000000000";
export const noticeTopic = `arn:aws:sns:${account}:mailweir-notices`;

export const testTopology: Topology = {
  topics: [
    {
      arn: noticeTopic,
      subscriptions: [
        { kind: "queue", queue: "notices", rawDelivery: true },
        { kind: "queue", queue: "copies", rawDelivery: false },
        { kind: "function", functionName: "journal" },
      ],
    },
  ],
  buckets: [{ name: "mail", eventQueue: "objects" }, { name: "plain" }],
  queues: [
    queue("notices", 0, "route-notification"),
    queue("copies", 0),
    queue("objects", 900_000, "route-object"),
    queue("ticket", 0, "work-ticket"),
    queue("propagate", 0, "propagate"),
  ],
  functions: [{ name: "journal", arn: `arn:aws:lambda:${account}:function:journal`, timeoutMs: 30_000, memoryMb: 256 }],
};

function queue(name: string, delayMs: number, functionName?: string): Topology["queues"][number] {
  return {
    name,
    deadLetterQueue: `${name}-dlq`,
    visibilityTimeoutMs: 60_000,
    delayMs,
    maxReceiveCount: 3,
    ...(functionName !== undefined && { consumer: { functionName, batchSize: 10, concurrency: 2 } }),
  };
}

export function acceptedMessage(sesMessageId: SesMessageId, sizeBytes: number, recipients = ["Ann@in.example"]) {
  return {
    sesMessageId,
    receivedAt: new Date("2026-08-04T09:15:02.417Z"),
    client: { ip: "203.0.113.25", helo: "mx.sender.example" },
    from: "ann@sender.example",
    recipients,
    ruleSetSnapshot: "none",
    sizeBytes,
  } satisfies AcceptedMessage;
}

export async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}
