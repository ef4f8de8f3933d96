import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeFolder, nodeFileSystem } from "../../../local/store/files.ts";
import { findEngine, lockFolder } from "../../../local/store/lock.ts";

let root: string;
const children: ChildProcess[] = [];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "mailweir-lock-"));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await rm(root, { recursive: true, force: true });
});

const info = {
  pid: process.pid,
  smtp: "127.0.0.1:2525",
  http: "127.0.0.1:8025",
  startedAt: "2026-08-04T09:15:02.417Z",
  token: "secret",
};

/** Another process that holds the lock; resolves when it does. */
async function otherEngine(): Promise<ChildProcess> {
  const script = `
    const { lockFolder } = await import(${JSON.stringify(new URL("../../../local/store/lock.ts", import.meta.url).href)});
    const lock = await lockFolder(${JSON.stringify(root)});
    await lock.publish({ ...${JSON.stringify(info)}, pid: process.pid });
    process.stdout.write("held");
    setInterval(() => {}, 1000);
  `;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.push(child);
  await once(child.stdout!, "data");
  return child;
}

test("an engine that runs is found with its ports and its token, by those who may read the folder", async () => {
  const lock = await lockFolder(root);
  expect(await findEngine(root)).toBeUndefined();
  await lock.publish(info);
  expect(await findEngine(root)).toEqual(info);
  expect((await stat(join(root, "engine.json"))).mode & 0o777).toBe(0o600);
  await lock.release();
  expect(await findEngine(root)).toBeUndefined();
});

test("a folder that is not there has no engine, and locking makes it", async () => {
  const folder = join(root, "a", "b");
  expect(await findEngine(folder)).toBeUndefined();
  await (await lockFolder(folder)).release();
  expect((await stat(folder)).isDirectory()).toBe(true);
});

test("a second engine in the same process is refused", async () => {
  const lock = await lockFolder(root);
  await lock.publish(info);
  await expect(lockFolder(root)).rejects.toMatchObject({
    code: "ERR_DATA_FOLDER_IN_USE",
    message: expect.stringMatching(/2525.*8025/),
  });
  await lock.release();
  await lock.release();
  await (await lockFolder(root)).release();
});

test("one in another process is refused by name, and after SIGKILL the next start takes over", async () => {
  const other = await otherEngine();
  expect(await findEngine(root)).toMatchObject({ pid: other.pid });
  await expect(lockFolder(root)).rejects.toThrow(String(other.pid));
  other.kill("SIGKILL");
  await once(other, "exit");
  // What the dead engine published is nobody's.
  expect(await findEngine(root)).toBeUndefined();
  const lock = await lockFolder(root);
  expect(await findEngine(root)).toBeUndefined();
  await lock.release();
});

test.for<[string, (root: string) => string, RegExp]>([
  ["a file has its name", (at) => join(at, "file"), /a file has its name.*choose another with --data/],
  ["a file is above it", (at) => join(at, "file", "below"), /a file has its name or that of a folder above it/],
  // Node's recursive mkdir never comes back from there.
  ["the system makes no folder there", () => "/proc/nothing", /choose another with --data/],
])("a folder that cannot be used says why and what to do: %s", async ([, path, message]) => {
  await writeFile(join(root, "file"), "");
  const error: unknown = await lockFolder(path(root)).catch((caught: unknown) => caught);
  expect(error).toMatchObject({ code: "ERR_DATA_FOLDER", message: expect.stringMatching(message) });
  expect(error).toMatchObject({ message: expect.stringContaining(path(root)) });
});

test("a folder is made with those above it; one that is there stays as it is", async () => {
  const deep = join(root, "a", "b", "c");
  await makeFolder(nodeFileSystem, deep);
  await writeFile(join(deep, "kept"), "x");
  await Promise.all([makeFolder(nodeFileSystem, deep), makeFolder(nodeFileSystem, join(deep, "d", "e"))]);
  expect((await stat(join(deep, "kept"))).size).toBe(1);
  expect((await stat(join(deep, "d", "e"))).mode & 0o777).toBe(0o700);
});
