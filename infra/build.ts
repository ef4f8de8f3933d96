import { mkdir, rm, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, type Metafile, type Plugin } from "esbuild";
import { loadConfig } from "../shared/config/load-config.ts";
import { BuildError } from "./build-error.ts";
import { asCommonJs, type WrittenFile } from "./common-js.ts";
import { accountPlaceholder, configModule } from "./config-module.ts";
import { findHandlers, projectFolder } from "./load-deployment.ts";
import { createPastBarrels } from "./past-barrels.ts";

export interface BuiltFunction {
  readonly name: string;
  /** What a cold start reads and compiles: the entry, and what it imports at once. */
  readonly startBytes: number;
  /** With the parts that are loaded when they are needed. */
  readonly wholeBytes: number;
  /** What the start part is made of, the heaviest first. */
  readonly heaviest: readonly Weight[];
  readonly metafile: Metafile;
}

/** Of start parts, in KB: above what was measured with every option on, below what slows a cold start. A mistake in an import shows here. */
export const startBudgetsKb: Readonly<Record<string, number>> = {
  default: 800,
  activate: 500,
  journal: 250,
  gate: 200,
  "route-notification": 500,
  "route-object": 500,
};

/** Those whose start part is over its budget, in words, with what weighs most in them. */
export function overBudget(built: readonly BuiltFunction[]): readonly string[] {
  return built.flatMap(({ name, startBytes, heaviest }) => {
    const budgetKb = startBudgetsKb[name] ?? startBudgetsKb["default"] ?? 0;
    const sizeKb = Math.ceil(startBytes / 1024);
    return sizeKb > budgetKb
      ? [`${name} starts with ${sizeKb} KB, more than ${budgetKb}; in it ${heaviest.slice(0, 6).map(inKb).join(", ")}`]
      : [];
  });
}

const inKb = ({ what, bytes }: Weight) => `${what} ${Math.ceil(bytes / 1024)}`;

export interface Weight {
  /** A package, or a folder of this project, or a file of the user's. */
  readonly what: string;
  readonly bytes: number;
}

export interface BuildOptions {
  readonly configFile: string;
  /** The bundles run under this stage only. */
  readonly stage: string;
  readonly out?: string;
}

// aws-xray-sdk-core and others are CommonJS: without a require their bundle dies when it is loaded.
const requireBanner = "import{createRequire}from'node:module';const require=createRequire(import.meta.url);";

/**
 * Bundles functions for Lambda, each into `<out>/<name>/index.mjs`, what that asks for at once, and the parts that are loaded when they are
 * needed, with their source maps. The configuration goes along
 * checked and completed; functions in it (`match`, own workers) as code, for which the name `#mail-config` becomes the file that is deployed.
 *
 * @param names - folders of `functions/`
 * @throws {BuildError} when a function has no handler, or does not compile
 */
export async function buildFunctions(
  names: readonly string[],
  { configFile, stage, out = join(projectFolder, "dist") }: BuildOptions,
): Promise<readonly BuiltFunction[]> {
  const handlers = findHandlers();
  const missing = names.filter((name) => !handlers.has(name));
  if (missing.length > 0) {
    throw new BuildError(`functions/${missing.join(", functions/")}: there is no handler.ts, which Lambda needs`);
  }
  await rm(out, { recursive: true, force: true });
  const file = resolve(configFile);
  const config = await loadConfig(file, { stage, accountId: accountPlaceholder });
  const { default: raw }: { readonly default?: unknown } = await import(pathToFileURL(file).href);
  const deployed = configModule(config, raw, stage);
  const pastBarrels = createPastBarrels();
  return Promise.all(
    names.map((name) => buildFunction(name, { configFile: file, deployed, pastBarrels, out: join(out, name) })),
  );
}

