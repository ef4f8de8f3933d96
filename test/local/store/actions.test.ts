import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { ruleCounts } from "../../../local/store/actions.ts";
import type { ActionEffect, ActionLogEntry } from "../../../local/store/engine-store.ts";
import { type FileSystem, nodeFileSystem } from "../../../local/store/files.ts";
import type { Store, StoreOptions } from "../../../local/store/open-store.ts";
import { openTemporary } from "./open-temporary.ts";
import { acceptedMessage, bytesOf, noticeTopic, sesId, testTopology } from "./store-fixture.ts";

const raw = Buffer.from("Subject: x\r\n\r\nHello\r\n");
const id = sesId(1);

function entry(more: Partial<ActionLogEntry> = {}): ActionLogEntry {
  return {
    ruleIndex: 0,
    actionIndex: 0,
    ruleName: "store",
    actionType: "S3",
    recipients: ["ann@in.example"],
    state: "done",
    result: "inbound/x",
    attempts: 1,
    startedAt: "2026-08-04T09:15:03.000Z",
    durationMs: 3,
    ...more,
  };
}
const pending = (attempts: number, dueAt: string) => entry({ state: "pending", attempts, dueAt, result: "no answer" });
const count: ActionEffect = { kind: "count", metric: "PublishFailure", ruleName: "store" };
const block = Buffer.from("Received: from x\r\n");
const put: ActionEffect = {
  kind: "put-object",
  bucket: "mail",
  key: `inbound/${id}`,
  metadata: { note: "1" },
  content: { kind: "block-and-raw", block, sesMessageId: id },
};

async function openAccepted(more: Partial<StoreOptions> = {}) {
  const temporary = await openTemporary(more);
  await temporary.store.engine.accept(acceptedMessage(id, raw.length), { kind: "inline", bytes: raw });
  return temporary;
}
const contentsRows = (store: Store) =>
  store.database.read((sql) => Number(sql.get("SELECT count(*) AS n FROM contents")?.["n"]));

describe("the log", () => {
  test("comes back in rule order, as it was written", async () => {
    const { store } = await openAccepted();
    const rows = [entry({ ruleIndex: 1 }), entry(), entry({ actionIndex: 1, disposition: "CONTINUE" })];
    for (const row of rows) await store.engine.recordAction(id, row, []);
    expect(await store.engine.actionLog(id)).toEqual([rows[1], rows[2], rows[0]]);
  });

  test("a pending action is due at its time, and the scheduler is told", async () => {
    const { store, clock } = await openAccepted();
    await store.engine.recordAction(id, pending(1, "2026-08-04T09:16:00.000Z"), []);
    expect(await store.engine.dueActions(clock.now(), 10)).toEqual([]);
    expect(await store.engine.nextDue(clock.now())).toEqual(new Date("2026-08-04T09:16:00.000Z"));
    expect(await store.engine.dueActions(new Date("2026-08-04T09:16:00.000Z"), 10)).toEqual([id]);
    await store.engine.recordAction(id, entry({ attempts: 2 }), []);
    expect(await store.engine.nextDue(clock.now())).toBeUndefined();
  });

  test("a message that was never accepted has no log to write", async () => {
    const { store } = await openAccepted();
    await expect(store.engine.recordAction(sesId(9), entry(), [])).rejects.toMatchObject({
      code: "ERR_UNKNOWN_MESSAGE",
    });
  });
});

describe("effects are one transaction with their row", () => {
  test("a failing effect takes the row and the other effects with it", async () => {
    const { store } = await openAccepted();
    const effects = [
      put,
      count,
      { kind: "publish", topicArn: "arn:aws:sns:x:0:none", subject: "s", message: "m" },
    ] as const;
    await expect(store.engine.recordAction(id, entry(), effects)).rejects.toMatchObject({ code: "ERR_UNKNOWN_TOPIC" });
    expect(await store.engine.actionLog(id)).toEqual([]);
    expect(await store.ports.objects.head(put)).toBeUndefined();
    expect(ruleCounts(store.database)).toEqual([]);
    expect(await store.ports.queues.counts("objects")).toMatchObject({ delayed: 0 });
  });

  test.for<[string, ActionLogEntry, ActionLogEntry, number]>([
    ["the same done row", entry(), entry(), 1],
    ["a done row with another result", entry(), entry({ result: "other", attempts: 2 }), 1],
    ["a pending row behind a done one", entry(), pending(2, "2026-08-04T09:16:00.000Z"), 1],
    ["a row behind a failed one", entry({ state: "failed" }), entry({ attempts: 2 }), 1],
    ["the same pending row", pending(1, "2026-08-04T09:16:00.000Z"), pending(1, "2026-08-04T09:16:00.000Z"), 1],
    [
      "the next attempt's pending row",
      pending(1, "2026-08-04T09:16:00.000Z"),
      pending(2, "2026-08-04T09:17:00.000Z"),
      2,
    ],
    ["a done row behind a pending one", pending(1, "2026-08-04T09:16:00.000Z"), entry(), 2],
  ])("%s: effects happen as often as there were attempts", async ([, first, second, times]) => {
    const { store } = await openAccepted();
    await store.engine.recordAction(id, first, [count]);
    await store.engine.recordAction(id, second, [count]);
    expect(ruleCounts(store.database)).toEqual([{ ruleName: "store", metric: "PublishFailure", value: times }]);
    expect(await store.engine.actionLog(id)).toEqual([times === 2 ? second : first]);
  });

  test("20 at once happen once", async () => {
    const { store } = await openAccepted();
    await Promise.all(Array.from({ length: 20 }, () => store.engine.recordAction(id, entry(), [count, put])));
    expect(ruleCounts(store.database)[0]?.value).toBe(1);
    expect(await store.ports.queues.counts("objects")).toMatchObject({ delayed: 1 });
  });
});

