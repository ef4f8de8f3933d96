import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openLog } from "../../local/log.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mailweir-log-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const lines = async () =>
  (await readFile(join(folder, "engine.log"), "utf8"))
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { level: string; message: string; number?: number });
const open = () => openLog(folder, () => new Date("2026-11-03T09:00:00Z"), { stderr: "none" });

test("lines reach the file in their order without anybody closing it, a problem among them", async () => {
  const log = open();
  log.info("rules ended", { number: 1 });
  log.warn("action failed", { number: 2 });
  log.info("rules ended", { number: 3 });
  await expect.poll(async () => (await lines()).map(({ number }) => number), { timeout: 30_000 }).toEqual([1, 2, 3]);
  expect((await lines()).map(({ level }) => level)).toEqual(["INFO", "WARN", "INFO"]);
  await log.close();
});

test("closing writes what waits", async () => {
  const log = open();
  for (let number = 0; number < 1_000; number++) log.info("mail routed", { number });
  await log.close();
  expect((await lines()).map(({ number }) => number)).toEqual(Array.from({ length: 1_000 }, (_, number) => number));
});