async function buildFunction(
  name: string,
  {
    configFile,
    deployed,
    pastBarrels,
    out,
  }: { readonly configFile: string; readonly deployed: string; readonly pastBarrels: Plugin; readonly out: string },
): Promise<BuiltFunction> {
  const result = await build({
    entryPoints: [{ in: join(projectFolder, "functions", name, "handler.ts"), out: "index" }],
    // What is loaded later is a file of its own: starting means to read and compile the start part alone.
    splitting: true,
    chunkNames: "part-[hash]",
    outExtension: { ".js": ".mjs" },
    outdir: out,
    absWorkingDir: projectFolder,
    bundle: true,
    platform: "node",
    target: "node24",
    format: "esm",
    mainFields: ["module", "main"],
    minify: true,
    // Names stay in stack traces and in `error.name`.
    keepNames: true,
    sourcemap: "linked",
    sourcesContent: false,
    legalComments: "none",
    metafile: true,
    write: false,
    banner: { js: requireBanner },
    logLevel: "silent",
    plugins: [
      pastBarrels,
      {
        name: "mail-config",
        setup({ onLoad, onResolve }) {
          onResolve({ filter: /^#deployed-config$/ }, () => ({ path: "deployed-config", namespace: "mailweir" }));
          onLoad({ filter: /^deployed-config$/, namespace: "mailweir" }, () => ({
            contents: deployed,
            loader: "js",
            resolveDir: projectFolder,
          }));
          onResolve({ filter: /^#mail-config$/ }, () => ({ path: configFile }));
          onResolve({ filter: /^#resource-names$/ }, () => ({
            path: join(projectFolder, "shared", "config", "names.ts"),
          }));
          // Node imports by address too, and a configuration may.
          onResolve({ filter: /^file:/ }, ({ path }) => ({ path: fileURLToPath(path) }));
        },
      },
    ],
  }).catch((error: unknown) => {
    const text = error instanceof Error ? error.message : String(error);
    throw new BuildError(`functions/${name} could not be bundled: ${text}`, { cause: error });
  });
  const entry = Object.entries(result.metafile.outputs).find(([path]) => path.endsWith("/index.mjs"));
  const files: readonly WrittenFile[] =
    (await asCommonJs(result.outputFiles, { banner: requireBanner, exported: entry?.[1].exports ?? [] })) ??
    result.outputFiles.map(({ path, text }) => ({ name: basename(path), text, module: basename(path) }));
  await mkdir(out, { recursive: true });
  await Promise.all(files.map(({ name: file, text }) => writeFile(join(out, file), text)));
  await writeFile(join(out, "meta.json"), JSON.stringify(result.metafile));
  return { name, ...sizesOf(result.metafile, files), metafile: result.metafile };
}

function sizesOf(
  { outputs }: Metafile,
  files: readonly WrittenFile[],
): Pick<BuiltFunction, "startBytes" | "wholeBytes" | "heaviest"> {
  const bytes = new Map(files.map(({ module, text }) => [module, Buffer.byteLength(text)]));
  const modules = Object.entries(outputs).filter(([path]) => path.endsWith(".mjs"));
  const atStart = new Set<string>();
  const follow = (path: string) => {
    if (atStart.has(path)) return;
    atStart.add(path);
    for (const { path: imported, kind } of outputs[path]?.imports ?? []) {
      if (kind === "import-statement" && outputs[imported]) follow(imported);
    }
  };
  const entry = modules.find(([path]) => path.endsWith("/index.mjs"));
  if (entry) follow(entry[0]);
  const bytesOf = (among: typeof modules) => among.reduce((sum, [path]) => sum + (bytes.get(basename(path)) ?? 0), 0);
  const start = modules.filter(([path]) => atStart.has(path));
  return {
    startBytes: bytesOf(start),
    wholeBytes: bytesOf(modules),
    heaviest: weighed(start.map(([, output]) => output)),
  };
}

function weighed(outputs: readonly Metafile["outputs"][string][]): Weight[] {
  const weights = new Map<string, number>();
  for (const { inputs } of outputs) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      const [, ofPackage] = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(path) ?? [];
      const what = ofPackage ?? /^(?:shared|functions)\/[^/]+/.exec(path)?.[0] ?? path;
      weights.set(what, (weights.get(what) ?? 0) + bytesInOutput);
    }
  }
  return [...weights].map(([what, bytes]) => ({ what, bytes })).sort((a, b) => b.bytes - a.bytes);
}

// `node infra/build.ts [configuration] [stage]`: all functions that have a handler.
if (import.meta.main) {
  const configFile = process.argv[2] ?? process.env["MAILWEIR_CONFIG"] ?? "mailweir.config.ts";
  const built = await buildFunctions([...findHandlers()].sort(), { configFile, stage: process.argv[3] ?? "prod" });
  for (const { name, startBytes, wholeBytes } of built) {
    process.stdout.write(
      `${name}  ${Math.ceil(startBytes / 1024)} KB at the start, ${Math.ceil(wholeBytes / 1024)} in all\n`,
    );
  }
  const over = overBudget(built);
  for (const line of over) process.stderr.write(`${line}\n`);
  if (over.length > 0) process.exitCode = 1;
}
