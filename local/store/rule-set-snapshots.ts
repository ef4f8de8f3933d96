import { createHash } from "node:crypto";
import type { RuleSet } from "../../shared/receipt/model.ts";
import type { Database } from "./database.ts";
import type { EngineStore } from "./engine-store.ts";

/** Rule sets as they were at receipt, each stored once under the hash of its content. */
export function createRuleSetSnapshots(database: Database): Pick<EngineStore, "snapshotRuleSet" | "ruleSetSnapshot"> {
  // The same object comes with every message until somebody changes the rules.
  const known = new WeakMap<RuleSet, string>();
  // And its snapshot is asked for again with every message. Nobody changes one.
  let last: { readonly id: string; readonly ruleSet: RuleSet } | undefined;
  return {
    async snapshotRuleSet(ruleSet) {
      if (ruleSet === undefined) return none;
      const earlier = known.get(ruleSet);
      if (earlier !== undefined) return earlier;
      const content = JSON.stringify(ruleSet);
      const id = createHash("sha256").update(content).digest("hex").slice(0, 32);
      await database.write(
        (tx) => void tx.run("INSERT OR IGNORE INTO rule_set_snapshots (id, rule_set) VALUES (?, ?)", id, content),
      );
      known.set(ruleSet, id);
      return id;
    },
    async ruleSetSnapshot(id) {
      if (last?.id === id) return last.ruleSet;
      const row = database.read((sql) => sql.get("SELECT rule_set FROM rule_set_snapshots WHERE id = ?", id));
      if (!row) return undefined;
      last = { id, ruleSet: JSON.parse(String(row["rule_set"])) as RuleSet };
      return last.ruleSet;
    },
  };
}

/** No rule set was active. */
const none = "none";
