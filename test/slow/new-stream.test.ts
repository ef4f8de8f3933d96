import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createTransport } from "nodemailer";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startMailweir } from "../../testing/main.ts";

// `mailweir stream new` in a fresh copy of the project, and real mail to what it wrote.

const project = fileURLToPath(new URL("../..", import.meta.url));
const parts = ["cli", "shared", "local", "functions", "infra", "package", "testing", "package.json", "biome.json"];
const files = [...parts, "tsconfig.json", "vitest.config.ts", "mailweir.config.ts"];
const run = promisify(execFile);
let copy = "";

const inCopy = (program: string, ...args: string[]) =>
  run(program, args, { cwd: copy, maxBuffer: 2 ** 24 }).catch((error) => {
    throw new Error(`${error.message}\n${error.stdout}`, { cause: error });
  });
const mailweir = (...args: string[]) => inCopy(process.execPath, "cli/mailweir.mjs", ...args);
const tool = (name: string) => join(copy, "node_modules", ".bin", name);

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), "mailweir-copy-"));
  for (const file of files) await cp(join(project, file), join(copy, file), { recursive: true });
  await symlink(join(project, "node_modules"), join(copy, "node_modules"));
  await mkdir(join(copy, "test"));
});

afterAll(() => rm(copy, { recursive: true, force: true }));

test("a new stream: configuration, worker and test are sound, and the test passes", async () => {
  const { stdout } = await mailweir("stream", "new", "invoices", "--json");
  expect(JSON.parse(stdout)).toEqual({
    ...{ name: "invoices", recipients: ["invoices@example.com"], config: "mailweir.config.ts" },
    ...{ worker: "streams/invoices.ts", test: "test/streams/invoices.test.ts", toAdd: null },
    runTest: "npx vitest run test/streams/invoices.test.ts",
  });
  await inCopy(tool("biome"), "check", "--vcs-enabled=false", "mailweir.config.ts", "streams", "test/streams");
  await inCopy(tool("tsc"), "-p", ".");
  const tested = await inCopy(tool("vitest"), "run", "test/streams", "--reporter=tap-flat");
  expect(tested.stdout).toMatch(/^ok 1 - .*mail to invoices@example\.com is worked on by invoices/m);
});

test("real mail over SMTP comes to the worker that its author then wrote", async () => {
  const file = join(copy, "streams", "invoices.ts");
  const source = await readFile(file, "utf8");
  const work = `const number = /\\d+/.exec(message.headers.subject ?? "")?.[0] ?? "none";`;
  await writeFile(
    file,
    source
      .replace("// Your work goes here.", work)
      .replace(`outcome: "seen",`, `outcome: ["filed", number].join(" "),`),
  );
  await using engine = await startMailweir({ configFile: join(copy, "mailweir.config.ts") });
  const [host = "", port] = engine.smtp.split(":");
  const transport = createTransport({ host, port: Number(port), ignoreTLS: true });
  const mail = { from: "ann@sender.example", to: "invoices@example.com", subject: "Invoice 1207", text: "See above." };
  await transport.sendMail(mail);
  transport.close();
  expect(await engine.waitFor("stream", { stream: "invoices" })).toMatchObject({
    ...{ recipient: "invoices@example.com", state: "done", outcome: "filed 1207" },
    detail: { subject: "Invoice 1207", files: "" },
  });
});

test("a stream with a webhook: configuration and test are sound, and the test passes", async () => {
  const { stdout } = await mailweir(
    "stream",
    "new",
    "late-orders",
    "--webhook",
    "http://127.0.0.1:3000/mail",
    "--json",
  );
  expect(JSON.parse(stdout)).toEqual({
    ...{ name: "late-orders", recipients: ["late-orders@example.com"], config: "mailweir.config.ts", toAdd: null },
    webhook: { url: "http://127.0.0.1:3000/mail", secretEnv: "LATE_ORDERS_WEBHOOK_SECRET" },
    test: "test/streams/late-orders.test.ts",
    runTest: "npx vitest run test/streams/late-orders.test.ts",
  });
  await inCopy(tool("biome"), "check", "--vcs-enabled=false", "mailweir.config.ts", "test/streams");
  await inCopy(tool("tsc"), "-p", ".");
  const tested = await inCopy(tool("vitest"), "run", "test/streams/late-orders", "--reporter=tap-flat");
  expect(tested.stdout).toMatch(/^ok 1 - .*mail to late-orders@example\.com is told to the webhook of late-orders/m);
});

test.for<[string, string[], RegExp]>([
  ["an address that is no webhook's", ["orders", "--webhook", "shop.example.com"], /no address of a webhook/],
  ["plain HTTP to the world", ["orders", "--webhook", "http://shop.example.com/"], /https/],
  ["a name that is taken", ["invoices"], /There is a stream "invoices" already/],
  ["a built-in one", ["ticket"], /There is a stream "ticket" already/],
  ["a name that is none", ["My Stream"], /lower-case letters/],
  ["a domain that is not ours", ["orders", "--recipient", "orders@elsewhere.example"], /elsewhere\.example/],
])("refused, and nothing is changed: %s", async ([, args, message]) => {
  const before = await readFile(join(copy, "mailweir.config.ts"), "utf8");
  await expect(mailweir("stream", "new", ...args)).rejects.toMatchObject({ cause: { code: 1 } });
  await expect(mailweir("stream", "new", ...args)).rejects.toThrow(message);
  expect(await readFile(join(copy, "mailweir.config.ts"), "utf8")).toBe(before);
  await expect(readFile(join(copy, "streams", "orders.ts"))).rejects.toThrow("ENOENT");
});

test("a configuration that is written in another way is left as it is, and what to add is shown", async () => {
  const unusual = `import config from "./mailweir.config.ts";\nexport default { ...config };\n`;
  await writeFile(join(copy, "unusual.config.ts"), unusual);
  const { stdout } = await mailweir("stream", "new", "orders", "--config", "unusual.config.ts");
  expect(stdout).toContain(`import { ordersWorker } from "./streams/orders.ts";`);
  expect(stdout).toContain(`orders: { recipients: ["orders@example.com"], worker: ordersWorker },`);
  expect(await readFile(join(copy, "unusual.config.ts"), "utf8")).toBe(unusual);
  expect(await readFile(join(copy, "streams", "orders.ts"), "utf8")).toContain("export const ordersWorker");
});
