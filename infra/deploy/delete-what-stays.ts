import { DeleteTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { DeleteBucketCommand, DeleteObjectsCommand, ListObjectVersionsCommand } from "@aws-sdk/client-s3";
import { DeleteSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import type { Session } from "./session.ts";

/**
 * Deletes what a stack leaves behind on purpose: all mail with all its versions, the tables, and the token secret where
 * we made it. The key of encrypted mail and the identities stay in any case. What is gone already is no failure.
 */
export async function deleteWhatStays(
  session: Session,
  config: ResolvedConfig,
  say: (text: string) => void,
): Promise<{ readonly objects: number }> {
  const { names, ruleSet, tokens } = config;
  const objects = (await unlessGone(() => emptyBucket(session, names.bucket))) ?? 0;
  await unlessGone(() => session.s3.send(new DeleteBucketCommand({ Bucket: names.bucket })));
  say(`deleted the bucket ${names.bucket}`);

  const dynamo = new DynamoDBClient(session.clientConfig);
  const secrets = new SecretsManagerClient(session.clientConfig);
  try {
    for (const table of [`${ruleSet.name}-ledger`, `${ruleSet.name}-store`]) {
      await unlessGone(() => dynamo.send(new DeleteTableCommand({ TableName: table })));
      say(`deleted the table ${table}`);
    }
    if (tokens === undefined) {
      // At once: a secret that waits for its deletion would stand in the way of a stage of the same name.
      const gone = { SecretId: names.tokenSecret, ForceDeleteWithoutRecovery: true };
      await unlessGone(() => secrets.send(new DeleteSecretCommand(gone)));
      say(`deleted the secret ${names.tokenSecret}`);
    }
  } finally {
    dynamo.destroy();
    secrets.destroy();
  }
  return { objects };
}

async function emptyBucket({ s3 }: Session, bucket: string): Promise<number> {
  let count = 0;
  for (;;) {
    const { Versions = [], DeleteMarkers = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket: bucket }));
    const objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId }));
    if (objects.length === 0) return count;
    const { Errors = [] } = await s3.send(
      new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: objects, Quiet: true } }),
    );
    const [failure] = Errors;
    if (failure) throw new Error(`${failure.Key} could not be deleted: ${failure.Code} ${failure.Message}`);
    count += Versions.length;
  }
}

async function unlessGone<Result>(action: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof Error && /^(?:NoSuchBucket|ResourceNotFoundException)$/.test(error.name)) return undefined;
    throw error;
  }
}
