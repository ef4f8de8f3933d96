import {
  CreateBucketCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  PutPublicAccessBlockCommand,
} from "@aws-sdk/client-s3";
import { archiveKey } from "./deployable-template.ts";
import type { Archive } from "./package-stage.ts";
import type { Session } from "./session.ts";

/** One bucket an account and region for the code of all stages. It holds no mail. */
export function artifactBucketName({ accountId, region }: Pick<Session, "accountId" | "region">): string {
  return `mailweir-artifacts-${accountId}-${region}`;
}

/** Makes the bucket if it is not there, closed to everybody else. */
export async function ensureArtifactBucket({ s3, accountId, region }: Session): Promise<string> {
  const Bucket = artifactBucketName({ accountId, region });
  try {
    // Not somebody else's bucket of that name: our code would be his.
    await s3.send(new HeadBucketCommand({ Bucket, ExpectedBucketOwner: accountId }));
    return Bucket;
  } catch (error) {
    if (!(error instanceof Error) || (error.name !== "NotFound" && error.name !== "NoSuchBucket")) throw error;
  }
  await s3.send(
    new CreateBucketCommand({
      Bucket,
      // us-east-1 is the one region that must not be named.
      ...(region !== "us-east-1" && { CreateBucketConfiguration: { LocationConstraint: regionOf(region) } }),
    }),
  );
  await s3.send(
    new PutPublicAccessBlockCommand({
      Bucket,
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
    }),
  );
  await s3.send(
    new PutBucketPolicyCommand({
      Bucket,
      Policy: JSON.stringify({
        Version: "2012-10-17",
        Statement: [
          {
            Sid: "OnlyOverTls",
            Effect: "Deny",
            Principal: "*",
            Action: "s3:*",
            Resource: [`arn:aws:s3:::${Bucket}`, `arn:aws:s3:::${Bucket}/*`],
            Condition: { Bool: { "aws:SecureTransport": "false" } },
          },
        ],
      }),
    }),
  );
  return Bucket;
}

/** Uploads what is not there yet; an archive's key is its hash, so what is there is right. */
export async function uploadArtifacts(
  { s3, region, endpoint }: Session,
  bucket: string,
  prefix: string,
  archives: Readonly<Record<string, Archive>>,
  template: string,
  templateName: string,
): Promise<{ readonly templateUrl: string; readonly uploaded: number }> {
  const uploads = Object.entries(archives).map(async ([name, archive]): Promise<number> => {
    const Key = archiveKey(prefix, name, archive);
    try {
      await s3.send(new HeadObjectCommand({ Bucket: bucket, Key }));
      return 0;
    } catch (error) {
      if (!(error instanceof Error) || (error.name !== "NotFound" && error.name !== "NoSuchKey")) throw error;
    }
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: archive.bytes }));
    return 1;
  });
  const uploaded = (await Promise.all(uploads)).reduce((sum, count) => sum + count, 0);
  const Key = `${prefix}/${templateName}.json`;
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body: template, ContentType: "application/json" }));
  const host =
    endpoint === undefined ? `https://${bucket}.s3.${region}.amazonaws.com` : `${new URL(endpoint).origin}/${bucket}`;
  return { templateUrl: `${host}/${Key}`, uploaded };
}

function regionOf(region: string) {
  // The SDK lists the regions that it knows; S3 takes every one.
  return region as NonNullable<
    NonNullable<ConstructorParameters<typeof CreateBucketCommand>[0]["CreateBucketConfiguration"]>["LocationConstraint"]
  >;
}
