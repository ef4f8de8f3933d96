import measuredFile from "./measured.json" with { type: "json" };

/** What one mail with one recipient makes the pipeline ask AWS for, from its notice to its end and the sweep behind it. */
export interface MailUse {
  /** Invocations by function; below one where a batch holds several mails. */
  readonly invocations: Readonly<Record<string, number>>;
  /** DynamoDB's write units by its price list: KBs of items, indexes, twice in a transaction. */
  readonly writeUnits: { readonly ledger: number; readonly store: number };
  readonly readUnits: number;
  /** Requests that our functions make. SES's, SNS's and Lambda's own are added by `estimate.ts`. */
  readonly requests: Readonly<Record<Service, number>>;
  readonly sends: number;
  /** What our functions write to CloudWatch Logs, their metrics included. */
  readonly logBytes: number;
  /** What stays in the tables. */
  readonly tableBytes: number;
}

export type Service = "dynamodb" | "sqs" | "sns" | "s3-read" | "s3-write" | "kms";

export interface StreamUse {
  /** Each batch holds one mail: little traffic. */
  readonly single: MailUse;
  /** Each batch holds ten: as much as queues can give at once. */
  readonly full: MailUse;
  /** KMS requests of our functions for a mail that SES encrypted. */
  readonly decrypts: number;
}

export interface Measured {
  readonly streams: Readonly<Record<string, StreamUse>>;
  /** Processor time of this project's machine, warm and at the first call (its start included); told, not compared. */
  readonly cpuMs: Readonly<Record<string, { readonly warm: number; readonly first: number }>>;
  /** Metrics (name and dimensions) that a mail writes. */
  readonly metrics: readonly string[];
}

/** Written by test/slow/cost-measurement.test.ts, which also fails when it is no longer true. */
export const measured: Measured = measuredFile;
