import { afterEach, expect, test } from "vitest";
import { resolveConfig } from "../../shared/config/resolve-config.ts";
import { parseMail } from "../../shared/mail/parse-mail.ts";
import type { OutgoingMail, Ports } from "../../shared/ports.ts";
import { mayAcknowledge } from "../../shared/tickets/acknowledge.ts";
import { sesMessageIds } from "../../shared/tickets/answer-ticket.ts";
import { allTickets } from "../all-tickets.ts";
import { testConfig } from "../shared/streams/stream-fixture.ts";
import { dyingPorts, openPipeline, type Pipeline, type TestMail } from "./pipeline.ts";

let pipeline: Pipeline;
afterEach(() => pipeline?.close());

const support = "support@example.com";
const acknowledging = (tickets = {}) =>
  testConfig({ tickets: { acknowledge: true, fromName: "Example Support", ...tickets } });

/** The pipeline with an outbox that notes each id once, as every outbox promises. */
async function open(config = testConfig()) {
  pipeline = await openPipeline(config);
  const sent = new Map<string, OutgoingMail>();
  const ports: Ports = {
    ...pipeline.ports,
    outbox: {
      ...pipeline.ports.outbox,
      sendMail: async (mail) => {
        const repeated = sent.has(mail.id);
        if (!repeated) sent.set(mail.id, mail);
        return { messageId: `0100018f-${[...sent.keys()].indexOf(mail.id)}`, repeated };
      },
    },
  };
  return { ports, sent };
}

async function arrive(mail: Omit<TestMail, "to"> & { readonly to?: readonly string[] }, ports?: Ports) {
  const events = await pipeline.arrive({ to: [support], ...mail });
  await pipeline.queue(pipeline.config.names.noticeQueue, events.notice);
  await pipeline.drain(ports);
  return events;
}

const answerJob = (more = {}) => ({
  version: 1,
  kind: "answer",
  id: "ticket/1/one",
  ticketId: 1,
  at: "2026-08-04T10:00:00.000Z",
  text: "We look into it.\n",
  by: "carol",
  ...more,
});

test("an answer goes to the author and the copies, threads, and stands in the ticket", async () => {
  const { ports, sent } = await open(testConfig({ tickets: { fromName: "Example Support" } }));
  await arrive({ headers: { Cc: "Bob <bob@other.example>, help@example.com", "Message-ID": "<q@sender.example>" } });
  await pipeline.queue(pipeline.config.names.answerQueue, answerJob({ close: true }));
  await pipeline.drain(ports);

  const [mail] = [...sent.values()];
  expect(mail).toMatchObject({ kind: "reply", recipients: ["ann@sender.example", "bob@other.example"] });
  const parsed = await parseMail(mail?.raw ?? new Uint8Array());
  expect(parsed).toMatchObject({
    author: { name: "Example Support", address: mail?.envelopeSender },
    subject: "Re: [#1] Order 1207",
    inReplyTo: ["<q@sender.example>"],
    references: ["<q@sender.example>"],
  });
  expect(parsed.text.trim()).toBe("We look into it.");
  expect(parsed.headers.map(({ name }) => name.toLowerCase())).not.toContain("auto-submitted");
  expect(await ports.tickets.get(1)).toMatchObject({
    state: "closed",
    entries: [
      { kind: "mail" },
      { kind: "answer", by: "carol", headerMessageId: parsed.messageId, text: "We look into it.\n" },
    ],
  });
  const [threads] = await ports.tickets.threads(sesMessageIds("0100018f-0", "us-east-1"));
  expect(threads).toMatchObject({ ticketId: 1, messageIds: sesMessageIds("0100018f-0", "us-east-1") });
});

test("answers go where the author wants them, but never to ourselves", async () => {
  const { ports, sent } = await open();
  await arrive({ headers: { "Reply-To": "desk@sender.example, support@example.com" } });
  await pipeline.queue(pipeline.config.names.answerQueue, answerJob());
  await pipeline.drain(ports);
  expect([...sent.values()][0]?.recipients).toEqual(["desk@sender.example"]);
});

test.for(["before", "after"] as const)("killed %s any call, an answer is written once", async (when) => {
  for (let nth = 1; ; nth++) {
    const { ports, sent } = await open();
    await arrive({});
    await pipeline.queue(pipeline.config.names.answerQueue, answerJob());
    const dying = dyingPorts(ports, nth, when);
    await pipeline.drain(dying.ports);
    pipeline.clock.advance(10 * 60_000);
    await pipeline.drain(ports);
    expect(sent.size).toBe(1);
    expect((await ports.tickets.get(1))?.entries.map(({ kind }) => kind)).toEqual(["mail", "answer"]);
    expect(await ports.tickets.threads(sesMessageIds("0100018f-0", "us-east-1"))).toHaveLength(1);
    await pipeline.close();
    if (!dying.died()) break;
  }
});

