import { expect, test } from "vitest";
import type { MailEntry, Ticket, TicketPlan, TicketThread } from "../../../shared/ports.ts";
import { defaultTicketPolicy } from "../../../shared/tickets/policy.ts";
import { messageIdsToAsk, planTicket, type ThreadInput, ticketsToAsk } from "../../../shared/tickets/thread.ts";

const ann = "ann@sender.example";
const bob = "bob@other.example";
const base: ThreadInput = {
  headerMessageId: "<own@sender.example>",
  bodySha256: "b1",
  inReplyTo: [],
  references: [],
  author: "Ann@sender.example",
  addressees: ["support@example.com", "Bob@other.example"],
  trust: "aligned",
  subject: "Order 1207",
  isForward: false,
  receivedAt: "2026-08-04T09:15:02.417Z",
};
const thread = (
  ticketId: number,
  messageIds: readonly string[],
  participants: readonly string[] = [ann],
  more: Partial<TicketThread> = {},
): TicketThread => ({ ticketId, createdAt, messageIds, participants, proven: [], state: "open", ...more });
const holder = (entries: readonly Partial<MailEntry>[]): Ticket =>
  ({ id: 7, entries: entries.map((entry) => ({ kind: "mail", ...entry })), participants: [ann] }) as unknown as Ticket;
const createdAt = "2026-08-01T10:00:00.000Z";
const token = (ticketId: number) => ({ ticketId, openedAt: Date.parse(createdAt) / 1000 });
const closed = (daysAgo: number): Partial<TicketThread> => ({
  state: "closed",
  closedAt: new Date(Date.parse(base.receivedAt) - daysAgo * 86_400_000).toISOString(),
});

const taken = "<own@sender.example>";
const joins = (ticketId: number): Partial<TicketPlan> => ({ kind: "join", ticketId });
const opens = (relatedTo?: number): Partial<TicketPlan> =>
  relatedTo === undefined ? { kind: "open" } : { kind: "open", relatedTo };

