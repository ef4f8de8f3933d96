import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const venv = fileURLToPath(new URL("../../.ci/venv/", import.meta.url));

/** Path of a program that .ci/run installs with pip; `undefined` where it did not. */
export function pythonTool(name: string): string | undefined {
  const path = join(venv, "bin", name);
  return existsSync(path) ? path : undefined;
}

/** Folder of a project's sources that .ci/run fetched, its tests in them. */
export function pythonSource(name: string): string | undefined {
  const folder = join(venv, "src");
  if (!existsSync(folder)) return undefined;
  const found = readdirSync(folder).find((entry) => entry.startsWith(`${name}-`) && !entry.endsWith(".tar.gz"));
  return found === undefined ? undefined : join(folder, found);
}

export interface Moto {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** A moto server of its own on a free port, ready to answer. */
export async function startMoto(program: string): Promise<Moto> {
  const port = await freePort();
  const child = spawn(program, ["-H", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
  const endpoint = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries += 1) {
    const answer = await fetch(`${endpoint}/moto-api/`).catch(() => undefined);
    if (answer?.ok) break;
    if (child.exitCode !== null || tries > 600) throw new Error("moto_server did not start");
    await sleep(100);
  }
  return { endpoint, stop: () => end(child) };
}

export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), 5_000);
  await exited;
  clearTimeout(late);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
