import type { TicketEntry } from "../ports.ts";
import type { AddressPattern } from "../retention/address-pattern.ts";
import { namesMessage } from "../retention/names-message.ts";
import { type Dynamo, json, number, type TransactWrite, text } from "./dynamo.ts";
import { redacted } from "./forget-rows.ts";
import { entriesIn, markersOf, messageKey, type Stored, ticketKey, toStored } from "./tickets.ts";

// A transaction takes a hundred writes: what is more comes with the next round.
const mostWrites = 90;

/**
 * Takes the entries of forgotten messages, and those that name the address, out of one ticket; and the ticket, when none is left.
 * Changes of others meanwhile are seen: the next round begins from what they left.
 *
 * @returns how many rows were deleted or changed
 */
export async function forgetInTicket(
  dynamo: Dynamo,
  table: string,
  ticketId: number,
  pattern: AddressPattern,
  ids: ReadonlySet<string>,
): Promise<number> {
  const { pk, sk } = ticketKey(ticketId);
  for (let changed = 0; ; ) {
    const items = await dynamo.query(table, { where: "#pk = :pk", values: { ":pk": text(pk) } });
    const own = items.find((item) => item["sk"]?.S === sk);
    const entries = entriesIn(items.filter((item) => item["sk"]?.S?.startsWith("e#")));
    const words = (entry: TicketEntry) => JSON.stringify(entry);
    const gone = entries.filter(({ entry }) => pattern.isIn(words(entry)) || namesMessage(words(entry), ids));
    const left = entries.filter((each) => !gone.includes(each));
    const writes: TransactWrite[] = gone.flatMap(({ entry, keys }) =>
      [...keys, ...claimsOf(entry)].map((key): TransactWrite => ({ kind: "delete", table, key })),
    );
    // What was to be told to ticket systems of it.
    const told = items.filter((item) => item["sk"]?.S?.startsWith("o#") && isAbout(item["m"], pattern, ids));
    for (const item of told) writes.push({ kind: "delete", table, key: { pk, sk: item["sk"]?.S ?? "" } });
    const stored = own && toStored(own);
    const isAffected = gone.length > 0 || told.length > 0 || (stored && pattern.isIn(JSON.stringify(stored)));
    if (!isAffected) return changed;
    // An unwritten ticket has nothing but its entries: their last round found no ticket to change.
    const last = writes.length <= mostWrites;
    const writesNow = writes.slice(0, mostWrites);
    if (stored && own && last) {
      const version = { condition: "#v = :v", values: { ":v": number(stored.version) } };
      const isEmpty = left.length === 0 && stored.merged.length === 0 && stored.summary.mergedInto === undefined;
      if (isEmpty) writesNow.push({ kind: "delete", table, key: { pk, sk }, ...version });
      else {
        const clean = cleaned(stored, left[0]?.entry, gone.length > 0, pattern);
        const item = { ...own, v: number(clean.version), j: json(clean) };
        writesNow.push({ kind: "put", table, item, ...version });
      }
    }
    const outcome = await dynamo.transact(writesNow);
    if (outcome.kind === "written") changed += writesNow.length;
    if (outcome.kind === "written" && last) return changed;
  }
}

function isAbout(
  value: { readonly S?: string | undefined } | undefined,
  pattern: AddressPattern,
  ids: ReadonlySet<string>,
): boolean {
  const words = value?.S ?? "";
  return pattern.isIn(words) || namesMessage(words, ids);
}

/** Which ticket has it stands in rows of their own. */
function claimsOf(entry: TicketEntry) {
  if (entry.kind !== "mail") return [];
  return [...markersOf(entry), ...(entry.headerMessageId === undefined ? [] : [messageKey(entry.headerMessageId)])];
}

/** The subject may be what the forgotten wrote: the first of the others names it. */
function cleaned(stored: Stored, first: TicketEntry | undefined, isCut: boolean, pattern: AddressPattern): Stored {
  const subject = first !== undefined && "subject" in first ? first.subject : "(forgotten)";
  const others = (addresses: readonly string[]) => addresses.filter((address) => !pattern.isIn(address));
  const { summary } = stored;
  const next: Stored = {
    ...stored,
    version: stored.version + 1,
    proven: others(stored.proven),
    summary: { ...summary, participants: others(summary.participants), ...(isCut && { subject }) },
  };
  return JSON.parse(pattern.replace(JSON.stringify(next), () => redacted)) as Stored;
}
