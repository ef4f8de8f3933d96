import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildFunctions, overBudget } from "../../infra/build.ts";
import { checkTemplate, orderedRules } from "../../infra/check-template.ts";
import { packageStage, type StagePackage } from "../../infra/deploy/package-stage.ts";
import { loadDeployment } from "../../infra/load-deployment.ts";
import { readApiRule } from "../../shared/receipt/api-rule.ts";
import { pythonProgram } from "./moto.ts";
import { templateDigest } from "./template-digest.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mailweir-infra-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A configuration file as a user writes it, outside of the project. */
async function configFile(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  const define = pathToFileURL(join(project, "shared/config/define-mail.ts")).href;
  await writeFile(path, `import { defineMail } from ${JSON.stringify(define)};\nexport default defineMail(${text});\n`);
  return path;
}

const smallest = `{ domains: ["example.com"], streams: { personal: { recipients: ["example.com"] } } }`;
const everything = `{
  domains: ["example.com", "example.org"],
  region: "eu-west-1",
  encrypt: true,
  tls: "require",
  gate: { virus: "bounce" },
  rejects: [{ recipients: ["old@example.com"], template: "mailbox-does-not-exist" }],
  ipFilters: [{ block: "203.0.113.0/24" }, { allow: "203.0.113.25" }],
  streams: {
    personal: { recipients: ["example.com"] },
    ticket: { recipients: ["support@example.com"] },
    hooks: {
      recipients: ["hooks@example.org"],
      webhook: { url: "https://hooks.example.net/mail", secretFrom: { secretsManager: "mail-hook" } },
    },
    "invoices-1": { recipients: ["invoices@example.org"], worker: async () => ({ outcome: "own-worker-was-here" }) },
  },
  aws: {
    tracing: true, versioning: true, pointInTimeRecovery: true, archiveMailAfterDays: 60,
    takeOver: true, alarms: { email: "ops@example.net" },
  },
  retention: { default: { days: 730 }, streams: { ticket: { days: 90 } }, tickets: { days: 90 } },
}`;
const ownRules = `{
  domains: ["example.com"],
  streams: { personal: { recipients: ["example.com"] } },
  ruleSet: { name: "mine", rules: [
    { name: "first.rule", enabled: true, tlsPolicy: "Optional", scanEnabled: true, recipients: ["a@example.com"], actions: [
      { type: "AddHeader", headerName: "X-First", headerValue: "yes" },
      { type: "S3", bucketName: "mailweir-mail", objectKeyPrefix: "inbound/", topicArn: "arn:aws:sns:us-east-1:000000000000:mailweir-notices" },
      { type: "Lambda", functionArn: "arn:aws:lambda:us-east-1:000000000000:function:mailweir-journal", invocationType: "Event" } ] },
    { name: "second", enabled: false, tlsPolicy: "Require", scanEnabled: false, recipients: [], actions: [
      { type: "Lambda", functionArn: "arn:aws:lambda:us-east-1:111122223333:function:theirs", invocationType: "RequestResponse" },
      { type: "Stop", scope: "RuleSet" } ] },
  ] },
}`;

