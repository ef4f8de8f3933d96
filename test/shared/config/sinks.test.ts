import { expect, test } from "vitest";
import { ConfigError } from "../../../shared/config/config-error.ts";
import { resolveConfig } from "../../../shared/config/resolve-config.ts";

const base = { domains: ["example.com"], streams: { ticket: { recipients: ["support@example.com"] } } };
const desk = { kind: "redmine", url: "https://redmine.example", keyFrom: { env: "KEY" }, project: "support" };

function faultsOf(sinks: unknown, options = {}) {
  try {
    resolveConfig({ ...base, tickets: { sinks } }, options);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}

test("sinks that are right are kept as they are", () => {
  const sinks = { desk, crm: { kind: "webhook", url: "https://crm.example/hook", secretFrom: { env: "HOOK" } } };
  expect(resolveConfig({ ...base, tickets: { sinks } }).tickets.sinks).toEqual(sinks);
});

test.for<[string, unknown, object]>([
  [
    "a kind that there is not",
    { desk: { ...desk, kind: "redmin" } },
    { at: "tickets.sinks.desk.kind", allowed: expect.stringContaining("redmine") },
  ],
  [
    "no project",
    { desk: { ...desk, project: undefined } },
    { at: "tickets.sinks.desk.project", problem: "is missing" },
  ],
  [
    "a misspelt setting",
    { desk: { ...desk, projcet: "x" } },
    { at: "tickets.sinks.desk.projcet", suggestion: expect.stringContaining("project") },
  ],
  [
    "http to a public address",
    { desk: { ...desk, url: "http://redmine.example" } },
    { at: "tickets.sinks.desk.url", allowed: expect.stringContaining("https") },
  ],
  [
    "no block of addresses",
    { desk: { ...desk, allowPrivate: ["10.0.0.0/99"] } },
    { at: "tickets.sinks.desk.allowPrivate[0]", allowed: expect.stringContaining("10.0.0.0/8") },
  ],
  [
    "a name with a space",
    { "my desk": desk },
    { at: 'tickets.sinks["my desk"]', allowed: expect.stringContaining("hyphens") },
  ],
  [
    "a secret of AWS on one machine",
    { desk: { ...desk, keyFrom: { parameter: "/key" } } },
    { at: "tickets.sinks.desk.keyFrom", allowed: "{ env } or { file }" },
  ],
])("%s is a fault with its place and the remedy", ([, sinks, fault]) => {
  expect(faultsOf(sinks)).toContainEqual(expect.objectContaining(fault));
});

test("an environment variable on AWS is a fault", () => {
  expect(faultsOf({ desk }, { stage: "prod", accountId: "123456789012" })).toContainEqual(
    expect.objectContaining({ at: "tickets.sinks.desk.keyFrom", allowed: "{ secretsManager } or { parameter }" }),
  );
});
