import { execFile } from "node:child_process";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { bundlePage } from "../local/console/bundle-page.ts";

// `npm pack` runs this: the package holds JavaScript, because Node strips no types inside node_modules.

const project = fileURLToPath(new URL("..", import.meta.url));
const out = join(project, "build");
// A quotation mark, the dots, the path without its extension.
const relativeImport = /(["'])(\.\.?\/)([^"']+)\.ts\1/g;

/** What people import; everything else may change from one version to the next. */
const entries = ["package/main", "package/unsubscribe", "testing/main"] as const;

await rm(out, { recursive: true, force: true });
await promisify(execFile)(
  join(project, "node_modules", ".bin", "tsc"),
  ["-p", join(project, "tsconfig.package.json")],
  {
    cwd: project,
    maxBuffer: 2 ** 24,
  },
);

// Somebody's configuration is theirs; the name #mail-config is for bundles.
for (const extension of ["js", "d.ts"]) await rm(join(out, `mailweir.config.${extension}`), { force: true });

// What the compiler does not look at.
const page = join(out, "local", "console", "page");
await mkdir(page, { recursive: true });
await cp(join(project, "local", "console", "page", "index.html"), join(page, "index.html"));
const { js, css } = await bundlePage();
await writeFile(join(page, "app.bundle.js"), js);
await writeFile(join(page, "app.bundle.css"), css);
await rm(join(out, "local", "console", "bundle-page.js"));
for (const threadEntry of [join("local", "invoke", "thread-entry.mjs"), join("local", "search", "index-entry.mjs")]) {
  await writeFile(
    join(out, threadEntry),
    (await readFile(join(project, threadEntry), "utf8")).replaceAll(/(["'])(\.\.?\/[^"']+)\.ts\1/g, "$1$2.js$1"),
  );
}

// Programs that still use require() get the sender's side too; one file each, readable by Node 20.
for (const [format, extension] of [
  ["esm", "mjs"],
  ["cjs", "cjs"],
] as const) {
  await build({
    entryPoints: [join(project, "package", "unsubscribe.ts")],
    outfile: join(out, "package", `unsubscribe.${extension}`),
    bundle: true,
    platform: "node",
    target: "node20",
    format,
    keepNames: true,
    logLevel: "error",
  });
}
await rm(join(out, "package", "unsubscribe.js"));

const declared = new Set<string>();
for (const entry of entries) await follow(join(out, `${entry}.d.ts`), declared);
const forRequire = new Set<string>();
await follow(join(out, "package", "unsubscribe.d.ts"), forRequire);
for (const file of forRequire) {
  const text = await readFile(file, "utf8");
  await writeFile(file.replace(/\.d\.ts$/, ".d.cts"), text.replaceAll(relativeImport, "$1$2$3.cjs$1"));
}
for (const file of declared) {
  const text = await readFile(file, "utf8");
  await writeFile(file, text.replaceAll(relativeImport, "$1$2$3.js$1"));
}
for (const file of await readdir(out, { recursive: true })) {
  if (file.endsWith(".d.ts") && !declared.has(join(out, file))) await rm(join(out, file));
}
await cp(join(out, "package", "unsubscribe.d.ts"), join(out, "package", "unsubscribe.d.mts"));
await rm(join(out, "package", "unsubscribe.d.ts"));
await mkdir(out, { recursive: true });
process.stdout.write(`built ${relative(project, out)}/: ${declared.size} declarations\n`);

/** Declarations that an entry leads to, with itself. */
async function follow(file: string, seen: Set<string>): Promise<void> {
  if (seen.has(file)) return;
  seen.add(file);
  const text = await readFile(file, "utf8");
  for (const [, , start = "", path = ""] of text.matchAll(relativeImport)) {
    await follow(resolve(dirname(file), `${start}${path}.d.ts`), seen);
  }
}
