import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openDatabase } from "../../../local/store/database.ts";
import { type FileSystem, nodeFileSystem } from "../../../local/store/files.ts";
import { openStoreReadOnly } from "../../../local/store/open-read-only.ts";
import { openStore } from "../../../local/store/open-store.ts";
import { decisionFor } from "../../contract/opened.ts";
import { openTemporary } from "./open-temporary.ts";
import { acceptedMessage, bytesOf, fixedClock, sesId, testRandom, testTopology } from "./store-fixture.ts";

const small = Buffer.from("From: =?utf-8?q?Z=C3=BCs?= <ann@sender.example>\r\nSubject: Order 1207\r\n\r\nHello\r\n");

async function spooled(root: string, content: Uint8Array, name = "arriving") {
  const path = join(root, "spool", name);
  await writeFile(path, content);
  return { kind: "file", path, beginning: content.subarray(0, 65_536), durable: Promise.resolve() } as const;
}

describe("accepting", () => {
  test("a small message is there, byte for byte, after a restart", async () => {
    const { store, reopen } = await openTemporary();
    await store.engine.accept(acceptedMessage(sesId(1), small.length), { kind: "inline", bytes: small });
    const again = await reopen();
    expect((await bytesOf(again.engine.openRaw(sesId(1)))).equals(small)).toBe(true);
    expect(await again.engine.message(sesId(1))).toEqual(acceptedMessage(sesId(1), small.length));
  });

  test("a large message is taken over from the spool and comes back in chunks of at most 64 KB", async () => {
    const { store, root, reopen } = await openTemporary();
    const raw = Buffer.alloc(200_000, "x");
    const input = await spooled(root, raw);
    await store.engine.accept(acceptedMessage(sesId(2), raw.length), input);
    await expect(stat(input.path)).rejects.toMatchObject({ code: "ENOENT" });
    const again = await reopen();
    const sizes: number[] = [];
    for await (const chunk of again.engine.openRaw(sesId(2))) sizes.push(chunk.length);
    expect(sizes).toEqual([65_536, 65_536, 65_536, 3392]);
  });

  test("its recipients are in the ledger from the moment of the 250, in one spelling each", async () => {
    const { store } = await openTemporary();
    const recipients = ["Ann@in.example", "ann@IN.example", "bob@in.example"];
    await store.engine.accept(acceptedMessage(sesId(1), small.length, recipients), { kind: "inline", bytes: small });
    const records = await store.ports.ledger.recipients(sesId(1));
    expect(records.map(({ recipient, state, stream }) => [recipient, state, stream])).toEqual([
      ["ann@in.example", "received", null],
      ["bob@in.example", "received", null],
    ]);
    expect(await store.ports.ledger.unfinished({ olderThan: new Date("2100-01-01"), limit: 10 })).toHaveLength(2);
  });

  test("an id is never used twice, and the second message's file goes", async () => {
    const { store, root } = await openTemporary();
    await store.engine.accept(acceptedMessage(sesId(1), small.length), { kind: "inline", bytes: small });
    const again = store.engine.accept(acceptedMessage(sesId(1), 100_000), await spooled(root, Buffer.alloc(100_000)));
    await expect(again).rejects.toMatchObject({ code: "ERR_MESSAGE_EXISTS" });
    expect((await bytesOf(store.engine.openRaw(sesId(1)))).equals(small)).toBe(true);
    expect(await readdir(join(root, "contents", "1"))).toEqual([]);
  });

  test("a full disk refuses the message with a typed error, and nothing of it stays", async () => {
    const { root, reopen } = await openTemporary();
    const store = await reopen({ maxDatabasePages: 1 });
    const raw = Buffer.alloc(60_000, "x");
    const refused = await Promise.allSettled(
      [1, 2, 3, 4, 5, 6].map((id) =>
        store.engine.accept(acceptedMessage(sesId(id), raw.length), { kind: "inline", bytes: raw }),
      ),
    );
    for (const result of refused)
      expect(result).toMatchObject({ reason: { code: "ERR_STORAGE_FULL", retryable: true } });
    const large = store.engine.accept(acceptedMessage(sesId(9), 100_000), await spooled(root, Buffer.alloc(100_000)));
    await large.catch(() => undefined);
    const roomy = await reopen();
    expect(await roomy.engine.countUnended()).toBe((await roomy.engine.unended({ limit: 10 })).length);
    await roomy.engine.accept(acceptedMessage(sesId(1), raw.length), { kind: "inline", bytes: raw });
    expect(await roomy.engine.message(sesId(1))).toMatchObject({ sizeBytes: 60_000 });
  });

  test("a crash between the file and its row leaves nothing behind the next start", async () => {
    const { store, root, reopen } = await openTemporary();
    const raw = Buffer.alloc(100_000, "x");
    await store.engine.accept(acceptedMessage(sesId(1), raw.length), await spooled(root, raw));
    await store.close();
    // As after a crash: an accept between rename and commit, a mail that was arriving, no note that the engine closed.
    await writeFile(join(root, "contents", "1", `${sesId(2)}.eml`), raw);
    await writeFile(join(root, "spool", "half-arrived.incoming"), raw);
    const database = openDatabase({ file: store.folder.database, folder: root });
    await database.write((tx) => void tx.run("DELETE FROM settings WHERE name = 'closed'"));
    await database.close();
    const again = await reopen();
    expect(await readdir(join(root, "contents", "1"))).toEqual([`${sesId(1)}.eml`]);
    expect(await readdir(join(root, "spool"))).toEqual([]);
    expect((await bytesOf(again.engine.openRaw(sesId(1)))).equals(raw)).toBe(true);
  });

  test("octets that nobody accepted are not found", async () => {
    const { store } = await openTemporary();
    await expect(bytesOf(store.engine.openRaw(sesId(1)))).rejects.toMatchObject({ code: "ERR_OBJECT_NOT_FOUND" });
    expect(await store.engine.message(sesId(1))).toBeUndefined();
  });
});

