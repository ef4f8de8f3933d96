import type { ReadOnlyStore } from "../local/store/open-read-only.ts";
import type { SesMessageId } from "../shared/ses-message-id.ts";

/**
 * The object that the S3 action wrote for a message, decrypted with the folder's own keys; what was received when there
 * is no such object (yet).
 */
export async function storedMessage(
  store: ReadOnlyStore,
  folder: string,
  sesMessageId: SesMessageId,
): Promise<AsyncIterable<Uint8Array>> {
  const message = await store.engine.message(sesMessageId);
  const ruleSet = message && (await store.engine.ruleSetSnapshot(message.ruleSetSnapshot));
  const stored = (await store.engine.actionLog(sesMessageId)).find(
    ({ actionType, state }) => actionType === "S3" && state === "done",
  );
  const action = stored && ruleSet?.rules[stored.ruleIndex]?.actions[stored.actionIndex];
  if (action?.type !== "S3") return store.engine.openRaw(sesMessageId);

  const { objectKey } = await import("../shared/receipt/object-key.ts");
  const { openContent } = await import("../shared/streams/open-content.ts");
  const { createKeyStore } = await import("../local/store/key-store.ts");
  const { nodeFileSystem } = await import("../local/store/files.ts");
  const { dataFolder } = await import("../local/store/layout.ts");
  const { randomBytes } = await import("node:crypto");
  const keys = createKeyStore(nodeFileSystem, dataFolder(folder).keys, {
    bytes: (count) => new Uint8Array(randomBytes(count)),
  });
  const key = objectKey(action.objectKeyPrefix, sesMessageId);
  const { body } = await openContent({ objects: store.ports.objects, keys }, sesMessageId, {
    kind: "s3",
    bucket: action.bucketName,
    key,
  });
  return body();
}
