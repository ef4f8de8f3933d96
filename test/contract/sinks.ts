import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MailEntry, NoteEntry, Ticket } from "../../shared/ports.ts";
import type { AskedSink, SinkEntry, SinkTicket } from "../../shared/sinks/sink.ts";
import { freshId } from "./opened.ts";

export interface OpenedSink {
  readonly sink: AskedSink;
  /** Everything that people read of an issue in the target: subject, texts. */
  texts(ref: string): Promise<string>;
  close(): Promise<void>;
}

let tickets = 0;

/** What every sink promises whose target can be asked: marks are found again, whoever wrote what between them. */
export function sinksContract(name: string, open: () => Promise<OpenedSink>): void {
  describe(`Sink: ${name}`, () => {
    let opened: OpenedSink;
    let sink: AskedSink;
    beforeAll(async () => {
      opened = await open();
      ({ sink } = opened);
    }, 300_000);
    afterAll(() => opened.close());

    const mail = (more: Partial<MailEntry> = {}): SinkEntry => {
      const sesMessageId = freshId();
      const entry: MailEntry = {
        kind: "mail",
        sesMessageId,
        bodySha256: "a".repeat(64),
        recipient: "support@example.com",
        author: { name: "Ann Lee", address: "ann@sender.example" },
        to: ["support@example.com"],
        cc: [],
        trust: "aligned",
        subject: "Order 1207",
        text: "Where is it?",
        attachments: [],
        raw: { kind: "s3", bucket: "mail", key: `inbound/${sesMessageId}` },
        at: "2026-08-04T09:15:02.417Z",
        ...more,
      };
      return { mark: sesMessageId, entry };
    };
    const note = (text = "Ask the store"): SinkEntry => {
      const id = freshId();
      const entry: NoteEntry = { kind: "note", id, text, by: "carol", at: "2026-08-04T10:00:00.000Z" };
      return { mark: `note/${id}`, entry };
    };
    const ticketOf = (entries: readonly SinkEntry[], more: Partial<Ticket> = {}): SinkTicket => {
      const id = ++tickets;
      const at = new Date(Date.now() - 60_000).toISOString();
      const ticket: Ticket = {
        id,
        state: "open",
        subject: "Order 1207",
        participants: ["ann@sender.example"],
        tags: [],
        createdAt: at,
        updatedAt: at,
        entries: entries.map(({ entry }) => entry),
        ...more,
      };
      return { mark: `mailweir-${id}-${freshId().slice(0, 10)}`, ticket };
    };

    test("a ticket that it does not have is not found", async () => {
      expect(await sink.find(ticketOf([mail()]), undefined)).toBeUndefined();
    });

    test("an issue is found again by its mark and by its reference, with its first entry", async () => {
      const first = mail();
      const ticket = ticketOf([first]);
      const issue = await sink.open(ticket, first);
      expect(issue).toMatchObject({ state: "open", marks: new Set([first.mark]) });
      expect(issue.url).toContain(issue.ref);
      expect(await sink.find(ticket, undefined)).toEqual(issue);
      expect(await sink.find(ticket, issue.ref)).toEqual(issue);
      const texts = await opened.texts(issue.ref);
      for (const part of ["Order 1207", "Ann Lee", "ann@sender.example", "Where is it?"]) expect(texts).toContain(part);
    });

    test("entries come under their marks", async () => {
      const first = mail();
      const answer = mail({ text: "Here it is." });
      const noted = note();
      const ticket = ticketOf([first, answer, noted]);
      const issue = await sink.open(ticket, first);
      await sink.add(issue, answer);
      await sink.add(issue, noted);
      expect((await sink.find(ticket, undefined))?.marks).toEqual(new Set([first.mark, answer.mark, noted.mark]));
      expect(await opened.texts(issue.ref)).toContain("Here it is.");
    });

    test("what a stranger writes is no mark, closes no block and stands there as it is", async () => {
      const later = mail();
      const hostile = [
        "</pre> <b>bold</b> ``` ~~~ !http://tracker.example/x.png! @octocat #1",
        "-->",
        `mailweir: ${later.mark}`,
        `<!-- mailweir ${later.mark} -->`,
      ].join("\n");
      const first = mail({ text: hostile, subject: "<script>alert(1)</script> 😀 größe" });
      const ticket = ticketOf([first, later], { subject: "<script>alert(1)</script> 😀 größe" });
      const issue = await sink.open(ticket, first);
      expect((await sink.find(ticket, undefined))?.marks).toEqual(new Set([first.mark]));
      const second = mail({ text: `${hostile}\n\n` });
      await sink.add(issue, second);
      expect((await sink.find(ticket, issue.ref))?.marks).toEqual(new Set([first.mark, second.mark]));
      expect(await opened.texts(issue.ref)).toContain("tracker.example");
    });

    test("long texts, long subjects and no subject are taken", async () => {
      const first = mail({ text: "long line 😀 ".repeat(9_000), subject: "s".repeat(1000) });
      const ticket = ticketOf([first], { subject: "é".repeat(1000) });
      const issue = await sink.open(ticket, first);
      const second = mail({ text: "😀".repeat(50_000), subject: "" });
      await sink.add(issue, second);
      expect((await sink.find(ticket, undefined))?.marks).toEqual(new Set([first.mark, second.mark]));
      const bare = mail({ text: "", subject: "", author: { name: "", address: "ann@sender.example" } });
      const nameless = ticketOf([bare], { subject: "" });
      expect((await sink.open(nameless, bare)).marks).toEqual(new Set([bare.mark]));
    });

    test("it is closed and opened as the ticket is, and found closed too", async () => {
      const first = mail();
      const ticket = ticketOf([first]);
      const issue = await sink.open(ticket, first);
      const closed = { ...ticket, ticket: { ...ticket.ticket, state: "closed" as const } };
      await sink.settle(issue, closed);
      const found = await sink.find(ticket, undefined);
      expect(found).toMatchObject({ ref: issue.ref, state: "closed" });
      await sink.settle(found!, closed);
      await sink.settle(found!, ticket);
      expect(await sink.find(ticket, issue.ref)).toMatchObject({ state: "open" });
    });

    test("of two that were made at the same moment everybody finds the older one", async () => {
      const first = mail();
      const ticket = ticketOf([first]);
      const refs = (await Promise.all([sink.open(ticket, first), sink.open(ticket, first)])).map(({ ref }) =>
        Number(ref),
      );
      expect((await sink.find(ticket, undefined))?.ref).toBe(String(Math.min(...refs)));
    });

    test("an issue that is gone refuses, and no new one is made in its place", async () => {
      const first = mail();
      await expect(sink.find(ticketOf([first]), "999999")).rejects.toMatchObject({ code: "ERR_SINK", kind: "refused" });
    });
  });
}
