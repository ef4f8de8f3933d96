import type { HeldMessage, Quarantine } from "../ports.ts";
import { StaleClaimError } from "../streams/errors.ts";
import { type Dynamo, json, jsonOf, number, text } from "./dynamo.ts";
import { recipientKey } from "./recipient-key.ts";
import { listedAs, readList } from "./sharded-list.ts";

const list = "held";

/** Held messages: `q#<SES id>` / recipient. */
export function createQuarantine(
  dynamo: Dynamo,
  { ledgerTable, storeTable: table }: { readonly ledgerTable: string; readonly storeTable: string },
): Quarantine {
  const keyOf = (sesMessageId: string, recipient: string) => ({ pk: `q#${sesMessageId}`, sk: recipient });
  return {
    async hold(claim, held) {
      const { pk, sk } = keyOf(held.sesMessageId, claim.recipient);
      const outcome = await dynamo.transact([
        {
          kind: "check",
          table: ledgerTable,
          key: recipientKey(claim),
          condition: "#att = :att AND #s = :working",
          values: { ":att": number(claim.attempt), ":working": text("working") },
        },
        {
          kind: "put",
          table,
          item: { pk: text(pk), sk: text(sk), v: json(held), ...listedAs(list, heldCursor(held)) },
          // Unique on (message, recipient): a second hold keeps the first one's date.
          condition: "attribute_not_exists(pk)",
        },
      ]);
      if (outcome.kind === "refused" && outcome.index === 0) throw new StaleClaimError(claim);
    },
    async get(sesMessageId, recipient) {
      const item = await dynamo.get(table, keyOf(sesMessageId, recipient));
      return item && jsonOf<HeldMessage>(item, "v");
    },
    list: async (options) =>
      (await readList(dynamo, table, [list], options)).flatMap((item) => jsonOf<HeldMessage>(item, "v") ?? []),
    remove: (sesMessageId, recipient) => dynamo.delete(table, keyOf(sesMessageId, recipient)),
  };
}

/** Where a held message stands in the list: by time. */
function heldCursor({ heldAt, sesMessageId, recipient }: HeldMessage): string {
  return `${heldAt} ${sesMessageId} ${recipient}`;
}
