import { type Dynamo, type Item, json, jsonOf, number, type TransactWrite, text, textOf } from "./dynamo.ts";
import { keyOf } from "./forget-rows.ts";
import { type HeldWords, heldWords } from "./held-words.ts";
import type { StageHolds } from "./holds.ts";
import { inParallel } from "./in-parallel.ts";
import { readList } from "./sharded-list.ts";
import { entriesIn, listOf, markersOf, messageKey, padded, ticketKey, toStored } from "./tickets.ts";

const dayMs = 86_400_000;
const pageSize = 50;
// A transaction takes a hundred writes.
const mostClaims = 90;
// Beside the place of the run: tickets whose own item is deleted, and of which something may be left.
const runPk = "retention";

/** A removal that was begun. */
interface Begun {
  readonly ids: readonly number[];
  /** Which mails the tickets had is told by nobody any more: what their entries say is not needed. */
  readonly unclaimed?: true | undefined;
}

interface TicketParts {
  readonly dynamo: Dynamo;
  readonly storeTable: string;
  readonly holds: Pick<StageHolds, "asOfNow">;
}

/**
 * Removes tickets that were closed, and not touched since, longer than their period; their mail has its own. One whose entries
 * name a held address or a held message stays, and so does one of which a target is still to be told.
 *
 * @param after - the number of the ticket that was looked at last; 0 at the beginning
 * @returns how many were removed, and where to go on unless all were looked at
 */
export async function expireTicketsOnStage(
  parts: TicketParts,
  { ticketDays, now, after }: { readonly ticketDays: number; readonly now: Date; readonly after: number },
): Promise<{ readonly removed: number; readonly next?: number }> {
  const { dynamo, storeTable, holds } = parts;
  const until = now.getTime() - ticketDays * dayMs;
  const items = await readList(dynamo, storeTable, [listOf("closed")], {
    limit: pageSize,
    ...(after > 0 && { after: padded(after) }),
  });
  let removed = 0;
  for (const item of items) {
    const { summary } = toStored(item);
    if (summary.state !== "closed" || Date.parse(summary.updatedAt) > until) continue;
    const { holds: list, unchanged } = await holds.asOfNow();
    if (await removeTicket(parts, item, heldWords(list), unchanged)) removed += 1;
  }
  const last = items.at(-1);
  return { removed, ...(items.length === pageSize && last && { next: toStored(last).summary.id }) };
}

/** Ends what a run that died has begun. */
export async function finishTickets(parts: TicketParts): Promise<void> {
  const begun = await parts.dynamo.query(parts.storeTable, {
    where: "#pk = :pk AND begins_with(#sk, :t)",
    values: { ":pk": text(runPk), ":t": text("t#") },
  });
  for (const item of begun) await removeRest(parts, keyOf(item).sk, jsonOf<Begun>(item, "j") ?? { ids: [] });
}

async function removeTicket(
  parts: TicketParts,
  item: Item,
  held: HeldWords,
  unchanged: TransactWrite,
): Promise<boolean> {
  const { dynamo, storeTable: table } = parts;
  const { summary, version, merged } = toStored(item);
  const ids = [summary.id, ...merged];
  const rows = await rowsOf(parts, ids);
  // Somebody is to hear of it yet.
  if (rows.some((row) => keyOf(row).sk.startsWith("o#"))) return false;
  const entries = ids.flatMap((id) => entriesOf(rows, id));
  if (held.inText(JSON.stringify([toStored(item), entries]))) return false;
  const claims = entries.flatMap(claimsOf);
  const { pk, sk } = ticketKey(summary.id);
  // With its own item its claims go, so that the next mail of the thread opens a ticket anew.
  const { kind } = await dynamo.transact([
    unchanged,
    { kind: "delete", table, key: { pk, sk }, condition: "#v = :v", values: { ":v": number(version) } },
    { kind: "put", table, item: { pk: text(runPk), sk: text(pk), j: json({ ids } satisfies Begun) } },
    ...distinct(claims)
      .slice(0, mostClaims)
      .map((key): TransactWrite => ({ kind: "delete", table, key })),
  ]);
  if (kind === "refused") return false;
  await removeRest(parts, pk, { ids });
  return true;
}

/** With the tickets that became part of it. What says that it was begun goes last. */
async function removeRest(parts: TicketParts, sk: string, { ids, unclaimed }: Begun): Promise<void> {
  const { dynamo, storeTable: table } = parts;
  const rows = await rowsOf(parts, ids);
  if (!unclaimed) {
    const claims = distinct(ids.flatMap((id) => entriesOf(rows, id)).flatMap(claimsOf));
    await inParallel(claims, 10, (key) => dynamo.delete(table, key));
    // From here on entries may lie there in halves.
    await dynamo.put(table, { pk: text(runPk), sk: text(sk), j: json({ ids, unclaimed: true } satisfies Begun) });
  }
  await inParallel(rows.map(keyOf), 10, (key) => dynamo.delete(table, key));
  await dynamo.delete(table, { pk: runPk, sk });
}

async function rowsOf({ dynamo, storeTable }: TicketParts, ids: readonly number[]): Promise<readonly Item[]> {
  const found = await inParallel(ids, 5, (id) =>
    dynamo.query(storeTable, { where: "#pk = :pk", values: { ":pk": text(ticketKey(id).pk) } }),
  );
  return found.flat();
}

function entriesOf(rows: readonly Item[], id: number) {
  const { pk } = ticketKey(id);
  return entriesIn(rows.filter((row) => keyOf(row).pk === pk && textOf(row, "sk")?.startsWith("e#"))).map(
    ({ entry }) => entry,
  );
}

/** Which ticket has a mail stands in rows of their own. */
function claimsOf(entry: ReturnType<typeof entriesOf>[number]) {
  if (entry.kind !== "mail") return [];
  const { headerMessageId } = entry;
  return [...markersOf(entry), ...(headerMessageId === undefined ? [] : [messageKey(headerMessageId)])];
}

const distinct = (keys: readonly { readonly pk: string; readonly sk: string }[]) => [
  ...new Map(keys.map((key) => [`${key.pk} ${key.sk}`, key])).values(),
];
