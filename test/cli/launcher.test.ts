import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

const launcher = fileURLToPath(new URL("../../cli/mailweir.mjs", import.meta.url));
const oldNode = (process.env["PATH"] ?? "")
  .split(delimiter)
  .map((folder) => join(folder, "node"))
  .filter((path) => existsSync(path))
  .find((path) => Number(/^v(\d+)/.exec(spawnSync(path, ["--version"], { encoding: "utf8" }).stdout)?.[1] ?? 99) < 24);

test.skipIf(!oldNode)(
  "started by an older Node, the engine runs all the same and stops cleanly (skipped where there is none)",
  async () => {
    const { child, ready, folder } = await start(oldNode ?? "", {});
    expect(ready).toMatchObject({ event: "ready", data: folder });
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  },
);

test.skipIf(!oldNode)(
  "Ctrl-C reaches both the older Node and the engine, and stops once, cleanly (skipped where there is none)",
  async () => {
    const { child, folder } = await start(oldNode ?? "", {});
    const status = spawnSync(process.execPath, [launcher, "status", "--json", "--data", folder], { encoding: "utf8" });
    const { pid } = (JSON.parse(status.stdout) as { engine: { pid: number } }).engine;
    expect(pid).not.toBe(child.pid);
    // As a terminal does it: to the whole group, and the launcher passes its own on.
    process.kill(pid, "SIGINT");
    child.kill("SIGINT");
    expect(await once(child, "exit")).toEqual([0, null]);
    expect(existsSync(join(folder, "engine.json"))).toBe(false);
  },
);

test.skipIf(!oldNode)(
  "SIGKILL for the older Node is one for the engine: the next start has the folder (skipped where there is none)",
  async () => {
    const first = await start(oldNode ?? "", {});
    first.child.kill("SIGKILL");
    await once(first.child, "exit");
    const second = await start(oldNode ?? "", {}, first.folder);
    expect(second.ready).toMatchObject({ event: "ready", data: first.folder });
  },
);

test.skipIf(process.platform !== "linux")(
  "the engine is the process that was started, with its memory settings (Linux)",
  async () => {
    const { MALLOC_ARENA_MAX: _, ...env } = process.env;
    const { child, folder } = await start(process.execPath, env);
    const status = spawnSync(process.execPath, [launcher, "status", "--json", "--data", folder], { encoding: "utf8" });
    expect(JSON.parse(status.stdout)).toMatchObject({ engine: { pid: child.pid } });
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  },
);

async function start(node: string, env: NodeJS.ProcessEnv, folder = mkdtempSync(join(tmpdir(), "mailweir-launcher-"))) {
  const args = ["start", "--smtp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data", folder, "--json"];
  const child: ChildProcess = spawn(node, [launcher, ...args], { env, stdio: ["ignore", "pipe", "ignore"] });
  onTestFinished(() => {
    child.kill("SIGTERM");
    rmSync(folder, { recursive: true, force: true });
  });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const [first] = await Promise.race([once(lines, "line"), once(child, "exit").then(() => ["{}"])]);
  return { child, ready: JSON.parse(String(first)) as object, folder };
}
