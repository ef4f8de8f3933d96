import { copyFile, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Database, type DatabaseOptions, openDatabase } from "../../../local/store/database.ts";

let folder: string;
let open: Database[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mailweir-database-"));
  open = [];
});
afterEach(async () => {
  for (const database of open) await database.close();
  await rm(folder, { recursive: true, force: true });
});

const file = () => join(folder, "mailweir.sqlite3");
function start(options: Omit<DatabaseOptions, "file" | "folder"> = {}): Database {
  const database = openDatabase({ file: file(), folder, ...options });
  open.push(database);
  return database;
}
const put = (database: Database, name: string, value = "1") =>
  database.write((tx) => void tx.run("INSERT INTO settings VALUES (?, ?)", name, value));
const names = (database: Database) =>
  database.read((sql) => sql.all("SELECT name FROM settings ORDER BY name")).map((row) => row["name"]);

describe("group commit", () => {
  test("jobs that are ready together share one transaction", async () => {
    const database = start();
    const inTransaction: string[] = [];
    const jobs = ["a", "b", "c"].map((name) =>
      database.write((tx) => {
        inTransaction.push(...tx.all("SELECT name FROM settings").map((row) => String(row["name"])));
        tx.run("INSERT INTO settings VALUES (?, '1')", name);
        // Another connection sees nothing of the batch before its commit.
        return names(database).length;
      }),
    );
    expect(await Promise.all(jobs)).toEqual([0, 0, 0]);
    expect(inTransaction).toEqual(["a", "a", "b"]);
    expect(names(database)).toEqual(["a", "b", "c"]);
  });

  test("a job that fails takes only its own writes with it", async () => {
    const database = start();
    const results = await Promise.allSettled([
      put(database, "a"),
      database.write((tx) => {
        tx.run("INSERT INTO settings VALUES ('b', '1')");
        throw new Error("the job's own reason");
      }),
      put(database, "a"),
      put(database, "c"),
    ]);
    expect(results.map((result) => result.status)).toEqual(["fulfilled", "rejected", "rejected", "fulfilled"]);
    expect((results[1] as PromiseRejectedResult).reason).toMatchObject({ message: "the job's own reason" });
    expect(names(database)).toEqual(["a", "c"]);
  });

  test("what resolves is committed: another connection sees it at once", async () => {
    const database = start();
    await put(database, "a");
    const other = new DatabaseSync(file(), { readOnly: true });
    expect(other.prepare("SELECT count(*) AS n FROM settings").get()).toMatchObject({ n: 1 });
    other.close();
  });

  test("more jobs than fit one batch all come through, in order", async () => {
    const database = start({ maxBatch: 3 });
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 10 }, (_, index) => put(database, `n${index}`).then(() => order.push(index))),
    );
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("actions behind the commit run once it is there, and not for a job that failed", async () => {
    const database = start();
    const ran: string[] = [];
    await Promise.allSettled([
      database.write((tx) => {
        tx.run("INSERT INTO settings VALUES ('a', '1')");
        tx.afterCommit(() => ran.push(`a sees ${names(database)}`));
      }),
      database.write((tx) => {
        tx.afterCommit(() => ran.push("b"));
        throw new Error("no");
      }),
    ]);
    expect(ran).toEqual(["a sees a"]);
  });

  test("listeners are woken by jobs that ask for it, once per commit", async () => {
    const database = start();
    let woken = 0;
    const stop = database.onWake(() => woken++);
    await Promise.all([database.write((tx) => tx.wake()), database.write((tx) => tx.wake())]);
    await put(database, "quiet");
    await database
      .write((tx) => {
        tx.wake();
        throw new Error("no");
      })
      .catch(() => undefined);
    expect(woken).toBe(1);
    stop();
    await database.write((tx) => tx.wake());
    expect(woken).toBe(1);
  });

  test("closing commits what is queued", async () => {
    const database = start();
    const written = put(database, "a");
    await database.close();
    await written;
    await expect(put(database, "late")).rejects.toMatchObject({ code: "ERR_STORE_CLOSED" });
    expect(names(start())).toEqual(["a"]);
  });
});

