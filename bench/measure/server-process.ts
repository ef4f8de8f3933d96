import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

export interface Running {
  readonly pid: number;
  readonly port: number;
  /** What its ready line says. */
  readonly ready: Readonly<Record<string, unknown>>;
  stop(): Promise<void>;
}

/** Starts a server that says `{"port": …}` in a line on stdout when it listens. */
export async function startServer(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    // Two heaps of glibc, as the command of the product sets it: the peers get the same.
    env: { ...process.env, MALLOC_ARENA_MAX: "2", ...env },
  });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => {
    errors = (errors + chunk).slice(-4_000);
  });
  const line = await Promise.race([
    firstJsonLine(child),
    once(child, "exit").then(() => {
      throw new Error(`${command} ${args.join(" ")} ended before it was ready:\n${errors}`);
    }),
  ]);
  return {
    pid: child.pid ?? 0,
    port: Number(line["port"]),
    ready: line,
    stop: () => endProcess(child),
  };
}

export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), 15_000);
  await ended;
  clearTimeout(timer);
}

async function firstJsonLine(child: ChildProcess): Promise<Record<string, unknown>> {
  if (!child.stdout) throw new Error("no stdout");
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith("{")) continue;
    child.stdout.resume();
    return JSON.parse(line) as Record<string, unknown>;
  }
  throw new Error("no ready line");
}