describe("S3", () => {
  test("the object is SES's block and the raw message, which is stored once", async () => {
    const { store } = await openAccepted();
    await store.engine.recordAction(id, entry(), [put]);
    const object = await store.ports.objects.open(put);
    expect(object).toMatchObject({ sizeBytes: block.length + raw.length, metadata: { note: "1" } });
    expect((await bytesOf(object.body)).equals(Buffer.concat([block, raw]))).toBe(true);
    expect(contentsRows(store)).toBe(1);
  });

  test("deleting the object leaves the raw message", async () => {
    const { store } = await openAccepted();
    await store.engine.recordAction(id, entry(), [put]);
    await store.ports.objects.delete(put);
    expect(await store.ports.objects.head(put)).toBeUndefined();
    expect((await bytesOf(store.engine.openRaw(id))).equals(raw)).toBe(true);
  });

  test("the bucket's queue gets the S3 event, late", async () => {
    const { store, clock } = await openAccepted();
    await store.engine.recordAction(id, entry(), [put]);
    expect(await store.ports.queues.receive("objects", { max: 10 })).toEqual([]);
    clock.advance(900_000);
    const [event] = await store.ports.queues.receive("objects", { max: 10 });
    expect(JSON.parse(event?.body ?? "")).toMatchObject({
      Records: [
        {
          eventSource: "aws:s3",
          awsRegion: "us-east-1",
          s3: { bucket: { name: "mail" }, object: { key: `inbound/${id}`, size: block.length + raw.length } },
        },
      ],
    });
  });

  test("a file becomes the object; recorded again it leaves no second file", async () => {
    const { store, root } = await openAccepted();
    const effect = (path: string): ActionEffect => ({ ...put, content: { kind: "file", path } });
    const paths = ["one", "two"].map((name) => join(root, "spool", name));
    for (const path of paths) await writeFile(path, "ciphertext");
    await store.engine.recordAction(id, entry(), [effect(paths[0]!)]);
    await store.engine.recordAction(id, entry(), [effect(paths[1]!)]);
    expect((await bytesOf((await store.ports.objects.open(put)).body)).toString()).toBe("ciphertext");
    expect(await readdir(join(root, "contents", "1"))).toHaveLength(1);
    await store.ports.objects.delete(put);
    await store.close();
    expect(await readdir(join(root, "contents", "1"))).toEqual([]);
  });

  test("a bucket that does not exist fails the action, and its file goes", async () => {
    const { store, root } = await openAccepted();
    const path = join(root, "spool", "one");
    await writeFile(path, "x");
    const effect: ActionEffect = { ...put, bucket: "none", content: { kind: "file", path } };
    await expect(store.engine.recordAction(id, entry(), [effect])).rejects.toMatchObject({
      code: "ERR_UNKNOWN_BUCKET",
    });
    expect(await readdir(join(root, "contents", "1"))).toEqual([]);
  });
});

