import { expect, test } from "vitest";
import type { Ticket, TicketEntry, TicketPlan, TicketThread } from "../../../shared/ports.ts";
import { messageIdsToAsk, planTicket, type ThreadInput } from "../../../shared/tickets/thread.ts";

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
};
const thread = (
  ticketId: number,
  messageIds: readonly string[],
  participants: readonly string[] = [ann],
): TicketThread => ({
  ticketId,
  messageIds,
  participants,
  state: "open",
});
const holder = (entries: readonly Partial<TicketEntry>[]): Ticket =>
  ({ id: 7, entries, participants: [ann] }) as unknown as Ticket;

test.for<[string, Partial<ThreadInput>, TicketThread[], Ticket | undefined, Partial<TicketPlan>]>([
  [
    "a first mail opens a ticket and takes its own Message-ID",
    {},
    [],
    undefined,
    { kind: "open", claims: ["<own@sender.example>"], participants: [ann, bob] },
  ],
  [
    "without a Message-ID nothing is taken",
    { headerMessageId: undefined as never },
    [],
    undefined,
    { kind: "open", claims: [] },
  ],
  [
    "an answer joins",
    { inReplyTo: ["<p>"] },
    [thread(7, ["<p>"])],
    undefined,
    { kind: "join", ticketId: 7, claims: ["<own@sender.example>"] },
  ],
  [
    "References alone are enough",
    { references: ["<root>", "<p>"] },
    [thread(7, ["<root>"])],
    undefined,
    { kind: "join", ticketId: 7 },
  ],
  [
    "In-Reply-To comes before References",
    { inReplyTo: ["<p>"], references: ["<q>"] },
    [thread(8, ["<q>"]), thread(7, ["<p>"])],
    undefined,
    { kind: "join", ticketId: 7 },
  ],
  [
    "of References the latest counts",
    { references: ["<old>", "<new>"] },
    [thread(8, ["<old>"]), thread(7, ["<new>"])],
    undefined,
    { kind: "join", ticketId: 7 },
  ],
  [
    "somebody who does not take part opens a related one",
    { author: "mallory@evil.example", inReplyTo: ["<p>"] },
    [thread(7, ["<p>"])],
    undefined,
    { kind: "open", relatedTo: 7, claims: ["<own@sender.example>"] },
  ],
  [
    "a forged participant opens a related one",
    { trust: "failed", inReplyTo: ["<p>"] },
    [thread(7, ["<p>"])],
    undefined,
    { kind: "open", relatedTo: 7 },
  ],
  [
    "an unproven participant joins, but brings nobody in",
    { trust: "unaligned", inReplyTo: ["<p>"], addressees: [bob] },
    [thread(7, ["<p>"])],
    undefined,
    { kind: "join", ticketId: 7, participants: [ann] },
  ],
  [
    "no author joins nothing",
    { author: "", inReplyTo: ["<p>"] },
    [thread(7, ["<p>"], [""])],
    undefined,
    { kind: "open", relatedTo: 7 },
  ],
  [
    "a forward opens a new one, related",
    { isForward: true, references: ["<p>"] },
    [thread(7, ["<p>"])],
    undefined,
    { kind: "open", relatedTo: 7, claims: ["<own@sender.example>"] },
  ],
  [
    "an answer before its parent takes the root too",
    { inReplyTo: ["<p>"], references: ["<root>", "<p>"] },
    [],
    undefined,
    { kind: "open", claims: ["<own@sender.example>", "<root>"] },
  ],
  [
    "a late parent of the same person joins",
    {},
    [thread(7, ["<own@sender.example>"])],
    holder([{ headerMessageId: "<answer>" }]),
    { kind: "join", ticketId: 7, claims: [] },
  ],
  [
    "a late parent of somebody else does not",
    { author: bob },
    [thread(7, ["<own@sender.example>"])],
    holder([{ headerMessageId: "<answer>" }]),
    { kind: "open", relatedTo: 7, claims: [] },
  ],
  [
    "the same mail to another of our addresses",
    {},
    [thread(7, ["<own@sender.example>"])],
    holder([{ headerMessageId: "<own@sender.example>", bodySha256: "b1" }]),
    { kind: "join", ticketId: 7, claims: [] },
  ],
  [
    "another mail under a Message-ID that is taken",
    { bodySha256: "b2" },
    [thread(7, ["<own@sender.example>"])],
    holder([{ headerMessageId: "<own@sender.example>", bodySha256: "b1" }]),
    { kind: "open", relatedTo: 7, claims: [] },
  ],
  [
    "our own addresses never take part",
    { addressees: ["x@sub.example.com", bob] },
    [],
    undefined,
    { kind: "open", participants: [ann, bob] },
  ],
  [
    "a colleague who writes does",
    { author: "carol@example.com", addressees: [] },
    [],
    undefined,
    { kind: "open", participants: ["carol@example.com"] },
  ],
])("%s", ([, given, threads, held, expected]) => {
  const input = Object.fromEntries(Object.entries({ ...base, ...given }).filter(([, value]) => value !== undefined));
  const plan = planTicket({ domains: ["example.com"] }, input as unknown as ThreadInput, threads, held);
  expect(plan).toMatchObject(expected);
  if (expected.kind === "open" && !("relatedTo" in expected)) expect(plan).not.toHaveProperty("relatedTo");
});

test("asked are the own Message-ID, the parent, then the thread from its end, each once and not without bound", () => {
  const references = Array.from({ length: 500 }, (_, index) => `<r${index}>`);
  const ids = messageIdsToAsk({ ...base, inReplyTo: ["<r499>"], references });
  expect(ids.slice(0, 3)).toEqual(["<own@sender.example>", "<r499>", "<r498>"]);
  expect(ids.length).toBe(100);
  expect(new Set(ids).size).toBe(100);
});
