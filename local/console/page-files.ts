import { readFile } from "node:fs/promises";
import type { HttpBindings } from "@hono/node-server";
import type { Hono } from "hono";

const types = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
} as const;

/** Everything that the page consists of: nothing else of the disk can be asked for. */
const files: Readonly<Record<string, readonly [name: string, type: keyof typeof types]>> = {
  "/": ["index", "html"],
  "/page/style.css": ["style", "css"],
  "/page/app.js": ["app", "js"],
  "/page/dom.js": ["dom", "js"],
  "/page/http.js": ["http", "js"],
  "/page/journey.js": ["journey", "js"],
  "/page/messages.js": ["messages", "js"],
  "/page/findings.js": ["findings", "js"],
  "/page/outbox.js": ["outbox", "js"],
  "/page/quarantine.js": ["quarantine", "js"],
  "/page/refusals.js": ["refusals", "js"],
  "/page/status.js": ["status", "js"],
};

/** The console's page: modules that a browser runs as they are, read when they are asked for. */
export function servePage(app: Hono<{ Bindings: HttpBindings }>): void {
  for (const [path, [name, type]] of Object.entries(files)) {
    app.get(path, async (c) => {
      c.header("content-type", types[type]);
      c.header("cache-control", "no-cache");
      return c.body(await readFile(new URL(`./page/${name}.${type}`, import.meta.url), "utf8"));
    });
  }
}
