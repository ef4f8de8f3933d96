import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SetActiveReceiptRuleSetCommand } from "@aws-sdk/client-ses";
import { expect, test, vi } from "vitest";
import { checkConfig } from "../../cli/check-config.ts";
import type { FindingsAnswer } from "../../local/console/findings-api.ts";
import { activateRuleSet, runEngine } from "../local/ses-api/running-engine.ts";
import { configFile } from "./config-file.ts";
import { callCli, runCli } from "./run-cli.ts";

const empty = { enabled: true, tlsPolicy: "Optional", scanEnabled: true, recipients: [], actions: [] } as const;
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
      local: { dns: { zone: ${JSON.stringify(zone)} }, functions: { classify: "./not-there.ts" },
        blockLists: { files: ["./not-there.txt"] } },
    }`,
    dirname(config),
  );
  const { exit, stdout } = await callCli(["check", "--config", config, "--json", "--dns"]);
  expect(exit).toBe(1);
  expect(parse(stdout).map(({ code, at }) => [code, at])).toEqual([
    ["missing-file", "local.functions.classify"],
    ["missing-file", "local.blockLists.files[0]"],
    ["mx-missing", "domains: a.example"],
    ["mx-elsewhere", "domains: b.example"],
    ["mx-unknown", "domains: c.example"],
    ["test-scanner", "local.scanners.spam, local.scanners.virus"],
  ]);
});

test("the set that the API activated on this machine is checked too, on the command line and in the console", async () => {
  const streams = { personal: { recipients: ["example.com"] } };
  const { engine, client, folder } = await runEngine({ domains: ["example.com"], streams });
  const config = await configFile(JSON.stringify({ domains: ["example.com"], streams }), folder);
  const check = async () => {
    const { exit, stdout } = await callCli(["check", "--config", config, "--data", engine.data, "--json"]);
    return [exit, ...parse(stdout).map(({ code, at }) => `${code} ${at}`)];
  };
  const scanners = "test-scanner local.scanners.spam, local.scanners.virus";
  expect(await check()).toEqual([0, scanners]);

  await activateRuleSet(client, { name: "api", rules: [{ ...empty, name: "all" }] });
  const expected = [
    "another-set-active this machine",
    'catch-all api "api".rules[0] "all"',
    'empty-rule api "api".rules[0] "all"',
    scanners,
  ];
  expect(await check()).toEqual([1, ...expected]);
  const answer = (await (await fetch(`${engine.http}/api/findings`)).json()) as FindingsAnswer;
  expect(answer).toMatchObject({ ruleSet: "api", rules: 1 });
  expect(answer.findings.map(({ code, at }) => `${code} ${at}`)).toEqual(expected);

  await client.send(new SetActiveReceiptRuleSetCommand({}));
  expect(await check()).toEqual([1, "no-set-active this machine", scanners]);
});

test("an account is looked at with --from-aws; where there is no configuration file, it alone", async () => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
  const streams = { personal: { recipients: ["example.com"] } };
  const { engine, client } = await runEngine({ domains: ["example.com"], streams });
  await activateRuleSet(client, { name: "live", rules: [{ ...empty, name: "all" }] });
  const config = await configFile(JSON.stringify({ domains: ["example.com", "b.example"], streams }));
  const aws = ["--from-aws", "--endpoint-url", engine.http, "--region", "us-east-1", "--json"];
  const both = await callCli(["check", "--config", config, "--stage", "prod", ...aws]);
  expect(both).toMatchObject({ exit: 1, stderr: "" });
  expect(parse(both.stdout).map(({ code, at }) => `${code} ${at}`)).toEqual([
    "another-set-active aws us-east-1",
    "unverified-domain aws us-east-1: b.example",
    'catch-all aws "live".rules[0] "all"',
    'empty-rule aws "live".rules[0] "all"',
    "test-scanner local.scanners.spam, local.scanners.virus",
  ]);
  const account = { endpointUrl: engine.http, region: "us-east-1" };
  const alone = await checkConfig({
    config: "/nowhere/mailweir.config.ts",
    configIsOptional: true,
    dns: true,
    account,
  });
  expect(alone.findings.map(({ code }) => code)).toEqual(["catch-all", "empty-rule"]);
  const denied = await callCli(["check", "--config", config, "--from-aws", "--endpoint-url", "http://127.0.0.1:1"]);
  expect(denied).toMatchObject({ exit: 1, stderr: expect.stringContaining("SES could not be reached") });
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
