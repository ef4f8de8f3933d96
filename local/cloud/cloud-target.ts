import { type Functions, openFunctions } from "../../shared/aws/functions.ts";
import { openKmsKeys } from "../../shared/aws/kms-keys.ts";
import { openObjects } from "../../shared/aws/objects.ts";
import { openTopics } from "../../shared/aws/topics.ts";
import type { AwsCredentials } from "../../shared/encryption/sign-aws4.ts";
import type { Ports } from "../../shared/ports.ts";
import { limits } from "../../shared/receipt/limits.ts";

/** The account that the engine stands in front of. */
export interface CloudTarget {
  readonly stage: string;
  readonly accountId: string;
  /** An AWS-compatible endpoint; absent: AWS itself. */
  readonly endpoint?: string;
  /** Absent: those of the environment. */
  readonly credentials?: AwsCredentials;
}

/** What receipt actions reach there. */
export interface Cloud extends Pick<Ports, "objects" | "topics" | "keys"> {
  readonly functions: Functions;
  /** For people: where mail is handed to. */
  readonly place: string;
}

export function openCloud({ endpoint, credentials, accountId }: CloudTarget, region: string): Cloud {
  const connection = {
    region,
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials !== undefined && { credentials }),
  };
  return {
    objects: openObjects(connection),
    topics: openTopics(connection),
    keys: openKmsKeys(connection),
    functions: openFunctions(connection, limits.syncLambdaMs + 5_000),
    place: `account ${accountId} in ${region}${endpoint === undefined ? "" : `, at ${endpoint}`}`,
  };
}
