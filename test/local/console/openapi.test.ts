import { afterAll, beforeAll, expect, test } from "vitest";
import { createApi } from "../../../local/console/api.ts";
import { openApi } from "../../../local/console/openapi.ts";
import { type ConsoleEngine, startConsoleEngine } from "./console-engine.ts";
import { checkDescribed } from "./described.ts";

let running: ConsoleEngine;
beforeAll(async () => {
  running = await startConsoleEngine();
});
afterAll(() => running.close());

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string }>>>>;
}

test("every route and method is described, and nothing that there is not", () => {
  const { config, store, ports, reception, search } = running.engine;
  const unused = undefined as never;
  const api = createApi({
    ...{ config, store, ports, reception, search, verify: unused, sesApi: unused, forgetting: unused, log: unused },
  });
  const routes = api.routes
    .filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => `${method.toLowerCase()} /api${path.replace(/:(\w+)/g, "{$1}")}`);
  const described = Object.entries((openApi() as unknown as Document).paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );
  expect(described.sort()).toEqual([...new Set(routes)].sort());
});

test("the description is served, in OpenAPI's version 3.1, each operation with a name of its own", async () => {
  const document = (await (await running.fetch("/api/openapi.json")).json()) as Document;
  expect(document.openapi).toMatch(/^3\.1\./);
  const names = Object.values(document.paths).flatMap((methods) =>
    Object.values(methods).map(({ operationId }) => operationId),
  );
  expect(new Set(names).size).toBe(names.length);
  expect(JSON.stringify(document)).not.toContain('"$defs"');
});

test("members that are not known yet do not break a reader", () => {
  const served = JSON.stringify((openApi() as unknown as Document).paths["/api/status"]);
  expect(served).not.toContain('additionalProperties":false');
});

test.for<[string, string, string, number, unknown]>([
  ["a member of another type", "GET", "/api/rules", 200, { ruleSet: 1, rules: [] }],
  ["a member that is missing", "GET", "/api/rules", 200, { rules: [] }],
  ["a member that nobody described", "GET", "/api/rules", 200, { ruleSet: null, rules: [], more: 1 }],
  ["a status that is not described", "GET", "/api/rules", 404, { status: 404, detail: "x" }],
  ["a request that is not described", "GET", "/api/nothing", 200, {}],
])("the check that all suites use finds %s", async ([, method, path, status, body]) => {
  const type = status === 200 ? "application/json" : "application/problem+json";
  const response = new Response(JSON.stringify(body), { status, headers: { "content-type": type } });
  await expect(checkDescribed(method, path, response)).rejects.toThrow(path);
});
