import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { vi } from "vitest";
import { main } from "../../cli/main.ts";

export interface CliResult {
  readonly exit: number | string | null | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as it was written, for commands that write octets. */
  readonly octets: Buffer;
}

/** Runs a command line in this process: fast, with the same parsing, output and exit status. */
export async function callCli(args: readonly string[]): Promise<CliResult> {
  const written: Record<"stdout" | "stderr", Buffer[]> = { stdout: [], stderr: [] };
  const spies = (["stdout", "stderr"] as const).map((name) =>
    vi.spyOn(process[name], "write").mockImplementation((chunk, encoding, done) => {
      written[name].push(typeof chunk === "string" ? Buffer.from(chunk) : Buffer.from(chunk));
      const callback = typeof encoding === "function" ? encoding : done;
      callback?.();
      return true;
    }),
  );
  const before = process.exitCode;
  process.exitCode = undefined;
  const listeners = process.stdout.listeners("error");
  try {
    await main([process.execPath, "mailweir", ...args]);
    return {
      exit: process.exitCode ?? 0,
      stdout: Buffer.concat(written.stdout).toString(),
      stderr: Buffer.concat(written.stderr).toString(),
      octets: Buffer.concat(written.stdout),
    };
  } finally {
    process.exitCode = before;
    for (const spy of spies) spy.mockRestore();
    for (const listener of process.stdout.listeners("error")) {
      if (!listeners.includes(listener)) process.stdout.off("error", listener as () => void);
    }
  }
}

/** What users run. */
export const launcher = fileURLToPath(new URL("../../cli/mailweir.mjs", import.meta.url));

/** Runs a command line as users do: through the launcher, in a process of its own. */
export async function runCli(args: readonly string[]): Promise<CliResult> {
  const child = spawn(process.execPath, [launcher, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const exit = new Promise<number | null>((resolve) => child.on("close", resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { exit: await exit, stdout, stderr, octets: Buffer.from(stdout) };
}
