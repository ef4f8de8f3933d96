import { fileURLToPath } from "node:url";

/** What the browser asks for, ready to be sent. */
export interface PageBundle {
  readonly js: string;
  readonly css: string;
}

/**
 * Bundles the console's page. Only a clone does it, at the first look at the page (some 50 ms); a package was built with the
 * bundle in it.
 */
export async function bundlePage(): Promise<PageBundle> {
  const { build, stop } = await import("esbuild");
  try {
    const { outputFiles } = await build({
      entryPoints: ["app.tsx", "app.css"].map((name) => fileURLToPath(new URL(`./page/${name}`, import.meta.url))),
      outdir: "page",
      bundle: true,
      write: false,
      format: "esm",
      target: "es2022",
      minify: true,
      jsx: "automatic",
      jsxImportSource: "preact",
      // esbuild's own words, so that what is wrong is in the answer and not on somebody's terminal.
      logLevel: "silent",
    });
    const file = (extension: string) => outputFiles.find(({ path }) => path.endsWith(extension))?.text ?? "";
    return { js: file(".js"), css: file(".css") };
  } finally {
    // Its process has nothing else to do here.
    await stop();
  }
}
