import { mkdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Metafile } from "esbuild";
import { MailweirError } from "../shared/errors.ts";
import { findHandlers, projectFolder } from "./load-deployment.ts";

export class BuildError extends MailweirError {
  readonly code = "ERR_BUILD";
  readonly retryable = false;
}

export interface BuiltFunction {
  readonly name: string;
  readonly sizeBytes: number;
  readonly metafile: Metafile;
}

// aws-xray-sdk-core and others are CommonJS: without a require their bundle dies when it is loaded.
const requireBanner = "import{createRequire}from'node:module';const require=createRequire(import.meta.url);";

/**
 * Bundles functions for Lambda, each into `<out>/<name>/index.mjs` with its source map. The configuration goes along as
 * code, since it may hold functions (`match`, own workers): the name `#mail-config` becomes the file that is deployed.
 *
 * @param names - folders of `functions/`
 * @throws {BuildError} when a function has no handler, or does not compile
 */
export async function buildFunctions(
  names: readonly string[],
  { configFile, out = join(projectFolder, "dist") }: { readonly configFile: string; readonly out?: string },
): Promise<readonly BuiltFunction[]> {
  const handlers = findHandlers();
  const missing = names.filter((name) => !handlers.has(name));
  if (missing.length > 0) {
    throw new BuildError(`functions/${missing.join(", functions/")}: there is no handler.ts, which Lambda needs`);
  }
  await rm(out, { recursive: true, force: true });
  return Promise.all(names.map((name) => buildFunction(name, resolve(configFile), join(out, name))));
}

async function buildFunction(name: string, configFile: string, out: string): Promise<BuiltFunction> {
  const result = await build({
    entryPoints: [join(projectFolder, "functions", name, "handler.ts")],
    outfile: join(out, "index.mjs"),
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
    banner: { js: requireBanner },
    logLevel: "silent",
    plugins: [
      {
        name: "mail-config",
        setup({ onResolve }) {
          onResolve({ filter: /^#mail-config$/ }, () => ({ path: configFile }));
          // Node imports by address too, and a configuration may.
          onResolve({ filter: /^file:/ }, ({ path }) => ({ path: fileURLToPath(path) }));
        },
      },
    ],
  }).catch((error: unknown) => {
    const text = error instanceof Error ? error.message : String(error);
    throw new BuildError(`functions/${name} could not be bundled: ${text}`, { cause: error });
  });
  await mkdir(out, { recursive: true });
  await writeFile(join(out, "meta.json"), JSON.stringify(result.metafile));
  const output = Object.entries(result.metafile.outputs).find(([path]) => path.endsWith("index.mjs"));
  return { name, sizeBytes: output?.[1].bytes ?? 0, metafile: result.metafile };
}

// `node infra/build.ts [configuration]`: all functions that have a handler.
if (import.meta.main) {
  const configFile = process.argv[2] ?? process.env["MAILWEIR_CONFIG"] ?? "mailweir.config.ts";
  const built = await buildFunctions([...findHandlers()].sort(), { configFile });
  for (const { name, sizeBytes } of built) process.stdout.write(`${name}  ${Math.ceil(sizeBytes / 1024)} KB\n`);
}
