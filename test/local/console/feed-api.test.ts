import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { decodeStreamMessage } from "../../../shared/streams/read-stream-message.ts";
import type { StreamMessage } from "../../../shared/streams/stream-message.ts";
import { type ConsoleEngine, mail, startConsoleEngine } from "./console-engine.ts";

let running: ConsoleEngine;
beforeAll(async () => {
  running = await startConsoleEngine();
});
afterAll(() => running.close());

interface Event {
  readonly id: number;
  readonly message: StreamMessage;
}

/** A reader like any program's: takes events until it has `count`, then hangs up. */
async function read(
  query: string,
  count: number,
  headers: Readonly<Record<string, string>> = {},
  connected: () => void = () => {},
): Promise<Event[]> {
  const stop = new AbortController();
  const response = await running.fetch(`/api/streams/ticket/messages${query}`, { headers, signal: stop.signal });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
  connected();
  const events: Event[] = [];
  let text = "";
  try {
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString();
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1] ?? "";
        if (field("event") !== "message") continue;
        // As the schema in docs/ has it: the same as on the queue.
        events.push({ id: Number(field("id")), message: decodeStreamMessage(field("data")) });
      }
      if (events.length >= count) return events;
    }
    return events;
  } finally {
    stop.abort();
  }
}

const ack = (consumer: string, id: number, stream = "ticket") =>
  running.fetch(`/api/streams/${stream}/consumers/${consumer}/ack`, {
    method: "POST",
    headers: { authorization: `Bearer ${running.token}` },
    body: JSON.stringify({ id }),
  });
const subjects = (events: readonly Event[]) => events.map(({ message }) => message.headers.subject);

test("a program reads a stream from any place on, and resumes behind the last event that it saw", {
  timeout: 60_000,
}, async () => {
  for (const subject of ["One", "Two", "Three"]) {
    await running.send(mail(subject), ["support@example.com", "ann@example.com"]);
    await running.ended();
  }
  const all = await read("?after=0", 3);
  expect(subjects(all)).toEqual(["One", "Two", "Three"]);
  expect(all.map(({ id }) => id)).toEqual([...all.map(({ id }) => id)].sort((a, b) => a - b));
  expect(all[0]?.message).toMatchObject({
    stream: "ticket",
    recipients: ["support@example.com"],
    envelope: { from: "ann@sender.example" },
    content: { kind: "s3" },
    nature: { kind: "human" },
  });
  const rest = await read("", 2, { "last-event-id": String(all[0]?.id) });
  expect(subjects(rest)).toEqual(["Two", "Three"]);
  // Without a place: what comes from now on.
  const connected = Promise.withResolvers<void>();
  const waiting = read("", 1, {}, connected.resolve);
  await connected.promise;
  await running.send(mail("Four"), ["support@example.com"]);
  expect(subjects(await waiting)).toEqual(["Four"]);
});

test("what a consumer has not acknowledged comes again, what it has does not", { timeout: 60_000 }, async () => {
  await running.send(mail("Five"), ["support@example.com"]);
  await running.ended();
  const first = await read("?consumer=billing", 5);
  expect(subjects(first)).toEqual(["One", "Two", "Three", "Four", "Five"]);
  expect(subjects(await read("?consumer=billing", 5))).toEqual(subjects(first));
  const third = first[2]?.id ?? 0;
  expect(await (await ack("billing", third)).json()).toEqual({ acked: third });
  // An older one, late: nothing goes back.
  expect(await (await ack("billing", first[0]?.id ?? 0)).json()).toEqual({ acked: third });
  expect(subjects(await read("?consumer=billing", 2))).toEqual(["Four", "Five"]);
  expect(subjects(await read("?consumer=other", 5))).toHaveLength(5);
  const list = (await (await running.fetch("/api/streams/ticket/consumers")).json()) as { newest: number };
  expect(list).toMatchObject({ newest: first.at(-1)?.id, consumers: [{ consumer: "billing", acked: third }] });
  expect((await ack("billing", list.newest + 1_000)).status).toBe(409);
});

test("a mail that is replayed to the stream is there again; one that went elsewhere since is not", {
  timeout: 60_000,
}, async () => {
  const id = await running.send(mail("Six"), ["support@example.com"]);
  await running.ended();
  const before = (await read("?after=0", 6)).at(-1);
  await running.fetch("/api/replay", {
    method: "POST",
    headers: { authorization: `Bearer ${running.token}` },
    body: JSON.stringify({ from: "work", messages: [id] }),
  });
  await running.ended();
  const [again] = await read(`?after=${before?.id}`, 1);
  expect(again?.message.sesMessageId).toBe(id);
  await running.engine.store.database.write((tx) =>
    tx.run("UPDATE recipients SET stream = 'personal' WHERE seq = (SELECT seq FROM ids WHERE ses_message_id = ?)", id),
  );
  await running.send(mail("Seven"), ["support@example.com"]);
  await running.ended();
  expect(subjects(await read(`?after=${before?.id}`, 1))).toEqual(["Seven"]);
});

test("who is further behind than what is kept is told", async () => {
  onTestFinished(() =>
    running.engine.store.database.write((tx) => void tx.run("DELETE FROM stream_feed WHERE id > 4000000")),
  );
  await running.engine.store.database.write((tx) =>
    tx.run("INSERT INTO stream_feed (id, stream, seq, recipient) VALUES (5000000, 'ticket', 1, 'nobody@example.com')"),
  );
  const response = await running.fetch("/api/streams/ticket/messages?after=3");
  expect(response.status).toBe(410);
  expect(await response.json()).toMatchObject({ code: "ERR_FEED_GONE" });
});

test.for<[string, string, number]>([
  ["a stream that there is not", "/api/streams/nothing/messages", 404],
  ["an id that is none", "/api/streams/ticket/messages?after=x", 400],
  ["a consumer's name with a slash", "/api/streams/ticket/messages?consumer=a%2Fb", 400],
])("%s is refused", async ([, path, status]) => {
  const response = await running.fetch(path);
  expect(response.status).toBe(status);
  expect(response.headers.get("content-type")).toBe("application/problem+json");
});
