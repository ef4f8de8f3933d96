import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { addCompileCache, canCompileFor, compileCacheFolder, lambdaUserId } from "../../infra/compile-cache.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "mailweir-compile-cache-"));
  writeFileSync(
    join(folder, "index.mjs"),
    `import { two } from "./part-2.cjs";
     export const sum = () => two() + 1;
     console.log("two and one are", sum());
     throw Object.assign(new Error("no environment"), { code: "ERR_ENVIRONMENT" });`,
  );
  writeFileSync(join(folder, "part-2.cjs"), 'exports.two = () => 2; exports.later = () => "said when it is called";');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("what was compiled is taken where the function lies, though it was built elsewhere", {
  timeout: 60_000,
}, async () => {
  await addCompileCache(folder, process.getuid?.() ?? 0);
  const elsewhere = `${folder}-deployed`;
  renameSync(folder, elsewhere);
  try {
    const { stderr, stdout } = spawnSync(process.execPath, [join(elsewhere, "index.mjs")], {
      encoding: "utf8",
      env: {
        NODE_COMPILE_CACHE: join(elsewhere, compileCacheFolder),
        NODE_COMPILE_CACHE_PORTABLE: "1",
        NODE_DEBUG_NATIVE: "COMPILE_CACHE",
      },
    });
    expect(stdout).toContain("two and one are 3");
    const accepted = stderr.split("\n").filter((line) => line.includes("was accepted"));
    expect(accepted.map((line) => /(index|part-2)\.[cm]js/.exec(line)?.[1]).sort()).toEqual(["index", "part-2"]);
  } finally {
    rmSync(elsewhere, { recursive: true, force: true });
  }
});

test("it is made for whoever runs functions, and for this machine's kind only", { timeout: 60_000 }, async () => {
  await addCompileCache(folder, lambdaUserId);
  const names = readdirSync(join(folder, compileCacheFolder));
  // With Lambda's flags, and without any.
  expect(names).toHaveLength(2);
  for (const name of names) {
    expect(name).toMatch(new RegExp(`^${process.version}-${process.arch}-.*-${lambdaUserId}$`));
    const files = readdirSync(join(folder, compileCacheFolder, name));
    const texts = files.map((file) => readFileSync(join(folder, compileCacheFolder, name, file), "latin1"));
    // What is in functions that nobody has called.
    expect(texts.filter((text) => text.includes("said when it is called"))).toHaveLength(1);
  }
  expect(readdirSync(folder).sort()).toEqual([compileCacheFolder, "index.mjs", "part-2.cjs"]);
  expect([canCompileFor("arm64"), canCompileFor("x64")].filter(Boolean).length).toBeLessThan(2);
});

test("a module that cannot be loaded ends the build", { timeout: 60_000 }, async () => {
  writeFileSync(join(folder, "part-2.cjs"), "exports.two = ;");
  await expect(addCompileCache(folder, 0)).rejects.toMatchObject({ code: "ERR_BUILD" });
});

// Only root may be somebody else, and that one has to reach Node and the folder.
const asLambdaUser = { uid: lambdaUserId, gid: lambdaUserId };
const canBeLambdaUser =
  process.getuid?.() === 0 && spawnSync(process.execPath, ["-e", ""], { ...asLambdaUser, cwd: tmpdir() }).status === 0;

test.skipIf(!canBeLambdaUser)(
  "who runs functions on Lambda is given it, though he may not write where it lies",
  { timeout: 60_000 },
  async () => {
    await addCompileCache(folder, lambdaUserId);
    spawnSync("chmod", ["-R", "a+rX,a-w", folder]);
    // As Lambda's bootstrap starts Node.
    const flags = [
      "--expose-gc",
      "--max-http-header-size=81920",
      "--max-semi-space-size=25",
      "--max-old-space-size=460",
    ];
    const { stderr, stdout } = spawnSync(process.execPath, [...flags, join(folder, "index.mjs")], {
      encoding: "utf8",
      ...asLambdaUser,
      env: {
        NODE_COMPILE_CACHE: join(folder, compileCacheFolder),
        NODE_COMPILE_CACHE_PORTABLE: "1",
        NODE_DEBUG_NATIVE: "COMPILE_CACHE",
      },
    });
    expect(stdout).toContain("two and one are 3");
    const accepted = stderr.split("\n").filter((line) => line.includes("was accepted"));
    expect(accepted.map((line) => /(index|part-2)\.[cm]js/.exec(line)?.[1]).sort()).toEqual(["index", "part-2"]);
  },
);
