import { spawn } from "node:child_process";
import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { BuildError } from "./build-error.ts";

/** The folder beside a function's `index.mjs`; `NODE_COMPILE_CACHE` names it to Node. */
export const compileCacheFolder = "compile-cache";

/** Who runs functions on Lambda. Node keeps a cache for each user, by number. */
export const lambdaUserId = 993;

/** Whether what this machine compiles is of use on Lambda: V8 takes a cache of its own version and architecture only. */
export function canCompileFor(architecture: "arm64" | "x64"): boolean {
  return process.platform === "linux" && process.arch === architecture;
}

/**
 * With which flags of V8 functions are started: a cache of other flags is refused. Lambda's Node is started with `--expose-gc` and sizes of
 * the heap, which do not count; whoever starts a bundle by himself says nothing.
 */
const flagsOfStarts = [["--expose-gc"], []] as const;

/**
 * Compiles a function's modules, all parts and every function in them, and keeps what V8 made of them beside them, so that a start reads instead of
 * compiling. What does not fit where it runs (another Node, another user) is not looked at by Node, and costs its
 * place in the archive.
 *
 * @param folder - of one function, as `buildFunctions` leaves it
 * @param userId - who will run it
 * @throws {BuildError} when a module cannot be loaded
 */
export async function addCompileCache(folder: string, userId: number): Promise<void> {
  const cache = join(folder, compileCacheFolder);
  // Beside it, since Node names what it keeps by the way from there to the module.
  const whole = `${cache}-whole`;
  for (const each of [cache, whole]) await rm(each, { recursive: true, force: true });
  const parts = (await readdir(folder)).filter((name) => /\.[cm]js$/.test(name)).sort();
  const paths = parts.map((name) => join(folder, name));
  try {
    await Promise.all([...flagsOfStarts.map((flags) => load(paths, cache, flags)), load(paths, whole, ["--no-lazy"])]);
    const [compiled = ""] = await readdir(whole);
    // Node's folder is called <version>-<architecture>-<V8's tag>-<user>.
    for (const name of await readdir(cache)) {
      for (const file of await readdir(join(cache, name))) {
        await fill(join(cache, name, file), join(whole, compiled, file));
      }
      const ofUser = name.replace(/-\d+$/, `-${userId}`);
      if (ofUser !== name) await rename(join(cache, name), join(cache, ofUser));
    }
  } finally {
    await rm(whole, { recursive: true, force: true });
  }
}

// Node's file: its magic number, octets of source and of cache, CRC-32 of both. Then what V8 made, which begins with its magic number, and
// a number each for its version, the source, and its flags.
const nodeHeaderBytes = 20;
const at = { cacheCrc: 16, v8Magic: 20, v8Flags: 32, v8End: 36 };

/**
 * V8 compiles a function when it is first called, and Node keeps what is there right after loading: hardly any. Told to compile all, V8
 * calls that another flag, though the code is the same, and would refuse it. So that flag's number is put back. Where these files look otherwise
 * than we know them, what Node made stays as it is.
 */
async function fill(file: string, wholeFile: string): Promise<void> {
  const [made, whole] = await Promise.all([readFile(file), readFile(wholeFile).catch(() => Buffer.alloc(0))]);
  const isKnown = (bytes: Buffer) =>
    bytes.length > at.v8End &&
    bytes.readUInt32LE(at.cacheCrc) === crc32(bytes.subarray(nodeHeaderBytes)) &&
    bytes.readUInt32LE(at.v8Magic) >>> 16 === 0xc0de;
  const isSameCode = made.subarray(at.v8Magic, at.v8Flags).equals(whole.subarray(at.v8Magic, at.v8Flags));
  if (!isKnown(made) || !isKnown(whole) || !isSameCode) return;
  made.copy(whole, at.v8Flags, at.v8Flags, at.v8End);
  whole.writeUInt32LE(crc32(whole.subarray(nodeHeaderBytes)), at.cacheCrc);
  await writeFile(file, whole);
}

async function load(paths: readonly string[], cache: string, flags: readonly string[]): Promise<void> {
  // Loading is all: without its environment a handler ends its start with an error, after everything was compiled.
  const script = `
    const { createRequire, flushCompileCache } = await import("node:module");
    const require = createRequire(import.meta.url);
    for (const path of ${JSON.stringify(paths)}) {
      try {
        if (path.endsWith(".cjs")) require(path);
        else await import(require("node:url").pathToFileURL(path).href);
      } catch (error) { if (error.code !== "ERR_ENVIRONMENT") throw error; }
    }
    flushCompileCache();
    process.exit(0);`;
  const child = spawn(process.execPath, [...flags, "--input-type=module", "-e", script], {
    env: { NODE_COMPILE_CACHE: cache, NODE_COMPILE_CACHE_PORTABLE: "1" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
  const code = await new Promise<number | null>((done, fail) => {
    child.once("error", fail);
    child.once("close", done);
  });
  if (code !== 0)
    throw new BuildError(`A bundle could not be compiled:\n${Buffer.concat(said).toString("utf8").slice(0, 2_000)}`);
}
