import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type {
  AnswerEntry,
  Claim,
  Ledger,
  MailEntry,
  Queues,
  TicketFilter,
  TicketPlan,
  Tickets,
} from "../../shared/ports.ts";
import { decodePropagation } from "../../shared/propagation/message.ts";
import { claimAgain, claimed, freshAddress, freshId, type Opened, twenty } from "./opened.ts";

type OpenedTickets = Opened<{ readonly ledger: Ledger; readonly tickets: Tickets; readonly queues: Queues }> & {
  /** Where this store hands over what sinks are to hear. */
  readonly propagateQueue: string;
};

/** What every ticket store promises: one ticket per mail, one ticket per Message-ID, or nothing written. */
export function ticketsContract(name: string, open: () => Promise<OpenedTickets>): void {
  describe(`Tickets: ${name}`, () => {
    let opened: OpenedTickets;
    let ledger: Ledger;
    let tickets: Tickets;
    beforeEach(async () => {
      opened = await open();
      ({ ledger, tickets } = opened.ports);
    });
    afterEach(() => opened.close?.());

    const newMessageId = () => `<${freshId().slice(0, 24)}@sender.example>`;
    const entryOf = (claim: Claim, headerMessageId: string, more: Partial<MailEntry> = {}): MailEntry => ({
      kind: "mail",
      sesMessageId: claim.sesMessageId,
      headerMessageId,
      bodySha256: "a".repeat(64),
      author: { name: "Ann Lee", address: "ann@sender.example" },
      recipient: "support@example.com",
      to: ["support@example.com"],
      cc: [],
      trust: "aligned",
      subject: "Order 1207",
      text: "Where is it?",
      attachments: [],
      raw: { kind: "s3", bucket: "mail", key: `inbound/${claim.sesMessageId}` },
      at: "2026-08-04T09:15:02.417Z",
      ...more,
    });
    const openPlan = (...claims: readonly string[]): TicketPlan => ({
      kind: "open",
      subject: "Order 1207",
      participants: ["ann@sender.example"],
      claims,
    });
    const joinPlan = (ticketId: number, ...claims: readonly string[]): TicketPlan => ({
      kind: "join",
      ticketId,
      participants: ["bob@sender.example"],
      claims,
    });
    async function opening(messageId = newMessageId()) {
      const claim = await claimed(ledger);
      const result = await tickets.record(claim, openPlan(messageId), entryOf(claim, messageId));
      if (result.kind !== "opened") throw new Error(`expected a new ticket, got ${result.kind}`);
      return { claim, messageId, ticketId: result.ticketId };
    }

    test("a first mail opens a ticket that holds it", async () => {
      const { claim, messageId, ticketId } = await opening();
      expect(await tickets.get(ticketId)).toMatchObject({
        id: ticketId,
        state: "open",
        subject: "Order 1207",
        participants: ["ann@sender.example"],
        entries: [entryOf(claim, messageId)],
      });
      expect(await tickets.get(2_000_000_000)).toBeUndefined();
    });

    test("an answer joins it, and both Message-IDs lead to it", async () => {
      const { messageId, ticketId } = await opening();
      const claim = await claimed(ledger);
      const answerId = newMessageId();
      expect(
        await tickets.record(claim, joinPlan(ticketId, answerId), entryOf(claim, answerId, { text: "Soon" })),
      ).toEqual({
        kind: "joined",
        ticketId,
      });
      expect((await tickets.get(ticketId))?.entries.map((entry) => entry.text)).toEqual(["Where is it?", "Soon"]);
      const [thread, ...more] = await tickets.threads([messageId, newMessageId(), answerId]);
      expect(more).toEqual([]);
      expect(thread).toMatchObject({
        ticketId,
        state: "open",
        participants: ["ann@sender.example", "bob@sender.example"],
      });
      expect([...(thread?.messageIds ?? [])].sort()).toEqual([messageId, answerId].sort());
    });

    test("the same claim's work again is repeated and adds nothing", async () => {
      const { claim, messageId, ticketId } = await opening();
      const again = await claimAgain(ledger, claim);
      expect(await tickets.record(again, openPlan(messageId), entryOf(claim, messageId))).toEqual({
        kind: "repeated",
        ticketId,
      });
      expect((await tickets.get(ticketId))?.entries).toHaveLength(1);
    });

    test("the very same mail under another SES id is repeated", async () => {
      const { messageId, ticketId } = await opening();
      const claim = await claimed(ledger);
      expect(await tickets.record(claim, openPlan(messageId), entryOf(claim, messageId))).toEqual({
        kind: "repeated",
        ticketId,
      });
      expect((await tickets.get(ticketId))?.entries).toHaveLength(1);
    });

    test("a Message-ID that belongs to a ticket is a conflict, and nothing is written", async () => {
      const { messageId, ticketId } = await opening();
      const claim = await claimed(ledger);
      const own = newMessageId();
      const result = await tickets.record(claim, openPlan(own, messageId), entryOf(claim, own));
      expect(result).toMatchObject({ kind: "conflict", threads: [{ ticketId, messageIds: [messageId] }] });
      expect(await tickets.threads([own])).toEqual([]);
      // The worker plans again and joins, with the same claim.
      expect(await tickets.record(claim, joinPlan(ticketId, own), entryOf(claim, own))).toEqual({
        kind: "joined",
        ticketId,
      });
    });

    test("joining one ticket with another one's Message-ID is a conflict", async () => {
      const one = await opening();
      const two = await opening();
      const claim = await claimed(ledger);
      const own = newMessageId();
      const result = await tickets.record(claim, joinPlan(one.ticketId, own, two.messageId), entryOf(claim, own));
      expect(result).toMatchObject({ kind: "conflict", threads: [{ ticketId: two.ticketId }] });
    });

    test("20 mails of one thread at once: one opens, the others are told where to go", async () => {
      const root = newMessageId();
      const claims = await twenty(() => claimed(ledger));
      const results = await Promise.all(
        claims.map((claim) => {
          const own = newMessageId();
          return tickets.record(claim, openPlan(own, root), entryOf(claim, own));
        }),
      );
      const opened = results.filter((result) => result.kind === "opened");
      expect(opened).toHaveLength(1);
      expect(results.filter((result) => result.kind === "conflict")).toHaveLength(19);
    });

    test("20 attempts for one mail at once: one ticket with one entry", async () => {
      const first = await claimed(ledger);
      const own = newMessageId();
      const results = await twenty(() =>
        tickets.record(first, openPlan(own), entryOf(first, own)).then(
          (result) => (result.kind === "conflict" ? undefined : result.ticketId),
          () => undefined,
        ),
      );
      const ids = new Set(results.filter((id) => id !== undefined));
      expect(ids.size).toBe(1);
      expect((await tickets.get([...ids][0]!))?.entries).toHaveLength(1);
    });

    test("an attempt that was overtaken writes nothing", async () => {
      const stale = await claimed(ledger);
      await claimAgain(ledger, stale);
      const own = newMessageId();
      await expect(tickets.record(stale, openPlan(own), entryOf(stale, own))).rejects.toMatchObject({
        code: "ERR_STALE_CLAIM",
      });
      expect(await tickets.threads([own])).toEqual([]);
    });

    test("tickets are listed by number, behind `after`, by what they are", async () => {
      const ids: number[] = [];
      for (let index = 0; index < 3; index++) ids.push((await opening()).ticketId);
      const after = ids[0]! - 1;
      const listed = async (filter: TicketFilter) =>
        (await tickets.list({ after, limit: 100, ...filter })).tickets.map(({ id }) => id);
      const first = await tickets.list({ after, limit: 2 });
      expect(first.tickets.map(({ id }) => id)).toEqual(ids.slice(0, 2));
      expect(first.next).toBe(ids[1]);
      expect(await tickets.list({ after: ids[1]!, limit: 2 })).toMatchObject({ tickets: [{ id: ids[2] }] });
      expect((await tickets.list({ after: ids[1]!, limit: 2 })).next).toBeUndefined();

      const newest = async (before?: number) => {
        const page = await tickets.list({ order: "newest", limit: 2, ...(before !== undefined && { after: before }) });
        return { ids: page.tickets.map(({ id }) => id), next: page.next };
      };
      expect(await newest()).toEqual({ ids: [ids[2], ids[1]], next: ids[1] });
      expect((await newest(ids[1])).ids[0]).toBe(ids[0]);

      await tickets.change(ids[0]!, { id: freshId(), state: "closed", addTags: ["Billing"], assignee: "carol" });
      await tickets.change(ids[1]!, {
        id: freshId(),
        entry: {
          kind: "note",
          id: "n1",
          text: "Ask the 100% Umbrella store_room",
          by: "carol",
          at: "2026-08-04T10:00:00.000Z",
        },
      });
      expect(await listed({ state: "open" })).toEqual([ids[1], ids[2]]);
      expect(await listed({ state: "closed" })).toEqual([ids[0]]);
      expect(await listed({ tag: "billing" })).toEqual([ids[0]]);
      expect(await listed({ assignee: "carol" })).toEqual([ids[0]]);
      expect(await listed({ participant: "ann@sender.example" })).toEqual(ids);
      expect(await listed({ participant: "bob@sender.example" })).toEqual([]);
      expect(await listed({ text: "umbrella 100%" })).toEqual([ids[1]]);
      expect(await listed({ text: "umbrella 1000%" })).toEqual([]);
      expect(await listed({ text: "order", state: "closed" })).toEqual([ids[0]]);
    });

    test("a change happens once for its id, and says what is there now", async () => {
      const { ticketId } = await opening();
      const change = { id: freshId(), state: "closed", addTags: ["b", "A"], assignee: "carol" } as const;
      expect(await tickets.change(ticketId, change)).toEqual({ repeated: false });
      expect(await tickets.get(ticketId)).toMatchObject({
        state: "closed",
        tags: ["a", "b"],
        assignee: "carol",
        closedAt: expect.stringMatching(/^\d{4}-/),
      });
      await tickets.change(ticketId, { id: freshId(), state: "open", removeTags: ["B"], assignee: null });
      expect(await tickets.change(ticketId, change)).toEqual({ repeated: true });
      const now = await tickets.get(ticketId);
      expect(now).toMatchObject({ state: "open", tags: ["a"] });
      expect(now).not.toHaveProperty("assignee");
      expect(now).not.toHaveProperty("closedAt");
      expect(await tickets.change(2_000_000_000, change)).toBeUndefined();
    });

    test("20 times the same answer at once: one entry, and its Message-IDs lead to the ticket", async () => {
      const { ticketId } = await opening();
      const other = await opening();
      const id = freshId();
      const ours = newMessageId();
      const entry: AnswerEntry = {
        kind: "answer",
        id,
        headerMessageId: ours,
        to: ["ann@sender.example"],
        subject: "Re: Order 1207",
        text: "Tomorrow.",
        by: "carol",
        at: "2026-08-04T10:00:00.000Z",
      };
      const results = await twenty(() => tickets.change(ticketId, { id, entry, messageIds: [ours, other.messageId] }));
      expect(results.filter((result) => result?.repeated === false)).toHaveLength(1);
      expect((await tickets.get(ticketId))?.entries).toEqual([expect.objectContaining({ kind: "mail" }), entry]);
      expect(await tickets.threads([ours])).toMatchObject([{ ticketId }]);
      expect(await tickets.threads([other.messageId])).toMatchObject([{ ticketId: other.ticketId }]);
    });

    test("one mail to two of our addresses is one ticket", async () => {
      const { claim, messageId, ticketId } = await opening();
      const second = await claimed(ledger, freshAddress("help"), claim.sesMessageId);
      const own = newMessageId();
      expect(
        await tickets.record(second, openPlan(own), entryOf(second, messageId, { bodySha256: "b".repeat(64) })),
      ).toEqual({
        kind: "repeated",
        ticketId,
      });
    });

    test("a ticket takes over others of the same people: entries, Message-IDs, numbers", async () => {
      const one = await opening();
      const two = await opening();
      const claim = await claimed(ledger);
      const own = newMessageId();
      const plan: TicketPlan = {
        ...joinPlan(one.ticketId, own),
        participants: ["ann@sender.example"],
        merges: [two.ticketId],
      } as TicketPlan;
      expect(await tickets.record(claim, plan, entryOf(claim, own, { at: "2026-08-04T09:15:01.000Z" }))).toEqual({
        kind: "joined",
        ticketId: one.ticketId,
      });
      expect((await tickets.get(one.ticketId))?.entries).toHaveLength(3);
      expect(await tickets.get(two.ticketId)).toMatchObject({ mergedInto: one.ticketId, entries: [] });
      expect(await tickets.threads([two.messageId])).toMatchObject([{ ticketId: one.ticketId }]);
      expect(await tickets.threads([], [two.ticketId])).toMatchObject([
        { ticketId: one.ticketId, formerIds: [two.ticketId] },
      ]);
      expect(await tickets.change(two.ticketId, { id: freshId(), state: "closed" })).toBeUndefined();
      const { tickets: listed } = await tickets.list({ after: one.ticketId - 1, limit: 100 });
      expect(listed.map(({ id }) => id)).not.toContain(two.ticketId);
      const again = await claimAgain(ledger, two.claim);
      expect(await tickets.record(again, openPlan(two.messageId), entryOf(two.claim, two.messageId))).toEqual({
        kind: "repeated",
        ticketId: one.ticketId,
      });
    });

    test("a ticket whose people differ by now is not taken over, and nothing is written", async () => {
      const one = await opening();
      const two = await opening();
      const joining = await claimed(ledger);
      await tickets.record(joining, joinPlan(two.ticketId), entryOf(joining, newMessageId()));
      const claim = await claimed(ledger);
      const own = newMessageId();
      const plan = { ...joinPlan(one.ticketId, own), merges: [two.ticketId] } as TicketPlan;
      expect(await tickets.record(claim, plan, entryOf(claim, own))).toMatchObject({ kind: "conflict" });
      expect(await tickets.threads([own])).toEqual([]);
      expect(await tickets.get(two.ticketId)).not.toHaveProperty("mergedInto");
    });

    test("who wrote proven is known", async () => {
      const { messageId } = await opening();
      expect(await tickets.threads([messageId])).toMatchObject([{ proven: ["ann@sender.example"] }]);
      const claim = await claimed(ledger);
      const own = newMessageId();
      await tickets.record(claim, openPlan(own), entryOf(claim, own, { trust: "unaligned" }));
      expect(await tickets.threads([own])).toMatchObject([{ proven: [] }]);
    });

    /** What was handed over about a ticket: change → whether it settles, and which mail caused it. */
    const handedOver = async (ticketId: number) => {
      const found = new Map<string, readonly unknown[]>();
      for (;;) {
        const messages = await opened.ports.queues.receive(opened.propagateQueue, { max: 10 });
        if (messages.length === 0) return found;
        for (const { body } of messages) {
          const message = decodePropagation(body);
          if (!("ticket" in message) || message.ticket.id !== ticketId) continue;
          const { change, settles, sesMessageId, merged } = message.ticket;
          found.set(change, [settles, ...(sesMessageId ? [sesMessageId] : []), ...(merged ?? [])]);
        }
        const handles = messages.map(({ receiptHandle }) => receiptHandle);
        await opened.ports.queues.delete(opened.propagateQueue, handles);
      }
    };

    test("sinks hear of every entry and every change, once, and of nothing else", async () => {
      const { claim, messageId, ticketId } = await opening();
      const again = await claimAgain(ledger, claim);
      await tickets.record(again, openPlan(messageId), entryOf(again, messageId));
      const other = await opening();
      const joining = await claimed(ledger);
      const own = newMessageId();
      const plan = { ...joinPlan(ticketId, own), participants: [], merges: [other.ticketId] } as TicketPlan;
      await tickets.record(joining, plan, entryOf(joining, own));
      const conflict = await claimed(ledger);
      await tickets.record(conflict, openPlan(own), entryOf(conflict, newMessageId()));
      const noteId = freshId();
      const entry = { kind: "note", id: noteId, text: "x", by: "carol", at: "2026-08-04T10:00:00.000Z" } as const;
      for (let times = 0; times < 3; times++) await tickets.change(ticketId, { id: `note/${noteId}`, entry });
      const change = `change/${freshId()}`;
      await tickets.change(ticketId, { id: change, state: "closed" });
      await tickets.change(ticketId, { id: freshId(), messageIds: [newMessageId()] });
      await tickets.change(ticketId, { id: freshId(), link: { sink: "desk", ref: "17" } });
      expect(await handedOver(ticketId)).toEqual(
        new Map([
          [`mail/${claim.sesMessageId}`, [false, claim.sesMessageId]],
          [`mail/${joining.sesMessageId}`, [true, joining.sesMessageId, other.ticketId]],
          [`note/${noteId}`, [false]],
          [change, [true]],
        ]),
      );
    });

    test("where a ticket is elsewhere is kept, one place for each sink", async () => {
      const { ticketId } = await opening();
      expect(await tickets.get(ticketId)).not.toHaveProperty("links");
      await tickets.change(ticketId, { id: freshId(), link: { sink: "desk", ref: "17" } });
      await tickets.change(ticketId, { id: freshId(), link: { sink: "dev", ref: "3", url: "https://dev.example/3" } });
      await tickets.change(ticketId, { id: freshId(), link: { sink: "desk", ref: "18" } });
      expect((await tickets.get(ticketId))?.links).toEqual([
        { sink: "dev", ref: "3", url: "https://dev.example/3" },
        { sink: "desk", ref: "18" },
      ]);
    });

    test("an answer opens a closed ticket again", async () => {
      const { ticketId } = await opening();
      await tickets.change(ticketId, { id: freshId(), state: "closed" });
      const claim = await claimed(ledger);
      const own = newMessageId();
      await tickets.record(claim, joinPlan(ticketId, own), entryOf(claim, own));
      const now = await tickets.get(ticketId);
      expect(now).toMatchObject({ state: "open" });
      expect(now).not.toHaveProperty("closedAt");
    });
  });
}
