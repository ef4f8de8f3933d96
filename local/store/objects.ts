import type { Clock, ObjectHead, ObjectRef, ObjectStore } from "../../shared/ports.ts";
import { ObjectNotFoundError } from "../../shared/streams/errors.ts";
import { type Contents, concatenate, type Prepared } from "./contents.ts";
import type { Database, Row, Sql, Transaction } from "./database.ts";

/**
 * S3 in the data folder. An object is octets of its own, or SES's header block in front of the raw message that `accept`
 * stored, which then exists once.
 */
export function createObjects(
  database: Database,
  contents: Pick<Contents, "open" | "prepare" | "discard" | "insert" | "addReference" | "release">,
  clock: Clock,
  newName: () => string,
): ObjectStore {
  return {
    ...readObjects(database, contents),
    async put(ref, body, metadata = {}) {
      const prepared = await contents.prepare(body, newName());
      await orDiscard(contents, [prepared], () =>
        database.write((tx) => {
          const content = contents.insert(tx, prepared);
          writeObject(tx, contents, ref, { content, sizeBytes: prepared.sizeBytes, metadata }, clock.now().getTime());
        }),
      );
    },
    delete: (ref) =>
      database.write((tx) => {
        const row = find(tx, ref);
        if (!row) return;
        tx.run("DELETE FROM objects WHERE id = ?", Number(row["id"]));
        contents.release(tx, Number(row["content"]));
      }),
  };
}

export function readObjects(
  database: Database,
  contents: Pick<Contents, "open">,
): Pick<ObjectStore, "head" | "open" | "list"> {
  return {
    head: async (ref) => database.read((sql) => headOf(sql, ref)),
    async open(ref) {
      const row = database.read((sql) => find(sql, ref));
      const body = row && contents.open(Number(row["content"]));
      if (!row || !body) throw new ObjectNotFoundError(ref);
      const block = row["block"];
      return { ...toHead(row), body: block instanceof Uint8Array ? concatenate(block, body) : body };
    },
    list: async (bucket, { prefix = "", after = "", limit }) =>
      database.read((sql) =>
        sql
          .all(
            `SELECT key, size_bytes, last_modified FROM objects
             WHERE bucket = ?1 AND key > ?2 AND key >= ?3 AND substr(key, 1, length(?3)) = ?3 ORDER BY key LIMIT ?4`,
            bucket,
            after,
            prefix,
            limit,
          )
          .map((row) => ({
            key: String(row["key"]),
            sizeBytes: Number(row["size_bytes"]),
            lastModified: new Date(Number(row["last_modified"])),
          })),
      ),
  };
}

export interface ObjectToWrite {
  /** A reference that the object takes over. */
  readonly content: number;
  readonly block?: Uint8Array;
  readonly sizeBytes: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Writes the object's row; what it replaces is let go. */
export function writeObject(
  tx: Transaction,
  contents: Pick<Contents, "release">,
  ref: ObjectRef,
  object: ObjectToWrite,
  now: number,
): void {
  const { sizeBytes, metadata, block = null, content } = object;
  const insert = () =>
    tx.run(
      `INSERT OR IGNORE INTO objects (bucket, key, size_bytes, last_modified, metadata, block, content) VALUES (?, ?, ?, ?, ?, ?, ?)`,
      ...[ref.bucket, ref.key, sizeBytes, now, JSON.stringify(metadata), block, content],
    ).changes === 1;
  // Nearly always there was none: looking first would be one search more.
  if (insert()) return;
  const old = find(tx, ref);
  if (old) {
    tx.run("DELETE FROM objects WHERE id = ?", Number(old["id"]));
    contents.release(tx, Number(old["content"]));
  }
  insert();
}

/** Removes the files of what was prepared when the writing that was to name them fails. */
export async function orDiscard<T>(
  contents: Pick<Contents, "discard">,
  prepared: readonly Prepared[],
  write: () => Promise<T>,
): Promise<T> {
  try {
    return await write();
  } catch (error) {
    await Promise.all(prepared.map((item) => contents.discard(item)));
    throw error;
  }
}

function find(sql: Sql, ref: ObjectRef): Row | undefined {
  return sql.get("SELECT * FROM objects WHERE bucket = ? AND key = ?", ref.bucket, ref.key);
}

function headOf(sql: Sql, ref: ObjectRef): ObjectHead | undefined {
  const row = sql.get(
    "SELECT size_bytes, metadata, last_modified FROM objects WHERE bucket = ? AND key = ?",
    ref.bucket,
    ref.key,
  );
  return row && toHead(row);
}

function toHead(row: Row): ObjectHead {
  return {
    sizeBytes: Number(row["size_bytes"]),
    metadata: JSON.parse(String(row["metadata"])) as Record<string, string>,
    lastModified: new Date(Number(row["last_modified"])),
  };
}
