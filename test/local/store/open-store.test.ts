import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { openStore, type Store } from "../../../local/store/open-store.ts";
import { acceptedMessage, bytesOf, fixedClock, sesId, testRandom, testTopology } from "./store-fixture.ts";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(folder?: string): Promise<{ store: Store; folder: string }> {
  const root = folder ?? (await mkdtemp(join(tmpdir(), "mailweir-store-")));
  if (folder === undefined) cleanups.push(() => rm(root, { recursive: true, force: true }));
  const store = await openStore({ folder: root, topology: testTopology, clock: fixedClock(), random: testRandom() });
  cleanups.push(() => store.close());
  return { store, folder: root };
}

test("a small message is there, byte for byte, after a restart", async () => {
  const { store, folder } = await open();
  const raw = Buffer.from("From: Ann <ann@sender.example>\r\nSubject: Order 1207\r\n\r\nHello\r\n");
  await store.engine.accept(acceptedMessage(sesId(1), raw.length), { kind: "inline", bytes: raw });
  await store.close();
  const { store: again } = await open(folder);
  expect(Buffer.from(await bytesOf(again.engine.openRaw(sesId(1))))).toEqual(raw);
  expect(await again.engine.message(sesId(1))).toEqual(acceptedMessage(sesId(1), raw.length));
});

test("a large message is taken over from the spool and comes back in chunks of at most 64 KB", async () => {
  const { store, folder } = await open();
  const raw = Buffer.alloc(200_000, "x");
  const path = join(folder, "spool", "arriving");
  await writeFile(path, raw);
  await store.engine.accept(acceptedMessage(sesId(2), raw.length), { kind: "file", path });
  await expect(stat(path)).rejects.toMatchObject({ code: "ENOENT" });
  const sizes: number[] = [];
  for await (const chunk of store.engine.openRaw(sesId(2))) sizes.push(chunk.length);
  expect(sizes).toEqual([65_536, 65_536, 65_536, 3392]);
});
