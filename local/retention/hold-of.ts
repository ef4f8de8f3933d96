import { type AddressPattern, addressPattern } from "../../shared/retention/address-pattern.ts";
import { holds } from "../../shared/retention/holds-address.ts";
import type { Store } from "../store/open-store.ts";
import { rowHolds } from "./find-traces.ts";
import { type Hold, holdOn } from "./holds.ts";

export interface HeldAddress {
  readonly hold: Hold;
  readonly pattern: AddressPattern;
}

export const heldAddresses = (list: readonly Hold[]): readonly HeldAddress[] =>
  list.flatMap((hold) => {
    const pattern = addressPattern(hold.subject);
    return pattern ? [{ hold, pattern }] : [];
  });

/** The hold that keeps a message: on itself, or on an address that it names anywhere. */
export async function holdOf(
  { database, contents }: Pick<Store, "database" | "contents">,
  seq: number,
  id: string,
  addresses: readonly HeldAddress[],
): Promise<Hold | undefined> {
  const own = database.read((sql) => holdOn(sql, id));
  if (own || addresses.length === 0) return own;
  const row = database.read((sql) =>
    sql.get("SELECT raw, mail_from, recipients, subject, author FROM messages WHERE seq = ?", seq),
  );
  if (!row) return undefined;
  for (const { hold, pattern } of addresses) {
    if (rowHolds(row, pattern)) return hold;
    if (await holds(() => contents.open(Number(row["raw"])) ?? nothing(), pattern)) return hold;
  }
  return undefined;
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {}
