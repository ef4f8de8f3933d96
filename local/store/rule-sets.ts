import type { IpFilter, ReceiptRule, RuleSet } from "../../shared/receipt/model.ts";
import type { Database, Sql, Transaction } from "./database.ts";

/** A rule set that was made through the SES API. */
export interface StoredRuleSet extends RuleSet {
  readonly createdAt: Date;
}

/** A domain or address that was verified through the SES API. */
export interface Identity {
  /** In lower case. */
  readonly name: string;
  /** What the API answered as the text of the TXT record. */
  readonly token: string;
}

/** Which set receives: the configured one until somebody chose, one made through the API, or none. */
export type ActiveChoice =
  | { readonly kind: "configured" }
  | { readonly kind: "stored"; readonly name: string }
  | { readonly kind: "none" };

export interface RuleSetReader {
  /** By name, in octet order. */
  ruleSets(): readonly StoredRuleSet[];
  ruleSet(name: string): StoredRuleSet | undefined;
  active(): ActiveChoice;
  filters(): readonly IpFilter[];
  identities(): readonly Identity[];
}

export interface RuleSetWriter extends RuleSetReader {
  /** Makes the set or replaces its rules; the date of an existing one stays. */
  putRuleSet(ruleSet: RuleSet, createdAt: Date): void;
  deleteRuleSet(name: string): void;
  activate(choice: ActiveChoice): void;
  putFilter(filter: IpFilter): void;
  deleteFilter(name: string): void;
  /** An identity that is there keeps its token. */
  addIdentity(identity: Identity): void;
  deleteIdentity(name: string): void;
}

export interface RuleSets {
  read<T>(query: (reader: RuleSetReader) => T): T;
  /** One transaction: what the job reads still holds when it writes. A job that throws has changed nothing. */
  edit<T>(job: (writer: RuleSetWriter) => T): Promise<T>;
  /** Grows with every edit, so that what was derived from the rows can be kept until then. */
  revision(): number;
}

/** What was made through the SES API, kept on the engine's database. */
export function createRuleSets(database: Database): RuleSets {
  let revision = 0;
  return {
    read: (query) => database.read((sql) => query(reader(sql))),
    async edit(job) {
      const result = await database.write((tx) => job(writer(tx)));
      revision += 1;
      return result;
    },
    revision: () => revision,
  };
}

const activeSetting = "active-rule-set";

function reader(sql: Sql): RuleSetReader {
  return {
    ruleSets: () => sql.all("SELECT name, created_at, rules FROM rule_sets ORDER BY name").map(toRuleSet),
    ruleSet(name) {
      const row = sql.get("SELECT name, created_at, rules FROM rule_sets WHERE name = ?", name);
      return row && toRuleSet(row);
    },
    active() {
      const row = sql.get("SELECT value FROM settings WHERE name = ?", activeSetting);
      if (!row) return { kind: "configured" };
      const name = String(row["value"]);
      return name === "" ? { kind: "none" } : { kind: "stored", name };
    },
    filters: () =>
      sql.all("SELECT name, policy, cidr FROM ip_filters ORDER BY name").map((row) => ({
        name: String(row["name"]),
        policy: row["policy"] === "Allow" ? "Allow" : "Block",
        cidr: String(row["cidr"]),
      })),
    identities: () =>
      sql
        .all("SELECT name, token FROM identities ORDER BY name")
        .map((row) => ({ name: String(row["name"]), token: String(row["token"]) })),
  };
}

function writer(tx: Transaction): RuleSetWriter {
  return {
    ...reader(tx),
    putRuleSet({ name, rules }, createdAt) {
      tx.run(
        `INSERT INTO rule_sets (name, created_at, rules) VALUES (?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET rules = excluded.rules`,
        name,
        createdAt.getTime(),
        JSON.stringify(rules),
      );
    },
    deleteRuleSet: (name) => void tx.run("DELETE FROM rule_sets WHERE name = ?", name),
    activate(choice) {
      if (choice.kind === "configured") {
        tx.run("DELETE FROM settings WHERE name = ?", activeSetting);
        return;
      }
      const value = choice.kind === "none" ? "" : choice.name;
      tx.run("INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", activeSetting, value);
    },
    putFilter({ name, policy, cidr }) {
      tx.run("INSERT OR REPLACE INTO ip_filters (name, policy, cidr) VALUES (?, ?, ?)", name, policy, cidr);
    },
    deleteFilter: (name) => void tx.run("DELETE FROM ip_filters WHERE name = ?", name),
    addIdentity({ name, token }) {
      tx.run("INSERT OR IGNORE INTO identities (name, token) VALUES (?, ?)", name, token);
    },
    deleteIdentity: (name) => void tx.run("DELETE FROM identities WHERE name = ?", name),
  };
}

function toRuleSet(row: Readonly<Record<string, unknown>>): StoredRuleSet {
  return {
    name: String(row["name"]),
    createdAt: new Date(Number(row["created_at"])),
    rules: JSON.parse(String(row["rules"])) as readonly ReceiptRule[],
  };
}
