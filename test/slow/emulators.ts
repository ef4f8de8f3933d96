import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answering, type Emulator, freePort } from "./moto.ts";

/** ministack: runs what is deployed to it, Node functions as processes of their own. On a free loopback port. */
export async function startMinistack(program: string): Promise<Emulator> {
  const port = await freePort();
  const child = spawn(program, [], {
    stdio: "ignore",
    cwd: await mkdtemp(join(tmpdir(), "mailweir-ministack-")),
    env: { ...process.env, BIND_HOST: "127.0.0.1", GATEWAY_PORT: String(port), IOT_MTLS_ENABLED: "0" },
  });
  const endpoint = `http://127.0.0.1:${port}`;
  await answering(`${endpoint}/_ministack/health`, () => child.exitCode);
  return { endpoint, stop: () => stopped(child) };
}

async function stopped(child: ChildProcess): Promise<void> {
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill();
  await exited;
}
