import { MailweirError } from "../errors.ts";

/** AWS asks for patience. The work was not begun: whoever reads a queue puts the record back, with a delay. */
export class ThrottledError extends MailweirError {
  readonly code = "ERR_THROTTLED";
  readonly retryable = true;
  constructor(what: string, options?: ErrorOptions) {
    super(
      `${what} was throttled: it is tried again later; if that lasts, raise the quota or the table's capacity`,
      options,
    );
  }
}

export class AwsAccessDeniedError extends MailweirError {
  readonly code = "ERR_AWS_ACCESS_DENIED";
  /** A policy may be mended while the record waits in its queue. */
  readonly retryable = true;
  constructor(what: string, options?: ErrorOptions) {
    super(`${what} is not allowed: compare the function's role with shared/aws/permissions.ts`, options);
  }
}

/** No connection, no answer in time, or a fault on the other side. */
export class AwsUnreachableError extends MailweirError {
  readonly code = "ERR_AWS_UNREACHABLE";
  readonly retryable = true;
  constructor(what: string, name: string, options?: ErrorOptions) {
    super(
      `${what} got no usable answer (${name}): it is tried again; check the endpoint and AWS's health page`,
      options,
    );
  }
}

/** AWS understood and said no, for a reason that no adapter knows. */
export class AwsRefusedError extends MailweirError {
  readonly code = "ERR_AWS_REFUSED";
  readonly retryable = false;
  /** AWS's own name for it. */
  readonly reason: string;
  constructor(what: string, reason: string, options?: ErrorOptions) {
    super(`${what} was refused (${reason}): see AWS's documentation of this operation for the reason`, options);
    this.reason = reason;
  }
}

/**
 * Runs one call of the SDK, and gives its failures our names. Messages of AWS stay in `cause`, where no log looks: they may
 * quote what was sent.
 *
 * @param what - operation and target, for the one who reads the error: `DynamoDB UpdateItem mailweir-prod-ledger`
 * @param known - errors that the caller handles itself, by AWS's name
 */
export async function call<T>(what: string, run: () => Promise<T>, known: readonly string[] = []): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    if (cause instanceof MailweirError || known.includes(errorName(cause))) throw cause;
    throw named(what, cause);
  }
}

export function errorName(error: unknown): string {
  return error instanceof Error ? error.name : "";
}

const throttling = new Set([
  "ThrottlingException",
  "Throttling",
  "ThrottledException",
  "RequestThrottled",
  "RequestThrottledException",
  "TooManyRequestsException",
  "ProvisionedThroughputExceededException",
  "RequestLimitExceeded",
  "BandwidthLimitExceeded",
  "LimitExceededException",
  "SlowDown",
  "TransactionInProgressException",
  "PriorRequestNotComplete",
  "AWS.SimpleQueueService.RequestThrottled",
]);
const denied = new Set([
  "AccessDeniedException",
  "AccessDenied",
  "AuthorizationError",
  "AuthorizationErrorException",
  "UnrecognizedClientException",
  "InvalidClientTokenId",
  "InvalidSignatureException",
  "SignatureDoesNotMatch",
  "ExpiredToken",
  "ExpiredTokenException",
  "Forbidden",
]);

function named(what: string, cause: unknown): MailweirError {
  const name = errorName(cause);
  const status = statusOf(cause);
  if (throttling.has(name) || status === 429) return new ThrottledError(what, { cause });
  if (denied.has(name) || status === 401 || status === 403) return new AwsAccessDeniedError(what, { cause });
  if (status === undefined || status >= 500) return new AwsUnreachableError(what, safeName(name), { cause });
  return new AwsRefusedError(what, safeName(name), { cause });
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("$metadata" in error)) return undefined;
  const { $metadata } = error;
  if (typeof $metadata !== "object" || $metadata === null || !("httpStatusCode" in $metadata)) return undefined;
  return typeof $metadata.httpStatusCode === "number" ? $metadata.httpStatusCode : undefined;
}

const safeName = (name: string) => (/^[A-Za-z0-9._]{1,100}$/.test(name) ? name : "an unnamed error");
