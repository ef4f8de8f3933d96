import { createHash } from "node:crypto";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { MailweirError } from "../errors.ts";
import { normaliseAddress } from "../mail/address.ts";
import type {
  Claim,
  Clock,
  MailEntry,
  Queues,
  Ticket,
  TicketChange,
  TicketEntry,
  TicketFilter,
  TicketPlan,
  TicketResult,
  TicketSummary,
  Tickets,
  TicketThread,
} from "../ports.ts";
import { QueueRefusedError } from "../propagation/errors.ts";
import type { TicketPropagation } from "../propagation/message.ts";
import { TicketContentionError } from "../streams/errors.ts";
import { newsOfChange, newsOfMail } from "../tickets/news.ts";
import {
  type Dynamo,
  type Item,
  json,
  jsonOf,
  type Key,
  number,
  numberOf,
  type TransactWrite,
  text,
  textOf,
} from "./dynamo.ts";
import type { Effects } from "./effects.ts";
import { leftovers } from "./leftovers.ts";
import { pauseUpTo } from "./pause.ts";
import { listedAs, readList } from "./sharded-list.ts";

const effect = "ticket";
// A thread that never ends must not make every entry slower.
const maxParticipants = 500;
// An item has at most 400 KB; a mail's text may have more. All pieces together fit into one transaction (4 MB).
const pieceBytes = 300_000;
// Whoever lost against so many others lets the queue bring the mail again.
const maxRounds = 40;

/** A ticket's own item: `t#<number>` / `t`. `v` grows with every change, and every change is conditional on it. */
export interface Stored {
  readonly version: number;
  readonly entries: number;
  readonly summary: TicketSummary;
  readonly proven: readonly string[];
  /** Tickets whose entries belong to this one now; they stay where they are. */
  readonly merged: readonly number[];
}

/**
 * Tickets in the store table. Message-IDs are claimed by items of their own (`mid#<hash>` / `t`), put only where they are absent;
 * `b#<body>` beside one and `x#<SES id>` say which ticket holds a very mail. Entries lie below their ticket in pieces.
 */