test.for<[string, Partial<ThreadInput>, TicketThread[], Ticket | undefined, Partial<TicketPlan>]>([
  [
    "a first mail opens a ticket and takes its own Message-ID",
    {},
    [],
    undefined,
    { ...opens(), claims: [taken], participants: [ann, bob] },
  ],
  [
    "without a Message-ID nothing is taken",
    { headerMessageId: undefined as never },
    [],
    undefined,
    { ...opens(), claims: [] },
  ],
  ["an answer joins", { inReplyTo: ["<p>"] }, [thread(7, ["<p>"])], undefined, { ...joins(7), claims: [taken] }],
  ["References alone are enough", { references: ["<root>", "<p>"] }, [thread(7, ["<root>"])], undefined, joins(7)],
  [
    "In-Reply-To before References",
    { inReplyTo: ["<p>"], references: ["<q>"] },
    [thread(8, ["<q>"]), thread(7, ["<p>"], [ann, bob])],
    undefined,
    joins(7),
  ],
  [
    "the latest reference before the root",
    { references: ["<root>", "<p>"] },
    [thread(8, ["<root>"]), thread(7, ["<p>"], [ann, bob])],
    undefined,
    joins(7),
  ],
  [
    "a strange parent does not hide the author's own thread",
    { inReplyTo: ["<p>"], references: ["<q>"] },
    [thread(8, ["<p>"], [bob]), thread(7, ["<q>"])],
    undefined,
    joins(7),
  ],
  [
    "an answer takes its root, so that its parent finds it",
    { references: ["<root>", "<p>"], inReplyTo: ["<p>"] },
    [],
    undefined,
    { ...opens(), claims: [taken, "<root>", "<p>"] },
  ],
  [
    "a stranger's answer opens a related ticket",
    { inReplyTo: ["<p>"], author: "eve@evil.example" },
    [thread(7, ["<p>"])],
    undefined,
    { ...opens(7), participants: ["eve@evil.example", bob] },
  ],
  [
    "an answer that fails DMARC does not join",
    { inReplyTo: ["<p>"], trust: "failed" },
    [thread(7, ["<p>"])],
    undefined,
    opens(7),
  ],
  [
    "an answer without an author does not join",
    { inReplyTo: ["<p>"], author: "" },
    [thread(7, ["<p>"])],
    undefined,
    opens(7),
  ],
  [
    "an unproven participant joins by headers but brings nobody in",
    { inReplyTo: ["<p>"], trust: "unaligned" },
    [thread(7, ["<p>"])],
    undefined,
    { ...joins(7), participants: [ann] },
  ],
  [
    "a proven one brings in whom they address",
    { inReplyTo: ["<p>"] },
    [thread(7, ["<p>"])],
    undefined,
    { ...joins(7), participants: [ann, bob] },
  ],
  [
    "a forward opens a related ticket",
    { inReplyTo: ["<p>"], isForward: true },
    [thread(7, ["<p>"])],
    undefined,
    opens(7),
  ],
  [
    "the same mail by another way joins what holds it",
    {},
    [thread(7, [taken])],
    holder([{ headerMessageId: taken, bodySha256: "b1" }]),
    { ...joins(7), claims: [] },
  ],
  [
    "another mail under a Message-ID that a ticket holds opens one",
    {},
    [thread(7, [taken])],
    holder([{ headerMessageId: taken, bodySha256: "b2" }]),
    { ...opens(7), claims: [] },
  ],
  [
    "a parent that comes after its answer joins it",
    {},
    [thread(7, [taken])],
    holder([{ headerMessageId: "<a>", bodySha256: "b9" }]),
    joins(7),
  ],
  [
    "a parent of somebody else does not",
    { author: "eve@evil.example" },
    [thread(7, [taken])],
    holder([{ headerMessageId: "<a>", bodySha256: "b9" }]),
    { ...opens(7), claims: [] },
  ],

  [
    "a reply token decides before headers",
    { tokenTicket: token(9), trust: "token", inReplyTo: ["<p>"] },
    [thread(7, ["<p>"]), thread(9, [], [bob])],
    undefined,
    joins(9),
  ],
  [
    "a reply token lets a colleague in",
    { tokenTicket: token(9), trust: "token", author: "new@sender.example" },
    [thread(9, [])],
    undefined,
    { ...joins(9), participants: ["new@sender.example", bob] },
  ],
  [
    "a reply token of a merged ticket leads to the one that took it over",
    { tokenTicket: token(9), trust: "token" },
    [thread(3, [], [ann], { formerIds: [9] })],
    undefined,
    joins(3),
  ],
  [
    "a reply token of a ticket that is gone is none",
    { tokenTicket: token(9), trust: "token", inReplyTo: ["<p>"] },
    [thread(7, ["<p>"])],
    undefined,
    joins(7),
  ],
  [
    "a forward to a reply token by a participant joins",
    { tokenTicket: token(9), trust: "token", isForward: true },
    [thread(9, [])],
    undefined,
    joins(9),
  ],
  [
    "a forward to a reply token by a stranger does not",
    { tokenTicket: token(9), trust: "token", isForward: true, author: "eve@evil.example" },
    [thread(9, [])],
    undefined,
    opens(9),
  ],

  ["a subject tag joins a participant", { subject: "Re: [#7] Order" }, [thread(7, [])], undefined, joins(7)],
  [
    "a subject tag does not join a stranger",
    { subject: "Re: [#7] Order", author: "eve@evil.example" },
    [thread(7, [])],
    undefined,
    opens(),
  ],
  [
    "a tag in the name of a proven participant needs proof",
    { subject: "[#7]", trust: "unaligned" },
    [thread(7, [], [ann], { proven: [ann] })],
    undefined,
    opens(7),
  ],
  [
    "a tag from a participant who was never proven joins",
    { subject: "[#7]", trust: "unaligned" },
    [thread(7, [])],
    undefined,
    joins(7),
  ],
  ["a tag and a failed DMARC open", { subject: "[#7]", trust: "failed" }, [thread(7, [])], undefined, opens()],
  [
    "the second of two tags may be the own one",
    { subject: "[#7] was [#8]" },
    [thread(7, [], [bob]), thread(8, [])],
    undefined,
    joins(8),
  ],
  [
    "headers before a tag",
    { subject: "[#8]", inReplyTo: ["<p>"] },
    [thread(7, ["<p>"]), thread(8, [])],
    undefined,
    joins(7),
  ],
  [
    "a stranger's headers are not saved by a tag of their own ticket",
    { subject: "[#8]", inReplyTo: ["<p>"] },
    [thread(7, ["<p>"], [bob]), thread(8, [])],
    undefined,
    opens(7),
  ],

  [
    "a parent that ties two tickets of the same people merges them into the older",
    { references: ["<root>"] },
    [thread(8, [taken]), thread(7, ["<root>"])],
    holder([]),
    { ...joins(7), merges: [8] },
  ],
  [
    "a parent that ties tickets of different people merges nothing",
    { references: ["<root>"] },
    [thread(8, [taken], [ann, bob]), thread(7, ["<root>"])],
    holder([]),
    joins(8),
  ],

  [
    "an answer soon after closing opens the ticket again",
    { inReplyTo: ["<p>"] },
    [thread(7, ["<p>"], [ann], closed(29))],
    undefined,
    joins(7),
  ],
  [
    "an answer long after closing opens a new one, linked",
    { inReplyTo: ["<p>"] },
    [thread(7, ["<p>"], [ann], closed(31))],
    undefined,
    { ...opens(7), claims: [taken] },
  ],
  [
    "a token long after closing too",
    { tokenTicket: token(7), trust: "token" },
    [thread(7, [], [ann], closed(31))],
    undefined,
    opens(7),
  ],
  [
    "a colleague who writes takes part",
    { author: "carol@example.com", addressees: [] },
    [],
    undefined,
    { ...opens(), participants: ["carol@example.com"] },
  ],
])("%s", ([, given, threads, held, expected]) => {
  const { plan } = planned(given, threads, held);
  expect(plan).toMatchObject(expected);
  if (expected.kind === "open" && !("relatedTo" in expected)) expect(plan).not.toHaveProperty("relatedTo");
  if (expected.kind === "join" && !("merges" in expected)) expect(plan).not.toHaveProperty("merges");
});

