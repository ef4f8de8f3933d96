import type { Suppression, Suppressions } from "../ports.ts";
import { type Dynamo, type Item, json, jsonOf, text } from "./dynamo.ts";
import type { Effects } from "./effects.ts";
import { listedAs, readList } from "./sharded-list.ts";

const everything = "*";
const list = "suppression";

/** Who does not want mail: `s#<address>` / list, and beside it the history of the evidence. */
export function createSuppressions(dynamo: Dynamo, effects: Effects, table: string): Suppressions {
  const find = async (address: string, lists: readonly string[]) => {
    const items = await dynamo.batchGet(
      table,
      lists.map((each) => keyOf({ address, list: each })),
    );
    const found = items.flatMap((item) => jsonOf<Suppression>(item, "v") ?? []);
    return found.find((each) => each.list === everything) ?? found[0];
  };
  return {
    async suppress(claim, suppression) {
      const { address } = suppression;
      const cursor = suppressionCursor(suppression);
      const effect = `suppress ${cursor}`;
      const key = keyOf(suppression);
      const history: Item = {
        pk: text(key.pk),
        sk: text(`h#${suppression.list}#${suppression.since}#${claim.sesMessageId}#${claim.recipient}`),
        v: json(suppression),
      };
      for (let present = (await find(address, [suppression.list])) !== undefined; ; ) {
        const result = present ? "already-suppressed" : "added";
        const outcome = await effects.perform(claim, { name: effect, result }, [
          { kind: "put", table, item: history },
          // The first date stays: an existing one is only looked at.
          present
            ? { kind: "check", table, key, condition: "attribute_exists(pk)" }
            : {
                kind: "put",
                table,
                item: { pk: text(key.pk), sk: text(key.sk), v: json(suppression), ...listedAs(list, cursor) },
                condition: "attribute_not_exists(pk)",
              },
        ]);
        if (outcome.kind === "performed") return result;
        if (outcome.kind === "repeated") return "repeated";
        present = !present;
      }
    },
    check: (address, of = everything) => find(address, [everything, of]),
    list: async (options) =>
      (await readList(dynamo, table, [list], options)).flatMap((item) => jsonOf<Suppression>(item, "v") ?? []),
  };
}

/** Where a suppression stands in the list: by address. */
function suppressionCursor({ address, list }: Pick<Suppression, "address" | "list">): string {
  return `${address} ${list}`;
}

const keyOf = ({ address, list }: Pick<Suppression, "address" | "list">) => ({ pk: `s#${address}`, sk: `l#${list}` });
