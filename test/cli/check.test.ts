import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { configFile } from "./config-file.ts";
import { callCli, runCli } from "./run-cli.ts";

const parse = (stdout: string) =>
  stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test("the shipped configuration has notes only: exit status 0", async () => {
  const { exit, stdout, stderr } = await runCli(["check"]);
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" });
  expect(stdout).toContain("note test-scanner");
  expect(stdout).toMatch(/rule checked: 1 note\n$/);
});

test("a warning is told with what, why and the fix: exit status 1", async () => {
  const config = await configFile(`{
    domains: ["in.example"],
    ruleSet: { name: "own", rules: [{ name: "all", enabled: true, tlsPolicy: "Optional", scanEnabled: true,
      recipients: [], actions: [{ type: "S3", bucketName: "mailweir-mail" }] }] },
  }`);
  const { exit, stdout } = await callCli(["check", "--config", config, "--json"]);
  expect(exit).toBe(1);
  const [finding] = parse(stdout);
  expect(Object.keys(finding ?? {})).toEqual(["code", "severity", "at", "what", "why", "fix"]);
  expect(finding).toMatchObject({ code: "catch-all", severity: "warning", at: 'ruleSet.rules[0] "all"' });
});

test("every mistake of an invalid configuration is told, in the shape of a finding too", async () => {
  const config = await configFile(`{
    domains: ["in.example"],
    streams: { tickets: { recipients: ["a@in.example"] }, personal: { recipients: ["b@out.example"] } },
  }`);
  const json = await callCli(["check", "--config", config, "--json"]);
  expect(json.exit).toBe(1);
  expect(parse(json.stdout).map(({ code, severity, at }) => [code, severity, at])).toEqual([
    ["invalid-config", "error", "streams.tickets.worker"],
    ["invalid-config", "error", "streams.personal.recipients[0]"],
  ]);
  const text = await callCli(["check", "--config", config]);
  expect(text.exit).toBe(1);
  expect(text.stderr).toContain("2 mistakes in mailweir.config.ts");
});

test("files that are named and missing, and MX records by a zone file", async () => {
  const config = await configFile("{ domains: [] }");
  const zone = join(dirname(config), "zone.json");
  await writeFile(
    zone,
    JSON.stringify({ "b.example": { MX: [{ priority: 10, exchange: "mx.b.example" }] }, "c.example": "SERVFAIL" }),
  );
  await configFile(
    `{
      domains: ["a.example", "b.example", "c.example"],
      streams: { personal: { recipients: ["a.example"] } },
      local: { dns: { zone: ${JSON.stringify(zone)} }, functions: { classify: "./not-there.ts" } },
    }`,
    dirname(config),
  );
  const { exit, stdout } = await callCli(["check", "--config", config, "--json", "--dns"]);
  expect(exit).toBe(1);
  expect(parse(stdout).map(({ code, at }) => [code, at])).toEqual([
    ["missing-file", "local.functions.classify"],
    ["mx-missing", "domains: a.example"],
    ["mx-elsewhere", "domains: b.example"],
    ["mx-unknown", "domains: c.example"],
    ["test-scanner", "local.scanners.spam, local.scanners.virus"],
  ]);
});

test.for<[string, string[], number, string]>([
  [
    "a configuration that is not there",
    ["--config", "/nowhere/mailweir.config.ts"],
    1,
    "There is no configuration file",
  ],
  ["an unknown option", ["--fix"], 2, "unknown option '--fix'"],
])("%s", async ([, args, exit, text]) => {
  const result = await callCli(["check", ...args]);
  expect(result.exit).toBe(exit);
  expect(result.stderr).toContain(text);
});
