import type { Clock, Tallies } from "../ports.ts";
import { type Dynamo, number, numberOf, text } from "./dynamo.ts";

const hourMs = 3_600_000;
const keptHours = 49;

/** One item for each name and hour: `tally#<name>` / hour. The table's TTL takes it away. */
export function createTallies(
  dynamo: Dynamo,
  { table, clock }: { readonly table: string; readonly clock: Clock },
): Tallies {
  const hour = () => Math.floor(clock.now().getTime() / hourMs);
  const padded = (of: number) => String(of).padStart(10, "0");
  return {
    async add(name) {
      await dynamo.update(table, { pk: `tally#${name}`, sk: padded(hour()) }, "ADD #n :one SET #ttl = :ttl", {
        values: { ":one": number(1), ":ttl": number((hour() + keptHours) * 3_600) },
      });
    },
    async sum(name, hours) {
      const items = await dynamo.query(table, {
        where: "#pk = :pk AND #sk > :from",
        values: { ":pk": text(`tally#${name}`), ":from": text(padded(hour() - hours)) },
      });
      return items.reduce((sum, item) => sum + numberOf(item, "n"), 0);
    },
  };
}