test("an answer to a ticket that is not there goes to the dead letters", async () => {
  const { ports, sent } = await open();
  await pipeline.queue(pipeline.config.names.answerQueue, answerJob({ ticketId: 77 }));
  await pipeline.queue(pipeline.config.names.answerQueue, "{ not json");
  for (let round = 0; round < 6; round++) {
    await pipeline.drain(ports);
    pipeline.clock.advance(10 * 60_000);
  }
  expect(sent.size).toBe(0);
  expect(await pipeline.deadLetters(pipeline.config.names.answerQueue)).toBe(2);
});

test("who opens a ticket is told so, in their language, from an address that leads to it", async () => {
  const { ports, sent } = await open(acknowledging());
  await arrive({ body: "Bonjour, je ne reçois pas les factures. Merci pour votre aide\r\n" }, ports);
  const [mail] = [...sent.values()];
  expect(mail).toMatchObject({ kind: "acknowledgement", envelopeSender: "", recipients: ["ann@sender.example"] });
  const parsed = await parseMail(mail?.raw ?? new Uint8Array());
  expect(parsed.author?.address).toMatch(/^support\+[a-z2-7]{20,}@example\.com$/);
  expect(parsed.text).toContain("[#1]");
  expect(parsed.text).toContain("répondez");
  const header = (name: string) => parsed.headers.find((field) => field.name.toLowerCase() === name)?.value;
  expect(header("auto-submitted")).toBe("auto-replied");
  expect(header("x-mailweir-hop")).toBe("1");
  // The next one from the same author within the hour is not, whatever label the address carries.
  await arrive({ headers: { From: "ann+x@sender.example" }, body: "Another\r\n" }, ports);
  expect(sent.size).toBe(1);
  pipeline.clock.advance(3_600_001);
  await arrive({ body: "And another\r\n" }, ports);
  expect(sent.size).toBe(2);
  // An answer to the acknowledgement joins.
  await arrive({ to: [parsed.author?.address ?? ""], headers: { Subject: "x" }, body: "More\r\n" }, ports);
  expect((await allTickets(ports.tickets)).map(({ entries }) => entries.map(({ kind }) => kind).join(" "))).toEqual([
    "mail answer mail",
    "mail",
    "mail answer",
  ]);
  expect(sent.size).toBe(2);
});

test("one's own words, and English where there are none in the author's language", async () => {
  const { ports, sent } = await open(acknowledging({ acknowledgements: { de: { text: "Danke, Nummer {{ticket}}" } } }));
  await arrive({ body: "Guten Tag, ich habe die Rechnung nicht bekommen, bitte noch einmal\r\n" }, ports);
  await arrive(
    { headers: { From: "bob@sender.example" }, body: "Merhaba, bu sipariş için bir fatura lütfen\r\n" },
    ports,
  );
  const texts = await Promise.all([...sent.values()].map(async ({ raw }) => (await parseMail(raw)).text.trim()));
  expect(texts[0]).toBe("Danke, Nummer [#1]");
  expect(texts[1]).toContain("We have received");
});

test.for(["before", "after"] as const)("killed %s any call, a mail is acknowledged once", async (when) => {
  for (let nth = 1; ; nth++) {
    const { ports, sent } = await open(acknowledging());
    const events = await pipeline.arrive({ to: [support] });
    await pipeline.queue(pipeline.config.names.noticeQueue, events.notice);
    const dying = dyingPorts(ports, nth, when);
    await pipeline.drain(dying.ports);
    for (let round = 0; round < 3; round++) {
      pipeline.clock.advance(10 * 60_000);
      await pipeline.drain(ports);
    }
    expect(sent.size, `call ${nth}`).toBe(1);
    expect((await ports.tickets.get(1))?.entries.map(({ kind }) => kind)).toEqual(["mail", "answer"]);
    await pipeline.close();
    if (!dying.died()) break;
  }
});

const entry = { author: { name: "", address: "ann@sender.example" }, trust: "aligned" } as const;
test.for<
  [string, Parameters<typeof mayAcknowledge>[1], Partial<Parameters<typeof mayAcknowledge>[2]>, RegExp | undefined]
>([
  ["a proven author is told", entry, {}, undefined],
  ["a forged one is not", { ...entry, trust: "failed" }, {}, /not proven/],
  ["an unproven one is not", { ...entry, trust: "unaligned" }, {}, /not proven/],
  ["the null sender is not", entry, { envelopeFrom: "" }, /null/],
  ["an author without an address is not", { ...entry, author: { name: "Ann", address: "" } }, {}, /no address/],
  ["we are not", { ...entry, author: { name: "", address: "carol@example.com" } }, {}, /our own/],
  [
    "an address of a machine is not",
    { ...entry, author: { name: "", address: "No-Reply@sender.example" } },
    {},
    /takes no answers/,
  ],
  [
    "a list's address is not",
    { ...entry, author: { name: "", address: "dogs-request@sender.example" } },
    {},
    /takes no answers/,
  ],
  ["the third answer of machines is", entry, { hops: 2 }, undefined],
  ["the fourth is not", entry, { hops: 3 }, /loop/],
])("%s", ([, mail, way, why]) => {
  const may = mayAcknowledge(acknowledging(), mail, { envelopeFrom: "ann@sender.example", hops: 0, ...way });
  if (why === undefined) expect(may).toEqual({ kind: "yes", to: "ann@sender.example" });
  else expect(may).toEqual({ kind: "no", why: expect.stringMatching(why) });
});

