import type { AllowedSender, Senders } from "../ports.ts";
import { type Dynamo, json, jsonOf, text } from "./dynamo.ts";
import { listedAs, readList } from "./sharded-list.ts";

const list = "allowed";

/** Allowed senders: `sender#<address>`. */
export function createSenders(dynamo: Dynamo, table: string): Senders {
  const keyOf = (address: string) => ({ pk: `sender#${address}`, sk: "s" });
  return {
    async allow(sender) {
      const { pk, sk } = keyOf(sender.address);
      await dynamo.put(
        table,
        { pk: text(pk), sk: text(sk), v: json(sender), ...listedAs(list, sender.address) },
        // The first one stays.
        { condition: "attribute_not_exists(pk)" },
      );
    },
    disallow: (address) => dynamo.delete(table, keyOf(address)),
    isAllowed: async (address) => (await dynamo.get(table, keyOf(address))) !== undefined,
    list: async (options) =>
      (await readList(dynamo, table, [list], options)).flatMap((item) => jsonOf<AllowedSender>(item, "v") ?? []),
  };
}
