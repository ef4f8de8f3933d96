import type { S3Event } from "./notification.ts";
import { encodeEventKey } from "./object-key.ts";

export interface StoredObjectFact {
  readonly region: string;
  readonly bucket: string;
  /** Not encoded. */
  readonly key: string;
  /** Of the stored, perhaps encrypted, bytes. */
  readonly sizeBytes: number;
  readonly eTag: string;
  /** Rises with every write to the key: hexadecimal, upper case. */
  readonly sequencer: string;
  readonly storedAt: Date;
  /** Name of the bucket's notification configuration. */
  readonly configurationId: string;
  readonly requestId: string;
}

/** The event that a bucket sends for an object (ses-receiving.md §6.9). */
export function buildS3Event(fact: StoredObjectFact): S3Event {
  return {
    Records: [
      {
        eventVersion: "2.1",
        eventSource: "aws:s3",
        awsRegion: fact.region,
        eventTime: fact.storedAt.toISOString(),
        eventName: "ObjectCreated:Put",
        userIdentity: { principalId: "AWS:EXAMPLE" },
        requestParameters: { sourceIPAddress: "127.0.0.1" },
        responseElements: { "x-amz-request-id": fact.requestId, "x-amz-id-2": fact.requestId },
        s3: {
          s3SchemaVersion: "1.0",
          configurationId: fact.configurationId,
          bucket: {
            name: fact.bucket,
            ownerIdentity: { principalId: "EXAMPLE" },
            arn: `arn:aws:s3:::${fact.bucket}`,
          },
          object: {
            key: encodeEventKey(fact.key),
            size: fact.sizeBytes,
            eTag: fact.eTag,
            sequencer: fact.sequencer,
          },
        },
      },
    ],
  };
}
