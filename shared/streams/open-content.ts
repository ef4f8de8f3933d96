import { openEnvelope } from "../encryption/open-envelope.ts";
import type { ObjectStore, Ports } from "../ports.ts";
import type { SesMessageId } from "../ses-message-id.ts";
import type { StreamContent } from "./stream-message.ts";

export interface OpenedContent {
  /** Octets of the plaintext; of the stored object where only decryption can tell. */
  readonly sizeBytes: number;
  /** The stored message in the clear, SES's header block on top. To be read once. */
  body(): Promise<AsyncIterable<Uint8Array>>;
}

/**
 * Opens the mail that a claim check points to, decrypting it where its metadata say so. An object that was encrypted for
 * another message is refused.
 *
 * @throws {ObjectNotFoundError} and the errors of `openEnvelope`
 */
export async function openContent(
  ports: { readonly objects: Pick<ObjectStore, "open">; readonly keys: Ports["keys"] },
  sesMessageId: SesMessageId,
  content: StreamContent,
): Promise<OpenedContent> {
  if (content.kind === "inline") {
    const bytes = Buffer.from(content.base64, "base64");
    return { sizeBytes: bytes.length, body: async () => once(bytes) };
  }
  const { sizeBytes, metadata, body } = await ports.objects.open({ bucket: content.bucket, key: content.key });
  const envelope = await openEnvelope({ metadata, body, sizeBytes, expected: { sesMessageId } }, ports.keys);
  return { sizeBytes: envelope.plainBytes ?? sizeBytes, body: envelope.open };
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
