import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { rememberJustAccepted } from "../../../local/store/just-accepted.ts";
import { openStore } from "../../../local/store/open-store.ts";
import { passing } from "../actions/engine-fixture.ts";
import { bytesOf, fixedClock, sesId, testRandom } from "./store-fixture.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function open(maxBytes?: number) {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-accepted-"));
  closing.push(() => rm(folder, { recursive: true, force: true }));
  const topology = { functions: [], queues: [], topics: [], buckets: [] };
  const clock = fixedClock();
  const store = await openStore({ folder, topology, clock, random: testRandom() });
  closing.push(() => store.close());
  const asked: string[] = [];
  const noting =
    <Args extends readonly unknown[], Answer>(name: string, read: (...args: Args) => Answer) =>
    (...args: Args) => {
      asked.push(name);
      return read(...args);
    };
  const { engine } = store;
  const remembering = rememberJustAccepted(
    {
      ...engine,
      message: noting("message", engine.message),
      openRaw: noting("openRaw", engine.openRaw),
      verification: noting("verification", engine.verification),
      actionLog: noting("actionLog", engine.actionLog),
    },
    maxBytes,
  );
  const take = async (number: number, bytes: Buffer) => {
    const id = sesId(number);
    const client = { ip: "192.0.2.7", helo: "mx.sender.example" };
    const message = { receivedAt: clock.now(), client, from: "ann@sender.example", recipients: ["bob@in.example"] };
    await remembering.accept(
      { ...message, sesMessageId: id, ruleSetSnapshot: "none", sizeBytes: bytes.length },
      { kind: "inline", bytes },
    );
    return id;
  };
  return { engine, remembering, asked, take };
}

const verification = {
  ...passing,
  verdicts: { spf: "PASS", dkim: "PASS", dmarc: "PASS", spam: "PASS", virus: "PASS" },
} as never;

test("until something is recorded about a message the store is not asked, and says the same", async () => {
  const { engine, remembering, asked, take } = await open();
  const bytes = Buffer.from("Subject: one\r\n\r\nHello\r\n");
  const id = await take(1, bytes);
  // The buffer is somebody else's by now.
  bytes.fill(0);
  expect(await remembering.message(id)).toEqual(await engine.message(id));
  expect((await bytesOf(remembering.openRaw(id))).equals(await bytesOf(engine.openRaw(id)))).toBe(true);
  expect(await remembering.verification(id)).toEqual(await engine.verification(id));
  expect(await remembering.actionLog(id)).toEqual(await engine.actionLog(id));
  expect(asked).toEqual([]);
});

test("what was recorded is read from the store", async () => {
  const { remembering, asked, take } = await open();
  const id = await take(1, Buffer.from("Subject: one\r\n\r\nHello\r\n"));
  await remembering.recordRun(id, { verification, actions: [] });
  expect(await remembering.verification(id)).toEqual(verification);
  expect(await remembering.actionLog(id)).toEqual([]);
  expect((await remembering.message(id))?.sesMessageId).toBe(id);
  expect(asked).toEqual(["verification", "actionLog", "message"]);
});

test("only so many octets are kept: the oldest go first", async () => {
  const { remembering, asked, take } = await open(100);
  const ids = [await take(1, Buffer.alloc(60, "a")), await take(2, Buffer.alloc(60, "b"))];
  const read = await Promise.all(ids.map((id) => bytesOf(remembering.openRaw(id))));
  expect(read.map(String)).toEqual(["a".repeat(60), "b".repeat(60)]);
  expect(asked).toEqual(["openRaw"]);
});

test("a message that was refused is not known", async () => {
  const { remembering, take } = await open();
  const id = await take(1, Buffer.from("first"));
  await expect(take(1, Buffer.from("second"))).rejects.toThrow();
  expect(String(await bytesOf(remembering.openRaw(id)))).toBe("first");
});