export function createTickets(
  dynamo: Dynamo,
  effects: Effects,
  table: string,
  clock: Clock,
  /** Where the sinks' news go; absent: there are no sinks. */
  sinks?: { readonly queues: Pick<Queues, "send">; readonly propagateQueue: string },
): Tickets {
  /**
   * The item that stands for a message until the queue has it: in the transaction of what it tells of. What is left of a
   * process that died is handed over with the changes of the suppression list (`handOverLeftovers`).
   */
  const outgoing = (message: TicketPropagation | undefined) => {
    if (sinks === undefined || message === undefined) return { writes: [], deliver: async () => undefined };
    const { propagateQueue, queues } = sinks;
    const { id, change: name } = message.ticket;
    const key = { pk: ticketKey(id).pk, sk: `o#${name}` };
    const place = listedAs(leftovers, `${now()} ${name}`);
    const item = { pk: text(key.pk), sk: text(key.sk), m: json(message), ...place };
    const writes: TransactWrite[] = [{ kind: "put", table, item }];
    const deliver = async () => {
      const [refused] = await queues.send(propagateQueue, [{ id: "0", body: JSON.stringify(message) }]);
      if (refused) throw new QueueRefusedError(propagateQueue, refused.cause);
      await dynamo.delete(table, key);
    };
    return { writes, deliver };
  };
  const now = () => clock.now().toISOString();

  const ticketsBy = async (ids: readonly number[]): Promise<Map<number, Stored>> => {
    const found = new Map<number, Stored>();
    for (let asked = [...new Set(ids)]; asked.length > 0; ) {
      for (const item of await dynamo.batchGet(table, asked.map(ticketKey))) {
        const stored = toStored(item);
        found.set(stored.summary.id, stored);
      }
      // A ticket that took over others may have been taken over itself.
      asked = [...found.values()].flatMap(({ summary: { mergedInto } }) =>
        mergedInto !== undefined && !found.has(mergedInto) ? [mergedInto] : [],
      );
    }
    return found;
  };

  const threadsOf = async (
    messageIds: readonly string[],
    ticketIds: readonly number[] = [],
  ): Promise<readonly TicketThread[]> => {
    const wanted = [...new Set(messageIds)];
    const items = await dynamo.batchGet(
      table,
      wanted.map((id) => messageKey(id)),
    );
    const ticketOf = new Map(items.map((item) => [textOf(item, "pk") ?? "", numberOf(item, "t")]));
    const tickets = await ticketsBy([...ticketOf.values(), ...ticketIds]);
    const threads = new Map<number, { ids: string[]; former: number[] }>();
    const thread = (ticketId: number) => {
      const survivor = survivorOf(tickets, ticketId);
      const known = threads.get(survivor) ?? { ids: [], former: [] };
      threads.set(survivor, known);
      return known;
    };
    for (const id of wanted) {
      const ticketId = ticketOf.get(messageKey(id).pk);
      if (ticketId !== undefined) thread(ticketId).ids.push(id);
    }
    for (const id of ticketIds) {
      const { former } = thread(id);
      if (survivorOf(tickets, id) !== id) former.push(id);
    }
    return [...threads].flatMap(([ticketId, { ids, former }]) => {
      const stored = tickets.get(ticketId);
      if (!stored) return [];
      const { participants, state, closedAt, createdAt } = stored.summary;
      return [
        {
          ticketId,
          ...(former.length > 0 && { formerIds: former }),
          createdAt,
          participants,
          proven: stored.proven,
          state,
          ...(closedAt !== undefined && { closedAt }),
          messageIds: ids,
        },
      ];
    });
  };

  /** Of these Message-IDs the claims of tickets that were deleted: by their key, the ticket's number. */
  const deadClaims = async (messageIds: readonly string[]): Promise<ReadonlyMap<string, number>> => {
    const keys = messageIds.map((id) => messageKey(id));
    const items = await dynamo.batchGet(table, keys);
    const claims = items.map((item) => [textOf(item, "pk") ?? "", numberOf(item, "t")] as const);
    const tickets = await ticketsBy(claims.map(([, ticket]) => ticket));
    return new Map(claims.filter(([, ticket]) => !tickets.has(ticket)));
  };

  const drawNumber = async (): Promise<number> => {
    const { item } = await dynamo.update(table, { pk: "counter", sk: "ticket" }, "ADD #n :one", {
      values: { ":one": number(1) },
    });
    return numberOf(item ?? {}, "n");
  };

  const entriesOf = async (ids: readonly number[]): Promise<readonly TicketEntry[]> => {
    const items = await Promise.all(
      ids.map((id) =>
        dynamo.query(table, {
          where: "#pk = :pk AND begins_with(#sk, :e)",
          values: { ":pk": text(ticketKey(id).pk), ":e": text("e#") },
        }),
      ),
    );
    const entries = items.flatMap(joinPieces);
    return entries.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  };

  async function record(claim: Claim, plan: TicketPlan, entry: MailEntry): Promise<TicketResult> {
    let drawn: number | undefined;
    for (let round = 1; round <= maxRounds; round++) {
      const done = await effects.resultOf(claim, effect);
      if (done !== undefined) return repeated(Number(done));
      const held = await holderOf(entry);
      if (held !== undefined) {
        await effects.perform(claim, { name: effect, result: String(held) }, []);
        return repeated(held);
      }
      const threads = await threadsOf(plan.claims);
      const own = plan.kind === "join" ? [plan.ticketId, ...(plan.merges ?? [])] : [];
      const taken = threads.filter(({ ticketId }) => !own.includes(ticketId));
      if (taken.length > 0) return { kind: "conflict", threads: taken };

      const proven = provenOf(plan, entry);
      const changed = plan.kind === "open" ? await opened(plan, proven) : await joined(plan, proven);
      if (changed === undefined) return { kind: "conflict", threads: [] };
      const { ticketId } = changed;
      const news = outgoing(newsOfMail(ticketId, plan, entry));
      const absent = plan.claims.filter((id) => !threads.some(({ messageIds }) => messageIds.includes(id)));
      // Somebody was faster, as a rule; or a ticket that is gone has left a claim behind.
      const dead = round === 1 ? new Map<string, number>() : await deadClaims(absent);
      const outcome = await effects.perform(claim, { name: effect, result: String(ticketId) }, [
        ...changed.writes,
        ...[...new Set(absent)].map((id) => claimOf(id, ticketId, dead.get(messageKey(id).pk))),
        ...markersOf(entry).map((key): TransactWrite => ({ ...putNew(key, { t: number(ticketId) }) })),
        ...piecesOf(ticketId, changed.entryNumber, entry),
        ...news.writes,
      ]);
      if (outcome.kind === "performed") {
        await news.deliver();
        return { kind: plan.kind === "open" ? "opened" : "joined", ticketId };
      }
      if (outcome.kind === "repeated") return repeated(Number(outcome.result));
      await pauseUpTo(20 * Math.min(round, 10));
    }
    throw new TicketContentionError(claim.sesMessageId, maxRounds);

    async function opened(of: Extract<TicketPlan, { kind: "open" }>, proven: readonly string[]) {
      // A number that is drawn and not used leaves a gap, which nobody misses.
      drawn ??= await drawNumber();
      const at = now();
      const summary: TicketSummary = {
        id: drawn,
        state: "open",
        subject: of.subject,
        participants: union([], of.participants),
        ...(of.relatedTo !== undefined && { relatedTo: of.relatedTo }),
        tags: [],
        createdAt: at,
        updatedAt: at,
      };
      const fresh: Stored = { version: 0, entries: 1, summary, proven, merged: [] };
      return { ticketId: drawn, entryNumber: 1, writes: [write(fresh)] };
    }

    async function joined(of: Extract<TicketPlan, { kind: "join" }>, proven: readonly string[]) {
      const { ticketId, merges = [] } = of;
      const tickets = await ticketsBy([ticketId, ...merges]);
      const ticket = tickets.get(ticketId);
      if (!ticket || ticket.summary.mergedInto !== undefined) return undefined;
      const others: Stored[] = [];
      for (const id of new Set(merges)) {
        const other = tickets.get(id);
        if (!other || other.summary.mergedInto !== undefined) return undefined;
        if (!sameMembers(other.summary.participants, ticket.summary.participants)) return undefined;
        others.push(other);
      }
      const at = now();
      const { closedAt: _, ...summary } = ticket.summary;
      const entryNumber = ticket.entries + 1;
      const grown: Stored = {
        ...ticket,
        entries: entryNumber,
        summary: {
          ...summary,
          state: "open",
          participants: union(summary.participants, of.participants),
          updatedAt: at,
        },
        proven: union(
          [ticket, ...others].flatMap((each) => each.proven),
          proven,
        ),
        merged: [...ticket.merged, ...others.flatMap((other) => [other.summary.id, ...other.merged])],
      };
      const gone = others.map(
        (other): Stored => ({
          ...other,
          summary: { ...other.summary, mergedInto: ticketId, updatedAt: at },
          merged: [],
        }),
      );
      return { ticketId, entryNumber, writes: [grown, ...gone].map(write) };
    }
  }

  async function repeated(ticketId: number): Promise<TicketResult> {
    return { kind: "repeated", ticketId: survivorOf(await ticketsBy([ticketId]), ticketId) };
  }

  /** The very same mail: to another recipient, or under another SES id with the same Message-ID and body. */
  async function holderOf(entry: MailEntry): Promise<number | undefined> {
    const [found] = await dynamo.batchGet(table, markersOf(entry));
    return found && numberOf(found, "t");
  }

  async function change(ticketId: number, of: TicketChange): Promise<{ readonly repeated: boolean } | undefined> {
    const marker = { pk: `c#${of.id}`, sk: "c" };
    for (let round = 1; round <= maxRounds; round++) {
      const ticket = (await ticketsBy([ticketId])).get(ticketId);
      if (!ticket || ticket.summary.mergedInto !== undefined) return undefined;
      if (await dynamo.get(table, marker)) return { repeated: true };
      const messageIds = [...new Set(of.messageIds ?? [])];
      const held = await dynamo.batchGet(
        table,
        messageIds.map((id) => messageKey(id)),
      );
      const taken = new Set(held.map((item) => textOf(item, "pk")));
      const entries = ticket.entries + (of.entry ? 1 : 0);
      const news = outgoing(newsOfChange(ticketId, of));
      const outcome = await dynamo.transact([
        write({ ...ticket, entries, summary: changed(ticket.summary, of, now()) }),
        putNew(marker, { t: number(ticketId) }),
        ...messageIds.filter((id) => !taken.has(messageKey(id).pk)).map((id) => claimOf(id, ticketId)),
        ...(of.entry ? piecesOf(ticketId, entries, of.entry) : []),
        ...news.writes,
      ]);
      if (outcome.kind === "written") {
        await news.deliver();
        return { repeated: false };
      }
      await pauseUpTo(20 * Math.min(round, 10));
    }
    throw new TicketBusyError(ticketId);
  }

  const putNew = (key: Key, attributes: Item): TransactWrite => ({
    kind: "put",
    table,
    item: { pk: text(key.pk), sk: text(key.sk), ...attributes },
    condition: "attribute_not_exists(pk)",
  });
  /** @param dead - the ticket that had it, where that one is gone */
  const claimOf = (messageId: string, ticketId: number, dead?: number): TransactWrite => ({
    ...putNew(messageKey(messageId), { t: number(ticketId) }),
    ...(dead !== undefined && { condition: "#t = :t", values: { ":t": number(dead) } }),
  });
  const piecesOf = (ticketId: number, entryNumber: number, entry: TicketEntry): TransactWrite[] => {
    const packed = deflateRawSync(JSON.stringify(entry));
    const count = Math.ceil(packed.length / pieceBytes);
    return Array.from({ length: count }, (_, piece) =>
      putNew(
        { pk: ticketKey(ticketId).pk, sk: `e#${padded(entryNumber)}#${piece}` },
        { b: { B: packed.subarray(piece * pieceBytes, (piece + 1) * pieceBytes) } },
      ),
    );
  };
  const write = (stored: Stored): TransactWrite => {
    const { id, state, mergedInto } = stored.summary;
    const { pk, sk } = ticketKey(id);
    return {
      kind: "put",
      table,
      item: {
        pk: text(pk),
        sk: text(sk),
        v: number(stored.version + 1),
        j: json({ ...stored, version: stored.version + 1 }),
        ...(mergedInto === undefined && listedAs(listOf(state), padded(id))),
      },
      ...(stored.version === 0
        ? { condition: "attribute_not_exists(pk)" }
        : { condition: "#v = :v", values: { ":v": number(stored.version) } }),
    };
  };

  return {
    threads: threadsOf,
    record,
    change,
    async get(ticketId) {
      const tickets = await ticketsBy([ticketId]);
      const stored = tickets.get(ticketId);
      if (!stored) return undefined;
      const { summary, merged } = stored;
      if (summary.mergedInto === undefined) return { ...summary, entries: await entriesOf([ticketId, ...merged]) };
      return { ...summary, mergedInto: survivorOf(tickets, ticketId), entries: [] };
    },
    async list({ order = "oldest", after = 0, limit, ...filter }) {
      const lists = filter.state === undefined ? [listOf("open"), listOf("closed")] : [listOf(filter.state)];
      const items = await readList(dynamo, table, lists, {
        order,
        ...(after > 0 && { after: padded(after) }),
        limit: limit + 1,
      });
      const page = items.slice(0, limit).map(toStored);
      const kept: TicketSummary[] = [];
      for (const { summary, merged } of page) {
        const entries = () => entriesOf([summary.id, ...merged]);
        if (await matches(summary, filter, entries)) kept.push(summary);
      }
      const last = page.at(-1);
      return { tickets: kept, ...(items.length > limit && last && { next: last.summary.id }) };
    },
  };
}

