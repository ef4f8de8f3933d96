import type { ResourceNames } from "./types.ts";

/** The account id that stands in the ARNs of a single machine. */
export const localAccountId = "000000000000";

/** What names on a single machine begin with; a stage on AWS adds its name. */
export const localPrefix = "mailweir";

/**
 * Names of everything the pipeline owns.
 *
 * @param prefix - `mailweir` on one machine, `mailweir-<stage>` on AWS; lower case, at most 21 characters
 */
export function resourceNames(prefix: string, region: string, accountId: string): ResourceNames {
  const arn = (service: string, resource: string) => `arn:aws:${service}:${region}:${accountId}:${resource}`;
  const onAws = prefix !== localPrefix;
  return {
    // Buckets share one name space with everybody else's.
    bucket: onAws ? `${prefix}-mail-${accountId}-${region}` : `${prefix}-mail`,
    keyPrefix: "inbound/",
    noticeTopicArn: arn("sns", `${prefix}-notices`),
    // On AWS the key is only known once it was made; its alias has a name before.
    kmsKeyArn: onAws ? arn("kms", `alias/${prefix}-mail`) : arn("kms", "key/6d61696c-7765-4972-8000-000000000001"),
    tokenSecret: `${prefix}/tokens`,
    noticeQueue: `${prefix}-notices`,
    objectQueue: `${prefix}-objects`,
    streamQueue: (stream) => `${prefix}-stream-${stream}`,
    functionArn: (name) => arn("lambda", `function:${prefix}-${name}`),
  };
}
