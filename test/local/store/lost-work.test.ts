import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Engine, startEngine } from "../../../local/engine.ts";
import type { Transaction } from "../../../local/store/database.ts";
import { mail } from "../console/console-engine.ts";

// Each loss is made in the rows of a running engine, at its place; then nothing but the clock moves.

const minuteMs = 60_000;
let folder: string;
let now: number;
let engine: Engine;
/** While true, the streams' workers get nothing: their messages stay in the queues. */
const start = async (workers: boolean) => {
  engine = await startEngine({
    config: {
      domains: ["example.com"],
      streams: {
        ticket: { recipients: ["support@example.com"] },
        personal: { recipients: ["example.com"], delivery: { "ann@example.com": { maildir: "ann" } } },
      },
      local: { dns: { zone: join(folder, "zone.json") } },
    },
    data: join(folder, "data"),
    smtp: "127.0.0.1:0",
    http: "127.0.0.1:0",
    clock: { now: () => new Date(now), ticking: false },
    stderr: "none",
    workers,
  });
};

beforeEach(async () => {
  now = Date.parse("2026-08-04T09:15:02.000Z");
  folder = await mkdtemp(join(tmpdir(), "mailweir-lost-"));
  await writeFile(join(folder, "zone.json"), "{}");
}, 60_000);
afterEach(async () => {
  await engine.stop();
  await rm(folder, { recursive: true });
}, 60_000);

const recipients = ["support@example.com", "ann@example.com"] as const;

async function send(): Promise<string> {
  const query = new URLSearchParams({ from: "ann@sender.example", ip: "203.0.113.25", helo: "mx.sender.example" });
  for (const recipient of recipients) query.append("to", recipient);
  const response = await fetch(new URL(`/api/messages?${query}`, engine.http), {
    method: "POST",
    headers: { authorization: `Bearer ${engine.token}`, "content-type": "message/rfc822" },
    body: mail("Lost and found"),
  });
  return ((await response.json()) as { sesMessageId: string }).sesMessageId;
}

const rows = (text: string) => engine.store.database.read((sql) => sql.all(text));
const states = () => rows("SELECT state FROM recipients ORDER BY recipient").map(({ state }) => state);
const lose = (job: (tx: Transaction) => unknown) => engine.store.database.write(job);

async function settle(isDone: () => boolean): Promise<void> {
  await expect
    .poll(
      async () => {
        engine.wake();
        await engine.settled();
        return isDone();
      },
      { timeout: 60_000, interval: 20 },
    )
    .toBe(true);
}

const reports = async () =>
  (await readFile(join(folder, "data", "engine.log"), "utf8"))
    .split("\n")
    .filter((line) => line.includes("work was lost"))
    .map((line) => JSON.parse(line) as { sesMessageId: string; outcome: string; cause: string });

/** What the log says once it says so much: its lines are written behind the rows. */
async function reported(isTold: (said: Awaited<ReturnType<typeof reports>>) => boolean) {
  await expect.poll(async () => isTold(await reports()), { timeout: 60_000, interval: 20 }).toBe(true);
  return reports();
}

/** Both recipients are routed, the safety net of the bucket has looked, and their messages wait for workers. */
async function waiting(): Promise<string> {
  await start(false);
  const id = await send();
  await settle(() => states().every((state) => state === "routed") && states().length === 2);
  now += 16 * minuteMs;
  await settle(() => rows("SELECT 1 FROM queue_messages").length === 2);
  return id;
}

async function endsOnce(): Promise<void> {
  await engine.stop();
  await start(true);
  await settle(() => states().join() === "done,done" && rows("SELECT 1 FROM queue_messages").length === 0);
  expect((await engine.ports.tickets.list({ limit: 9 })).tickets).toHaveLength(1);
  expect(rows("SELECT 1 FROM ticket_entries")).toHaveLength(1);
  expect(rows("SELECT 1 FROM effects WHERE effect LIKE 'deliver maildir%'")).toHaveLength(1);
}