describe("publish and invoke", () => {
  test("a notice reaches every subscription: raw, enveloped, and as an invocation", async () => {
    const { store, clock } = await openAccepted();
    await store.engine.recordAction(id, entry(), [
      { kind: "publish", topicArn: noticeTopic, subject: "Notice", message: '{"notificationType":"Received"}' },
    ]);
    expect((await store.ports.queues.receive("notices", { max: 10 }))[0]?.body).toBe('{"notificationType":"Received"}');
    expect(await store.ports.queues.counts("copies")).toMatchObject({ visible: 1 });
    const [invocation] = await store.engine.takeInvocations(clock.now(), new Date(clock.now().getTime() + 1000), 10);
    expect(invocation).toMatchObject({ functionArn: testTopology.functions[0]?.arn, attempts: 1 });
    expect(JSON.parse(invocation?.payload ?? "")).toMatchObject({
      Records: [{ EventSource: "aws:sns", Sns: { Subject: "Notice" } }],
    });
  });

  test("an invocation is locked while it runs, comes again after a retry time, and ends", async () => {
    const { store, clock } = await openAccepted();
    await store.engine.recordAction(id, entry(), [{ kind: "invoke", functionArn: "arn:f", event: {} }]);
    const inAMinute = () => new Date(clock.now().getTime() + 60_000);
    const take = () => store.engine.takeInvocations(clock.now(), inAMinute(), 10);
    const [first] = await take();
    expect(first).toMatchObject({ functionArn: "arn:f", payload: "{}", attempts: 1 });
    expect(await take()).toEqual([]);
    // The process died: the lock ends.
    clock.advance(60_000);
    const [second] = await take();
    expect(second).toMatchObject({ id: first?.id, attempts: 2 });
    await store.engine.settleInvocation(second!.id, { retryAt: inAMinute(), cause: "throttled" });
    expect(await store.engine.nextDue(clock.now())).toEqual(inAMinute());
    clock.advance(60_000);
    const [third] = await take();
    expect(third?.attempts).toBe(3);
    await store.engine.settleInvocation(third!.id, {});
    clock.advance(600_000);
    expect(await take()).toEqual([]);
  });

  test("one that is given up is not due any more", async () => {
    const { store, clock } = await openAccepted();
    await store.engine.recordAction(id, entry(), [{ kind: "invoke", functionArn: "arn:f", event: {} }]);
    const [taken] = await store.engine.takeInvocations(clock.now(), clock.now(), 1);
    await store.engine.settleInvocation(taken!.id, { cause: "failed three times" });
    expect(await store.engine.nextDue(clock.now())).toBeUndefined();
  });
});

describe("bounce", () => {
  const bounce = (key: string): ActionEffect => ({
    kind: "send-bounce",
    key,
    about: id,
    to: "ann@sender.example",
    messageId: "../0100-dsn",
    raw: Buffer.from("Subject: bounce\r\n\r\n"),
  });

  test("the DSN lies in the outbox folder under a safe name, once per key", async () => {
    const { store, root } = await openAccepted();
    await store.engine.recordAction(id, entry(), [bounce("k")]);
    await store.engine.recordAction(id, entry({ actionIndex: 1 }), [bounce("k")]);
    await store.ports.outbox.filed();
    const names = await readdir(join(root, "outbox"));
    expect(names).toEqual(["__0100-dsn-1.eml"]);
    expect(await readFile(join(root, "outbox", names[0]!), "utf8")).toBe("Subject: bounce\r\n\r\n");
  });

  test("many of them share a few syncs of the folder, and each has its file", async () => {
    let syncs = 0;
    const fs: FileSystem = {
      ...nodeFileSystem,
      open: (path, flags, mode) => {
        if (String(path).endsWith("outbox")) syncs += 1;
        return nodeFileSystem.open(path, flags, mode);
      },
    };
    const { store, root } = await openAccepted({ fs });
    syncs = 0;
    const effects = Array.from({ length: 120 }, (_, index) => bounce(`k${index}`));
    await store.engine.recordAction(id, entry(), effects);
    await store.ports.outbox.filed();
    expect(await readdir(join(root, "outbox"))).toHaveLength(120);
    expect(syncs).toBeGreaterThan(0);
    expect(syncs).toBeLessThan(10);
  });

  test("one that found the disk full is filed when there is space, though nothing new comes", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    let full = true;
    const fs: FileSystem = {
      ...nodeFileSystem,
      open: (path, flags, mode) =>
        full && String(path).endsWith(".eml.tmp")
          ? Promise.reject(Object.assign(new Error("no space"), { code: "ENOSPC" }))
          : nodeFileSystem.open(path, flags, mode),
    };
    const { store, root } = await openAccepted({ fs });
    await store.engine.recordAction(id, entry(), [bounce("k")]);
    await expect(store.ports.outbox.filed()).rejects.toThrow("no space");
    full = false;
    vi.advanceTimersByTime(5_000);
    const unfiled = () => store.database.read((sql) => sql.all("SELECT id FROM outbox WHERE filed = 0"));
    while (unfiled().length > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(await readdir(join(root, "outbox"))).toEqual(["__0100-dsn-1.eml"]);
  });

  test("a file that a crash kept from being written is written at the next start", async () => {
    const { store, root, reopen } = await openAccepted();
    await store.engine.recordAction(id, entry(), [bounce("k")]);
    await store.ports.outbox.filed();
    await store.database.write((tx) => void tx.run("UPDATE outbox SET filed = 0"));
    await rm(join(root, "outbox", "__0100-dsn-1.eml"));
    await reopen();
    expect(await readdir(join(root, "outbox"))).toEqual(["__0100-dsn-1.eml"]);
  });
});

test("whoever waits is told of what becomes due", async () => {
  const { store } = await openAccepted();
  let told = 0;
  store.engine.onChange(() => told++);
  await store.engine.recordAction(id, entry(), [count]);
  expect(told).toBe(0);
  await store.engine.recordAction(id, entry({ actionIndex: 1 }), [put]);
  expect(told).toBe(1);
});
