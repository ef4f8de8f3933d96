import { afterEach, describe, expect, test } from "vitest";
import type { OutgoingMail, Ports } from "../../shared/ports.ts";
import { ticketOfAddress } from "../../shared/tickets/reply-address.ts";
import { createTokens } from "../../shared/tokens/tokens.ts";
import { allTickets } from "../all-tickets.ts";
import { testConfig } from "../shared/streams/stream-fixture.ts";
import { openPipeline, type Pipeline, type TestMail } from "./pipeline.ts";

/** One step: a mail that arrives, or something that we do. */
type Step =
  | {
      /** Its name here, its Message-ID's local part, and what stands in the body. */
      readonly id: string;
      readonly by?: string;
      /** Names of the mails of In-Reply-To and of References; `References` defaults to the former. */
      readonly re?: string;
      readonly refs?: string;
      readonly subject?: string;
      /** Trust by verdicts: DMARC passes by default. */
      readonly trust?: "aligned" | "unaligned" | "failed";
      readonly headers?: Readonly<Record<string, string>>;
      /** Recipients; `token:<ticket>` is support's address with that ticket's reply token. */
      readonly to?: readonly string[];
      readonly body?: string;
    }
  | { readonly answer: number; readonly name: string }
  | { readonly close: number }
  | { readonly days: number };

const ann = "ann@sender.example";
const bob = "bob@other.example";
const eve = "eve@evil.example";
const support = "support@example.com";

let pipeline: Pipeline;
let sent: OutgoingMail[];
const textOf = (mail: OutgoingMail | undefined) => Buffer.from(mail?.raw ?? []).toString("latin1");
afterEach(() => pipeline.close());

