import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";

// What `npm pack` makes, as a stranger's project gets it: npm installs it in an empty folder, beside the tools that people use.

const run = promisify(execFile);
const project = fileURLToPath(new URL("../..", import.meta.url));
let folder = "";

const bin = (name: string) => join(folder, "node_modules", ".bin", name);
const inFolder = (program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  run(program, args, { cwd: folder, env: { ...process.env, ...env }, maxBuffer: 2 ** 24 }).catch((error) => {
    throw new Error(`${error.message}\n${error.stdout}`, { cause: error });
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "mailweir-package-"));
  const { stdout } = await run("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: project });
  const archive = stdout.trim().split("\n").at(-1) ?? "";
  const files = await readdir(folder);
  expect(files).toEqual([archive]);
  await writeFile(join(folder, "package.json"), JSON.stringify({ name: "scratch", private: true, type: "module" }));
  const quiet = ["--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
  await inFolder("npm", ["install", ...quiet, `./${archive}`]);
  await inFolder("npm", [
    ...["install", "--save-dev", ...quiet],
    ...["typescript@7", "vitest@5", "jest@30", "@types/node@24"],
  ]);
  for (const [name, text] of Object.entries(scratch)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const secret = "an example secret of the first key";

const suite = `import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import { startMailweir } from "mailweir/testing";

export function define(test, after) {
  const seen = [];
  const started = [
    startMailweir({
      config: {
        domains: ["example.com"],
        streams: {
          own: {
            recipients: ["own@example.com"],
            worker: async (message) => {
              seen.push(message.headers.subject);
              return { outcome: "seen" };
            },
          },
          unsubscribe: { recipients: ["unsubscribe@example.com"] },
        },
      },
    }),
    startMailweir({ configFile: fileURLToPath(new URL("mailweir.config.ts", import.meta.url)) }),
  ];
  after(async () => {
    for (const mailweir of await Promise.all(started)) await mailweir.stop();
  });

  test("a worker of the test's own", async () => {
    const mailweir = await started[0];
    const mail = await mailweir.inject({ to: "own@example.com", subject: "Hi" });
    const { outcome } = await mailweir.waitFor("stream", { mail });
    assert.equal(outcome, "seen");
    assert.deepEqual(seen, ["Hi"]);
  });

  test("the project's own configuration, in threads", async () => {
    const mailweir = await started[1];
    const mail = await mailweir.inject({ to: "invoices@example.com", subject: "Invoice 7" });
    const { outcome, detail } = await mailweir.waitFor("stream", { mail });
    assert.equal(outcome, "filed");
    assert.equal(detail.subject, "Invoice 7");
  });

  test("a forgery unsubscribes nobody, and the wait tells why", async () => {
    const mailweir = await started[0];
    const mail = await mailweir.inject({ to: "unsubscribe@example.com", subject: "unsubscribe", authentication: "fail" });
    await assert.rejects(mailweir.waitFor("unsubscribe", { mail }), { code: "ERR_NOTHING_HAPPENED", message: /dmarc FAIL/ });
  });

  test("time and faults", async () => {
    const mailweir = await started[0];
    mailweir.faults.functionTimeout("work-own");
    const mail = await mailweir.inject({ to: "own@example.com", subject: "Later" });
    await assert.rejects(mailweir.waitFor("stream", { mail }), { code: "ERR_NOTHING_HAPPENED" });
    await mailweir.advance({ minutes: 1 });
    assert.equal((await mailweir.waitFor("stream", { mail })).outcome, "seen");
    await mailweir.reset();
  });
}
`;

const scratch: Readonly<Record<string, string>> = {
  "tsconfig.json": JSON.stringify({
    compilerOptions: {
      ...{ target: "es2024", module: "nodenext", strict: true, exactOptionalPropertyTypes: true, noEmit: true },
      // The package's own declarations are checked too.
      skipLibCheck: false,
      types: ["node"],
      allowImportingTsExtensions: true,
    },
    include: ["mailweir.config.ts", "sender.ts", "sender.cts", "tickets.test.ts", "streams"],
  }),
  "mailweir.config.ts": `import { defineMail, type StreamWorker } from "mailweir";

const file: StreamWorker = async (message, tools) => {
  const { text } = await tools.mail();
  return { outcome: "filed", detail: { subject: message.headers.subject ?? "", length: String(text?.length ?? 0) } };
};

export default defineMail({
  domains: ["example.com"],
  streams: {
    invoices: { recipients: ["invoices@example.com"], worker: file },
    ticket: { recipients: ["support@example.com"] },
  },
});
`,
  "sender.ts": `import { createUnsubscriber, KeyRingError, type Unsubscriber } from "mailweir/unsubscribe";

const unsubscriber: Unsubscriber = createUnsubscriber({ secret: "${secret}", mailto: "unsubscribe@example.com" });
const headers: Readonly<Record<string, string>> = unsubscriber.headersFor({ address: "ann@example.org", list: "news" });
const read = unsubscriber.verify(headers["List-Unsubscribe"] ?? "");
export const person: string | undefined = read.kind === "valid" ? read.person : undefined;
export const refused = (error: unknown): boolean => error instanceof KeyRingError && error.code === "ERR_KEY_RING";
`,
  "sender.cts": `import unsubscribe = require("mailweir/unsubscribe");

const unsubscriber: unsubscribe.Unsubscriber = unsubscribe.createUnsubscriber({
  secret: "${secret}",
  mailto: "unsubscribe@example.com",
});
export const path: string = unsubscriber.personOf("ann@example.org");
`,
  // One suite, for whoever runs it: `test` and `after` are what the three of them have in common.
  "suite.mjs": suite,
  "tickets.test.ts": `import { afterAll, expect, test } from "vitest";
import { type InjectedMail, type Mailweir, startMailweir } from "mailweir/testing";
import config from "./mailweir.config.ts";

const mailweir: Mailweir = await startMailweir({ config });
afterAll(() => mailweir.stop());

test("a ticket", async () => {
  const mail: InjectedMail = await mailweir.inject({ to: "support@example.com", subject: "Broken door" });
  const ticket = await mailweir.waitFor("ticket", { mail });
  expect(ticket.subject).toBe("Broken door");
  expect(ticket.entries.length).toBe(1);
});
`,
  "vitest.config.mjs": `export default { test: { include: ["*.test.ts", "vitest/*.test.mjs", "streams/*.test.ts"] } };`,
  "vitest/kit.test.mjs": `import { afterAll, test } from "vitest";
import { define } from "../suite.mjs";
define(test, afterAll);
`,
  "jest.config.mjs": `export default { testMatch: ["<rootDir>/jest/*.test.mjs"], transform: {}, testTimeout: 60_000 };`,
  "jest/kit.test.mjs": `import { define } from "../suite.mjs";
define(test, afterAll);
`,
  "node/kit.test.mjs": `import { after, test } from "node:test";
import { define } from "../suite.mjs";
define(test, after);
`,
  "node/required.test.cjs": `const { test } = require("node:test");
const { startMailweir } = require("mailweir/testing");
test("required", async () => {
  await using mailweir = await startMailweir({ configFile: "mailweir.config.ts" });
  if (!mailweir.smtp.startsWith("127.0.0.1:")) throw new Error(mailweir.smtp);
});
`,
  "headers.mjs": `import { createUnsubscriber } from "mailweir/unsubscribe";
const unsubscriber = createUnsubscriber({ secret: "${secret}", mailto: "unsubscribe@example.com", url: "https://mail.example.com/u" });
const headers = unsubscriber.headersFor({ address: "ann@example.org", list: "news" });
const token = /mailto:([^?]+)/.exec(headers["List-Unsubscribe"])[1];
console.log(JSON.stringify({ headers, read: unsubscriber.verify(token), person: unsubscriber.personOf("ann@example.org") }));
`,
  "headers.cjs": `const { createUnsubscriber } = require("mailweir/unsubscribe");
const unsubscriber = createUnsubscriber({ secret: "${secret}", mailto: "unsubscribe@example.com", url: "https://mail.example.com/u" });
const headers = unsubscriber.headersFor({ address: "ann@example.org", list: "news" });
const token = /mailto:([^?]+)/.exec(headers["List-Unsubscribe"])[1];
console.log(JSON.stringify({ headers, read: unsubscriber.verify(token), person: unsubscriber.personOf("ann@example.org") }));
`,
};

test("the package holds JavaScript, declarations and the launcher, and nothing of the project's own", async () => {
  const installed = join(folder, "node_modules", "mailweir");
  expect((await readdir(installed)).sort()).toEqual([
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "build",
    "cli",
    "package.json",
  ]);
  const files = (await readdir(installed, { recursive: true })).filter((file) => !file.includes("node_modules"));
  expect(files.filter((file) => /\.[cm]?ts$/.test(file) && !/\.d\.[cm]?ts$/.test(file))).toEqual([]);
  expect(files.filter((file) => /mailweir\.config|test\/|\.eml$/.test(file))).toEqual([]);
  // A path that only a clone has would be a path into nothing.
  const modules = files.filter((file) => file.endsWith(".js") || file.endsWith(".mjs"));
  expect(modules.length).toBeGreaterThan(300);
  for (const file of modules) {
    const code = (await readFile(join(installed, file), "utf8")).replaceAll(/\/\*\*.*?\*\//gs, "");
    const imported = code.match(/(?:from|import\() ?"\.[^"]*\.ts"/g);
    expect(imported, file).toBeNull();
  }
});

test("its types are sound, for import and for require", async () => {
  await inFolder(bin("tsc"), ["-p", "."]);
  const wrong = `import { defineMail } from "mailweir";\nexport default defineMail({ domains: "example.com" });\n`;
  await writeFile(join(folder, "wrong.ts"), wrong);
  const failed = inFolder(bin("tsc"), ["--noEmit", "--module", "nodenext", "wrong.ts", "--ignoreConfig"]);
  await expect(failed).rejects.toThrow(/wrong\.ts\(2,.*readonly string\[\]/s);
});

test.for(["headers.mjs", "headers.cjs"])("mailweir/unsubscribe alone, on the oldest Node at hand: %s", async (file) => {
  const node = await oldestNode();
  const { stdout } = await inFolder(node, [file]);
  const { headers, read, person } = JSON.parse(stdout);
  expect(headers["List-Unsubscribe-Post"]).toBe("List-Unsubscribe=One-Click");
  expect(read).toEqual({ kind: "valid", keyId: "a", person, list: "news" });
});

test.for(["mjs", "cjs"])("mailweir/unsubscribe is one file that needs nothing but Node: .%s", async (extension) => {
  const file = join(folder, "node_modules", "mailweir", "build", "package", `unsubscribe.${extension}`);
  const text = await readFile(file, "utf8");
  const imported = [...text.matchAll(/(?:from |require\()"([^"]+)"/g)].map(([, name]) => name);
  expect([...new Set(imported)].sort()).toEqual(["node:crypto", "node:net", "node:url"]);
});

test("mailweir/testing under Vitest", async () => {
  await inFolder(bin("vitest"), ["run", "--reporter=json", "--outputFile=vitest.json"]);
  expect(JSON.parse(await readFile(join(folder, "vitest.json"), "utf8"))).toMatchObject({
    success: true,
    numPassedTests: 5,
    numTotalTests: 5,
  });
});

test("mailweir/testing under Jest", async () => {
  const { stdout } = await inFolder(bin("jest"), ["--json", "--ci"], { NODE_OPTIONS: "--experimental-vm-modules" });
  expect(JSON.parse(stdout)).toMatchObject({ success: true, numPassedTests: 4, numTotalTests: 4 });
});

test("mailweir/testing under node:test, imported and required", async () => {
  const { stdout } = await inFolder(process.execPath, ["--test", "--test-reporter=tap", "node/*.test.*js"]);
  expect(stdout).toMatch(/^# pass 5$/m);
  expect(stdout).toMatch(/^# fail 0$/m);
});

test("stream new: a worker and a test for a project that has the package", async () => {
  const { stdout } = await inFolder(bin("mailweir"), ["stream", "new", "orders", "--json"]);
  expect(JSON.parse(stdout)).toMatchObject({ worker: "streams/orders.ts", test: "streams/orders.test.ts" });
  await inFolder(bin("tsc"), ["-p", "."]);
  await inFolder(bin("vitest"), ["run", "--dir", "streams", "--reporter=json", "--outputFile=stream.json"]);
  expect(JSON.parse(await readFile(join(folder, "stream.json"), "utf8"))).toMatchObject({
    ...{ success: true, numPassedTests: 1 },
  });
});

test("the command line: a project's own configuration, its worker in a thread, the console", async () => {
  const engine = spawn(
    bin("mailweir"),
    ["start", "--json", "--smtp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data", "data"],
    { cwd: folder, stdio: ["ignore", "pipe", "pipe"] },
  );
  const said: string[] = [];
  engine.stderr.on("data", (chunk: Buffer) => said.push(chunk.toString()));
  const exited = once(engine, "exit");
  try {
    const lines = createInterface({ input: engine.stdout })[Symbol.asyncIterator]();
    const first: { http: string } = JSON.parse((await lines.next()).value ?? `{"http":"${said.join("")}"}`);
    for (const path of ["/", "/page/app.js", "/page/app.css"]) {
      const response = await fetch(new URL(path, first.http));
      expect(response.status, path).toBe(200);
      expect((await response.text()).length).toBeGreaterThan(100);
    }
    await inFolder(bin("mailweir"), ["send", "--data", "data", "--to", "invoices@example.com"]);
    const mailweir = async (...args: string[]) =>
      JSON.parse((await inFolder(bin("mailweir"), [...args, "--data", "data", "--json"])).stdout);
    await expect
      .poll(async () => (await mailweir("list")).recipients, { timeout: 60_000, interval: 500 })
      .toMatchObject([{ recipient: "invoices@example.com", stream: "invoices", state: "done", outcome: "filed" }]);
    expect(await mailweir("status")).toMatchObject({ messages: 1, unfinished: 0 });
  } finally {
    engine.kill("SIGTERM");
    await exited;
  }
  expect(said.join("")).not.toMatch(/"level":"(?:WARN|ERROR)"|^(?!\{)./m);
});

/** The Node that runs the suite is the project's; another one may be installed for everybody. */
async function oldestNode(): Promise<string> {
  const found = (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((path) => !path.includes("node_modules"))
    .map((path) => join(path, "node"))
    .filter((path) => existsSync(path));
  const versions = await Promise.all(
    [process.execPath, ...found].map(async (path) => ({
      path,
      major: Number((await run(path, ["-p", "process.versions.node"])).stdout.split(".")[0]),
    })),
  );
  return versions.toSorted((a, b) => a.major - b.major)[0]?.path ?? process.execPath;
}
