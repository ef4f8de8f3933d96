import { randomBytes } from "node:crypto";
import type { Claim, Decision, Ledger } from "../../shared/ports.ts";
import { createSesMessageId, type SesMessageId } from "../../shared/ses-message-id.ts";
import type { StreamMessage } from "../../shared/streams/stream-message.ts";

/** One adapter family, opened for one test. */
export interface Opened<Ports> {
  readonly ports: Ports;
  /** Moves the adapter's clock; absent where time cannot be moved (the cases that need it are skipped by name). */
  readonly advance?: (ms: number) => void;
  close?(): Promise<void>;
}

/** Ids of no other test: adapters may share a table with other runs. */
export const freshId = (): SesMessageId => createSesMessageId(randomBytes(24));
export const freshAddress = (name = "ann"): string => `${name}-${randomBytes(6).toString("hex")}@in.example`;

export function decisionFor(sesMessageId: SesMessageId, recipient: string, more: Partial<Decision> = {}): Decision {
  return {
    sesMessageId,
    recipient,
    stream: "ticket",
    configVersion: "0123456789abcdef",
    nature: { kind: "human", confidence: 0.9, evidence: ["From: Ann <ann@sender.example>"] },
    safety: { kind: "clean", reasons: [] },
    trust: "aligned",
    reasons: ["support@in.example goes to ticket"],
    receivedAt: "2026-08-04T09:15:02.417Z",
    ...more,
  };
}

/** A recipient that was decided, routed and claimed by a worker. */
export async function claimed(ledger: Ledger, recipient = freshAddress(), sesMessageId = freshId()): Promise<Claim> {
  await ledger.decide([decisionFor(sesMessageId, recipient)]);
  await ledger.routed(sesMessageId, [recipient]);
  return claimAgain(ledger, { sesMessageId, recipient });
}

export async function claimAgain(
  ledger: Ledger,
  { sesMessageId, recipient }: Pick<Claim, "sesMessageId" | "recipient">,
): Promise<Claim> {
  const result = await ledger.claim(sesMessageId, recipient);
  if (result.kind !== "claimed") throw new Error(`expected a claim, got ${result.kind}`);
  return result.claim;
}

export function streamMessage(sesMessageId: SesMessageId, recipients: readonly string[]): StreamMessage {
  return {
    version: 1,
    sesMessageId,
    stream: "ticket",
    recipients,
    nature: { kind: "human", confidence: 0.9, evidence: [] },
    safety: { kind: "clean", reasons: [] },
    trust: "aligned",
    envelope: { from: "ann@sender.example", to: recipients },
    verdicts: { spam: "PASS", virus: "PASS", spf: "PASS", dkim: "PASS", dmarc: "PASS" },
    headers: { subject: "Order 1207" },
    content: { kind: "s3", bucket: "mail", key: `inbound/${sesMessageId}` },
    reasons: [],
    receivedAt: "2026-08-04T09:15:02.417Z",
  };
}

export async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

export async function* inPieces(...pieces: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) yield typeof piece === "string" ? Buffer.from(piece) : piece;
}

export const twenty = <T>(work: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: 20 }, (_, index) => work(index)));
