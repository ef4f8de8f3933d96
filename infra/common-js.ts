import { type OutputFile, transform } from "esbuild";

export interface WrittenFile {
  /** In the function's folder. */
  readonly name: string;
  readonly text: string;
  /** The bundler's name for what is in it; a source map has none. */
  readonly module?: string;
}

/**
 * The modules of one bundle as CommonJS, behind an `index.mjs` that asks for the first of them. Node resolves, links and wraps each
 * ES module, and makes an ES module's face of every own one that such a module names (which runs the getters in it, `crypto.webcrypto`
 * among them); `require` does neither, and a start has thirty modules.
 *
 * @param files - `*.mjs` and `*.mjs.map`, as the bundler made them
 * @returns undefined where only ES modules can say what is said: `await` at the top, or `import.meta` (a user's own code)
 */
export async function asCommonJs(
  files: readonly Pick<OutputFile, "path" | "text">[],
  { banner, exported }: { readonly banner: string; readonly exported: readonly string[] },
): Promise<readonly WrittenFile[] | undefined> {
  const textOf = new Map(files.map(({ path, text }) => [path.slice(path.lastIndexOf("/") + 1), text]));
  const modules = [...textOf.keys()].filter((name) => name.endsWith(".mjs"));
  const written = await Promise.all(
    modules.map(async (module) => {
      // Its line stays, for the map's sake.
      const text = (textOf.get(module) ?? "").replace(banner, "").replace(sourceMapComment, "");
      if (text.includes("import.meta")) return undefined;
      const map = Buffer.from(textOf.get(`${module}.map`) ?? "{}").toString("base64");
      return converted(module, text, `data:application/json;base64,${map}`);
    }),
  );
  const all: WrittenFile[] = [];
  for (const pair of written) {
    if (pair === undefined) return undefined;
    all.push(...pair);
  }
  const face = `import{createRequire}from"node:module";export const{${exported.join(",")}}=createRequire(import.meta.url)("./${nameOf("index.mjs")}");\n`;
  return [...all, { name: "index.mjs", text: face }];
}

const sourceMapComment = /\n\/\/# sourceMappingURL=.*\n?$/;

const nameOf = (module: string) => (module === "index.mjs" ? "main.cjs" : module.replace(/\.mjs$/, ".cjs"));

async function converted(module: string, text: string, map: string): Promise<WrittenFile[] | undefined> {
  const name = nameOf(module);
  const result = await transform(`${text}\n//# sourceMappingURL=${map}`, {
    format: "cjs",
    platform: "node",
    target: "node24",
    minify: true,
    // As every ES module is.
    banner: '"use strict";',
    sourcemap: "external",
    sourcesContent: false,
    sourcefile: module,
    legalComments: "none",
    logLevel: "silent",
  }).catch((error: unknown) => {
    if (text.includes("await")) return undefined;
    throw error;
  });
  if (result === undefined) return undefined;
  const code = result.code
    .replace(/\bimport\("(\.\/part-[A-Z0-9]+)\.mjs"\)/g, 'Promise.resolve().then(()=>require("$1.cjs"))')
    .replace(/\brequire\("(\.\/part-[A-Z0-9]+)\.mjs"\)/g, 'require("$1.cjs")');
  return [
    { name, text: `${code}//# sourceMappingURL=${name}.map\n`, module },
    { name: `${name}.map`, text: result.map },
  ];
}