describe.each([
  ["the smallest configuration", smallest],
  ["every option", everything],
  ["own rules", ownRules],
])("packaged offline: %s", (name, text) => {
  let packaged: StagePackage;
  let path: string;
  beforeAll(async () => {
    path = await configFile(`${name.replaceAll(" ", "-")}.config.ts`, text);
    packaged = await packageStage("prod", path);
  });

  test("our own checks find nothing in what osls compiled", () => {
    expect(checkTemplate(packaged.template)).toEqual([]);
  });

  test("every function has its archive, and its code is the bundle", async () => {
    const { functions } = await loadDeployment("prod", path);
    expect(Object.keys(packaged.archives).sort()).toEqual(functions.map((one) => one.name).sort());
    const compiled = Object.values(packaged.template.Resources).filter(({ Type }) => Type === "AWS::Lambda::Function");
    expect(compiled).toHaveLength(functions.length);
    for (const { Properties } of compiled) {
      expect(Properties).toMatchObject({ Runtime: "nodejs24.x", Architectures: ["arm64"] });
    }
  });

  test("the rules that SES gets are those that the engine runs", async () => {
    const { config } = await loadDeployment("prod", path);
    const names = orderedRules(packaged.template).map((rule) => {
      // Only shapes here: the fast test compares the targets, too.
      const read = readApiRule({ ...rule, Actions: [] });
      return "rule" in read ? { ...read.rule, actions: [] } : read;
    });
    expect(names).toEqual(config.ruleSet.rules.map((rule) => ({ ...rule, actions: [] })));
  });

  const cfnLint = pythonProgram("cfn-lint");
  test.skipIf(!cfnLint)("cfn-lint has no finding (skipped without .ci/python-packages)", async () => {
    const file = join(folder, "template.json");
    await writeFile(file, JSON.stringify(packaged.template));
    const region = (await loadDeployment("prod", path)).config.region;
    expect(await run(cfnLint ?? "", ["-t", file, "--regions", region, "--format", "parseable"])).toBe("0 ");
  });

  // One is enough to see what a change of infra/ means; it holds all that the others hold.
  test.runIf(name === "every option")("it reads as it was reviewed", async () => {
    await expect(templateDigest(packaged.template)).toMatchFileSnapshot(
      join(project, "test/slow/templates", `${name.replaceAll(" ", "-")}.txt`),
    );
  });
});

test("two packages of the same files are the same", async () => {
  const path = await configFile("twice.config.ts", smallest);
  const digestsOf = ({ archives }: StagePackage) =>
    Object.entries(archives).map(([name, { sha256 }]) => [name, sha256]);
  expect(digestsOf(await packageStage("prod", path))).toEqual(digestsOf(await packageStage("prod", path)));
});

test("bundles are within their budgets, start on their own, and hold the user's configuration", async () => {
  const path = await configFile("bundle.config.ts", everything);
  const names = (await loadDeployment("prod", path)).functions.map(({ name }) => name);
  const out = join(folder, "dist");
  const built = await buildFunctions(names, { configFile: path, stage: "prod", out });
  expect(overBudget(built)).toEqual([]);
  expect(overBudget(built.map((one) => ({ ...one, startBytes: 2 ** 21 })))).toHaveLength(built.length);
  for (const { name, metafile, startBytes, wholeBytes } of built) {
    // Clients that few calls need wait in parts of their own.
    expect(startBytes, name).toBeLessThan(0.85 * wholeBytes);
    // A mail parser in the gate, or the test suite in a worker, would be a mistake in an import.
    const inputs = Object.keys(metafile.inputs);
    expect(
      inputs.filter((input) => /^(?:local|cli|test|infra)\//.test(input)),
      name,
    ).toEqual([]);
    expect(await readFile(join(out, name, "main.cjs"), "utf8")).toContain("sourceMappingURL=main.cjs.map");
  }
  const parts = (await readdir(join(out, "work-own"))).filter((file) => file.endsWith(".cjs"));
  const texts = await Promise.all(parts.map((file) => readFile(join(out, "work-own", file), "utf8")));
  expect(texts.some((text) => text.includes("own-worker-was-here"))).toBe(true);
  const env = {
    AWS_REGION: "eu-west-1",
    AWS_LAMBDA_FUNCTION_NAME: "test",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    MAILWEIR_STAGE: "prod",
    MAILWEIR_ACCOUNT_ID: "111122223333",
  };
  for (const name of names) {
    const load = `import(${JSON.stringify(join(out, name, "index.mjs"))}).then((m) => process.stdout.write(typeof m.handler))`;
    expect(await run(process.execPath, ["--enable-source-maps", "-e", load], env), name).toBe("0 function");
  }
});

test("osls refuses nothing that our template says, and says what a broken configuration lacks", async () => {
  const path = await configFile(
    "broken.config.ts",
    `{ domains: ["example.com"], streams: { personal: { recipients: ["a@example.org"] } } }`,
  );
  await expect(packageStage("prod", path)).rejects.toThrow("example.org is not under one of your domains");
  await expect(packageStage("Prod!", await configFile("fine.config.ts", smallest))).rejects.toThrow("--stage");
});

async function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const child = spawn(program, args, { env: { ...process.env, ...env } });
  const said: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => said.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
  const code = await new Promise((resolve) => child.once("close", resolve));
  return `${code} ${Buffer.concat(said).toString("utf8")}`.trimEnd().padEnd(2);
}
