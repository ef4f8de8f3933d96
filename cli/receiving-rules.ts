import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type ActiveReceiving, createActiveReceiving } from "../local/ses-api/active-receiving.ts";
import type { ResolvedConfig } from "../shared/config/types.ts";

export interface ReceivingRules extends ActiveReceiving {
  /** `engine`: the choice of SetActiveReceiptRuleSet, kept in the data folder, is another set than the configured one. */
  readonly from: "configuration" | "engine";
}

/**
 * What the engine of a data folder goes by now: its active rule set, verified domains and IP filters, those of the SES API
 * included; a folder in which no engine ever ran goes by the configuration. Reads only, beside a running engine too.
 *
 * @throws {ForeignDatabaseError} when the folder's database is of another program or version
 */
export async function receivingRules(config: ResolvedConfig, data: string): Promise<ReceivingRules> {
  if (!existsSync(resolve(data, "mailweir.sqlite3"))) return configuredRules(config);
  const { openStoreReadOnly } = await import("../local/store/open-read-only.ts");
  const store = await openStoreReadOnly(resolve(data));
  try {
    const receiving = createActiveReceiving({ config, ruleSets: store.ruleSets })();
    return { ...receiving, from: receiving.ruleSet === config.ruleSet ? "configuration" : "engine" };
  } finally {
    await store.close();
  }
}

export function configuredRules({ ruleSet, domains, ipFilters }: ResolvedConfig): ReceivingRules {
  return { ruleSet, verifiedDomains: domains, ipFilters, from: "configuration" };
}