describe("a full disk", () => {
  test("rejects the whole batch with a typed error, keeps what was there, and goes on when there is room", async () => {
    await put(start(), "before");
    const database = start({ maxPages: 120 });
    const big = "x".repeat(1_000_000);
    const results = await Promise.allSettled([put(database, "small"), put(database, "big", big)]);
    for (const result of results) {
      expect(result).toMatchObject({
        status: "rejected",
        reason: { code: "ERR_STORAGE_FULL", retryable: true, message: expect.stringContaining(folder) },
      });
    }
    expect(names(database)).toEqual(["before"]);
    await put(database, "after");
    expect(names(database)).toEqual(["after", "before"]);
  });
});

describe("whose database it is", () => {
  test("another program's is left alone", async () => {
    const other = new DatabaseSync(file());
    other.exec("CREATE TABLE theirs (x)");
    other.close();
    expect(() => start()).toThrow(expect.objectContaining({ code: "ERR_FOREIGN_DATABASE" }));
  });

  test("a file that is no database is left alone", async () => {
    await writeFile(file(), "not a database, and longer than SQLite's header of one hundred octets ".repeat(20));
    expect(() => start()).toThrow(expect.objectContaining({ code: "ERR_FOREIGN_DATABASE" }));
  });

  test("a newer Mailweir's is left alone, and says which version it has", async () => {
    await start().close();
    const newer = new DatabaseSync(file());
    newer.exec("PRAGMA user_version = 999");
    newer.close();
    expect(() => start()).toThrow(/schema 999/);
    expect(() => start({ readOnly: true })).toThrow(/schema 999/);
  });

  test("an older one is brought forward after a copy was saved", async () => {
    const first = "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT)";
    const older = start({ steps: [first] });
    await put(older, "kept");
    await older.close();
    const newer = start({ steps: [first, "ALTER TABLE settings ADD COLUMN more TEXT DEFAULT 'new'"] });
    expect(newer.read((sql) => sql.all("SELECT * FROM settings"))).toEqual([{ name: "kept", value: "1", more: "new" }]);
    const saved = new DatabaseSync(`${file()}.schema-1.saved`, { readOnly: true });
    expect(saved.prepare("SELECT * FROM settings").all()).toEqual([{ name: "kept", value: "1" }]);
    saved.close();
  });

  test("a step that fails leaves the older one as it was", async () => {
    const first = "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT)";
    const older = start({ steps: [first] });
    await put(older, "kept");
    await older.close();
    expect(() => start({ steps: [first, "CREATE TABLE second (x)", "no SQL"] })).toThrow(/no/);
    const again = start({ steps: [first] });
    expect(names(again)).toEqual(["kept"]);
    expect(again.read((sql) => sql.get("SELECT 1 FROM sqlite_master WHERE name = 'second'"))).toBeUndefined();
  });

  test("reading one that does not exist says so", () => {
    expect(() => start({ readOnly: true })).toThrow(expect.objectContaining({ code: "ERR_FOREIGN_DATABASE" }));
  });

  test("a read-only one refuses to write", async () => {
    await start().close();
    await expect(put(start({ readOnly: true }), "a")).rejects.toMatchObject({ code: "ERR_STORE_READ_ONLY" });
  });
});

test("a log that a killed process left is read, also read-only", async () => {
  const database = start();
  await put(database, "a");
  // As after SIGKILL: the database and its log, copied while both were in use.
  const copy = join(folder, "copy.sqlite3");
  await copyFile(file(), copy);
  await copyFile(`${file()}-wal`, `${copy}-wal`);
  const killed = openDatabase({ file: copy, folder, readOnly: true });
  open.push(killed);
  expect(names(killed)).toEqual(["a"]);
});

test("the log stays bounded under steady writing", async () => {
  const database = start();
  const value = "x".repeat(100_000);
  for (let round = 0; round < 40; round++) {
    await Promise.all(Array.from({ length: 25 }, (_, index) => put(database, `${round} ${index}`, value)));
  }
  const { size } = await stat(`${file()}-wal`);
  expect(size).toBeLessThan(67_108_864);
});
