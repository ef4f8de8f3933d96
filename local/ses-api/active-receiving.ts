import type { ResolvedConfig } from "../../shared/config/types.ts";
import type { IpFilter, RuleSet } from "../../shared/receipt/model.ts";
import type { RuleSets } from "../store/rule-sets.ts";

/** What reception goes by. */
export interface ActiveReceiving {
  /** `undefined`: none is active, every recipient is refused. */
  readonly ruleSet: RuleSet | undefined;
  readonly verifiedDomains: readonly string[];
  readonly ipFilters: readonly IpFilter[];
}

/**
 * The configuration and what the API made, together. Answers the same object until something changes: reception asks for
 * every transaction, and a rule set's snapshot is recognised by its identity.
 */
export function createActiveReceiving({
  config,
  ruleSets,
}: {
  readonly config: Pick<ResolvedConfig, "domains" | "ipFilters" | "ruleSet">;
  readonly ruleSets: Pick<RuleSets, "read" | "revision">;
}): () => ActiveReceiving {
  let known: { readonly revision: number; readonly receiving: ActiveReceiving } | undefined;
  return () => {
    const revision = ruleSets.revision();
    if (known?.revision === revision) return known.receiving;
    const receiving = ruleSets.read((reader): ActiveReceiving => {
      const choice = reader.active();
      // A stored set that the configuration's is named like today is hidden by it everywhere.
      const isConfigured =
        choice.kind === "configured" || (choice.kind === "stored" && choice.name === config.ruleSet.name);
      const stored = choice.kind === "stored" ? reader.ruleSet(choice.name) : undefined;
      return {
        ruleSet: isConfigured ? config.ruleSet : stored,
        verifiedDomains: [
          ...new Set([
            ...config.domains,
            ...reader.identities().flatMap(({ name }) => (name.includes("@") ? [] : [name])),
          ]),
        ],
        ipFilters: [...config.ipFilters, ...reader.filters()],
      };
    });
    known = { revision, receiving };
    return receiving;
  };
}
