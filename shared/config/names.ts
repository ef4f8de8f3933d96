import type { ResourceNames } from "./types.ts";

/** The account id that stands in the ARNs of a single machine. */
export const localAccountId = "000000000000";

/**
 * Names of everything the pipeline owns.
 *
 * @param prefix - `mailweir` on one machine, `mailweir-<stage>` on AWS; lower case, at most 30 characters
 */
export function resourceNames(prefix: string, region: string, accountId: string): ResourceNames {
  const arn = (service: string, resource: string) => `arn:aws:${service}:${region}:${accountId}:${resource}`;
  return {
    bucket: `${prefix}-mail`,
    keyPrefix: "inbound/",
    noticeTopicArn: arn("sns", `${prefix}-notices`),
    kmsKeyArn: arn("kms", "key/6d61696c-7765-4972-8000-000000000001"),
    tokenSecret: `${prefix}/tokens`,
    noticeQueue: `${prefix}-notices`,
    objectQueue: `${prefix}-objects`,
    streamQueue: (stream) => `${prefix}-stream-${stream}`,
    functionArn: (name) => arn("lambda", `function:${prefix}-${name}`),
  };
}
