import { GetBucketLifecycleConfigurationCommand, type S3Client } from "@aws-sdk/client-s3";

/**
 * After how many days a bucket's lifecycle deletes what lies below a prefix, by whatever rule.
 *
 * @returns `Infinity`: never; null: there is no such bucket
 */
export async function lifecycleDays(
  s3: Pick<S3Client, "send">,
  { bucket, prefix }: { readonly bucket: string; readonly prefix: string },
): Promise<number | null> {
  try {
    const { Rules = [] } = await s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket: bucket }));
    const days = Rules.flatMap(
      ({ Status, Expiration, Filter, Prefix = Filter?.Prefix ?? Filter?.And?.Prefix ?? "" }) => {
        const meets = prefix.startsWith(Prefix) || Prefix.startsWith(prefix);
        if (Status !== "Enabled" || !meets) return [];
        if (Expiration?.Date !== undefined) return [0];
        return Expiration?.Days === undefined ? [] : [Expiration.Days];
      },
    );
    return Math.min(Number.POSITIVE_INFINITY, ...days);
  } catch (error) {
    if (error instanceof Error && error.name === "NoSuchBucket") return null;
    if (error instanceof Error && error.name === "NoSuchLifecycleConfiguration") return Number.POSITIVE_INFINITY;
    throw error;
  }
}
