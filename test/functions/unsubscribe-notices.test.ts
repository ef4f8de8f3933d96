import { simpleParser } from "mailparser";
import { afterEach, expect, test } from "vitest";
import type { MailConfig } from "../../shared/config/types.ts";
import { createUnsubscriber } from "../../shared/unsubscribe/sender.ts";
import { testConfig } from "../shared/streams/stream-fixture.ts";
import { dyingPorts, openPipeline, type Pipeline, type TestMail } from "./pipeline.ts";

// The mails that we write about requests: the question to whoever cannot be proven, and the notice that it was done.

let pipeline: Pipeline;
afterEach(() => pipeline.close());
const start = async (unsubscribe: MailConfig["unsubscribe"] = {}) => {
  pipeline = await openPipeline(
    testConfig({
      unsubscribe: { url: "https://mail.example.com/u", lists: { news: { name: "Weekly news" } }, ...unsubscribe },
    }),
  );
};

const to = ["unsubscribe@example.com"];
const unproven = { spf: "PASS", dkim: "GRAY", dmarc: "GRAY" } as const;
const forged: TestMail = {
  to,
  from: "eve@evil.example",
  headers: { Subject: "unsubscribe news" },
  body: "",
  verdicts: unproven,
};
const utf8 = {
  "MIME-Version": "1.0",
  "Content-Type": "text/plain; charset=utf-8",
  "Content-Transfer-Encoding": "8bit",
};

async function arrive(mail: TestMail, copies = 1) {
  const events = await pipeline.arrive(mail);
  for (let copy = 0; copy < copies; copy++) await pipeline.queue(pipeline.config.names.noticeQueue, events.notice);
  await Promise.all(Array.from({ length: copies > 1 ? 4 : 1 }, () => pipeline.drain()));
  await pipeline.drain();
  return events.id;
}

async function sent() {
  const entries = await pipeline.store.ports.outbox.list({ limit: 50 });
  return Promise.all(
    [...entries].reverse().map(async (entry) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of await pipeline.store.ports.outbox.open(entry.number)!) chunks.push(chunk);
      return { entry, mail: await simpleParser(Buffer.concat(chunks)) };
    }),
  );
}

test("the question: from <>, marked as automatic, threaded, quoting nothing; its answer and its link do it", async () => {
  await start();
  await arrive(forged);
  const [{ entry, mail }] = (await sent()) as [Awaited<ReturnType<typeof sent>>[number]];
  expect(entry).toMatchObject({
    kind: "confirmation",
    envelopeSender: "",
    recipients: [{ recipient: "ann@sender.example" }],
  });
  expect(mail.headers.get("auto-submitted")).toBe("auto-replied");
  expect(mail.headers.get("x-auto-response-suppress")).toBe("All");
  expect(mail.inReplyTo).toMatch(/@sender\.example>$/);
  expect(mail.subject).toBe("Do you want to unsubscribe?");
  expect(mail.text).toContain("“Weekly news”");
  expect(mail.text).not.toContain("evil");
  expect(await pipeline.ports.suppressions.list({ limit: 10 })).toEqual([]);

  const link = /https:\/\/mail\.example\.com\/u\/\S+/.exec(mail.text!)![0];
  const sender = createUnsubscriber({
    secret: await pipeline.ports.secrets.keyRing(),
    mailto: "unsubscribe@example.com",
  });
  expect(sender.openLink(link)).toMatchObject({ kind: "valid", address: "ann@sender.example", list: "news" });
  const replyTo = mail.replyTo!.value[0]!.address!;
  expect(replyTo.indexOf("@")).toBeLessThanOrEqual(64);
  await arrive({
    to: [replyTo],
    headers: { "In-Reply-To": mail.messageId!, Subject: `Re: ${mail.subject}` },
    body: "Yes\r\n",
  });
  expect(await pipeline.ports.suppressions.list({ limit: 10 })).toMatchObject([
    { address: "ann@sender.example", list: "news" },
  ]);
});

