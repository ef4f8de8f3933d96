import type { AllowedSender, Senders } from "../../shared/ports.ts";
import type { Database, Row } from "./database.ts";

/** Allowed senders by address. */
export function createSenders(database: Database): Senders {
  return {
    allow: ({ address, by, at }) =>
      database.write((tx) => {
        tx.run("INSERT OR IGNORE INTO allowed_senders (address, by, at) VALUES (?, ?, ?)", address, by, at);
      }),
    disallow: (address) =>
      database.write((tx) => {
        tx.run("DELETE FROM allowed_senders WHERE address = ?", address);
      }),
    isAllowed: async (address) =>
      database.read((sql) => sql.get("SELECT 1 FROM allowed_senders WHERE address = ?", address)) !== undefined,
    list: async ({ after = "", limit }) =>
      database.read((sql) =>
        sql.all("SELECT * FROM allowed_senders WHERE address > ? ORDER BY address LIMIT ?", after, limit).map(toSender),
      ),
  };
}

const toSender = (row: Row): AllowedSender => ({
  address: String(row["address"]),
  by: String(row["by"]),
  at: String(row["at"]),
});
