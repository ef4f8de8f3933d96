import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterEach, beforeEach, expect, test } from "vitest";
import { asCommonJs } from "../../infra/common-js.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mailweir-common-js-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const banner = "const banner=1;";

/** As infra/build.ts bundles. */
async function bundled(sources: Readonly<Record<string, string>>) {
  for (const [name, text] of Object.entries(sources)) writeFileSync(join(folder, name), text);
  const { outputFiles } = await build({
    entryPoints: [{ in: join(folder, "entry.ts"), out: "index" }],
    ...{ splitting: true, chunkNames: "part-[hash]", outExtension: { ".js": ".mjs" }, outdir: folder, write: false },
    ...{ bundle: true, platform: "node", format: "esm", minify: true, keepNames: true, sourcemap: "linked" },
    ...{ sourcesContent: false, banner: { js: banner } },
  } as const);
  return outputFiles;
}

const two = {
  "entry.ts": `import { log } from "./log.ts";
export const handler = async (name: string) => {
  log("first");
  const { greet } = await import("./later.ts");
  return greet(name);
};`,
  "later.ts": `import { log, said } from "./log.ts";
import { createHash } from "node:crypto";
export function greet(name: string): string {
  log("second");
  if (name === "") throw new RangeError("nobody to greet");
  return said.join() + " " + name + " " + createHash("sha256").update(name).digest("hex").slice(0, 8);
}`,
  "log.ts": `export const said: string[] = [];
export const log = (text: string): void => { said.push(text); };`,
};

function write(files: Awaited<ReturnType<typeof asCommonJs>>): string[] {
  for (const { name, text } of files ?? []) writeFileSync(join(folder, name), text);
  return (files ?? []).map(({ name }) => name);
}
const run = (call: string, ...flags: string[]) =>
  spawnSync(
    process.execPath,
    [
      ...flags,
      "-e",
      `import(${JSON.stringify(join(folder, "index.mjs"))}).then(async ({ handler }) => console.log(${call}))`,
    ],
    { encoding: "utf8" },
  );

test("what ES modules did, CommonJS does, parts that are loaded later included", { timeout: 60_000 }, async () => {
  const names = write(await asCommonJs(await bundled(two), { banner, exported: ["handler"] }));
  expect(names).toContain("main.cjs");
  expect(names.filter((name) => name.endsWith(".mjs"))).toEqual(["index.mjs"]);
  const loaded = "Object.keys(require.cache).filter((path) => /later|part-/.test(path)).length";
  const { stdout, stderr } = run(`${loaded}, await handler("Ann"), ${loaded}`);
  // The state that both parts share is one.
  expect(stdout, stderr).toBe(`1 first,second Ann ${hashOf("Ann")} 2\n`);
});

test("a stack names the sources' lines", { timeout: 60_000 }, async () => {
  write(await asCommonJs(await bundled(two), { banner, exported: ["handler"] }));
  const { stdout } = run(`await handler("").catch((error) => error.stack)`, "--enable-source-maps");
  expect(stdout).toMatch(/RangeError: nobody to greet\s+at greet \(\S*later\.ts:5:\d+\)/);
});

test("it is as strict as ES modules are", { timeout: 60_000 }, async () => {
  const files = await bundled({
    "entry.ts": "export const loose = () => { const o: { a: number } = Object.freeze({ a: 1 }); o.a = 2; return o; };",
  });
  write(await asCommonJs(files, { banner, exported: ["loose"] }));
  const call = `import(${JSON.stringify(join(folder, "index.mjs"))}).then(({ loose }) => { try { loose(); console.log("loose"); } catch (error) { console.log(error.name); } })`;
  expect(execFileSync(process.execPath, ["-e", call], { encoding: "utf8" })).toBe("TypeError\n");
});

test.for([
  ["await at the top", "export const handler = await Promise.resolve(() => 1);"],
  ["import.meta", "export const handler = () => import.meta.url;"],
])("what only an ES module can say stays one: %s", { timeout: 60_000 }, async ([, text = ""]) => {
  expect(await asCommonJs(await bundled({ "entry.ts": text }), { banner, exported: ["handler"] })).toBeUndefined();
});

const hashOf = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 8);