describe("ending", () => {
  test("unended messages come oldest first until their rules have ended", async () => {
    const { store } = await openTemporary();
    for (const id of [3, 1, 2]) {
      await store.engine.accept(acceptedMessage(sesId(id), small.length), { kind: "inline", bytes: small });
    }
    await store.engine.endMessage(sesId(1), { reason: "no more rules", untold: [] });
    await store.engine.endMessage(sesId(1), { reason: "told twice", untold: [] });
    expect(await store.engine.unended({ limit: 10 })).toEqual([sesId(3), sesId(2)]);
    expect(await store.engine.countUnended()).toBe(2);
  });

  test("recipients that no action told the router about end without a stream; a decision stands", async () => {
    const { store } = await openTemporary();
    await store.engine.accept(acceptedMessage(sesId(1), small.length, ["ann@in.example", "bob@in.example"]), {
      kind: "inline",
      bytes: small,
    });
    await store.ports.ledger.decide([decisionFor(sesId(1), "bob@in.example")]);
    await store.engine.endMessage(sesId(1), {
      reason: "stopped",
      untold: [
        { recipient: "Ann@in.example", outcome: "not-routed" },
        { recipient: "bob@in.example", outcome: "not-routed" },
      ],
    });
    const records = await store.ports.ledger.recipients(sesId(1));
    expect(records.map(({ recipient, state, outcome }) => [recipient, state, outcome])).toEqual([
      ["ann@in.example", "done", "not-routed"],
      ["bob@in.example", "decided", undefined],
    ]);
  });

  test("a message that was never accepted cannot end", async () => {
    const { store } = await openTemporary();
    await expect(store.engine.endMessage(sesId(7), { reason: "x", untold: [] })).rejects.toMatchObject({
      code: "ERR_UNKNOWN_MESSAGE",
    });
  });
});

test("a verification is recorded once: a resume is told what was found first", async () => {
  const { store } = await openTemporary();
  await store.engine.accept(acceptedMessage(sesId(1), small.length), { kind: "inline", bytes: small });
  const first = {
    authentication: {
      spf: { result: "pass", domain: "sender.example" },
      dkim: [],
      dmarc: { result: "none", domain: "sender.example" },
    },
    verdicts: { spam: "PASS", virus: "PASS", spf: "PASS", dkim: "GRAY", dmarc: "GRAY" },
    scanDetail: { spam: "clean", virus: "clean" },
    at: "2026-08-04T09:15:03.000Z",
  } as const;
  expect(await store.engine.verification(sesId(1))).toBeUndefined();
  expect(await store.engine.recordVerification(sesId(1), first)).toEqual(first);
  const second = { ...first, verdicts: { ...first.verdicts, virus: "FAIL" } } as const;
  expect(await store.engine.recordVerification(sesId(1), second)).toEqual(first);
  expect(await store.engine.verification(sesId(1))).toEqual(first);
});