/** So many change the same ticket that this change never came through. Nothing of it was written. */
export class TicketBusyError extends MailweirError {
  readonly code = "ERR_TICKET_BUSY";
  readonly retryable = true;
  constructor(ticketId: number) {
    super(`Ticket ${ticketId} was changed by others ${maxRounds} times in a row: try again`);
  }
}

// Ten digits: numbers in the order of their text.
export const padded = (value: number) => String(value).padStart(10, "0");
export const listOf = (state: Ticket["state"]) => `ticket-${state}`;
export const ticketKey = (id: number): Key => ({ pk: `t#${id}`, sk: "t" });

export function messageKey(messageId: string, sk = "t"): Key {
  return { pk: `mid#${createHash("sha256").update(messageId).digest("base64url")}`, sk };
}

/** Items that say which ticket holds a very mail. */
export function markersOf({ sesMessageId, headerMessageId, bodySha256 }: MailEntry): Key[] {
  return [
    { pk: `x#${sesMessageId}`, sk: "x" },
    ...(headerMessageId === undefined ? [] : [messageKey(headerMessageId, `b#${bodySha256}`)]),
  ];
}

export function toStored(item: Item): Stored {
  const stored = jsonOf<Stored>(item, "j");
  if (!stored) throw new Error(`the ticket ${textOf(item, "pk") ?? ""} has no content`);
  return stored;
}

