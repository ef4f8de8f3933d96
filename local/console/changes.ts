import type { Database } from "../store/database.ts";

/**
 * Says whether anything at all was committed since it last said so, for the price of two numbers (`onWake` tells only of commits
 * that made something due). SQLite counts the rows that this connection changed, and the commits of all others.
 */
export function watchCommits(database: Pick<Database, "read">): () => boolean {
  const version = () =>
    database.read((sql) => {
      const own = sql.get("SELECT total_changes() AS rows")?.["rows"];
      return `${own} ${sql.get("PRAGMA data_version")?.["data_version"]}`;
    });
  let seen = version();
  return () => {
    const now = version();
    const changed = now !== seen;
    seen = now;
    return changed;
  };
}
