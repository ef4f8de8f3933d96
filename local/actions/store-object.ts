import { encryptForSes } from "../../shared/encryption/encrypt-for-ses.ts";
import type { S3Action } from "../../shared/receipt/model.ts";
import { objectKey } from "../../shared/receipt/object-key.ts";
import { createSpoolWriter } from "../smtp/spool.ts";
import type { ActionEffect } from "../store/engine-store.ts";
import type { ActionInput, ActionTools, PerformAction } from "./action.ts";
import { notify } from "./notify.ts";

type Content = Extract<ActionEffect, { kind: "put-object" }>["content"];

/**
 * The S3 action (ses-receiving.md §5.3, §7): block and message under prefix and id; with a KmsKeyArn the envelope that
 * SES's encryption client writes. The IamRoleArn was checked with the rule and changes nothing on one machine.
 */
export const storeObject: PerformAction<S3Action> = async (input, tools) => {
  const { action, message, block } = input;
  const key = objectKey(action.objectKeyPrefix, message.sesMessageId);
  const notification = await notify(input);
  const put = (content: Content, metadata: Readonly<Record<string, string>>): readonly ActionEffect[] => [
    { kind: "put-object", bucket: action.bucketName, key, metadata, content },
    ...notification,
  ];
  const result = `stored s3://${action.bucketName}/${key}`;
  if (action.kmsKeyArn === undefined) {
    return { result, effects: put({ kind: "block-and-raw", block, sesMessageId: message.sesMessageId }, {}) };
  }
  const encrypted = await encrypt(input, action.kmsKeyArn, tools);
  return {
    result: `${result}, encrypted`,
    effects: put(encrypted.content, encrypted.metadata),
    discard: encrypted.discard,
  };
};

async function encrypt(input: ActionInput, keyArn: string, tools: ActionTools) {
  const { message, step, stored, storedBytes } = input;
  const { metadata, body } = await encryptForSes(
    stored(),
    {
      keyArn,
      ruleName: step.rule.name,
      account: tools.accountId,
      sesMessageId: message.sesMessageId,
      sizeBytes: storedBytes,
    },
    tools.keys,
    (length) => tools.random.bytes(length),
  );
  const name = `${message.sesMessageId}-${step.ruleIndex}-${step.actionIndex}`;
  const spool = createSpoolWriter(tools.spoolFolder, name);
  try {
    for await (const chunk of body) await spool.write(chunk);
    return { metadata, content: await spool.finish(), discard: spool.discard };
  } catch (error) {
    await spool.discard();
    throw error;
  }
}
