import { MailweirError } from "../errors.ts";
import { normaliseAddress } from "../mail/address.ts";
import { type Dynamo, json, jsonOf, number, numberOf, type TransactWrite, text } from "./dynamo.ts";
import { pauseUpTo } from "./pause.ts";
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
  /**
   * From its return on nothing that it names is deleted. A second hold on the same subject changes its reason.
   *
   * @throws {HoldNotListedError}
   */
  hold(hold: StageHold): Promise<void>;
  /** False when there was none. */
  release(subject: string): Promise<boolean>;
  list(): Promise<readonly StageHold[]>;
  on(subject: string): Promise<StageHold | undefined>;
  /**
   * All holds, and what is to be asked in the same transaction as a deletion that was judged by them: it refuses when somebody
   * has held something since.
   */
  asOfNow(): Promise<{ readonly holds: readonly StageHold[]; readonly unchanged: TransactWrite }>;
}

/** It is written, but whoever deletes may not see it yet. */
export class HoldNotListedError extends MailweirError {
  readonly code = "ERR_HOLD_NOT_LISTED";
  readonly retryable = true;
  constructor(subject: string) {
    super(`The hold on ${subject} is written but the table does not list it yet: run the same command again`);
  }
}

const list = "hold";
const pageSize = 1_000;
const mostLooks = 60;
// Counts the holds that were ever placed.
const counter = { pk: "holds", sk: "count" };

/** Holds of a stage in its store table: `hold#<subject>` / `h`. */
export function createStageHolds(dynamo: Dynamo, table: string): StageHolds {
  const keyOf = (subject: string) => ({ pk: `hold#${normaliseAddress(subject)}`, sk: "h" });
  const all = async (): Promise<readonly StageHold[]> => {
    const found: StageHold[] = [];
    for (;;) {
      const after = found.at(-1)?.subject;
      const items = await readList(dynamo, table, [list], { limit: pageSize, ...(after !== undefined && { after }) });
      found.push(...items.flatMap((item) => jsonOf<StageHold>(item, "v") ?? []));
      if (items.length < pageSize) return found;
    }
  };
  return {
    async hold({ subject: given, ...rest }) {
      const hold: StageHold = { subject: normaliseAddress(given), ...rest };
      const { pk, sk } = keyOf(given);
      await dynamo.put(table, { pk: text(pk), sk: text(sk), v: json(hold), ...listedAs(list, hold.subject) });
      // The index is a moment behind the table. Only when it lists the hold the count moves on: whoever read the count before
      // deletes nothing any more, and whoever reads it from now on sees the hold.
      for (let look = 1; !(await all()).some(({ subject }) => subject === hold.subject); look++) {
        if (look === mostLooks) throw new HoldNotListedError(hold.subject);
        await pauseUpTo(1_000);
      }
      await dynamo.update(table, counter, "ADD #n :one", { values: { ":one": number(1) } });
    },
    async release(subject) {
      const known = await dynamo.get(table, keyOf(subject));
      await dynamo.delete(table, keyOf(subject));
      return known !== undefined;
    },
    list: all,
    async on(subject) {
      const item = await dynamo.get(table, keyOf(subject));
      return item && jsonOf<StageHold>(item, "v");
    },
    async asOfNow() {
      // In this order: what was counted is listed.
      const known = await dynamo.get(table, counter);
      const holds = await all();
      return {
        holds,
        unchanged: {
          kind: "check",
          table,
          key: counter,
          ...(known
            ? { condition: "#n = :n", values: { ":n": number(numberOf(known, "n")) } }
            : { condition: "attribute_not_exists(pk)" }),
        },
      };
    },
  };
}
