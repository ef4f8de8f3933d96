import type { AwsCredentials } from "../encryption/sign-aws4.ts";

/** Where AWS is. Without credentials the SDK finds the function's own. */
export interface Connection {
  readonly region: string;
  /** An emulator's address. */
  readonly endpoint?: string;
  readonly credentials?: AwsCredentials;
}

/**
 * What every client is made with. Four attempts with growing, random pauses take the usual throttling away; what is left
 * of it becomes a `ThrottledError`. A hanging connection must not eat a function's time.
 */
export function clientOptions({ region, endpoint, credentials }: Connection) {
  return {
    region,
    ...(endpoint !== undefined && { endpoint }),
    ...(credentials !== undefined && { credentials }),
    retryMode: "standard",
    maxAttempts: 4,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 12_000 },
  } as const;
}
