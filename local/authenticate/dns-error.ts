/** `node:dns`'s own codes, because mailauth reads them. */
export type DnsErrorCode =
  | "ENOTFOUND"
  | "ENODATA"
  | "ESERVFAIL"
  | "EREFUSED"
  | "ETIMEOUT"
  | "ECONNREFUSED"
  | "ECANCELLED"
  | "EBADRESP";

/** A DNS question that got no records. An answer like others, of which a mail may get several: it knows no stack. */
export class DnsError extends Error {
  constructor(code: DnsErrorCode, message: string, options?: ErrorOptions) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message, options);
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
  }
  readonly code: DnsErrorCode;
}

/** No such name, or no such record there: an answer, not a failure. */
export function isNegative(error: unknown): boolean {
  return error instanceof DnsError && (error.code === "ENOTFOUND" || error.code === "ENODATA");
}
