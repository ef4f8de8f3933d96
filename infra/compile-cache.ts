import { spawn } from "node:child_process";
import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
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
 * Compiles a function's modules, all parts of it, and keeps what V8 made of them beside them, so that a start reads instead of
 * compiling. What does not fit where it runs (another Node, another user) is not looked at by Node, and costs its
 * place in the archive.
 *
 * @param folder - of one function, as `buildFunctions` leaves it
 * @param userId - who will run it
 * @throws {BuildError} when a module cannot be loaded
 */
export async function addCompileCache(folder: string, userId: number): Promise<void> {
  const cache = join(folder, compileCacheFolder);
  await rm(cache, { recursive: true, force: true });
  const parts = (await readdir(folder)).filter((name) => name.endsWith(".mjs")).sort();
  const urls = parts.map((name) => pathToFileURL(join(folder, name)).href);
  await run(
    // Loading is all: without its environment a handler ends its start with an error, after everything was compiled.
    `for (const url of ${JSON.stringify(urls)}) await import(url).catch((error) => { if (error.code !== "ERR_ENVIRONMENT") throw error; });
     (await import("node:module")).flushCompileCache();
     process.exit(0);`,
    cache,
  );
  // Node's folder is called <version>-<architecture>-<V8's tag>-<user>.
  for (const name of await readdir(cache)) {
    const ofUser = name.replace(/-\d+$/, `-${userId}`);
    if (ofUser !== name) await rename(join(cache, name), join(cache, ofUser));
  }
}

async function run(script: string, cache: string): Promise<void> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
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
