import type { AddressPattern } from "../../shared/retention/address-pattern.ts";
import { holds } from "../../shared/retention/holds-address.ts";
import type { Contents } from "../store/contents.ts";
import type { Database, Row } from "../store/database.ts";

/** Where an address stands in the database. */
export interface Traces {
  /** Messages that name it anywhere, by sequence number, with their SES ids. */
  readonly messages: ReadonlyMap<number, string>;
  /** Contents that hold it, as they are or under a transfer encoding. */
  readonly contents: ReadonlySet<number>;
}

const page = 200;
// As long as the engine may do nothing else.
const turnMs = 10;

/** Reads every stored octet. Between two pages the engine gets its turn. */
export async function findTraces(
  database: Pick<Database, "read">,
  contents: Pick<Contents, "open">,
  pattern: AddressPattern,
  onProgress: (done: number, of: number) => void = () => undefined,
): Promise<Traces> {
  const found = new Set<number>();
  const of = database.read((sql) => Number(sql.get("SELECT count(*) AS n FROM contents")?.["n"]));
  let done = 0;
  let turnEnds = performance.now() + turnMs;
  for (let after = -1; ; ) {
    const ids = database.read((sql) =>
      sql.all("SELECT id FROM contents WHERE id > ? ORDER BY id LIMIT ?", after, page).map((row) => Number(row["id"])),
    );
    for (const id of ids) {
      if (await contentHolds(contents, id, pattern)) found.add(id);
      if (performance.now() < turnEnds) continue;
      await new Promise((resolve) => setImmediate(resolve));
      turnEnds = performance.now() + turnMs;
    }
    done += ids.length;
    onProgress(done, Math.max(of, done));
    const last = ids.at(-1);
    if (last === undefined) break;
    after = last;
  }
  const messages = new Map<number, string>();
  for (let after = -1; ; ) {
    const rows = database.read((sql) =>
      sql.all(
        `SELECT m.seq, ses_message_id, raw, mail_from, m.recipients, subject, author FROM messages m JOIN ids USING (seq)
         WHERE m.seq > ? ORDER BY m.seq LIMIT ?`,
        ...[after, page],
      ),
    );
    for (const row of rows)
      if (found.has(Number(row["raw"])) || rowHolds(row, pattern))
        messages.set(Number(row["seq"]), String(row["ses_message_id"]));
    const last = rows.at(-1)?.["seq"];
    if (last === undefined) break;
    after = Number(last);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { messages, contents: found };
}

export function rowHolds(row: Row, pattern: AddressPattern): boolean {
  return Object.values(row).some((value) => {
    if (typeof value === "string") return pattern.isIn(value);
    return value instanceof Uint8Array && pattern.isIn(Buffer.from(value).toString("utf8"));
  });
}

async function contentHolds(contents: Pick<Contents, "open">, id: number, pattern: AddressPattern): Promise<boolean> {
  const body = () => contents.open(id) ?? empty();
  return holds(body, pattern);
}

async function* empty(): AsyncGenerator<Uint8Array, void, undefined> {}
