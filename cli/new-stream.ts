import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { loadConfig } from "../shared/config/load-config.ts";
import { MailweirError } from "../shared/errors.ts";
import {
  type AddedStream,
  addStream,
  importLine,
  type NewStream,
  type NewStreamWork,
  streamProperty,
} from "./add-stream.ts";

export interface NewStreamResult {
  readonly name: string;
  readonly recipients: readonly string[];
  /** Paths relative to the working folder. */
  readonly config: string;
  /** Absent: a webhook does the work. */
  readonly worker?: string;
  readonly webhook?: { readonly url: string; readonly secretEnv: string };
  readonly test: string;
  /** The command that runs it. */
  readonly runTest: string;
  /** What its author has to add to the configuration by hand; null when it was done. */
  readonly toAdd: { readonly why: string; readonly import?: string; readonly stream: string } | null;
}

export class NewStreamError extends MailweirError {
  readonly code = "ERR_NEW_STREAM";
  readonly retryable = false;
}

/**
 * Writes a stream of the user's own: worker, test, and their place in the configuration. All of it, or nothing.
 *
 * @throws {NewStreamError} the name cannot be used, or something of it is there already
 * @throws {ConfigFileError | ConfigError} the configuration was wrong before, or would be with the stream
 */
export async function newStream(wanted: {
  readonly name: string;
  readonly recipients: readonly string[];
  readonly configFile: string;
  /** Called in place of a worker. */
  readonly webhook?: string;
}): Promise<NewStreamResult> {
  const { name, webhook } = wanted;
  if (!/^[a-z][a-z0-9-]{0,39}$/.test(name)) {
    throw new NewStreamError(
      `"${name}" cannot be a stream's name: use lower-case letters, digits and hyphens, at most 40, a letter first`,
    );
  }
  const configFile = resolve(wanted.configFile);
  const { domains, streams } = await loadConfig(configFile);
  if (streams.some((stream) => stream.name === name)) {
    throw new NewStreamError(
      `There is a stream "${name}" already: choose another name, or change it in ${wanted.configFile}`,
    );
  }
  const recipients = wanted.recipients.length > 0 ? wanted.recipients : [`${name}@${domains[0] ?? "example.com"}`];
  const project = dirname(configFile);
  const home = await homeOf(project);
  const workerFile = join(project, "streams", `${name}.ts`);
  const testFile = join(project, home.testFolder, `${name}.test.ts`);
  const work: NewStreamWork =
    webhook === undefined
      ? { kind: "worker", name: `${camelCase(name)}Worker`, module: `./streams/${name}.ts` }
      : webhookAt(webhook, name);
  const files = work.kind === "worker" ? [workerFile, testFile] : [testFile];
  for (const file of files) {
    if (existsSync(file)) throw new NewStreamError(`${shown(file)} is there already: nothing was written`);
  }
  const stream: NewStream = { name, recipients, work };
  const source = await readFile(configFile, "utf8");
  const added = addStream(source, stream);
  if (added.kind === "exists") throw new NewStreamError(`There is a stream "${name}" in ${wanted.configFile} already`);

  const sample = sampleRecipient(recipients, domains);
  if (work.kind === "worker") {
    await write(workerFile, workerSource(name, work.name, moduleOf("mailweir", home, workerFile)));
  }
  await write(
    testFile,
    testSource(name, {
      ...{ sample, work, runner: home.runner },
      kit: moduleOf("mailweir/testing", home, testFile),
      config: relativeModule(testFile, configFile),
    }),
  );
  try {
    if (added.kind === "added") await checked(configFile, source, added.source);
  } catch (error) {
    await Promise.all(files.map((file) => rm(file, { force: true })));
    throw error;
  }
  return {
    ...{ name, recipients },
    config: shown(configFile),
    ...(work.kind === "worker"
      ? { worker: shown(workerFile) }
      : { webhook: { url: work.url, secretEnv: work.secretEnv } }),
    test: shown(testFile),
    runTest: home.runner === "vitest" ? `npx vitest run ${shown(testFile)}` : `node --test ${shown(testFile)}`,
    toAdd: added.kind === "added" ? null : toAdd(stream, added),
  };
}

/** Replaces the file; puts the old one back when the new one is no configuration (a domain that is not ours, …). */
async function checked(file: string, before: string, after: string): Promise<void> {
  await writeFile(file, after);
  try {
    // By another name: this process has the old one in its memory.
    await loadConfig(file, { fresh: true });
  } catch (error) {
    await writeFile(file, before);
    throw error;
  }
}

function toAdd(stream: NewStream, { why }: Extract<AddedStream, { kind: "by-hand" }>) {
  const { work } = stream;
  return { why, ...(work.kind === "worker" && { import: importLine(work) }), stream: streamProperty(stream) };
}

/** What the configuration says of an address: nothing private is called unless it is named. */
function webhookAt(address: string, stream: string): Extract<NewStreamWork, { kind: "webhook" }> {
  const url = URL.parse(address);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new NewStreamError(
      `"${address}" is no address of a webhook: write for example https://shop.example.com/mail`,
    );
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const allowPrivate = host === "localhost" ? ["127.0.0.1", "::1"] : isIP(host) !== 0 ? [host] : [];
  const secretEnv = `${stream.toUpperCase().replaceAll("-", "_")}_WEBHOOK_SECRET`;
  return { kind: "webhook", url: address, secretEnv, allowPrivate };
}

