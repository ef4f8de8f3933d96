import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Journey } from "../../../local/console/journey.ts";
import { type ConsoleEngine, mail, startConsoleEngine } from "./console-engine.ts";

const gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X";

let running: ConsoleEngine;
beforeAll(async () => {
  running = await startConsoleEngine();
});
afterAll(() => running.close());

const json = async (path: string) => (await running.fetch(path)).json() as Promise<Record<string, never>>;

/** `fetch` does not let a caller name the Host or the Origin. */
function raw(path: string, method: string, headers: Readonly<Record<string, string>>): Promise<number> {
  const { hostname, port } = new URL(running.engine.http);
  return new Promise((resolve, reject) => {
    request({ host: hostname, port, path, method, headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on("error", reject)
      .end();
  });
}

test("a mail sent through the API is listed at once, ends in its stream, and tells its journey", async () => {
  const id = await running.send(mail("Broken door"), ["support@example.com", "Ann@example.com"]);
  const first = (await json("/api/messages")) as unknown as { messages: { sesMessageId: string }[] };
  expect(first.messages.map(({ sesMessageId }) => sesMessageId)).toContain(id);

  await running.ended();
  const { messages } = (await json("/api/messages?stream=ticket")) as unknown as { messages: unknown[] };
  expect(messages).toMatchObject([
    {
      sesMessageId: id,
      envelope: { from: "ann@sender.example", to: ["support@example.com", "Ann@example.com"] },
      subject: "Broken door",
      recipients: [
        { recipient: "support@example.com", stream: "ticket", state: "done", cause: null, duplicateOf: null },
        { recipient: "ann@example.com", stream: "personal", state: "done", outcome: "delivered" },
      ],
    },
  ]);

  const journey = (await json(`/api/messages/${id}`)) as unknown as Journey;
  expect(journey).toMatchObject({
    subject: "Broken door",
    connection: { ip: "203.0.113.25", helo: "mx.sender.example" },
    verification: { authentication: { spf: { result: "pass", domain: "sender.example" } } },
    ruleSet: "mailweir",
    recipients: [
      { recipient: "support@example.com", stream: "ticket", state: "done", decision: { nature: { kind: "human" } } },
      { recipient: "ann@example.com", stream: "personal", state: "done", attempts: 1 },
    ],
  });
  const stored = journey.rules.flatMap(({ actions }) => actions).find(({ type }) => type === "S3");
  expect(stored).toMatchObject({ fate: "done", log: { state: "done", attempts: 1, dueAt: null } });
  const bounce = journey.rules.find(
    ({ actions }) => actions.length === 0 || actions.some(({ type }) => type === "Bounce"),
  );
  expect(bounce?.fate).toBe("no-match");
  expect(bounce?.perRecipient.map(({ matches }) => matches)).toEqual([false, false]);
  expect(bounce?.perRecipient[0]?.reason).toMatch(/old@example\.com/);
});

test("the message as received is the bytes sent; as stored it has SES's block on top", async () => {
  const sent = mail("Bytes", "a\r\n.b\r\n\u00ff\u0000c");
  const id = await running.send(sent, ["support@example.com"]);
  await running.ended();
  const received = await running.fetch(`/api/messages/${id}/raw?without-ses-block=1`);
  expect(received.headers.get("content-type")).toBe("application/octet-stream");
  expect(Buffer.from(await received.arrayBuffer())).toEqual(Buffer.from(sent));
  const stored = await (await running.fetch(`/api/messages/${id}/raw`)).text();
  expect(stored).toMatch(/^Return-Path: <ann@sender\.example>\r\nReceived: /);
  expect(stored.endsWith(sent)).toBe(true);
});

test("single line feeds of a submitted text become CRLF", async () => {
  const id = await running.send("Subject: a\n\nb\n", ["support@example.com"]);
  const received = await running.fetch(`/api/messages/${id}/raw?without-ses-block`);
  expect(await received.text()).toBe("Subject: a\r\n\r\nb\r\n");
});

test("pages follow each other without gap or repetition", async () => {
  for (let number = 0; number < 5; number++) await running.send(mail(`Page ${number}`), ["ann@example.com"]);
  const all = ((await json("/api/messages?limit=500")) as unknown as { messages: { sesMessageId: string }[] }).messages;
  const paged: unknown[] = [];
  let next: number | null = null;
  do {
    const page = (await json(`/api/messages?limit=2${next === null ? "" : `&before=${next}`}`)) as unknown as {
      messages: unknown[];
      next: number | null;
    };
    expect(page.messages.length).toBeLessThanOrEqual(2);
    paged.push(...page.messages);
    ({ next } = page);
  } while (next !== null);
  expect(paged).toHaveLength(all.length);
  expect(paged.map((message) => (message as { sesMessageId: string }).sesMessageId)).toEqual(
    all.map(({ sesMessageId }) => sesMessageId),
  );
});

test("a recipient that nobody receives for is refused, and the refusal says why", async () => {
  await expect(running.send(mail("Elsewhere"), ["ann@elsewhere.example"])).rejects.toThrow(/^550 /);
  const { refusals, total } = (await json("/api/refusals?limit=1")) as unknown as {
    refusals: unknown[];
    total: number;
  };
  expect(total).toBeGreaterThanOrEqual(1);
  expect(refusals).toMatchObject([{ stage: "RCPT", recipient: "ann@elsewhere.example", ip: "203.0.113.25" }]);
});

test("held mail is listed with its reasons and goes on when it is released, once", async () => {
  const id = await running.send(mail("Spam", gtube), ["support@example.com"]);
  await running.ended();
  const { held } = (await json("/api/quarantine")) as unknown as { held: unknown[] };
  expect(held).toMatchObject([
    { sesMessageId: id, recipient: "support@example.com", intendedStream: "ticket", subject: "Spam" },
  ]);
  const release = () =>
    running.fetch(`/api/quarantine/${id}/support%40example.com/release`, {
      method: "POST",
      headers: { authorization: `Bearer ${running.token}` },
    });
  expect(await (await release()).json()).toEqual({ kind: "released", stream: "ticket" });
  expect(await (await release()).json()).toEqual({ kind: "already-released" });
  await running.ended();
  const journey = (await json(`/api/messages/${id}`)) as unknown as Journey;
  expect(journey.recipients).toMatchObject([{ stream: "ticket", state: "done" }]);
});

test("tickets and suppressions can be read", async () => {
  await running.send(mail("Unsubscribe"), ["unsubscribe@example.com"]);
  await running.ended();
  const { tickets } = (await json("/api/tickets")) as unknown as { tickets: { id: number; subject: string }[] };
  expect(tickets.map(({ subject }) => subject)).toContain("Broken door");
  expect(await json(`/api/tickets/${tickets[0]?.id}`)).toMatchObject({ id: tickets[0]?.id });
  const { suppressions } = (await json("/api/suppressions")) as unknown as { suppressions: { address: string }[] };
  expect(suppressions.map(({ address }) => address)).toEqual(["ann@sender.example"]);
});

test.for([
  "tickets",
  "suppressions",
  "quarantine",
  "refusals",
])("%s: a full page names the next, and that one ends", async (name) => {
  await running.send(mail(`Spam for ${name}`, gtube), ["support@example.com"]);
  await running.ended();
  const member = name === "quarantine" ? "held" : name;
  const page = (await json(`/api/${name}?limit=1`)) as unknown as Record<string, unknown[]> & { next: unknown };
  expect(page[member]).toHaveLength(1);
  expect(page.next).not.toBeNull();
  const cursor = name === "refusals" ? "before" : "after";
  const rest = await json(`/api/${name}?limit=100&${cursor}=${encodeURIComponent(String(page.next))}`);
  expect(rest).toMatchObject({ next: null });
  expect(rest[member]).not.toContainEqual(page[member]?.[0]);
});

test.for([
  ["tickets", "tickets"],
  ["quarantine", "held"],
] as const)("%s: the newest first is the same list the other way about", async ([name, member]) => {
  const all = async (query: string) => {
    const items: unknown[] = [];
    for (let after = ""; ; ) {
      const page = (await json(`/api/${name}?limit=1&${query}${after}`)) as unknown as Record<string, unknown[]> & {
        next: unknown;
      };
      items.push(...(page[member] ?? []));
      if (page.next === null) return items;
      after = `&after=${encodeURIComponent(String(page.next))}`;
    }
  };
  await running.send(mail("One more door"), ["support@example.com"]);
  await running.send(mail("One more prize", gtube), ["support@example.com"]);
  await running.ended();
  const oldest = await all("order=oldest");
  expect(oldest.length).toBeGreaterThan(1);
  expect(await all("")).toEqual(oldest);
  expect(await all("order=newest")).toEqual(oldest.toReversed());
  const wrong = await running.fetch(`/api/${name}?order=backwards`);
  expect([wrong.status, ((await wrong.json()) as { detail: string }).detail]).toEqual([
    400,
    "order is one of oldest, newest: what comes first.",
  ]);
});

test("readers of events hear when the index has new mail: then a search finds it", async () => {
  await running.engine.search.caughtUp();
  const stop = new AbortController();
  const response = await running.fetch("/api/events", { signal: stop.signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  await running.send(mail("Xylophone"), ["support@example.com"]);
  for (let heard = ""; !heard.includes("event: indexed"); ) heard += (await reader?.read())?.value ?? "";
  const { messages } = (await json("/api/messages?q=xylophone")) as unknown as { messages: { subject: string }[] };
  expect(messages.map(({ subject }) => subject)).toEqual(["Xylophone"]);
  stop.abort();
});

test("readers of events hear of a refusal too, though nothing became due", async () => {
  await running.engine.search.caughtUp();
  const stop = new AbortController();
  const response = await running.fetch("/api/events", { signal: stop.signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader?.read())?.value).toMatch(/^event: ping/);
  await running.send(mail("Elsewhere"), ["bob@elsewhere.example"]).catch(() => undefined);
  expect((await reader?.read())?.value).toMatch(/^event: changed/);
  stop.abort();
});

test.for<[string, string, string, Readonly<Record<string, string>>, number]>([
  ["the address it listens on is its name", "/api/status", "GET", {}, 200],
  ["localhost is its name", "/api/status", "GET", { host: "localhost:8025" }, 200],
  ["a name that somebody pointed at this machine is not", "/api/status", "GET", { host: "evil.example" }, 403],
  ["nor is one that begins like it", "/", "GET", { host: "127.0.0.1.evil.example" }, 403],
  ["a change without a token is refused", "/api/quarantine/a/b/release", "POST", {}, 403],
  ["a wrong token is refused", "/api/quarantine/a/b/release", "POST", { authorization: "Bearer x" }, 403],
  [
    "our header from another origin is refused",
    "/api/messages",
    "POST",
    { "x-mailweir": "1", origin: "http://evil.example" },
    403,
  ],
  ["our origin without our header is refused", "/api/messages", "POST", { origin: "OWN" }, 403],
  ["our origin and our header are let in", "/api/messages", "POST", { origin: "OWN", "x-mailweir": "1" }, 400],
  ["DELETE is a change", "/api/messages", "DELETE", {}, 403],
  ["a wrong cursor is said to be wrong", "/api/messages?before=x", "GET", {}, 400],
  ["an unknown message is not found", "/api/messages/0000000000000000000000000000000000000000", "GET", {}, 404],
  ["what is no id is not found", "/api/messages/..%2f..%2fetc", "GET", {}, 404],
  ["only the page's own files are served", "/page/..%2fhttp-server.ts", "GET", {}, 404],
  ["the page is served", "/", "GET", {}, 200],
  ["its script is served", "/page/app.js", "GET", {}, 200],
])("%s", async ([, path, method, headers, status]) => {
  const own = headers["origin"] === "OWN" ? { ...headers, origin: running.engine.http } : headers;
  expect(await raw(path, method, own)).toBe(status);
});

test.for<[string, Readonly<Record<string, string>>, RegExp]>([
  ["an ip that is none", { ip: "here" }, /ip is no IP address/],
  ["a helo with a line end, which would be a header", { helo: "a\r\nX-Evil: 1" }, /helo is no host name/],
])("%s is a problem of the request", async ([, more, detail]) => {
  const query = new URLSearchParams({ to: "support@example.com", ...more });
  const response = await running.fetch(`/api/messages?${query}`, {
    method: "POST",
    headers: { authorization: `Bearer ${running.token}` },
    body: mail("x"),
  });
  expect(response.status).toBe(400);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
  expect(((await response.json()) as { detail: string }).detail).toMatch(detail);
});

test("every answer forbids what a console needs not: foreign scripts, frames, sniffing", async () => {
  for (const path of ["/", "/api/status", "/api/nothing", "/page/app.js"]) {
    const { headers } = await running.fetch(path);
    expect(headers.get("content-security-policy")).toMatch(
      /^default-src 'none'; script-src 'self'; .*frame-ancestors 'none'$/,
    );
    expect(headers.get("x-content-type-options")).toBe("nosniff");
  }
});
