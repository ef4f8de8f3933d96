import type { Database } from "../store/database.ts";

/**
 * Says whether anything at all was committed since it last said so. SQLite counts the commits of other connections, and
 * the store writes on one and reads on another: so this costs one look at a number, and no commit goes unseen (`onWake`
 * tells only of those that made something due).
 */
export function watchCommits(database: Pick<Database, "read">): () => boolean {
  const version = () => Number(database.read((sql) => sql.get("PRAGMA data_version"))?.["data_version"]);
  let seen = version();
  return () => {
    const now = version();
    const changed = now !== seen;
    seen = now;
    return changed;
  };
}