interface Home {
  /** A clone has the sources; elsewhere the package is installed. */
  readonly sources: string | undefined;
  readonly runner: "vitest" | "node";
  readonly testFolder: string;
}

async function homeOf(project: string): Promise<Home> {
  const sources = fileURLToPath(new URL("../", import.meta.url));
  // The package holds JavaScript only.
  if (existsSync(join(sources, "testing", "main.ts"))) {
    return { sources, runner: "vitest", testFolder: join("test", "streams") };
  }
  const described = await readFile(join(project, "package.json"), "utf8").catch(() => "{}");
  const { dependencies = {}, devDependencies = {} } = JSON.parse(described) as Record<string, object | undefined>;
  const runner = "vitest" in dependencies || "vitest" in devDependencies ? "vitest" : "node";
  return { sources: undefined, runner, testFolder: "streams" };
}

const sourceOf = { mailweir: "package/main.ts", "mailweir/testing": "testing/main.ts" } as const;

function moduleOf(name: keyof typeof sourceOf, { sources }: Home, importer: string): string {
  return sources === undefined ? name : relativeModule(importer, join(sources, sourceOf[name]));
}

function relativeModule(importer: string, file: string): string {
  const path = relative(dirname(importer), file).split(sep).join("/");
  return path.startsWith(".") ? path : `./${path}`;
}

function shown(file: string): string {
  const path = relative(process.cwd(), file).split(sep).join("/");
  return path.startsWith("..") ? file : path;
}

/** An address that the stream takes. */
function sampleRecipient(recipients: readonly string[], domains: readonly string[]): string {
  const [first = ""] = recipients;
  if (first.includes("@")) return first;
  return first.startsWith(".") ? `sample@mail${first}` : `sample@${first || domains[0]}`;
}

function workerSource(name: string, worker: string, mailweir: string): string {
  return `import type { StreamWorker } from ${JSON.stringify(mailweir)};

/**
 * The work of the stream "${name}", once for each of its recipients. It may run again for the same mail, after a crash or a
 * time-out: what it does elsewhere needs a key, and \`tools.claim.sesMessageId\` with \`tools.recipient\` is the same each time.
 * What it throws is tried again, and is seen in the mail's journey when it failed for good.
 */
export const ${worker}: StreamWorker = async (message, tools) => {
  const mail = await tools.mail();
  const files = mail.attachments.filter(({ inline }) => !inline).map(({ fileName }) => fileName);

  // Your work goes here.

  // A word for what was done, and facts to show with it.
  return {
    outcome: "seen",
    detail: { subject: message.headers.subject ?? "", files: files.join(", ") },
  };
};
`;
}

interface TestParts {
  readonly sample: string;
  readonly work: NewStreamWork;
  readonly runner: Home["runner"];
  readonly kit: string;
  readonly config: string;
}

function testSource(name: string, { sample, work, runner, kit, config }: TestParts): string {
  const [imports, after, check] =
    runner === "vitest"
      ? [
          `import { afterAll, expect, test } from "vitest";`,
          "afterAll",
          (actual: string, expected: string) => `expect(${actual}).toEqual(${expected});`,
        ]
      : [
          `import assert from "node:assert/strict";\nimport { after, test } from "node:test";`,
          "after",
          (actual: string, expected: string) => `assert.deepEqual(${actual}, ${expected});`,
        ];
  const outside = `import { fileURLToPath } from "node:url";`;
  const ours = `import { startMailweir } from ${JSON.stringify(kit)};`;
  const builtIn = runner === "vitest" ? [outside, imports] : [imports, outside];
  const inject = `const mail = await mailweir.inject({
    to: ${JSON.stringify(sample)},
    subject: "Number 1207",
    attachments: [{ fileName: "1207.txt", content: "Twelve oars" }],
  });`;
  const begin = (before: string) => `${[...builtIn, ours].join("\n")}

${before}const configFile = fileURLToPath(new URL(${JSON.stringify(config)}, import.meta.url));
const mailweir = await startMailweir({ configFile });
${after}(() => mailweir.stop());
`;
  if (work.kind === "webhook") {
    const before = `// Whatever signs here: nothing leaves the test, the kit keeps each call.
process.env[${JSON.stringify(work.secretEnv)}] ??= "a secret of at least 24 characters";

`;
    return `${begin(before)}
test("mail to ${sample} is told to the webhook of ${name}", async () => {
  ${inject}
  const { outcome } = await mailweir.waitFor("stream", { mail, stream: ${JSON.stringify(name)} });
  const [call] = mailweir.webhooks;
  const { type, data } = JSON.parse(call?.body ?? "{}");
  ${check(
    "{ outcome, url: call?.url, type, subject: data.headers.subject }",
    `{
    outcome: "webhook",
    url: ${JSON.stringify(work.url)},
    type: "mail.received",
    subject: "Number 1207",
  }`,
  )}
});
`;
  }
  return `${begin("")}
test("mail to ${sample} is worked on by ${name}", async () => {
  ${inject}
  const { stream, outcome, detail } = await mailweir.waitFor("stream", { mail });
  ${check(
    "{ stream, outcome, detail }",
    `{
    stream: ${JSON.stringify(name)},
    outcome: "seen",
    detail: { subject: "Number 1207", files: "1207.txt" },
  }`,
  )}
});
`;
}

const camelCase = (name: string) =>
  name.replaceAll(/-+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()).replaceAll("-", "");

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text, { flag: "wx" });
}
