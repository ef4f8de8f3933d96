import { objectKey } from "../../shared/receipt/object-key.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import type { StreamContent } from "../../shared/streams/stream-message.ts";
import type { EngineStore } from "./engine-store.ts";

/**
 * Where the first S3 action that was done put a message: by its action log and the rule set as it was at receipt, so that
 * a configuration edited since changes nothing. `undefined` when no rule stored it (yet).
 */
export async function storedContentOf(
  store: Pick<EngineStore, "message" | "ruleSetSnapshot" | "actionLog">,
  sesMessageId: SesMessageId,
): Promise<StreamContent | undefined> {
  const message = await store.message(sesMessageId);
  const ruleSet = message && (await store.ruleSetSnapshot(message.ruleSetSnapshot));
  const log = await store.actionLog(sesMessageId);
  const stored = log.find(({ actionType, state }) => actionType === "S3" && state === "done");
  const action = stored && ruleSet?.rules[stored.ruleIndex]?.actions[stored.actionIndex];
  if (action?.type !== "S3") return undefined;
  return { kind: "s3", bucket: action.bucketName, key: objectKey(action.objectKeyPrefix, sesMessageId) };
}
