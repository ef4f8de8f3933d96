import type { ResolvedConfig } from "../config/types.ts";
import type { ObjectRef } from "../ports.ts";
import type { S3Action } from "../receipt/model.ts";
import { objectKey } from "../receipt/object-key.ts";
import { parseSesMessageId, type SesMessageId } from "../ses-message-id.ts";

/**
 * Where the rule set stores a message: in the place of its first S3 action, since events of other actions do not say it
 * (ses-receiving.md §6.4), or where our own derived rules would store it.
 */
export function storedObjectOf({ ruleSet, names }: ResolvedConfig, sesMessageId: SesMessageId): ObjectRef {
  const store = storeActions(ruleSet)[0];
  return store
    ? { bucket: store.bucketName, key: objectKey(store.objectKeyPrefix, sesMessageId) }
    : { bucket: names.bucket, key: objectKey(names.keyPrefix, sesMessageId) };
}

/**
 * The SES message id that an object of the mail bucket may be named for, below whatever prefix: another rule set than the
 * configured one may be active. Only where the ledger knows the id is it one.
 */
export function possibleSesMessageId({ names }: ResolvedConfig, { bucket, key }: ObjectRef): SesMessageId | undefined {
  return bucket === names.bucket ? parseSesMessageId(key.slice(key.lastIndexOf("/") + 1)) : undefined;
}

/**
 * The SES message id of a stored mail; `undefined` for every other object of the bucket: attachments, the set-up
 * notification, somebody's own files.
 */
export function sesMessageIdOf(
  { ruleSet, names }: ResolvedConfig,
  { bucket, key }: ObjectRef,
): SesMessageId | undefined {
  const sesMessageId = parseSesMessageId(key.slice(key.lastIndexOf("/") + 1));
  if (sesMessageId === undefined) return undefined;
  const places: readonly { readonly bucketName: string; readonly objectKeyPrefix?: string }[] = [
    ...storeActions(ruleSet),
    { bucketName: names.bucket, objectKeyPrefix: names.keyPrefix },
  ];
  const isOurs = places.some(
    (place) => place.bucketName === bucket && objectKey(place.objectKeyPrefix, sesMessageId) === key,
  );
  return isOurs ? sesMessageId : undefined;
}

function storeActions(ruleSet: ResolvedConfig["ruleSet"]): readonly S3Action[] {
  return ruleSet.rules
    .filter((rule) => rule.enabled)
    .flatMap((rule) => rule.actions.filter((action): action is S3Action => action.type === "S3"));
}
