import { createHash } from "node:crypto";
import type { Claim } from "../ports.ts";
import { StaleClaimError } from "../streams/errors.ts";
import { type Dynamo, type Item, numberOf, type TransactWrite, text, textOf } from "./dynamo.ts";
import { recipientKey } from "./recipient-key.ts";

/** Effects are attributes `e:…` of the recipient's item in the ledger, so that one condition guards claim and effect. */
export interface Effects {
  /**
   * What this effect answered when it happened; `undefined` when it did not happen yet.
   *
   * @throws {StaleClaimError}
   */
  resultOf(claim: Claim, effect: string): Promise<string | undefined>;
  /**
   * Writes in one transaction with the note that the effect has happened. `refused`: a condition of one of `writes` was
   * false, `index` says whose; nothing was written.
   *
   * @throws {StaleClaimError}
   */
  perform(
    claim: Claim,
    effect: { readonly name: string; readonly result: string },
    writes: readonly TransactWrite[],
  ): Promise<Performed>;
}

export type Performed =
  | { readonly kind: "performed" }
  | { readonly kind: "repeated"; readonly result: string }
  | { readonly kind: "refused"; readonly index: number; readonly item?: Item };

export function createEffects(dynamo: Dynamo, ledgerTable: string): Effects {
  return {
    async resultOf(claim, effect) {
      const item = await dynamo.get(ledgerTable, recipientKey(claim));
      assertCurrent(claim, item);
      return item && textOf(item, attributeOf(effect));
    },
    async perform(claim, { name, result }, writes) {
      const attribute = attributeOf(name);
      const note: TransactWrite = {
        kind: "update",
        table: ledgerTable,
        key: recipientKey(claim),
        update: "SET #effect = :result",
        condition: "#att = :att AND #s = :working AND attribute_not_exists(#effect)",
        names: { "#effect": attribute },
        values: { ":result": text(result), ":att": { N: String(claim.attempt) }, ":working": text("working") },
      };
      const outcome = await dynamo.transact([note, ...writes]);
      if (outcome.kind === "written") return { kind: "performed" };
      if (outcome.index > 0) return { ...outcome, index: outcome.index - 1 };
      assertCurrent(claim, outcome.item);
      const earlier = outcome.item && textOf(outcome.item, attribute);
      if (earlier === undefined) throw new StaleClaimError(claim);
      return { kind: "repeated", result: earlier };
    },
  };
}

function assertCurrent(claim: Claim, item: Item | undefined): void {
  if (item && numberOf(item, "att") === claim.attempt && textOf(item, "s") === "working") return;
  throw new StaleClaimError(claim);
}

/** Short, whatever an address adds to the name: the item it stands in is to stay below 1 KB. */
function attributeOf(effect: string): string {
  if (effect.length <= 24) return `e:${effect}`;
  return `e:${createHash("sha256").update(effect).digest("base64url").slice(0, 22)}`;
}
