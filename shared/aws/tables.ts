/** A DynamoDB table as CloudFormation and CreateTable want to know it. Billed on demand; all keys are strings. */
export interface TableSchema {
  readonly hashKey: string;
  readonly rangeKey: string;
  /** Number, seconds since the Unix epoch. */
  readonly ttlAttribute: string;
  readonly indexes: readonly {
    readonly name: string;
    readonly hashKey: string;
    readonly rangeKey: string;
    /** Both are sparse and tell where the item is, not what it says. */
    readonly projection: "KEYS_ONLY";
  }[];
}

/**
 * What became of each mail: META, one item per recipient, transport duplicates, sent bounces. One partition per SES id.
 *
 * `unfinished`: `us` (shard, see `ledger.ts`) is there while a recipient's work has not ended; `at` is when it was received.
 */
export const ledgerTable: TableSchema = {
  hashKey: "pk",
  rangeKey: "sk",
  ttlAttribute: "ttl",
  indexes: [{ name: "unfinished", hashKey: "us", rangeKey: "at", projection: "KEYS_ONLY" }],
};

/**
 * What the workers keep: suppressions, tickets, quarantine, records. Worth point-in-time recovery.
 *
 * `listed`: everything of one kind in its order, in a few shards (`sharded-list.ts`).
 */
export const storeTable: TableSchema = {
  hashKey: "pk",
  rangeKey: "sk",
  ttlAttribute: "ttl",
  indexes: [{ name: "listed", hashKey: "lp", rangeKey: "lk", projection: "KEYS_ONLY" }],
};
