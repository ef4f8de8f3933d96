import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { ruleCounts } from "../../../local/store/actions.ts";
import { openStore, type Store } from "../../../local/store/open-store.ts";
import { claimAgain } from "../../contract/opened.ts";
import { bytesOf, fixedClock, sesId, testRandom, testTopology } from "./store-fixture.ts";

const childFile = fileURLToPath(new URL("crash-child.ts", import.meta.url));

/** Starts the child and kills it behind so many acknowledgements; answers what it said until then. */
async function runAndKill(root: string, first: number, acknowledgements: number): Promise<string[]> {
  const child = spawn(process.execPath, [childFile, root, String(first)], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  let complaint = "";
  child.stderr.on("data", (data) => {
    complaint += String(data);
  });
  child.stdout.on("data", (data) => {
    said += String(data);
    if (said.split("\n").length > acknowledgements) child.kill("SIGKILL");
  });
  await once(child, "close");
  expect(complaint).toBe("");
  // A line that was cut was not acknowledged.
  return said.split("\n").slice(0, -1);
}

test("what was acknowledged before a SIGKILL is there, and what happens again happens once", async () => {
  const root = await mkdtemp(join(tmpdir(), "mailweir-crash-"));
  const acknowledged: string[] = [];
  let first = 1;
  try {
    for (const kill of [3, 40, 111, 250]) {
      acknowledged.push(...(await runAndKill(root, first, kill)));
      const store = await openStore({
        folder: root,
        topology: testTopology,
        clock: fixedClock(),
        random: testRandom(`${first}`),
      });
      await check(store, acknowledged);
      await store.close();
      first += 10_000;
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
  expect(acknowledged.length).toBeGreaterThan(300);
}, 60_000);

async function check(store: Store, acknowledged: readonly string[]): Promise<void> {
  const numbers = (word: string) =>
    acknowledged.filter((line) => line.startsWith(`${word} `)).map((line) => Number(line.split(" ")[1]));
  for (const number of numbers("accepted")) {
    const raw = (await bytesOf(store.engine.openRaw(sesId(number)))).toString();
    expect(raw.startsWith(`Subject: ${number}\r\n`) && raw.endsWith("x\r\n")).toBe(true);
    expect(await store.ports.ledger.recipients(sesId(number))).toHaveLength(1);
  }
  for (const number of numbers("recorded")) {
    expect(await store.engine.actionLog(sesId(number))).toHaveLength(1);
    const { body } = await store.ports.objects.open({ bucket: "mail", key: `inbound/${sesId(number)}` });
    expect((await bytesOf(body)).toString()).toMatch(/^Received: x\r\nSubject: /);
  }
  // A row without its effects, or effects without their row, would make these differ.
  const log = store.database.read((sql) => Number(sql.get("SELECT count(*) AS n FROM actions")?.["n"]));
  expect(ruleCounts(store.database)[0]?.value ?? 0).toBe(log);
  expect(await store.ports.queues.counts("objects")).toMatchObject({ delayed: log });

  const delivered = await readdir(join(store.folder.maildir, "ann", "new")).catch(() => []);
  for (const number of numbers("delivered")) {
    expect(delivered.filter((name) => name.includes(sesId(number)))).toHaveLength(1);
    const claim = await claimAgain(store.ports.ledger, { sesMessageId: sesId(number), recipient: "ann@in.example" });
    const body = store.engine.openRaw(sesId(number));
    const again = await store.ports.mailboxes.deliver(
      claim,
      { kind: "maildir", name: "ann" },
      body,
      new Date(1_785_834_902_417),
    );
    expect(again.repeated).toBe(true);
  }
  // Every file belongs to a row: what crashed between rename and commit is gone.
  const files = await readdir(store.folder.contents, { recursive: true, withFileTypes: true });
  const rows = store.database.read((sql) => Number(sql.get("SELECT count(path) AS n FROM contents")?.["n"]));
  expect(files.filter((entry) => entry.isFile())).toHaveLength(rows);
  expect(await readdir(store.folder.spool)).toEqual([]);
}
