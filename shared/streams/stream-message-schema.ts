import * as z from "zod";
import { natures, verdictStatuses } from "../mail/judgement.ts";
import { streamMessageVersion } from "./stream-message.ts";

const verdict = z.enum(verdictStatuses);
const texts = z.array(z.string());

/**
 * Version 1 as it lies on a queue. `docs/stream-message.schema.json` is made from it. Loose: members that a later
 * version adds are no reason to refuse a message.
 */
export const streamMessageSchema = z.looseObject({
  version: z.literal(streamMessageVersion),
  sesMessageId: z
    .string()
    .regex(/^[0-9a-z]{20,64}$/)
    .describe("The id of SES, not the Message-ID header"),
  stream: z.string().min(1).describe("The stream on whose queue it lies"),
  recipients: z.array(z.string()).min(1).describe("Envelope recipients decided for this stream, normalised"),
  nature: z.looseObject({ kind: z.enum(natures), confidence: z.number().min(0).max(1), evidence: texts }),
  safety: z.looseObject({ kind: z.enum(["clean", "suspicious"]), reasons: texts }),
  trust: z.enum(["token", "aligned", "failed", "unaligned"]),
  envelope: z.looseObject({
    from: z.string().describe("Without angle brackets; empty is the null sender"),
    to: texts.describe("All recipients that the notice named"),
  }),
  verdicts: z.looseObject({
    spam: verdict,
    virus: verdict,
    spf: verdict,
    dkim: verdict,
    dmarc: verdict,
    dmarcPolicy: z.enum(["none", "quarantine", "reject"]).optional(),
  }),
  headers: z.looseObject({
    author: z.looseObject({ name: z.string(), address: z.string() }).optional().describe("First of From; forgeable"),
    subject: z.string().optional(),
    messageId: z.string().optional().describe("Message-ID header with angle brackets"),
    inReplyTo: texts.optional(),
    references: texts.optional(),
    date: z.string().optional(),
    listId: z.string().optional(),
    autoSubmitted: z.string().optional(),
  }),
  content: z.union([
    z.looseObject({
      kind: z.literal("s3"),
      bucket: z.string().min(1),
      key: z.string().min(1),
      sizeBytes: z.number().int().nonnegative().optional(),
      encrypted: z.boolean().optional(),
    }),
    z.looseObject({
      kind: z.literal("inline"),
      base64: z.string().describe("The stored octets, at most 64 KB of them"),
    }),
  ]),
  reasons: texts,
  cut: z
    .array(z.enum(["references", "recipients", "reasons", "evidence"]))
    .optional()
    .describe("What was cut to keep the limit"),
  receivedAt: z.iso.datetime().describe("When SES, or the local engine, received the message"),
});

/** The JSON Schema of what lies on the queues, as published in `docs/`. */
export function streamMessageJsonSchema(): Record<string, unknown> {
  return {
    ...z.toJSONSchema(streamMessageSchema, { target: "draft-2020-12" }),
    title: "StreamMessage",
    description: `What lies on the queue of every stream, version ${streamMessageVersion}: a claim check of at most 200 KB.`,
  };
}
