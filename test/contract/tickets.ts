import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Claim, Ledger, TicketEntry, TicketPlan, Tickets } from "../../shared/ports.ts";
import { claimAgain, claimed, freshId, type Opened, twenty } from "./opened.ts";

type OpenedTickets = Opened<{ readonly ledger: Ledger; readonly tickets: Tickets }>;

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
    const entryOf = (claim: Claim, headerMessageId: string, more: Partial<TicketEntry> = {}): TicketEntry => ({
      sesMessageId: claim.sesMessageId,
      headerMessageId,
      bodySha256: "a".repeat(64),
      author: { name: "Ann Lee", address: "ann@sender.example" },
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

    test("tickets are listed by number, behind `after`, by state", async () => {
      const ids = [];
      for (let index = 0; index < 3; index++) ids.push((await opening()).ticketId);
      const after = ids[0]! - 1;
      expect((await tickets.list({ after, limit: 2 })).map((ticket) => ticket.id)).toEqual(ids.slice(0, 2));
      expect((await tickets.list({ after, state: "open", limit: 10 })).map((ticket) => ticket.id)).toEqual(ids);
      expect(await tickets.list({ after, state: "closed", limit: 10 })).toEqual([]);
    });
  });
}
