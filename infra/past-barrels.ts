import { existsSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { OnLoadResult, Plugin, PluginBuild } from "esbuild";

/**
 * For the builds of one call, which read each file once: leads imports past the index files of AWS's core packages to the files that define what is imported. The bundler puts a file into
 * the start part when an index there names it, used or not, as soon as a part that is loaded later uses it: with S3 somewhere behind
 * an import(), every start carried XML.
 */
export function createPastBarrels(): Plugin {
  const barrels = new Map<string, Promise<ReadonlyMap<string, Origin>>>();
  const files = new Map<string, Promise<OnLoadResult>>();
  const load = async (build: PluginBuild, path: string): Promise<OnLoadResult> => {
    const text = await readFile(path, "utf8");
    const contents = await rewritten(text, async (from) => {
      const barrel = await pathOf(build, from, dirname(path));
      if (barrel === undefined) return undefined;
      const known = barrels.get(barrel) ?? originsOf(build, barrel);
      barrels.set(barrel, known);
      return known;
    });
    return { contents, loader: path.endsWith(".ts") ? "ts" : "js", resolveDir: dirname(path) };
  };
  return {
    name: "past-barrels",
    setup(build) {
      build.onLoad(
        { filter: /[\\/](?:node_modules[\\/]@(?:aws-sdk|smithy)[\\/].*\.js|shared[\\/]aws[\\/][^\\/]+\.ts)$/ },
        ({ path }) => {
          const known = files.get(path) ?? load(build, path);
          files.set(path, known);
          return known;
        },
      );
    },
  };
}

/** The file that a name comes from, and how it is called there. */
interface Origin {
  readonly file: string;
  readonly name: string;
}

async function pathOf(build: PluginBuild, from: string, resolveDir: string): Promise<string | undefined> {
  const { path, errors } = await build.resolve(from, { resolveDir, kind: "import-statement" });
  return errors.length === 0 && path.endsWith("index.js") ? path : undefined;
}

// `import { a, b as c } from "@smithy/core/…"`, as the compiler of these packages, and ours, writes it.
const imports = /^import \{([^}]+)\} from "(@(?:smithy|aws-sdk)\/core\/[a-zA-Z-]+)";$/gm;

async function rewritten(
  text: string,
  originsFor: (from: string) => Promise<ReadonlyMap<string, Origin> | undefined>,
): Promise<string> {
  const found = [...text.matchAll(imports)];
  const replacements = await Promise.all(
    found.map(async ([whole, names = "", from = ""]) => {
      const origins = await originsFor(from);
      if (!origins) return whole;
      const lines = names
        .split(",")
        .map((name) => name.trim())
        .filter((name) => name !== "" && !name.startsWith("type "))
        .map((name) => {
          const [imported = "", local = imported] = name.split(/\s+as\s+/);
          const { file, name: defined } = origins.get(imported) ?? { file: from, name: imported };
          return `import { ${defined} as ${local} } from ${JSON.stringify(file)};`;
        });
      return lines.join(" ");
    }),
  );
  let at = 0;
  return text.replace(imports, () => replacements[at++] ?? "");
}

/** What an index file exports from other files, followed to where it is defined. */
async function originsOf(build: PluginBuild, barrel: string): Promise<ReadonlyMap<string, Origin>> {
  const origins = new Map<string, Origin>();
  const text = await readFile(barrel, "utf8");
  for (const [, names = "", from = ""] of text.matchAll(/^export \{([^}]+)\} from "([^"]+)";$/gm)) {
    const file = from.startsWith(".")
      ? fileOf(join(dirname(barrel), from))
      : await pathOf(build, from, dirname(barrel));
    if (file === undefined) continue;
    const deeper = file.endsWith("index.js") ? await originsOf(build, file) : undefined;
    for (const part of names.split(",").map((name) => name.trim())) {
      if (part === "") continue;
      const [name = "", exported = name] = part.split(/\s+as\s+/);
      origins.set(exported, deeper?.get(name) ?? { file, name });
    }
  }
  return origins;
}

function fileOf(path: string): string | undefined {
  return [path, `${path}.js`, join(path, "index.js")].find((one) => existsSync(one) && statSync(one).isFile());
}
