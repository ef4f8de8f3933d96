import { afterAll, beforeAll, expect, test } from "vitest";
import type { Journey } from "../../../local/console/journey.ts";
import { actors } from "../../../local/play/actors.ts";
import { type ConsoleEngine, mail, startConsoleEngine } from "./console-engine.ts";

let running: ConsoleEngine;
beforeAll(async () => {
  running = await startConsoleEngine();
});
afterAll(() => running.close());

interface Taken {
  readonly sesMessageId: string | null;
  readonly reply: string;
}

async function post(path: string, body: object = {}): Promise<{ status: number; answer: Taken & { detail?: string } }> {
  const response = await running.fetch(path, {
    method: "POST",
    headers: { authorization: `Bearer ${running.token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, answer: (await response.json()) as Taken };
}

const journey = async (id: string | null) => (await (await running.fetch(`/api/messages/${id}`)).json()) as Journey;
const headersOf = async (id: string | null) => {
  const { headers } = (await (await running.fetch(`/api/messages/${id}/mail`)).json()) as {
    headers: { name: string; value: string }[];
  };
  return (name: string) => headers.find((header) => header.name.toLowerCase() === name)?.value;
};

test("a mail is written as anybody, from any IP, with any result of the checks, and its journey says so", async () => {
  const { status, answer } = await post("/api/compose", {
    from: { name: "Ceo", address: "ceo@bank.example" },
    to: ["support@example.com"],
    subject: "Transfer",
    text: "Now.",
    ip: "192.0.2.9",
    helo: "evil.example.net",
    authentication: { spf: "fail", dkim: "none", dmarc: "fail", dmarcPolicy: "reject", spam: "GRAY" },
  });
  expect(status).toBe(202);
  await running.ended();
  expect(await journey(answer.sesMessageId)).toMatchObject({
    author: "Ceo <ceo@bank.example>",
    envelope: { from: "ceo@bank.example", to: ["support@example.com"] },
    connection: { ip: "192.0.2.9", helo: "evil.example.net", injected: { by: "compose", results: { spf: "fail" } } },
    verification: {
      authentication: { spf: { result: "fail" }, dkim: [], dmarc: { result: "fail", policy: "reject" } },
      verdicts: { spf: "FAIL", dkim: "GRAY", dmarc: "FAIL", dmarcPolicy: "reject", spam: "GRAY" },
    },
    recipients: [{ stream: "quarantine", state: "quarantined" }],
  });
});

test("two mails with the same words are two mails, one Message-ID that is told twice is one", async () => {
  const draft = { from: "ann@sender.example", to: ["support@example.com"], subject: "Same", text: "Same." };
  const ids = [await post("/api/compose", draft), await post("/api/compose", draft)].map((r) => r.answer.sesMessageId);
  const told = { ...draft, messageId: "<told@sender.example>", date: "2026-08-04T09:15:02Z" };
  const repeated = [await post("/api/compose", told), await post("/api/compose", told)];
  await running.ended();
  const outcomes = async (id: string | null) => (await journey(id)).recipients.map(({ outcome }) => outcome);
  expect(await outcomes(ids[0] ?? "")).toEqual(["ticket-opened"]);
  expect(await outcomes(ids[1] ?? "")).toEqual(["ticket-opened"]);
  expect(await outcomes(repeated[1]?.answer.sesMessageId ?? "")).toEqual(["duplicate"]);
});

test("the customer replies to what we wrote, in the same thread", async () => {
  const first = await post("/api/actors/customer");
  await running.ended();
  const { tickets } = (await (await running.fetch("/api/tickets?limit=1&text=door")).json()) as {
    tickets: { id: number }[];
  };
  await post(`/api/tickets/${tickets[0]?.id}/answers`, { text: "Push harder.", by: "joe" });
  const outbox = async () =>
    ((await (await running.fetch("/api/outbox")).json()) as { mails: { number: number; kind: string }[] }).mails;
  await expect.poll(async () => (await outbox()).some(({ kind }) => kind === "reply"), { timeout: 60_000 }).toBe(true);
  const sent = (await outbox()).find(({ kind }) => kind === "reply");
  const reply = await post(`/api/outbox/${sent?.number}/reply`, { text: "It works, thank you." });
  expect(reply).toMatchObject({ status: 202 });
  await running.ended();
  expect(await journey(reply.answer.sesMessageId)).toMatchObject({
    connection: { injected: { by: "reply" } },
    recipients: [{ outcome: "ticket-joined", detail: { ticket: String(tickets[0]?.id) } }],
  });
  const again = await post(`/api/messages/${first.answer.sesMessageId}/reply`, { text: "One more thing." });
  const [before, after] = [await headersOf(first.answer.sesMessageId), await headersOf(again.answer.sesMessageId)];
  expect(after("in-reply-to")).toBe(before("message-id"));
  expect(after("subject")).toBe("Re: Broken door");
});

test("an uploaded file may get a fresh Message-ID and keeps everything else", async () => {
  const sent = mail("Upload", "Body\r\n\r\nwith Message-ID: <in@the.body>");
  const id = await running.send(sent, ["support@example.com"], { "message-id": "fresh", dmarc: "pass" });
  const received = await (await running.fetch(`/api/messages/${id}/raw?without-ses-block=1`)).text();
  const fresh = /^Message-ID: (<play\.[0-9a-f]{24}@sender\.example>)\r?$/m.exec(received)?.[1];
  expect(fresh).toMatch(/^<play\./);
  const without = (text: string) => text.replace(/^Message-ID: .*\r\n/m, "");
  expect(without(received)).toBe(without(sent));
  await running.ended();
  expect((await journey(id)).verification?.verdicts.dmarc).toBe("PASS");
});

// Which stream each of them is for, as docs/console.md promises.
test.for<[string, string, string]>([
  ["customer", "ticket", "done"],
  ["out-of-office", "auto-reply", "done"],
  ["dsn-hard", "bounce", "done"],
  ["dsn-soft", "bounce", "done"],
  ["complaint", "complaint", "done"],
  ["spoof", "quarantine", "quarantined"],
  ["list", "ticket", "done"],
  ["broken-charset", "ticket", "done"],
  ["gtube", "quarantine", "quarantined"],
  ["eicar", "quarantine", "quarantined"],
  ["huge", "ticket", "done"],
])("%s ends in %s, %s", { timeout: 60_000 }, async ([name, stream, state]) => {
  const { status, answer } = await post(`/api/actors/${name}`, name === "huge" ? { megabytes: 3 } : {});
  expect(status, answer.reply).toBe(202);
  await running.ended();
  expect((await journey(answer.sesMessageId)).recipients).toMatchObject([{ stream, state }]);
});

test("the mail loop is refused and says why", async () => {
  const { status, answer } = await post("/api/actors/loop");
  expect({ status, reply: answer.reply }).toMatchObject({ status: 422, reply: expect.stringMatching(/^5\d\d/) });
  const { refusals } = (await (await running.fetch("/api/refusals?limit=1")).json()) as { refusals: unknown[] };
  expect(refusals).toMatchObject([{ stage: "DATA", reason: expect.stringContaining("loop") }]);
});

test("who can play is listed, each once", async () => {
  const list = (await (await running.fetch("/api/actors")).json()) as { actors: { name: string }[]; to: string };
  expect(list.to).toBe("support@example.com");
  expect(list.actors.map(({ name }) => name)).toEqual([...new Set(actors.map(({ name }) => name))]);
});

test.for<[string, string, object, number, RegExp]>([
  ["an IP that is none", "/api/compose", { from: "a@b.example", to: ["support@example.com"], ip: "1.2" }, 400, /ip/],
  ["an unknown actor", "/api/actors/nobody", {}, 404, /customer, out-of-office/],
  ["a member that is not known", "/api/actors/loop", { who: 1 }, 400, /who|[Uu]nrecognized/],
  ["a reply to nothing", "/api/outbox/99999/reply", { text: "x" }, 404, /outbox/],
  [
    "a header that is two",
    "/api/compose",
    { from: "a@b.example", to: ["x@y.example"], headers: { "A: b\r\nC": "d" } },
    400,
    /header/,
  ],
])("%s is refused with its place", async ([, path, body, status, detail]) => {
  const response = await post(path, body);
  expect(response.status).toBe(status);
  expect(response.answer.detail).toMatch(detail);
});
