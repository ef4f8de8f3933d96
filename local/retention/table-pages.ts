import type { Database, Row, Sql, SqlValue } from "../store/database.ts";

// A row of a queue may be 256 KB.
const pageRows = 100;
const turnMs = 10;

/** All tables, but those of SQLite itself. */
export function tablesOf(sql: Sql): readonly string[] {
  return sql
    .all("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
    .map((row) => String(row["name"]));
}

export function keysOf(sql: Sql, table: string): readonly string[] {
  return sql
    .all("SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", table)
    .map(({ name }) => String(name));
}

/**
 * A whole table in pages, so that it is never in memory as a whole. The engine gets its turn between two of them: rows may come
 * and go meanwhile; one that is there from the first page to the last is seen.
 */
export async function* pagesOf(
  database: Pick<Database, "read">,
  table: string,
): AsyncGenerator<readonly Row[], void, undefined> {
  const keys = database.read((sql) => keysOf(sql, table));
  const columns = keys.map((key) => `"${key}"`).join(", ");
  const behind = `WHERE (${columns}) > (${keys.map(() => "?").join(", ")})`;
  let turnEnds = performance.now() + turnMs;
  for (let after: readonly SqlValue[] = []; ; ) {
    const where = after.length > 0 ? behind : "";
    const text = `SELECT * FROM "${table}" ${where} ORDER BY ${columns} LIMIT ?`;
    const rows = database.read((sql) => sql.all(text, ...after, pageRows));
    if (rows.length > 0) yield rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageRows) return;
    after = keys.map((key) => last[key] ?? null);
    if (performance.now() < turnEnds) continue;
    await new Promise((resolve) => setImmediate(resolve));
    turnEnds = performance.now() + turnMs;
  }
}
