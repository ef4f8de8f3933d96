import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

export interface Emulator {
  readonly endpoint: string;
  stop(): Promise<void>;
}

/** A program of .ci/python-packages: in .ci/venv, or wherever the PATH has it. */
export function pythonProgram(name: string): string | undefined {
  const places = [join(import.meta.dirname, "../../.ci/venv/bin"), ...(process.env["PATH"] ?? "").split(":")];
  return places.map((place) => join(place, name)).find((path) => existsSync(path));
}

/** moto, an independent implementation of AWS's APIs, on a free loopback port. */
export async function startMoto(program: string): Promise<Emulator> {
  const port = await freePort();
  const child = spawn(program, ["-H", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const endpoint = `http://127.0.0.1:${port}`;
  await answering(`${endpoint}/moto-api/data.json`, () => child.exitCode);
  return {
    endpoint,
    async stop() {
      child.kill();
      await exited;
    },
  };
}

export async function answering(url: string, exitCode: () => number | null): Promise<void> {
  for (;;) {
    const answer = await fetch(url).catch(() => undefined);
    if (answer && answer.status < 500) return;
    if (exitCode() !== null) throw new Error(`the emulator at ${url} ended with code ${exitCode()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        address && typeof address === "object" ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}
