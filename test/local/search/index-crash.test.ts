import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { openIndex } from "../../../local/search/open-index.ts";
import { openSearch } from "../../../local/search/open-search.ts";
import { openStore } from "../../../local/store/open-store.ts";
import { mail } from "../console/console-engine.ts";
import { acceptedMessage, sesId, testRandom, testTopology } from "../store/store-fixture.ts";

const childFile = fileURLToPath(new URL("index-crash-child.ts", import.meta.url));
const count = 400;

test("an index that a SIGKILL cut off goes on where it was, and holds every message once", {
  timeout: 180_000,
}, async () => {
  const root = await mkdtemp(join(tmpdir(), "mailweir-index-crash-"));
  onTestFinished(() => rm(root, { recursive: true }));
  const clock = { now: () => new Date() };
  const open = () => openStore({ folder: root, topology: testTopology, clock, random: testRandom(root) });
  const before = await open();
  for (let number = 1; number <= count; number++) {
    const raw = Buffer.from(mail(`Number ${number}`, `every word${number} and ${"text ".repeat(200)}`));
    await before.engine.accept(acceptedMessage(sesId(number), raw.length), { kind: "inline", bytes: raw });
  }
  await before.close();

  // A folder of an earlier version is just this: mail, and no index.
  const left: number[] = [];
  for (const until of [count - 1, count - 100, count - 250]) {
    const child = spawn(process.execPath, [childFile, root], { stdio: ["ignore", "pipe", "inherit"] });
    let said = "";
    child.stdout.on("data", (data) => {
      said += String(data);
      if (Number(said.split("\n").at(-2) ?? count) <= until) child.kill("SIGKILL");
    });
    await once(child, "close");
    left.push(Number(said.split("\n").at(-2)));
  }
  // Each run went on behind the one before; none began anew.
  expect(left).toEqual([...left].sort((a, b) => b - a));

  const store = await open();
  const search = openSearch({ folder: store.folder, database: store.database, clock, log: { info() {}, error() {} } });
  await search.caughtUp();
  const found: string[] = [];
  let next: number | null | undefined;
  do {
    const page = await search.find("every", { limit: 150, ...(next && { before: next }) });
    found.push(...page.messages.map(({ sesMessageId }) => sesMessageId));
    next = page.next;
  } while (next !== null);
  expect(found).toEqual(Array.from({ length: count }, (_, index) => sesId(count - index)));
  expect((await search.find("word77", { limit: 10 })).messages.map(({ subject }) => subject)).toEqual(["Number 77"]);
  await search.close();
  await store.close();
  const index = openIndex(store.folder);
  // FTS5's own check of every entry against the stored text; it throws when one is wrong.
  await index.write((tx) => tx.run("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)"));
  await index.close();
});
