import { afterAll, beforeAll, expect, test } from "vitest";
import { fuzzRuns } from "../../fuzz-runs.ts";
import { fc } from "../../property.ts";
import { type ConsoleEngine, mail, startConsoleEngine } from "./console-engine.ts";

let running: ConsoleEngine;
let id: string;
let routes: { path: string; method: string }[];

beforeAll(async () => {
  running = await startConsoleEngine();
  id = await running.send(mail("Hello"), ["ann@example.com", "support@example.com"]);
  await running.ended();
  const description = (await (await running.fetch("/api/openapi.json")).json()) as {
    paths: Record<string, Record<string, unknown>>;
  };
  routes = Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.keys(methods)
      .filter((method) => ["get", "post", "put", "delete", "patch"].includes(method))
      .map((method) => ({ path, method: method.toUpperCase() })),
  );
});
afterAll(() => running.close());

const odd = [
  "",
  "0",
  "-1",
  "1e9",
  "NaN",
  "null",
  "undefined",
  "..",
  "%00",
  "%ff",
  "%2e%2e%2f",
  "'; DROP TABLE messages --",
  "a".repeat(3000),
].concat([
  "{}",
  "[]",
  '"',
  "__proto__",
  "constructor",
  "ann@example.com",
  "ticket",
  "\u202e",
  "é",
  "*",
  "(",
  "subject:",
  'from:"',
  "is:x",
]);
const value = fc.oneof(fc.constantFrom(...odd), fc.string({ maxLength: 40 }));
const json: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.dictionary(
    fc.constantFrom(
      "address",
      "to",
      "from",
      "ids",
      "reason",
      "list",
      "text",
      "state",
      "actor",
      "search",
      "raw",
      "__proto__",
    ),
    fc.oneof(value, fc.jsonValue()),
  ),
);
const type = fc.constantFrom(
  "application/json",
  "message/rfc822",
  "text/plain",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "",
);

test("no request, however odd, is answered with a 500 or stops the engine", async () => {
  expect(routes.length).toBeGreaterThan(20);
  const request = fc.record({
    route: fc.nat(),
    parts: fc.array(fc.option(value), { minLength: 3, maxLength: 3 }),
    query: fc.dictionary(
      fc.constantFrom(
        "q",
        "limit",
        "before",
        "after",
        "stream",
        "to",
        "from",
        "ip",
        "helo",
        "state",
        "cursor",
        "search",
      ),
      value,
    ),
    body: fc.oneof(
      json.map((one) => JSON.stringify(one) ?? ""),
      value,
      fc.constant("{"),
    ),
    type,
  });
  for (const { route, parts, query, body, type } of fc.sample(request, fuzzRuns(8025, 700))) {
    const { path, method } = routes[route % routes.length] as (typeof routes)[number];
    let at = 0;
    const filled = path.replace(/\{[^}]+\}/g, () => encodeURIComponent(parts[at++ % 3] ?? id));
    const url = `${filled.startsWith("/api") ? "" : "/api"}${filled}?${new URLSearchParams(query)}`;
    const response = await running
      .fetch(url, {
        method,
        headers: { authorization: `Bearer ${running.token}`, ...(type !== "" && { "content-type": type }) },
        ...(method !== "GET" && { body }),
        signal: AbortSignal.timeout(20_000),
      })
      .catch((cause: unknown) => {
        throw new Error(`${method} ${url} ${type} ${body.slice(0, 300)} was not answered`, { cause });
      });
    // Events go on for ever.
    const isEndless = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
    if (isEndless) await response.body?.cancel();
    const text = isEndless ? "" : await response.text();
    expect(response.status, `${method} ${url} ${type} ${body.slice(0, 300)}: ${text.slice(0, 300)}`).toBeLessThan(500);
    if (response.status >= 400)
      expect(response.headers.get("content-type"), `${method} ${url}`).toMatch(/^application\/(?:problem\+)?json/);
  }
  expect((await running.fetch(`/api/messages/${id}`)).status).toBe(200);
});
