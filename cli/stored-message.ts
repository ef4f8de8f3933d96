import { randomBytes } from "node:crypto";
import { nodeFileSystem } from "../local/store/files.ts";
import { createKeyStore } from "../local/store/key-store.ts";
import { dataFolder } from "../local/store/layout.ts";
import type { ReadOnlyStore } from "../local/store/open-read-only.ts";
import { storedContentOf } from "../local/store/stored-content.ts";
import type { SesMessageId } from "../shared/ses-message-id.ts";
import { openContent } from "../shared/streams/open-content.ts";

/**
 * The object that the S3 action wrote for a message, decrypted with the folder's own keys; what was received when there
 * is no such object (yet).
 */
export async function storedMessage(
  { engine, ports }: ReadOnlyStore,
  folder: string,
  sesMessageId: SesMessageId,
): Promise<AsyncIterable<Uint8Array>> {
  const content = await storedContentOf(engine, sesMessageId);
  if (content === undefined) return engine.openRaw(sesMessageId);
  const random = { bytes: (count: number) => new Uint8Array(randomBytes(count)) };
  const keys = createKeyStore(nodeFileSystem, dataFolder(folder).keys, random);
  return (await openContent({ objects: ports.objects, keys }, sesMessageId, content)).body();
}
