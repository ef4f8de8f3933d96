import { createHash } from "node:crypto";
import type { Clock, Limits } from "../ports.ts";
import { type Dynamo, type Item, json, jsonOf, number, numberOf, text } from "./dynamo.ts";

type Taken = readonly (readonly [at: number, id: string])[];

/** One item for each key that was used lately: what was let through, and when. The table's TTL takes it away. */
export function createLimits(
  dynamo: Dynamo,
  { table, clock }: { readonly table: string; readonly clock: Clock },
): Limits {
  return {
    async take(key, id, { max, windowMs }) {
      // The key may hold an address: it is not needed in the clear.
      const place = { pk: `lim#${createHash("sha256").update(key).digest("base64url")}`, sk: "l" };
      let known: Item | undefined = await dynamo.get(table, place);
      for (;;) {
        const now = clock.now().getTime();
        const version = known ? numberOf(known, "v") : 0;
        const recent = (known ? (jsonOf<Taken>(known, "t") ?? []) : []).filter(([at]) => at > now - windowMs);
        if (recent.some(([, taken]) => taken === id)) return true;
        if (recent.length >= max) return false;
        const { kind, item } = await dynamo.put(
          table,
          {
            pk: text(place.pk),
            sk: text(place.sk),
            t: json([...recent, [now, id]]),
            v: number(version + 1),
            ttl: number(Math.ceil((now + windowMs) / 1000)),
          },
          version === 0
            ? { condition: "attribute_not_exists(pk)" }
            : { condition: "#v = :v", values: { ":v": number(version) } },
        );
        if (kind === "written") return true;
        known = item;
      }
    },
  };
}