test("a rule set is stored once by its content, and `none` stands for no active one", async () => {
  const { store } = await openTemporary();
  const rules = { name: "mailweir", rules: [] };
  const id = await store.engine.snapshotRuleSet(rules);
  expect(await store.engine.snapshotRuleSet({ ...rules })).toBe(id);
  expect(await store.engine.ruleSetSnapshot(id)).toEqual(rules);
  expect(await store.engine.ruleSetSnapshot(await store.engine.snapshotRuleSet(undefined))).toBeUndefined();
});

test("refusals are a ring: the newest are kept, all are counted, long texts are cut", async () => {
  const { store } = await openTemporary();
  const refusal = {
    at: "2026-08-04T09:15:02.417Z",
    ip: "203.0.113.9",
    helo: "x",
    stage: "RCPT",
    reply: "550",
  } as const;
  await Promise.all(
    Array.from({ length: 10_003 }, (_, index) => store.engine.refuse({ ...refusal, reason: `no ${index}` })),
  );
  await store.engine.refuse({ ...refusal, reason: "y".repeat(100_000) });
  expect(await store.engine.refusalCount()).toBe(10_004);
  const newest = await store.engine.refusals({ limit: 20_000 });
  expect(newest).toHaveLength(10_000);
  expect(newest[0]?.reason).toBe("y".repeat(500));
  expect((await store.engine.refusals({ limit: 1, before: newest[0]!.id }))[0]?.reason).toBe("no 10002");
});

describe("the data folder", () => {
  test("one that is a file is refused with the remedy", async () => {
    const { root } = await openTemporary();
    const file = join(root, "file");
    await writeFile(file, "");
    const opening = openStore({ folder: file, topology: testTopology, clock: fixedClock(), random: testRandom() });
    await expect(opening).rejects.toMatchObject({ code: "ERR_DATA_FOLDER", message: expect.stringContaining(file) });
  });

  test("a disk that fails while the spool file is taken over refuses the message", async () => {
    const { root, reopen } = await openTemporary();
    let failing = false;
    const fs: FileSystem = {
      ...nodeFileSystem,
      rename: async (from, to) => {
        if (failing) throw Object.assign(new Error("EIO: i/o error, rename"), { code: "EIO" });
        return nodeFileSystem.rename(from, to);
      },
    };
    const store = await reopen({ fs });
    const raw = Buffer.alloc(100_000, "x");
    const input = await spooled(root, raw);
    failing = true;
    await expect(store.engine.accept(acceptedMessage(sesId(1), raw.length), input)).rejects.toThrow("EIO");
    failing = false;
    expect(await store.engine.message(sesId(1))).toBeUndefined();
    await store.engine.accept(acceptedMessage(sesId(1), raw.length), input);
    expect((await bytesOf(store.engine.openRaw(sesId(1)))).equals(raw)).toBe(true);
  });

  test("a file that could not be removed is gone after the next start", async () => {
    const { root, reopen } = await openTemporary();
    const fs: FileSystem = {
      ...nodeFileSystem,
      unlink: async () => {
        throw Object.assign(new Error("EIO: i/o error, unlink"), { code: "EIO" });
      },
    };
    const store = await reopen({ fs });
    const broken = async function* () {
      yield Buffer.alloc(100_000);
      throw new Error("the sender went away");
    };
    await expect(store.ports.objects.put({ bucket: "mail", key: "x" }, broken())).rejects.toThrow(
      "the sender went away",
    );
    expect(await readdir(join(root, "contents", "2"))).toHaveLength(1);
    await reopen();
    expect(await readdir(join(root, "contents", "2"))).toEqual([]);
  });

  test("can be read beside the running engine, and after it", async () => {
    const { store, root } = await openTemporary();
    await store.engine.accept(acceptedMessage(sesId(1), small.length), { kind: "inline", bytes: small });
    const beside = await openStoreReadOnly(root, fixedClock());
    expect(await beside.engine.list({ limit: 10 })).toEqual(await store.engine.list({ limit: 10 }));
    await beside.close();
    await store.close();
    const after = await openStoreReadOnly(root, fixedClock());
    expect((await bytesOf(after.engine.openRaw(sesId(1)))).equals(small)).toBe(true);
    expect(await after.engine.status()).toMatchObject({ messages: 1, unended: 1 });
    await after.close();
  });

  test("one without a database says that no engine ran there", async () => {
    const { root } = await openTemporary();
    await mkdir(join(root, "empty"));
    await expect(openStoreReadOnly(join(root, "empty"))).rejects.toThrow(/no engine ever ran/);
  });
});
