import { openEnvelope } from "../encryption/open-envelope.ts";
import type { Ports, TicketAttachment } from "../ports.ts";
import { kindOf, type SinkConfig } from "./kinds.ts";
import { maxFileBytes, type Sink } from "./sink.ts";

/** A sink of the configuration, on these ports. */
export function openSink(
  ports: Pick<Ports, "clock" | "secrets" | "webhooks" | "objects" | "keys">,
  settings: SinkConfig,
  name: string,
): Promise<Sink> {
  const { clock, secrets, webhooks } = ports;
  return kindOf(settings).create(settings, {
    name,
    clock,
    secrets,
    http: webhooks,
    file: (attachment) => fileOf(ports, attachment),
  });
}

async function fileOf({ objects, keys }: Pick<Ports, "objects" | "keys">, { object }: TicketAttachment) {
  const { sizeBytes, metadata, body } = await objects.open(object);
  const envelope = await openEnvelope({ metadata, body, sizeBytes }, keys, { maxBytes: maxFileBytes });
  const chunks: Uint8Array[] = [];
  for await (const chunk of await envelope.open()) chunks.push(chunk);
  return new Uint8Array(Buffer.concat(chunks));
}
