import { createHash } from "node:crypto";
import type { ListOrder } from "../ports.ts";
import { type Dynamo, type Item, text, textOf } from "./dynamo.ts";
import { inParallel } from "./in-parallel.ts";

/** Each takes 1,000 new entries a second. */
export const listShards = 4;

/** The attributes by which an item of the store table is listed; `cursor` is its place. */
export function listedAs(list: string, cursor: string): Item {
  const shard = (createHash("sha256").update(cursor).digest()[0] ?? 0) % listShards;
  return { lp: text(`${list}#${shard}`), lk: text(cursor) };
}

/** One page of the given lists together, in the octet order of their cursors or against it, behind `after`. */
export async function readList(
  dynamo: Dynamo,
  table: string,
  lists: readonly string[],
  {
    order = "oldest",
    after = "",
    limit,
  }: { readonly order?: ListOrder; readonly after?: string; readonly limit: number },
): Promise<readonly Item[]> {
  const partitions = lists.flatMap((list) => Array.from({ length: listShards }, (_, shard) => `${list}#${shard}`));
  const found = await inParallel(partitions, 8, (partition) =>
    dynamo.query(table, {
      index: "listed",
      where: after === "" ? "#lp = :lp" : `#lp = :lp AND #lk ${order === "oldest" ? ">" : "<"} :after`,
      order,
      values: { ":lp": text(partition), ...(after !== "" && { ":after": text(after) }) },
      limit,
    }),
  );
  const inOrder = (a: Item, b: Item) => Buffer.compare(cursorOf(a), cursorOf(b)) * (order === "oldest" ? 1 : -1);
  const page = found.flat().sort(inOrder).slice(0, limit);
  const items = await dynamo.batchGet(
    table,
    page.map((item) => ({ pk: textOf(item, "pk") ?? "", sk: textOf(item, "sk") ?? "" })),
  );
  // The index is a moment behind: what was removed or listed elsewhere meanwhile is left out or comes as it is now.
  return [...items].sort(inOrder);
}

const cursorOf = (item: Item) => Buffer.from(textOf(item, "lk") ?? "", "utf8");