function joinPieces(items: readonly Item[]): TicketEntry[] {
  return entriesIn(items).map(({ entry }) => entry);
}

/** Entries with the keys of the pieces that they are stored in. */
export function entriesIn(items: readonly Item[]): { readonly entry: TicketEntry; readonly keys: readonly Key[] }[] {
  const byNumber = Map.groupBy(items, (item) => (textOf(item, "sk") ?? "").split("#")[1] ?? "");
  return [...byNumber.values()].map((pieces) => {
    const packed = Buffer.concat(pieces.map((piece) => piece["b"]?.B ?? new Uint8Array()));
    return {
      entry: JSON.parse(inflateRawSync(packed).toString("utf8")) as TicketEntry,
      keys: pieces.map((piece) => ({ pk: textOf(piece, "pk") ?? "", sk: textOf(piece, "sk") ?? "" })),
    };
  });
}

function survivorOf(tickets: ReadonlyMap<number, Stored>, ticketId: number): number {
  let survivor = ticketId;
  for (let step = 0; step < 100; step++) {
    const next = tickets.get(survivor)?.summary.mergedInto;
    if (next === undefined) break;
    survivor = next;
  }
  return survivor;
}

function provenOf(plan: TicketPlan, { author, trust }: MailEntry): string[] {
  const address = normaliseAddress(author.address);
  const isProven = trust === "aligned" || trust === "token";
  return isProven && plan.participants.includes(address) ? [address] : [];
}