test.for<[string, string, string]>([
  ["de", "Ich möchte bitte keine weiteren Mails von Ihnen und mich abmelden", "Möchten Sie sich abmelden?"],
  ["fr", "Bonjour, je voudrais me désinscrire de la liste pour mon ami et vous", "Souhaitez-vous vous désinscrire ?"],
  [
    "es",
    "Hola, por favor quiero darme de baja de la lista que está en mi correo y otras cosas",
    "¿Quiere darse de baja?",
  ],
  ["en", "Please unsubscribe me and have a look at what the others would like", "Do you want to unsubscribe?"],
])("it is asked in the language of the request: %s", async ([, text, subject]) => {
  await start();
  await arrive({ ...forged, headers: { ...utf8, Subject: "=?UTF-8?B?w6k=?=" }, body: `${text}\r\n` });
  expect((await sent()).map(({ mail }) => mail.subject)).toEqual([subject]);
});

test("a person is asked once a day, whoever writes in their name and however often", async () => {
  await start();
  for (let number = 0; number < 5; number++)
    await arrive({ ...forged, headers: { Subject: "unsubscribe", "Message-ID": `<${number}@evil.example>` } });
  expect(await sent()).toHaveLength(1);
  pipeline.clock.advance(25 * 3_600_000);
  await arrive({ ...forged, headers: { Subject: "unsubscribe", "Message-ID": "<6@evil.example>" } });
  expect(await sent()).toHaveLength(2);
});

test("20 duplicates of a request: one record, one change, one notice", async () => {
  await start({ notify: true });
  await arrive({ to, headers: { Subject: "unsubscribe news" }, body: "" }, 20);
  const [suppression, ...others] = await pipeline.ports.suppressions.list({ limit: 10 });
  expect(others).toEqual([]);
  expect(await pipeline.ports.suppressions.history(suppression!.person)).toHaveLength(1);
  expect((await sent()).map(({ mail }) => mail.subject)).toEqual(["You are unsubscribed"]);
});

test("a process that dies at any point asks once, and ends", async () => {
  for (let nth = 1; ; nth++) {
    await start();
    const events = await pipeline.arrive(forged);
    await pipeline.queue(pipeline.config.names.noticeQueue, events.notice);
    const { ports, died } = dyingPorts(pipeline.ports, nth, nth % 2 === 0 ? "before" : "after");
    await pipeline.drain(ports);
    await pipeline.settle();
    expect(await pipeline.states(events.id)).toEqual({ "unsubscribe@example.com": "unsubscribe done asked" });
    expect(await sent()).toHaveLength(1);
    if (!died()) {
      expect(nth).toBeGreaterThan(10);
      return;
    }
    await pipeline.close();
  }
});

test("without a page, and with an address too long for a token, there is no way to answer: parked", async () => {
  pipeline = await openPipeline(
    testConfig({ streams: { unsubscribe: { recipients: ["newsletter-unsubscribe@example.com"] } } }),
  );
  const id = await arrive({
    ...forged,
    to: ["newsletter-unsubscribe@example.com"],
    headers: { Subject: "unsubscribe" },
  });
  expect(await pipeline.states(id)).toEqual({ "newsletter-unsubscribe@example.com": "unsubscribe done parked" });
  expect(await sent()).toEqual([]);
});

test("the headers of a list mail, read by another parser: RFC 2369, RFC 8058, RFC 2919", async () => {
  await start();
  const sender = createUnsubscriber({
    secret: await pipeline.ports.secrets.keyRing(),
    mailto: "unsubscribe@example.com",
    url: "https://mail.example.com/u",
  });
  const headers = sender.headersFor({ address: "ann@sender.example", list: "news", listName: "Weekly news" });
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value.replace(", <", ",\r\n <")}\r\n`);
  const { headers: parsed } = await simpleParser(
    `From: news@example.com\r\n${lines.join("")}Subject: This week\r\n\r\nx\r\n`,
  );
  const list = parsed.get("list") as unknown as {
    unsubscribe: { url: string; mail: string };
    "unsubscribe-post": { name: string };
    id: { name: string; id: string };
  };
  expect(new URL(list.unsubscribe.url).protocol).toBe("https:");
  expect(sender.openLink(list.unsubscribe.url)).toMatchObject({ kind: "valid", address: "ann@sender.example" });
  expect(sender.verify(list.unsubscribe.mail.split("?")[0]!)).toMatchObject({ kind: "valid", list: "news" });
  expect(list["unsubscribe-post"].name).toBe("List-Unsubscribe=One-Click");
  expect(list.id).toMatchObject({ name: "Weekly news", id: "news.example.com" });
});