/** Tickets as text: `1: q a | 2 of 1: x`, in the order of their numbers, entries by their names. */
async function run(steps: readonly Step[]): Promise<string> {
  pipeline = await openPipeline(testConfig({ streams: { ticket: { recipients: [support, "help@example.com"] } } }));
  const { config } = pipeline;
  sent = [];
  // SES's part: it takes the mail and gives it a Message-ID of its own.
  const ports: Ports = {
    ...pipeline.ports,
    outbox: {
      ...pipeline.ports.outbox,
      sendMail: async (mail) => {
        sent.push(mail);
        return { messageId: `0100018f00000000-${sent.length}`, repeated: false };
      },
    },
  };
  // What our answers are called on the way: by us, and by SES.
  const ours = new Map<string, { readonly own: string; readonly ses: string }>();
  const idOf = (name: string) => {
    const [answer, which] = name.split("/");
    const known = ours.get(answer ?? "");
    if (known === undefined) return `<${name}@mail.example>`;
    return which === "ses" ? known.ses : known.own;
  };
  const addressOf = (to: string) => (to.startsWith("token:") ? (sent[0]?.envelopeSender ?? "") : to);
  for (const step of steps) {
    if ("days" in step) {
      pipeline.clock.advance(step.days * 86_400_000);
    } else if ("close" in step) {
      await ports.tickets.change(step.close, { id: `close ${step.close}`, state: "closed" });
    } else if ("answer" in step) {
      const id = `ticket/${step.answer}/${step.name}`;
      const at = pipeline.clock.now().toISOString();
      const job = { version: 1, kind: "answer", id, ticketId: step.answer, at, text: "We look into it.", by: "carol" };
      await pipeline.queue(config.names.answerQueue, job);
      await pipeline.drain(ports);
      const own = /^Message-ID: (.*)\r$/m.exec(textOf(sent.at(-1)))?.[1];
      if (own === undefined) throw new Error("the answer was not written");
      ours.set(step.name, { own, ses: `<0100018f00000000-${sent.length}@email.amazonses.com>` });
    } else {
      const { id, by = ann, re, refs = re, subject = "Order 1207", trust = "aligned", to = [support] } = step;
      const recipients = to.map(addressOf);
      const headers: Record<string, string> = {
        From: by,
        To: recipients.join(", "),
        Subject: subject,
        "Message-ID": `<${id}@mail.example>`,
        ...(re !== undefined && { "In-Reply-To": idOf(re) }),
        ...(refs !== undefined && refs !== "" && { References: refs.split(" ").map(idOf).join(" ") }),
        ...step.headers,
      };
      const verdicts: TestMail["verdicts"] =
        trust === "aligned" ? {} : { spf: "GRAY", dkim: "GRAY", dmarc: trust === "failed" ? "FAIL" : "GRAY" };
      const events = await pipeline.arrive({
        from: by,
        to: recipients,
        headers,
        verdicts,
        at: pipeline.clock.now(),
        body: step.body ?? `${id}\r\n`,
      });
      await pipeline.queue(config.names.noticeQueue, events.notice);
      await pipeline.drain(ports);
    }
  }
  const shown = (await allTickets(ports.tickets)).map(({ id, relatedTo, entries }) => {
    const names = entries.map((entry) =>
      entry.kind === "mail"
        ? (/^<(.*)@mail\.example>$/.exec(entry.headerMessageId ?? "")?.[1] ?? "?")
        : entry.kind === "answer"
          ? entry.id.replace(/.*\//, "")
          : "note",
    );
    return `${id}${relatedTo === undefined ? "" : ` of ${relatedTo}`}: ${names.join(" ")}`;
  });
  return shown.join(" | ");
}

const table = (rows: readonly (readonly [string, readonly Step[], string])[]) =>
  test.for(rows.map((row) => [...row] as [string, readonly Step[], string]))("%s", async ([, steps, expected]) => {
    expect(await run(steps)).toBe(expected);
  });

const q: Step = { id: "q" };

describe("answers by their headers", () => {
  table([
    ["an answer joins by In-Reply-To", [q, { id: "a", re: "q" }], "1: q a"],
    ["by References alone", [q, { id: "a", refs: "q" }], "1: q a"],
    ["by In-Reply-To alone", [q, { id: "a", re: "q", refs: "" }], "1: q a"],
    ["with another subject", [q, { id: "a", re: "q", subject: "Something else entirely" }], "1: q a"],
    ["without a subject", [q, { id: "a", re: "q", subject: "" }], "1: q a"],
    [
      "with an answer's prefix in another language",
      [q, { id: "a", re: "q", subject: "AW: SV: VS: Order 1207" }],
      "1: q a",
    ],
    ["an answer to an answer", [q, { id: "a", re: "q" }, { id: "b", re: "a", refs: "q a" }], "1: q a b"],
    [
      "an answer that lost the middle of its thread",
      [q, { id: "a", re: "q" }, { id: "c", re: "lost", refs: "q lost" }],
      "1: q a c",
    ],
    ["an answer that knows only the middle", [q, { id: "a", re: "q" }, { id: "b", re: "a", refs: "a" }], "1: q a b"],
    [
      "an answer whose parent never came, then one more",
      [
        { id: "a", re: "never" },
        { id: "b", re: "a", refs: "never a" },
      ],
      "1: a b",
    ],
    [
      "two answers to a mail that never came",
      [
        { id: "a", re: "never" },
        { id: "b", re: "never" },
      ],
      "1: a b",
    ],
    ["two mails of one author with one subject are two tickets", [q, { id: "r" }], "1: q | 2: r"],
    [
      "the same words twice are two mails",
      [
        { id: "q", body: "Hi\r\n" },
        { id: "r", body: "Hi\r\n" },
      ],
      "1: q | 2: r",
    ],
    [
      "several ids in In-Reply-To",
      [q, { id: "a", headers: { "In-Reply-To": "<x@mail.example> <q@mail.example>" } }],
      "1: q a",
    ],
    [
      "words in In-Reply-To",
      [q, { id: "a", headers: { "In-Reply-To": 'Your message of Tuesday <q@mail.example> "hello"' } }],
      "1: q a",
    ],
    [
      "a folded References",
      [q, { id: "a", headers: { References: "<x@mail.example>\r\n\t<q@mail.example>" } }],
      "1: q a",
    ],
    ["an answer without a Message-ID", [q, { id: "a", re: "q", headers: { "Message-ID": "" } }], "1: q ?"],
    [
      "a mail without a Message-ID that nobody can answer",
      [{ id: "q", headers: { "Message-ID": "" } }, { id: "r" }],
      "1: ? | 2: r",
    ],
    [
      "a hundred references before the one that counts",
      [q, { id: "a", refs: `q ${Array.from({ length: 90 }, (_, n) => `x${n}`).join(" ")}` }],
      "1: q a",
    ],
  ]);
});

describe("who takes part", () => {
  table([
    ["a stranger's answer is linked, not joined", [q, { id: "x", by: eve, re: "q" }], "1: q | 2 of 1: x"],
    [
      "a stranger's second answer joins their own ticket",
      [q, { id: "x", by: eve, re: "q" }, { id: "y", by: eve, re: "x", refs: "q x" }],
      "1: q | 2 of 1: x y",
    ],
    [
      "a stranger who answers the first mail twice",
      [q, { id: "x", by: eve, re: "q" }, { id: "y", by: eve, re: "q" }],
      "1: q | 2 of 1: x | 3 of 1: y",
    ],
    [
      "whoever was in copy takes part",
      [
        { id: "q", headers: { Cc: bob } },
        { id: "b", by: bob, re: "q" },
      ],
      "1: q b",
    ],
    [
      "whoever a participant brings in takes part",
      [q, { id: "a", re: "q", headers: { Cc: bob } }, { id: "b", by: bob, re: "a", refs: "q a" }],
      "1: q a b",
    ],
    [
      "whoever a forged participant brings in does not",
      [q, { id: "a", re: "q", trust: "unaligned", headers: { Cc: eve } }, { id: "x", by: eve, re: "a", refs: "q a" }],
      "1: q a | 2 of 1: x",
    ],
    [
      "a forged author whose domain says reject is held back",
      [q, { id: "x", re: "q", trust: "failed" }],
      "1: q | 2 of 1: x",
    ],
    ["the same person in another case", [q, { id: "a", by: "ANN@Sender.Example", re: "q" }], "1: q a"],
    ["the same person from another address", [q, { id: "a", by: "ann@home.example", re: "q" }], "1: q | 2 of 1: a"],
    [
      "a name that looks like the author's",
      [q, { id: "x", by: '"ann@sender.example" <eve@evil.example>', re: "q" }],
      "1: q | 2 of 1: x",
    ],
    [
      "one newsletter answered by two customers",
      [
        { id: "a", by: ann, re: "news" },
        { id: "b", by: bob, re: "news" },
      ],
      "1: a | 2 of 1: b",
    ],
    [
      "and their next mails",
      [
        { id: "a", by: ann, re: "news" },
        { id: "b", by: bob, re: "news" },
        { id: "c", by: bob, re: "b", refs: "news b" },
        { id: "d", by: ann, re: "a", refs: "news a" },
      ],
      "1: a d | 2 of 1: b c",
    ],
    [
      "a colleague of ours who writes takes part",
      [
        { id: "q", by: "carol@example.com" },
        { id: "a", by: "carol@example.com", re: "q" },
      ],
      "1: q a",
    ],
    ["another customer's Message-ID copied", [q, { id: "q", by: eve, body: "Mine now\r\n" }], "1: q | 2 of 1: q"],
    ["a program that never changes its Message-ID", [q, { id: "q", body: "Another order\r\n" }], "1: q | 2 of 1: q"],
  ]);
});

describe("tags in the subject", () => {
  table([
    ["a tag joins whoever takes part", [q, { id: "a", subject: "Re: [#1] Order 1207" }], "1: q a"],
    ["anywhere in the subject", [q, { id: "a", subject: "Order [#1] once more" }], "1: q a"],
    ["a guessed number does not", [q, { id: "x", by: eve, subject: "[#1] hello" }], "1: q | 2: x"],
    [
      "a guessed number in the name of a proven participant, unproven",
      [q, { id: "x", subject: "[#1] hello", trust: "unaligned" }],
      "1: q | 2 of 1: x",
    ],
    [
      "a participant who was never proven",
      [
        { id: "q", trust: "unaligned" },
        { id: "a", subject: "[#1]", trust: "unaligned" },
      ],
      "1: q a",
    ],
    ["a number of no ticket", [q, { id: "a", subject: "[#77] Order" }], "1: q | 2: a"],
    ["a number without its tag", [q, { id: "a", subject: "#1 Order" }], "1: q | 2: a"],
    ["headers before the tag", [q, { id: "r" }, { id: "a", re: "q", subject: "[#2] Order" }], "1: q a | 2: r"],
    [
      "one's own tag does not lead a stranger's answer",
      [q, { id: "x", by: eve }, { id: "y", by: eve, re: "q", subject: "[#2]" }],
      "1: q | 2: x | 3 of 1: y",
    ],
    ["two tags, one of them one's own", [{ id: "x", by: eve }, q, { id: "a", subject: "[#1] [#2]" }], "1: x | 2: q a"],
    ["a tag in an encoded subject", [q, { id: "a", subject: "=?utf-8?B?UmU6IFsjMV0gT3JkZXI=?=" }], "1: q a"],
  ]);
});

describe("answers to our answers", () => {
  const answered: readonly Step[] = [q, { answer: 1, name: "ours" }];
  table([
    ["by the Message-ID that we wrote", [...answered, { id: "a", re: "ours" }], "1: q ours a"],
    ["by the Message-ID that SES put in its place", [...answered, { id: "a", re: "ours/ses" }], "1: q ours a"],
    ["by the reply token, with no header left", [...answered, { id: "a", to: ["token:1"] }], "1: q ours a"],
    [
      "by the reply token, from another address",
      [...answered, { id: "a", by: "ann@home.example", to: ["token:1"] }],
      "1: q ours a",
    ],
    [
      "by the reply token, unproven",
      [...answered, { id: "a", by: "ann@home.example", trust: "unaligned", to: ["token:1"] }],
      "1: q ours a",
    ],
    [
      "whoever used a token takes part from then on",
      [...answered, { id: "a", by: "ann@home.example", to: ["token:1"] }, { id: "b", by: "ann@home.example", re: "q" }],
      "1: q ours a b",
    ],
    ["a stranger who knows the Message-ID", [...answered, { id: "x", by: eve, re: "ours" }], "1: q ours | 2 of 1: x"],
    [
      "the token before headers that say otherwise",
      [...answered, { id: "r" }, { id: "a", re: "r", to: ["token:1"] }],
      "1: q ours a | 2: r",
    ],
    [
      "a token whose letters were changed is a label",
      [...answered, { id: "x", by: eve, to: ["support+aaaaaaaaaaaaaaaaaaaaaaaaaaaaa@example.com"] }],
      "1: q ours | 2: x",
    ],
    ["a mail to support and to the token is one", [...answered, { id: "a", to: [support, "token:1"] }], "1: q ours a"],
    [
      "two answers, the second one answered",
      [...answered, { answer: 1, name: "more" }, { id: "a", re: "more/ses" }],
      "1: q ours more a",
    ],
  ]);

  test("a token in other case is the same", async () => {
    await run(answered);
    const ring = createTokens(await pipeline.ports.secrets.keyRing());
    const from = sent[0]?.envelopeSender ?? "";
    expect(from).toMatch(/^support\+[a-z2-7]+@example\.com$/);
    const mark = ticketOfAddress(ring, from.toUpperCase(), pipeline.clock.now());
    expect(mark?.ticketId).toBe(1);
    expect(ticketOfAddress(ring, from.replace("support+", "support+a"), pipeline.clock.now())).toBeUndefined();
  });
});

// What a client puts above another's mail, by language: the separator, the field names, the subject's prefix.
const forwards: readonly (readonly [string, string, readonly [string, string, string, string], string])[] = [
  ["English, Gmail", "---------- Forwarded message ---------", ["From", "Date", "Subject", "To"], "Fwd:"],
  ["German, Outlook", "", ["Von", "Gesendet", "Betreff", "An"], "WG:"],
  ["French", "---------- Message transféré ---------", ["De", "Date", "Objet", "À"], "TR:"],
  ["Spanish", "---------- Mensaje reenviado ---------", ["De", "Fecha", "Asunto", "Para"], "RV:"],
  ["Italian", "---------- Messaggio inoltrato ---------", ["Da", "Data", "Oggetto", "A"], "I:"],
  ["Portuguese", "---------- Mensagem encaminhada ---------", ["De", "Data", "Assunto", "Para"], "Enc:"],
  ["Dutch", "---------- Doorgestuurd bericht ---------", ["Van", "Datum", "Onderwerp", "Aan"], "Fwd:"],
  ["Swedish", "---------- Vidarebefordrat meddelande ---------", ["Från", "Datum", "Ämne", "Till"], "VB:"],
  ["Danish", "---------- Videresendt meddelelse ---------", ["Fra", "Dato", "Emne", "Til"], "VS:"],
  ["Norwegian", "---------- Videresendt melding ---------", ["Fra", "Dato", "Emne", "Til"], "VS:"],
  ["Finnish", "---------- Välitetty viesti ---------", ["Lähettäjä", "Päivämäärä", "Aihe", "Vastaanottaja"], "VL:"],
  ["Polish", "---------- Wiadomość przekazana dalej ---------", ["Od", "Data", "Temat", "Do"], "PD:"],
  ["Czech", "---------- Přeposlaná zpráva ---------", ["Od", "Datum", "Předmět", "Komu"], "Fwd:"],
  ["Turkish", "---------- İletilen ileti ---------", ["Kimden", "Tarih", "Konu", "Kime"], "İLT:"],
  ["Russian", "---------- Пересланное сообщение ---------", ["От", "Дата", "Тема", "Кому"], "Fwd:"],
  ["Japanese", "---------- 転送メッセージ ---------", ["差出人", "日付", "件名", "宛先"], "Fwd:"],
  ["Chinese", "---------- 转发的邮件 ---------", ["发件人", "日期", "主题", "收件人"], "转发："],
];

describe("a forward opens a ticket of its own", () => {
  const word = (text: string) => `=?utf-8?B?${Buffer.from(text).toString("base64")}?=`;
  table(
    forwards.map(([name, separator, [from, date, subject, to], prefix]) => {
      const block = [
        `${from}: Dan <dan@third.example>`,
        `${date}: 2026-08-03 10:00`,
        // Outlook's order; it also leaves the separator out.
        ...(separator === ""
          ? [`${to}: ann@sender.example`, `${subject}: Delivery`]
          : [`${subject}: Delivery`, `${to}: ann@sender.example`]),
      ];
      const forwarded = [
        "Please have a look.",
        "",
        separator,
        ...block,
        "",
        "The parcel came open and wet, two of four parts are missing.",
        "Dan",
        "",
      ];
      return [
        name,
        [
          q,
          {
            id: "f",
            re: "q",
            subject: word(`${prefix} Delivery`),
            headers: { "Content-Type": "text/plain; charset=utf-8", "Content-Transfer-Encoding": "base64" },
            body: `${Buffer.from(forwarded.join("\r\n")).toString("base64")}\r\n`,
          },
        ],
        "1: q | 2 of 1: f",
      ] as const;
    }),
  );
  table([
    [
      "an answer that quotes is none",
      [q, { id: "a", re: "q", body: "Yes.\r\n\r\nOn Tue, Ann wrote:\r\n> Order 1207\r\n" }],
      "1: q a",
    ],
    [
      "an answer to a forward keeps its prefix and is none",
      [
        { id: "q", subject: "Fwd: Order" },
        { id: "a", re: "q", subject: "Re: Fwd: Order", body: "Thanks.\r\n\r\nOn Tue, Bob wrote:\r\n> See below\r\n" },
      ],
      "1: q a",
    ],
  ]);
});

describe("several of our addresses, Bcc, order of arrival", () => {
  table([
    ["one mail to two of our addresses", [{ id: "q", to: [support, "help@example.com"] }], "1: q"],
    [
      "and its answer to the other one",
      [
        { id: "q", to: [support, "help@example.com"] },
        { id: "a", re: "q", to: ["help@example.com"] },
      ],
      "1: q a",
    ],
    [
      "the same mail twice by two ways",
      [
        { id: "q", to: [support], body: "x\r\n" },
        { id: "q", to: ["help@example.com"], body: "x\r\n" },
      ],
      "1: q",
    ],
    [
      "in blind copy",
      [
        { id: "q", headers: { To: bob } },
        { id: "a", re: "q", headers: { To: bob } },
      ],
      "1: q a",
    ],
    [
      "in blind copy, answered by the one who was addressed",
      [
        { id: "q", headers: { To: bob } },
        { id: "b", by: bob, re: "q" },
      ],
      "1: q b",
    ],
    ["an answer before its parent", [{ id: "a", re: "q" }, q], "1: a q"],
    ["two answers before their parent", [{ id: "a", re: "q" }, { id: "b", re: "q" }, q], "1: a b q"],
    [
      "an answer before its parent, of another author",
      [{ id: "b", by: bob, re: "q", headers: { Cc: ann } }, q],
      "1: b q",
    ],
    [
      "an answer before its parent, whose author it does not name",
      [{ id: "b", by: bob, re: "q" }, q],
      "1: b | 2 of 1: q",
    ],
    ["grandchild, child, parent", [{ id: "b", re: "a", refs: "q a" }, { id: "a", re: "q", refs: "q" }, q], "1: b a q"],
    [
      "two tickets turn out to be one when their parents come",
      [
        { id: "b", re: "a", refs: "a" },
        { id: "c", re: "q", refs: "q" },
        { id: "a", re: "q", refs: "q" },
      ],
      "1: b c a",
    ],
    [
      "two tickets of different people never do",
      [
        { id: "b", by: bob, re: "a", refs: "a", headers: { Cc: ann } },
        { id: "c", re: "q", refs: "q" },
        { id: "a", re: "q", refs: "q" },
      ],
      "1: b a | 2: c",
    ],
    [
      "an answer to a merged ticket's mail",
      [
        { id: "b", re: "a", refs: "a" },
        { id: "c", re: "q", refs: "q" },
        { id: "a", re: "q", refs: "q" },
        { id: "d", re: "c", refs: "c" },
      ],
      "1: b c a d",
    ],
  ]);
});

describe("closed tickets", () => {
  table([
    ["an answer opens it again", [q, { close: 1 }, { days: 20 }, { id: "a", re: "q" }], "1: q a"],
    [
      "an answer after the reopening time opens a follow-up",
      [q, { close: 1 }, { days: 40 }, { id: "a", re: "q" }],
      "1: q | 2 of 1: a",
    ],
    [
      "and the answers to that one join the follow-up",
      [q, { close: 1 }, { days: 40 }, { id: "a", re: "q" }, { id: "b", re: "a", refs: "q a" }],
      "1: q | 2 of 1: a b",
    ],
    [
      "a tag after the reopening time",
      [q, { close: 1 }, { days: 40 }, { id: "a", subject: "[#1]" }],
      "1: q | 2 of 1: a",
    ],
  ]);
});