function changed(summary: TicketSummary, of: TicketChange, at: string): TicketSummary {
  const { closedAt, assignee, links = [], ...rest } = summary;
  const { link } = of;
  const grown = link === undefined ? links : [...links.filter(({ sink }) => sink !== link.sink), link];
  const state = of.state ?? summary.state;
  const removed = new Set((of.removeTags ?? []).map(tagOf));
  const tags = [...new Set([...summary.tags, ...(of.addTags ?? []).map(tagOf)])].filter((tag) => !removed.has(tag));
  const who = of.assignee === undefined ? assignee : (of.assignee ?? undefined);
  return {
    ...rest,
    state,
    ...(state === "closed" && { closedAt: closedAt ?? at }),
    ...(who !== undefined && { assignee: who }),
    tags: tags.sort(),
    ...(grown.length > 0 && { links: grown }),
    updatedAt: at,
  };
}

async function matches(
  summary: TicketSummary,
  { assignee, tag, participant, text: words }: TicketFilter,
  entries: () => Promise<readonly TicketEntry[]>,
): Promise<boolean> {
  if (assignee !== undefined && summary.assignee !== assignee) return false;
  if (tag !== undefined && !summary.tags.includes(tagOf(tag))) return false;
  if (participant !== undefined && !summary.participants.includes(participant)) return false;
  const wanted = (words ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const left = wanted.filter((word) => !summary.subject.toLowerCase().includes(word));
  if (left.length === 0) return true;
  const texts = (await entries()).map((entry) => entry.text.toLowerCase());
  return left.every((word) => texts.some((each) => each.includes(word)));
}

const tagOf = (tag: string) => tag.trim().toLowerCase();
const union = (present: readonly string[], more: readonly string[]) =>
  [...new Set([...present, ...more])].slice(0, maxParticipants);
const sameMembers = (a: readonly string[], b: readonly string[]) =>
  a.length === b.length && a.every((member) => b.includes(member));
