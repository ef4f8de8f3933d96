import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { canarySteps } from "../../cli/send-canary.ts";
import { openStoreReadOnly } from "../../local/store/open-read-only.ts";
import { configFile } from "./config-file.ts";
import { callCli, launcher } from "./run-cli.ts";

let child: ChildProcess;
let folder: string;
let data: string;
let config: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mailweir-canary-"));
  data = join(folder, "data");
  const zone = join(folder, "zone.json");
  await writeFile(zone, "{}");
  config = await configFile(
    JSON.stringify({
      domains: ["in.example"],
      streams: { personal: { recipients: ["ann@in.example"] }, ticket: { recipients: ["help@in.example"] } },
      local: { dns: { zone }, smtp: "127.0.0.1:0", http: "127.0.0.1:0" },
    }),
    folder,
  );
  child = spawn(process.execPath, [launcher, "start", "--config", config, "--data", data, "--json"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  if (!child.stdout) throw new Error("no stdout");
  for await (const _ of createInterface({ input: child.stdout })) break;
}, 60_000);
afterAll(async () => {
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await exited;
  await rm(folder, { recursive: true, force: true });
});

const send = (...args: string[]) => callCli(["check", "--send", "--config", config, "--data", data, ...args]);

test("the canary goes every step to its end, and opens no ticket", { timeout: 60_000 }, async () => {
  const { exit, stdout } = await send("--json");
  const steps = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { step: string; ok: boolean; says: string });
  expect(steps.map(({ step, ok }) => [step, ok])).toEqual(canarySteps.map((step) => [step, true]));
  expect(steps.at(-1)?.says).toBe("done: recorded");
  expect(steps[4]?.says).toBe("auto-reply, for it is machine");
  expect(exit).toBe(0);
  const store = await openStoreReadOnly(data);
  expect((await store.ports.tickets.list({ limit: 10 })).tickets).toEqual([]);
  await store.close();
});

test("an address that no rule takes: the reply, and what to look at", async () => {
  const { exit, stdout } = await send("--to", "nobody@other.example");
  expect(exit).toBe(1);
  expect(stdout).toContain("NO  accepted  127.0.0.1 refused it: 550 5.1.1");
  expect(stdout).toContain("no active rule takes the address");
});

test("a server that cannot be reached: why, and what to do about port 25", async () => {
  const { exit, stdout } = await send("--smtp", "127.0.0.1:9");
  expect(exit).toBe(1);
  expect(stdout).toContain("127.0.0.1:9 cannot be reached");
  expect(stdout).toContain("--smtp host:port");
});

test("without an engine, and with an address that is none: refused", async () => {
  const none = await callCli(["check", "--send", "--config", config, "--data", join(folder, "none")]);
  expect(none.exit).toBe(1);
  expect(none.stderr).toContain("No engine runs on");
  const wrong = await send("--smtp", "somewhere");
  expect(wrong.stderr).toContain('"somewhere" is no address');
});
