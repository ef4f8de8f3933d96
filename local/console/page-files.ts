import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { HttpBindings } from "@hono/node-server";
import type { Hono } from "hono";
import type { PageBundle } from "./bundle-page.ts";

const types = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
} as const;

const folder = new URL("./page/", import.meta.url);

/** The console's page: three files, nothing else of the disk can be asked for. */
export function servePage(app: Hono<{ Bindings: HttpBindings }>): void {
  let bundle: Promise<PageBundle> | undefined;
  const bundled = () => {
    bundle ??= readBundle().catch((error: unknown) => {
      // The next look at the page tries again: whoever mends it need not start the engine anew.
      bundle = undefined;
      throw error;
    });
    return bundle;
  };
  const serve = (path: string, type: keyof typeof types, read: () => Promise<string>) =>
    app.get(path, async (c) => {
      c.header("content-type", types[type]);
      c.header("cache-control", "no-cache");
      return c.body(await read());
    });

  serve("/", "html", async () => {
    // The browser asks for the rest in a moment.
    bundled().catch(() => undefined);
    return readFile(new URL("index.html", folder), "utf8");
  });
  serve("/page/app.js", "js", async () => (await bundled()).js);
  serve("/page/app.css", "css", async () => (await bundled()).css);
}

/** As `npm pack` built it, or from the sources beside. */
async function readBundle(): Promise<PageBundle> {
  const built = new URL("app.bundle.js", folder);
  if (!existsSync(built)) return (await import("./bundle-page.ts")).bundlePage();
  const [js, css] = await Promise.all([readFile(built, "utf8"), readFile(new URL("app.bundle.css", folder), "utf8")]);
  return { js, css };
}
