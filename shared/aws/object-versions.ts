import {
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  S3Client,
  type ObjectVersion as S3Version,
} from "@aws-sdk/client-s3";
import { AwsRefusedError, call, errorName } from "./call.ts";
import { type Connection, clientOptions } from "./connection.ts";

/** One version of an object, or a delete marker, which hides the versions below it. */
export interface ObjectVersion {
  readonly key: string;
  /** `null` where the bucket keeps none. */
  readonly versionId: string;
  readonly isMarker: boolean;
  readonly sizeBytes: number;
  readonly lastModified: Date;
}

/** Where a listing goes on. */
export interface VersionPlace {
  readonly key: string;
  readonly versionId?: string;
}

export interface VersionPage {
  readonly versions: readonly ObjectVersion[];
  readonly next?: VersionPlace;
}

/** A bucket with everything that it keeps, also what the plain listing does not show. */
export interface ObjectVersions {
  /** At most a thousand. */
  page(bucket: string, prefix: string, from?: VersionPlace): Promise<VersionPage>;
  /** `undefined` where it is gone. */
  read(
    bucket: string,
    version: ObjectVersion,
  ): Promise<{ readonly metadata: Readonly<Record<string, string>>; readonly body: Uint8Array } | undefined>;
  /** For good: no marker is left, and none of what is named. */
  remove(bucket: string, versions: readonly Pick<ObjectVersion, "key" | "versionId">[]): Promise<void>;
}

const pageSize = 1_000;

export function openObjectVersions(connection: Connection): ObjectVersions {
  const client = new S3Client({
    ...clientOptions(connection),
    ...(connection.endpoint !== undefined && { forcePathStyle: true }),
  });
  const plain = (text: string | undefined) => decodeURIComponent((text ?? "").replaceAll("+", " "));
  return {
    async page(Bucket, Prefix, from) {
      const command = new ListObjectVersionsCommand({
        Bucket,
        Prefix,
        MaxKeys: pageSize,
        EncodingType: "url",
        ...(from && { KeyMarker: from.key }),
        ...(from?.versionId !== undefined && { VersionIdMarker: from.versionId }),
      });
      const answer = await call(`S3 ListObjectVersions ${Bucket}`, () => client.send(command));
      const entry = (
        of: Pick<S3Version, "Key" | "VersionId" | "LastModified" | "Size">,
        isMarker: boolean,
      ): ObjectVersion => ({
        key: plain(of.Key),
        versionId: of.VersionId ?? "null",
        isMarker,
        sizeBytes: of.Size ?? 0,
        lastModified: of.LastModified ?? new Date(0),
      });
      const versions = [
        ...(answer.Versions ?? []).map((version) => entry(version, false)),
        ...(answer.DeleteMarkers ?? []).map((marker) => entry(marker, true)),
      ];
      const { IsTruncated, NextKeyMarker, NextVersionIdMarker } = answer;
      return {
        versions,
        ...(IsTruncated &&
          NextKeyMarker !== undefined && {
            next: {
              key: plain(NextKeyMarker),
              ...(NextVersionIdMarker !== undefined && { versionId: NextVersionIdMarker }),
            },
          }),
      };
    },
    async read(Bucket, { key, versionId }) {
      const command = new GetObjectCommand({ Bucket, Key: key, ...(versionId !== "null" && { VersionId: versionId }) });
      try {
        const answer = await call(`S3 GetObject s3://${Bucket}/${key}`, () => client.send(command), gone);
        return {
          metadata: answer.Metadata ?? {},
          body: (await answer.Body?.transformToByteArray()) ?? new Uint8Array(),
        };
      } catch (error) {
        if (gone.includes(errorName(error))) return undefined;
        throw error;
      }
    },
    async remove(Bucket, versions) {
      for (let at = 0; at < versions.length; at += pageSize) {
        // By its version always, `null` too: without one a bucket that keeps versions only hides the object.
        const Objects = versions
          .slice(at, at + pageSize)
          .map(({ key, versionId }) => ({ Key: key, VersionId: versionId }));
        const command = new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } });
        const { Errors = [] } = await call(`S3 DeleteObjects ${Bucket}`, () => client.send(command));
        const [first] = Errors;
        if (first) {
          throw new AwsRefusedError(
            `S3 DeleteObjects ${Bucket}, ${Errors.length} of ${Objects.length} versions`,
            first.Code ?? "no reason",
          );
        }
      }
    },
  };
}

const gone = ["NoSuchKey", "NoSuchVersion", "NotFound", "MethodNotAllowed"];
