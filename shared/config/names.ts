import type { ResourceNames } from "./types.ts";

/** The account id that stands in the ARNs of a single machine. */
export const localAccountId = "000000000000";

/** What every name begins with on one machine. */
export const localPrefix = "mailweir";

/** What every name of a stage begins with on AWS, so that several stages live side by side in one account. */
export function stagePrefix(stage: string): string {
  return `${localPrefix}-${stage}`;
}

/**
 * Whether a stage can be part of every name. The longest is a stream's dead-letter queue: SQS bounds it to 80 characters,
 * of which a stream's name may take 40.
 */
export function isStageName(stage: string): boolean {
  return /^[a-z](?:[a-z0-9-]{0,10}[a-z0-9])?$/.test(stage);
}

export interface OwnNames {
  readonly bucket?: string;
  /** With `alias/`. */
  readonly kmsAlias?: string;
}

/**
 * Names of everything the pipeline owns.
 *
 * @param prefix - `mailweir` on one machine, `mailweir-<stage>` on AWS; lower case, at most 21 characters
 * @param own - where the user names the mail bucket, or the key's alias, himself
 */
export function resourceNames(prefix: string, region: string, accountId: string, own: OwnNames = {}): ResourceNames {
  const arn = (service: string, resource: string) => `arn:aws:${service}:${region}:${accountId}:${resource}`;
  const onAws = prefix !== localPrefix;
  return {
    // Bucket names are shared by all accounts of the world.
    bucket: onAws ? (own.bucket ?? `${prefix}-mail-${accountId}-${region}`) : `${prefix}-mail`,
    keyPrefix: "inbound/",
    noticeTopicArn: arn("sns", `${prefix}-notices`),
    // On AWS the key is only known once it was made; its alias has a name before.
    kmsKeyArn: arn(
      "kms",
      onAws ? (own.kmsAlias ?? `alias/${prefix}-mail`) : "key/6d61696c-7765-4972-8000-000000000001",
    ),
    tokenSecret: `${prefix}/tokens`,
    configurationSet: prefix,
    noticeQueue: `${prefix}-notices`,
    objectQueue: `${prefix}-objects`,
    propagateQueue: `${prefix}-propagate`,
    feedbackQueue: `${prefix}-feedback`,
    answerQueue: `${prefix}-answers`,
    streamQueue: (stream) => `${prefix}-stream-${stream}`,
    functionArn: (name) => arn("lambda", `function:${prefix}-${name}`),
  };
}