test("tickets of outsiders are not linked where the policy says so, follow-ups are", () => {
  const policy = { ...defaultTicketPolicy, outsiders: "unrelated" } as const;
  const stranger = { inReplyTo: ["<p>"], author: "eve@evil.example" };
  expect(planned(stranger, [thread(7, ["<p>"])], undefined, policy).plan).not.toHaveProperty("relatedTo");
  const late = planned({ inReplyTo: ["<p>"] }, [thread(7, ["<p>"], [ann], closed(31))], undefined, policy);
  expect(late.plan).toMatchObject(opens(7));
});

test("asked are the own Message-ID, the parent, then the thread from its end, each once and not without bound", () => {
  const references = Array.from({ length: 500 }, (_, index) => `<r${index}>`);
  const ids = messageIdsToAsk({ ...base, inReplyTo: ["<r499>"], references });
  expect(ids.slice(0, 3)).toEqual(["<own@sender.example>", "<r499>", "<r498>"]);
  expect(ids.length).toBe(100);
  expect(new Set(ids).size).toBe(100);
});

test.for<[string, number[]]>([
  ["Re: [#12] Order", [12]],
  ["[#12] [#12] [#3] [#4] [#5]", [12, 3, 4]],
  ["#12 [12] [# 12] [#12", []],
  [`[#${"9".repeat(40)}]`, []],
])("tickets named in the subject %j are %j", ([subject, expected]) => {
  expect(ticketsToAsk({ ...base, subject }, defaultTicketPolicy)).toEqual(expected);
});

test("a tag of one's own making is taken literally", () => {
  const policy = { ...defaultTicketPolicy, subjectTag: { before: "(T.", after: ")" } };
  expect(ticketsToAsk({ ...base, subject: "(T.5) (Tx6)", tokenTicket: token(2) }, policy)).toEqual([2, 5]);
});

function planned(
  given: Partial<ThreadInput>,
  threads: readonly TicketThread[],
  held: Ticket | undefined,
  tickets = defaultTicketPolicy,
) {
  const input = Object.fromEntries(Object.entries({ ...base, ...given }).filter(([, value]) => value !== undefined));
  return planTicket({ domains: ["example.com"], tickets }, input as unknown as ThreadInput, threads, held);
}
