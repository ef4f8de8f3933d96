import type { Suppression, Suppressions } from "../../shared/ports.ts";
import { assertClaim, effectResult, noteEffect } from "./claims.ts";
import type { Database, Row, Sql } from "./database.ts";

/** Who does not want mail. Pages go on behind `suppressionCursor` of the last one. */
export function createSuppressions(
  database: Database,
): Suppressions & { history(address: string, list: string): Promise<readonly Suppression[]> } {
  return {
    suppress: (claim, suppression) =>
      database.write((tx) => {
        const seq = assertClaim(tx, claim);
        const { address, list } = suppression;
        const effect = `suppress ${suppressionCursor(suppression)}`;
        if (effectResult(tx, seq, claim.recipient, effect) !== undefined) return "repeated";
        const { changes } = tx.run(
          "INSERT OR IGNORE INTO suppressions (sort_key, address, list, suppression) VALUES (?, ?, ?, ?)",
          suppressionCursor(suppression),
          address,
          list,
          JSON.stringify(suppression),
        );
        tx.run(
          "INSERT INTO suppression_history (address, list, at, suppression) VALUES (?, ?, ?, ?)",
          address,
          list,
          Date.parse(suppression.since) || 0,
          JSON.stringify(suppression),
        );
        const result = changes === 1 ? "added" : "already-suppressed";
        noteEffect(tx, seq, claim.recipient, effect, result);
        return result;
      }),
    check: async (address, list = everything) =>
      database.read(
        (sql) => find(sql, address, everything) ?? (list === everything ? undefined : find(sql, address, list)),
      ),
    list: async ({ after = "", limit }) =>
      database.read((sql) =>
        sql
          .all("SELECT suppression FROM suppressions WHERE sort_key > ? ORDER BY sort_key LIMIT ?", after, limit)
          .map(toSuppression),
      ),
    history: async (address, list) =>
      database.read((sql) =>
        sql
          .all("SELECT suppression FROM suppression_history WHERE address = ? AND list = ? ORDER BY id", address, list)
          .map(toSuppression),
      ),
  };
}

/** Where a suppression stands in the list: by address. */
export function suppressionCursor({ address, list }: Pick<Suppression, "address" | "list">): string {
  return `${address} ${list}`;
}

const everything = "*";

function find(sql: Sql, address: string, list: string): Suppression | undefined {
  const row = sql.get("SELECT suppression FROM suppressions WHERE sort_key = ?", suppressionCursor({ address, list }));
  return row && toSuppression(row);
}

const toSuppression = (row: Row) => JSON.parse(String(row["suppression"])) as Suppression;
