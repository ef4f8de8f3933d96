#!/usr/bin/env node
// The one file that an old Node must be able to read: everything behind it is TypeScript that Node 24 strips itself, or in
// the package JavaScript for Node 24.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
// By its name in the namespace: Node 20 has no enableCompileCache, and a named import would end it there.
import * as nodeModule from "node:module";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";

const needed = [24, 0];
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

const launched = "MAILWEIR_LAUNCHED";
// glibc gives each thread a heap of its own and seldom takes anything back: two hold some 40 MB less than eight. It reads
// that only when a process begins. Other C libraries do not know the name.
const env = { MALLOC_ARENA_MAX: "2", ...process.env };

if (major > needed[0] || (major === needed[0] && minor >= needed[1])) {
  if (process.argv[2] === "start" && process.platform === "linux" && !process.env.MALLOC_ARENA_MAX) {
    // The same process begins anew: nobody's signals or pid change.
    process.execve(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], env);
  }
  nodeModule.enableCompileCache?.();
  // The young generation stays at the 1 MB that it begins with. Buffers are freed when it is collected, but do not fill it:
  // while a large message streams through, tens of megabytes of dead ones would wait for that. Small mail is no slower.
  setFlagsFromString("--semi-space-growth-factor=1");
  if (process.env[launched] && process.connected) {
    // Whoever kills the launcher means us: an engine that nobody knows of would keep its folder from the next one.
    process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));
    process.channel?.unref();
  }
  // A clone runs its sources; the package has JavaScript only.
  const source = new URL("./main.ts", import.meta.url);
  const { main } = await import(existsSync(source) ? source.href : "../build/cli/main.js");
  await main(process.argv);
} else {
  const local = nearest("node_modules/node/bin/node");
  if (local === undefined) {
    process.stderr.write(
      `mailweir needs Node ${needed.join(".")} or newer; this is ${process.version}. ` +
        "Run `npm ci` in a clone, or `npm install --save-dev node@24` beside the package: that brings a Node of the " +
        "project's own, and no other installation is touched.\n",
    );
    process.exit(1);
  }
  const child = spawn(local, process.argv.slice(1), {
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    env: { ...env, [launched]: "1" },
  });
  // The terminal sends Ctrl-C to both of us; the child decides when the work is finished.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    process.stderr.write(`mailweir could not start ${local}: ${error.message}\n`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
}

/** The path in the folder of this package or in one above it: where npm puts what it installs. */
function nearest(path) {
  for (let folder = new URL("..", import.meta.url); ; folder = new URL("..", folder)) {
    const file = fileURLToPath(new URL(path, folder));
    if (existsSync(file)) return file;
    if (folder.href === new URL("..", folder).href) return undefined;
  }
}