test.for<[string, RegExp, (tx: Transaction) => unknown]>([
  [
    "one stream's message, routed",
    /lost from its queue before a worker took it, stream personal/,
    (tx) => tx.run(`DELETE FROM queue_messages WHERE body LIKE '%"stream":"personal"%'`),
  ],
  [
    "every stream's message, routed",
    /lost from its queue before a worker took it/,
    (tx) => tx.run("DELETE FROM queue_messages"),
  ],
  [
    "a message that a worker had",
    /lost from its queue while a worker had it, stream personal/,
    (tx) => {
      tx.run(`DELETE FROM queue_messages WHERE body LIKE '%"stream":"personal"%'`);
      tx.run("UPDATE recipients SET state = 'working', attempts = 1 WHERE recipient = 'ann@example.com'");
    },
  ],
  [
    "decided, not sent, and the bucket's event gone",
    /lost between its decision and its queue/,
    (tx) => {
      tx.run("DELETE FROM queue_messages");
      tx.run("UPDATE recipients SET state = 'decided'");
    },
  ],
  [
    "notice and bucket's event, before anybody decided",
    /lost before anybody decided/,
    (tx) => {
      tx.run("DELETE FROM queue_messages");
      tx.run("UPDATE recipients SET state = 'received', decision = NULL, stream = NULL");
    },
  ],
])("%s: found, said, sent again, done once", { timeout: 120_000 }, async ([, cause, job]) => {
  const id = await waiting();
  await lose(job);
  now += 14 * minuteMs;
  engine.wake();
  await engine.settled();
  expect(await reports()).toEqual([]);

  now += 31 * minuteMs;
  await settle(() => rows("SELECT 1 FROM queue_messages").length === 2 && states().join() === "routed,routed");
  const said = await reported((lines) => cause.test(lines.map((line) => line.cause).join()));
  for (const report of said) expect(report).toMatchObject({ sesMessageId: id, outcome: "sent again" });
  await endsOnce();
});

test("effects without their acknowledgement are not repeated when their message is lost, too", async () => {
  await start(true);
  await send();
  await settle(() => states().join() === "done,done");
  now += 16 * minuteMs;
  await settle(() => rows("SELECT 1 FROM queue_messages").length === 0);
  await lose((tx) => tx.run("UPDATE recipients SET state = 'working', open = 1, outcome = NULL"));
  now += 31 * minuteMs;
  await settle(() => states().join() === "done,done");
  expect(await reported((said) => said.length >= 2)).toHaveLength(2);
  await endsOnce();
}, 120_000);

test("with the stored mail gone it cannot be repaired: failed, with the cause", async () => {
  const id = await waiting();
  await lose((tx) => {
    tx.run("DELETE FROM queue_messages");
    tx.run("DELETE FROM objects");
  });
  now += 46 * minuteMs;
  await settle(() => states().join() === "failed,failed");
  expect(rows("SELECT cause FROM recipients ORDER BY recipient").map((row) => row["cause"])).toEqual([
    "lost from its queue before a worker took it, stream personal; no stored mail is left to send again",
    "lost from its queue before a worker took it, stream ticket; no stored mail is left to send again",
  ]);
  expect(await reported((said) => said.length >= 2)).toEqual([
    expect.objectContaining({ sesMessageId: id, outcome: "failed" }),
    expect.objectContaining({ sesMessageId: id, outcome: "failed" }),
  ]);
}, 120_000);

test("what waits, however long, is not lost", async () => {
  await waiting();
  await lose((tx) => tx.run("UPDATE queue_messages SET visible_at = visible_at + 86400000, receive_count = 3"));
  now += 46 * minuteMs;
  engine.wake();
  await engine.settled();
  expect(await reports()).toEqual([]);
  expect(rows("SELECT 1 FROM queue_messages")).toHaveLength(2);
}, 120_000);
