import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { buildFunctions, overBudget } from "../infra/build.ts";
import { addCompileCache, compileCacheFolder } from "../infra/compile-cache.ts";
import { createSelfSignedCertificate } from "../local/smtp/self-signed-certificate.ts";
import type { Finding } from "./measure/findings.ts";
import { peers, root } from "./measure/peers.ts";
import { inWords, pairedRatio, spread } from "./measure/ratios.ts";
import { startServer } from "./measure/server-process.ts";

const goals = [
  { name: "gate", atMost: 0.2, kb: 200 },
  { name: "route-notification", atMost: 0.35, kb: 500 },
  { name: "work-ticket", atMost: 0.6, kb: 1_000 },
] as const;

/**
 * From the start of the process to the answered event, for a function as it is deployed and for one as one writes it, beside a
 * function that does nothing, which both have subtracted. Each start is a process of its own, in turns. Ours brings its compile
 * cache along, as `infra/compile-cache.ts` makes it; nobody makes one for theirs.
 */
export async function coldStartRows(quick: boolean): Promise<Finding[]> {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-cold-"));
  try {
    const mail = join(folder, "mail.eml");
    await writeFile(mail, mailText);
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const pair = createSelfSignedCertificate(["localhost"], new Date(), randomBytes(16));
    await Promise.all([writeFile(key, pair.key), writeFile(cert, pair.cert)]);
    const aws = await startServer(process.execPath, [join(root, "bench/servers/aws.ts"), mail, key, cert]);
    const endpoint = `https://localhost:${aws.port}`;
    const post = (path: string) => ask(endpoint, path, pair.cert);
    try {
      const functions = await prepare(folder);
      const env = { ...environment, AWS_ENDPOINT_URL: endpoint, NODE_EXTRA_CA_CERTS: cert };
      const events = await eventsOf(folder, functions, env, post);
      const samples = new Map<string, { readonly wall: number[]; readonly cpu: number[] }>();
      const [rounds, warmUps] = [quick ? 7 : 21, 1];
      for (let round = -warmUps; round < rounds; round += 1) {
        const turns = goals.flatMap(({ name }) => [
          [`${name} ours`, functions[name] ?? "", events[name] ?? ""],
          [`${name} theirs`, functions["obvious"] ?? "", events[name] ?? ""],
          [`${name} nothing`, functions["nothing"] ?? "", events[name] ?? ""],
        ]);
        const order = round % 2 === 0 ? turns : turns.toReversed();
        for (const [name = "", file = "", event = ""] of order) {
          await post("/reset");
          const { wallMs, cpuMs } = await startOnce(file, event, env);
          const sample = samples.get(name) ?? { wall: [], cpu: [] };
          samples.set(name, sample);
          if (round < 0) continue;
          sample.wall.push(wallMs);
          sample.cpu.push(cpuMs);
        }
      }
      return goals.map(({ name, atMost, kb }) => {
        const net = (who: string, what: "wall" | "cpu") => {
          const nothing = spread(samples.get(`${name} nothing`)?.[what] ?? []).median;
          return (samples.get(`${name} ${who}`)?.[what] ?? []).map((value) => value - nothing);
        };
        const time = pairedRatio(net("ours", "wall"), net("theirs", "wall"));
        const cpu = pairedRatio(net("ours", "cpu"), net("theirs", "cpu"));
        const startKb = Math.ceil((functions.startBytes[name] ?? 0) / 1024);
        const ms = (who: string) =>
          `${spread(net(who, "wall")).median.toFixed(0)} ms, CPU ${spread(net(who, "cpu")).median.toFixed(0)} ms`;
        return {
          row: "cold",
          what: `cold start of \`${name}\`, process start to answered event, compile cache shipped`,
          against: "all clients, Powertools, mailparser at the top",
          measured: `time ${inWords(time)}, CPU ${inWords(cpu)}, ${startKb} KB`,
          required: `time ≤ ${atMost}, ≤ ${kb} KB`,
          reached: time.median <= atMost && startKb <= kb,
          details: `${ms("ours")}; theirs ${ms("theirs")}`,
        };
      });
    } finally {
      await aws.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const environment: Readonly<Record<string, string>> = {
  MAILWEIR_STAGE: "bench",
  MAILWEIR_ACCOUNT_ID: "123456789012",
  AWS_REGION: "us-east-1",
  AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
  AWS_SECRET_ACCESS_KEY: "secret",
  AWS_SESSION_TOKEN: "token",
  AWS_LAMBDA_FUNCTION_NAME: "bench",
  AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
};

const mailText = `From: Ann Lee <ann@sender.example>\r\nTo: orders@shop.example\r\nSubject: Order 1207\r\nMessage-ID: <m1@sender.example>\r\nDate: Tue, 4 Aug 2026 11:15:00 +0200\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello,\r\n\r\n${"Where is my order? It was promised for last week.\r\n".repeat(80)}\r\nRegards\r\n`;

type Functions = Readonly<Record<string, string>> & { readonly startBytes: Readonly<Record<string, number>> };

/** Bundles what is measured, each with its compile cache. Answers where each one is. */
async function prepare(folder: string): Promise<Functions> {
  const configFile = join(folder, "mailweir.config.mjs");
  await writeFile(
    configFile,
    `export default { domains: ["shop.example"], streams: {
      ticket: { recipients: ["orders@shop.example"] }, personal: { recipients: ["shop.example"] } } };`,
  );
  const out = join(folder, "functions");
  const built = await buildFunctions(
    goals.map(({ name }) => name),
    { configFile, stage: "bench", out },
  );
  const over = overBudget(built);
  if (over.length > 0) process.stderr.write(`${over.join("\n")}\n`);
  await bundled(join(peers, "obvious-function.mjs"), join(out, "obvious"));
  const nothing = join(folder, "nothing.mjs");
  await writeFile(nothing, "export const handler = async () => ({});\n");
  await bundled(nothing, join(out, "nothing"));
  for (const { name } of goals) await addCompileCache(join(out, name), process.getuid?.() ?? 0);
  const names = [...goals.map(({ name }) => name), "obvious", "nothing"];
  return {
    ...Object.fromEntries(names.map((name) => [name, join(out, name, "index.mjs")])),
    startBytes: Object.fromEntries(built.map(({ name, startBytes }) => [name, startBytes])),
  } as Functions;
}

/** One file, as most functions are deployed. */
async function bundled(entry: string, out: string): Promise<void> {
  await mkdir(out, { recursive: true });
  await build({
    entryPoints: [entry],
    outfile: join(out, "index.mjs"),
    bundle: true,
    platform: "node",
    target: "node24",
    format: "esm",
    mainFields: ["module", "main"],
    minify: true,
    keepNames: true,
    nodePaths: [join(root, "node_modules")],
    logLevel: "error",
    banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
  });
}

/** The gate's and the router's events are those of the project; the worker's is what our router sends for one of them. */
async function eventsOf(
  folder: string,
  functions: Functions,
  env: Readonly<Record<string, string>>,
  post: (path: string) => Promise<string>,
): Promise<Record<string, string>> {
  const event = (name: string) => join(root, "events", name);
  const notice = await readFile(event("notice-s3.json"), "utf8");
  const file = async (name: string, records: unknown) => {
    const path = join(folder, name);
    await writeFile(path, JSON.stringify({ Records: records }));
    return path;
  };
  const record = (body: string) => ({
    messageId: "1",
    receiptHandle: "1",
    body,
    attributes: {
      ApproximateReceiveCount: "1",
      SentTimestamp: "1785834902417",
      SenderId: "x",
      ApproximateFirstReceiveTimestamp: "1785834902417",
    },
    messageAttributes: {},
    md5OfBody: "",
    eventSource: "aws:sqs",
    eventSourceARN: "arn:aws:sqs:us-east-1:123456789012:mailweir-bench-notices",
    awsRegion: "us-east-1",
  });
  const routed = await file("route.json", [record(notice)]);
  await startOnce(functions["route-notification"] ?? "", routed, env);
  await post("/keep");
  const [message] = JSON.parse(await post("/sent")) as string[];
  if (message === undefined || !message.includes('"stream":"ticket"')) throw new Error("the router sent no ticket");
  return {
    gate: event("ses-lambda-sync.json"),
    "route-notification": routed,
    "work-ticket": await file("work.json", [record(message)]),
  };
}

function ask(endpoint: string, path: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request(new URL(path, endpoint), { method: "POST", ca }, async (response) => {
      let text = "";
      for await (const chunk of response) text += chunk;
      resolve(text);
    });
    asked.once("error", reject);
    asked.end();
  });
}

/** @throws when the function fails, or leaves a record for later */
async function startOnce(
  file: string,
  event: string,
  env: Readonly<Record<string, string>>,
): Promise<{ readonly wallMs: number; readonly cpuMs: number }> {
  const cache = join(file, "..", compileCacheFolder);
  const began = performance.now();
  const child = spawn(process.execPath, [join(root, "bench/measure/start-once.mjs"), file, event], {
    env: existsSync(cache) ? { ...env, NODE_COMPILE_CACHE: cache, NODE_COMPILE_CACHE_PORTABLE: "1" } : env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [said, errors, wallMs] = ["", "", 0];
  child.stderr.on("data", (chunk: Buffer) => {
    errors += chunk;
  });
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk;
    if (wallMs === 0 && said.includes('{"answered"')) wallMs = performance.now() - began;
  });
  await new Promise((resolve) => child.once("close", resolve));
  const line = said.split("\n").findLast((one) => one.startsWith('{"answered"'));
  const { answered, cpuMs } = JSON.parse(line ?? "{}") as {
    answered?: { batchItemFailures?: unknown[] };
    cpuMs?: number;
  };
  if (cpuMs === undefined || (answered?.batchItemFailures?.length ?? 0) > 0) {
    throw new Error(`${file} did not answer:\n${said.slice(-2_000)}${errors.slice(-2_000)}`);
  }
  return { wallMs, cpuMs };
}
