import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const node = join(root, "node_modules/node/bin/node");
const cli = join(root, "cli/mailweir.mjs");

export interface EngineProcess {
  readonly host: string;
  readonly port: number;
  readonly http: string;
  readonly data: string;
  readonly child: ChildProcess;
  /** From spawn to the ready line. */
  readonly readyMs: number;
  /** What it logged so far. */
  stderr(): string;
  /** Peak resident memory so far in bytes (VmHWM); of the engine itself, since Node 24 runs it without a launcher. */
  peakBytes(): Promise<number>;
  /** SIGKILL, and wait until it is gone. */
  kill(): Promise<void>;
  /** SIGTERM, and wait; answers the exit status. */
  stop(): Promise<number | null>;
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** A folder of its own below the system's temporary one, with a configuration file in it. */
export async function engineFolder(config: object, zone: object = {}) {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-engine-"));
  const zoneFile = join(folder, "zone.json");
  await writeFile(zoneFile, JSON.stringify(zone));
  const configFile = join(folder, "mailweir.config.ts");
  const local = { dns: { zone: zoneFile }, ...("local" in config ? (config.local as object) : {}) };
  await writeFile(configFile, `export default ${JSON.stringify({ ...config, local }, null, 2)};\n`);
  return {
    folder,
    configFile,
    data: join(folder, "data"),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** `mailweir start` as its users start it, on free ports; resolves at its ready line. */
export async function startEngineProcess(options: {
  readonly configFile: string;
  readonly data: string;
  readonly more?: readonly string[];
}): Promise<EngineProcess> {
  const started = performance.now();
  const { configFile, data, more = [] } = options;
  const addresses = ["--smtp", "127.0.0.1:0", "--http", "127.0.0.1:0"];
  const child = spawn(node, [cli, "start", ...addresses, "--data", data, "--config", configFile, "--json", ...more], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    // The end is what tells why a test failed; a long run must not fill this process.
    log = (log + text).slice(-1_000_000);
  });
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const first = await Promise.race([once(lines, "line"), exited.then(() => undefined)]);
  if (!first) throw new Error(`the engine did not start: ${log}`);
  const ready = JSON.parse(String(first[0])) as { event: string; smtp: string; http: string; data: string };
  if (ready.event !== "ready") throw new Error(`the first line is no ready event: ${first[0]}`);
  const [host = "", port = ""] = ready.smtp.split(":");
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await exited;
    return child.exitCode;
  };
  return {
    host,
    port: Number(port),
    http: ready.http,
    data: ready.data,
    child,
    readyMs: performance.now() - started,
    stderr: () => log,
    async peakBytes() {
      const peak = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile(`/proc/${child.pid}/status`, "utf8"))?.[1];
      return Number(peak) * 1024;
    },
    kill: async () => void (await end("SIGKILL")),
    stop: () => end("SIGTERM"),
  };
}

/** Any other command of `mailweir`, to its end. */
export async function mailweir(args: readonly string[]): Promise<Finished> {
  const child = spawn(node, [cli, ...args], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() };
}
