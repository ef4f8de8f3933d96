import { normaliseAddress } from "../mail/address.ts";
import type { Dynamo } from "./dynamo.ts";
import { json, jsonOf, text } from "./dynamo.ts";
import { listedAs, readList } from "./sharded-list.ts";

/** A legal hold: what it names is not deleted until somebody ends it. */
export interface StageHold {
  /** A normalised address, or a SES message id. */
  readonly subject: string;
  readonly reason: string;
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
}

export interface StageHolds {
  /** A second hold on the same subject changes its reason. */
  hold(hold: StageHold): Promise<void>;
  /** False when there was none. */
  release(subject: string): Promise<boolean>;
  list(): Promise<readonly StageHold[]>;
  on(subject: string): Promise<StageHold | undefined>;
}

const list = "hold";
const pageSize = 1_000;

/** Holds of a stage in its store table: `hold#<subject>` / `h`. */
export function createStageHolds(dynamo: Dynamo, table: string): StageHolds {
  const keyOf = (subject: string) => ({ pk: `hold#${normaliseAddress(subject)}`, sk: "h" });
  return {
    async hold({ subject: given, ...rest }) {
      const hold: StageHold = { subject: normaliseAddress(given), ...rest };
      const { pk, sk } = keyOf(given);
      await dynamo.put(table, { pk: text(pk), sk: text(sk), v: json(hold), ...listedAs(list, hold.subject) });
    },
    async release(subject) {
      const known = await dynamo.get(table, keyOf(subject));
      await dynamo.delete(table, keyOf(subject));
      return known !== undefined;
    },
    async list() {
      const found: StageHold[] = [];
      for (;;) {
        const after = found.at(-1)?.subject;
        const items = await readList(dynamo, table, [list], {
          limit: pageSize,
          ...(after !== undefined && { after }),
        });
        found.push(...items.flatMap((item) => jsonOf<StageHold>(item, "v") ?? []));
        if (items.length < pageSize) return found;
      }
    },
    async on(subject) {
      const item = await dynamo.get(table, keyOf(subject));
      return item && jsonOf<StageHold>(item, "v");
    },
  };
}