/** Two pipelines that acknowledge each other, with a gateway between that drops some header fields. */
const marks = ["auto-submitted", "x-auto-response-suppress", "in-reply-to", "references"];
test.for<[string, readonly string[], number, number]>([
  ["with their headers they do so once", [], 0, 1],
  ["without them, however slowly, they stop after three, and one alert says so", marks, 61, 3],
  ["without even a count of hops, one an hour is the limit", [...marks, "x-mailweir-hop"], 0, 2],
])("machines that answer each other: %s", async ([, dropped, minutes, expected]) => {
  const config = acknowledging();
  const one = await openPipeline(config);
  const two = await openPipeline(
    resolveConfig({
      domains: ["sender.example"],
      streams: { ticket: { recipients: ["ann@sender.example"] } },
      tickets: { acknowledge: true },
    }),
  );
  pipeline = one;
  try {
    const alerts: string[] = [];
    const exchange = (from: Pipeline) => {
      const sent: OutgoingMail[] = [];
      const ports: Ports = {
        ...from.ports,
        limits: {
          take: async (key, id, limit) => {
            const may = await from.ports.limits.take(key, id, limit);
            if (may && key.startsWith("loop alert")) alerts.push(key);
            return may;
          },
        },
        outbox: {
          ...from.ports.outbox,
          sendMail: async (mail) => {
            if (!sent.some(({ id }) => id === mail.id)) sent.push(mail);
            return { messageId: mail.id, repeated: false };
          },
        },
      };
      return { sent, ports };
    };
    const sides = [
      { pipeline: two, ...exchange(two), address: "ann@sender.example" },
      { pipeline: one, ...exchange(one), address: support },
    ];
    const first = await one.arrive({ to: [support], from: "ann@sender.example" });
    await one.queue(config.names.noticeQueue, first.notice);
    await one.drain(sides[1]?.ports);
    let total = sides[1]?.sent.length ?? 0;
    for (let turn = 0; turn < 20; turn++) {
      const to = sides[turn % 2];
      const from = sides[(turn + 1) % 2];
      const mail = from?.sent.at(-1);
      if (!to || !from || !mail) break;
      const text = Buffer.from(mail.raw).toString("latin1");
      const [head = "", ...rest] = text.split("\r\n\r\n");
      const fields = head
        .split(/\r\n(?![ \t])/)
        .filter((field) => !dropped.includes((field.split(":")[0] ?? "").toLowerCase()));
      // A gateway that rewrites the address, so that no token or thread can stop it either.
      const raw = Buffer.from(
        `${fields.join("\r\n").replace(/\+[a-z2-7]+@/g, `+${turn}@`)}\r\n\r\n${rest.join("\r\n\r\n")}`,
        "latin1",
      );
      const before = to.sent.length;
      for (const { pipeline } of sides) pipeline.clock.advance(minutes * 60_000);
      const events = await to.pipeline.arrive({ to: [to.address], from: from.address, raw });
      await to.pipeline.queue(to.pipeline.config.names.noticeQueue, events.notice);
      await to.pipeline.drain(to.ports);
      if (to.sent.length === before) break;
      total += to.sent.length - before;
    }
    expect(total).toBe(expected);
    expect(alerts).toHaveLength(expected === 3 ? 1 : 0);
  } finally {
    await two.close();
  }
});

test("an automatic reply to our answer belongs to the ticket and changes nothing in it", async () => {
  const { ports } = await open();
  await arrive({ headers: { "Message-ID": "<q@sender.example>" } });
  await pipeline.queue(pipeline.config.names.answerQueue, answerJob({ close: true }));
  await pipeline.drain(ports);
  const [, answer] = (await ports.tickets.get(1))?.entries ?? [];
  const ours = answer?.kind === "answer" ? answer.headerMessageId : "";
  const { id } = await arrive(
    {
      headers: {
        Subject: "Out of office: Re: [#1] Order 1207",
        "Auto-Submitted": "auto-replied",
        "In-Reply-To": ours,
        References: `<q@sender.example> ${ours}`,
        "Message-ID": "<away@sender.example>",
      },
    },
    ports,
  );
  const record = await pipeline.record(id, support);
  expect(record).toMatchObject({ stream: "auto-reply", state: "done", detail: { ticket: "1" } });
  const [written] = await ports.records.list({ kind: "auto-reply", limit: 10 });
  expect(written?.facts).toMatchObject({ tickets: [1] });
  expect(await ports.tickets.get(1)).toMatchObject({
    state: "closed",
    entries: [{ kind: "mail" }, { kind: "answer" }],
  });
});
