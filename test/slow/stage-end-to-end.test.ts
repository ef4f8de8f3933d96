import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { DynamoDBClient, QueryCommand } from "@aws-sdk/client-dynamodb";
import { GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { createTransport } from "nodemailer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openStage } from "../../cli/stage/open-stage.ts";
import type { StageStatus } from "../../cli/stage/stage-status.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import { callCli, runCli } from "../cli/run-cli.ts";
import { startMinistack } from "./emulators.ts";
import { type EngineProcess, startEngineProcess } from "./engine-process.ts";
import { type Emulator, pythonProgram } from "./moto.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));
const ministack = pythonProgram("ministack");
const missing = ministack === undefined ? " (skipped: ministack is not here, see .ci/python-packages)" : "";
const bucket = "mailweir-test-mail-000000000000-us-east-1";

// SMTP → the engine as SES → S3, SNS, Lambda, KMS → SQS → the deployed bundles → DynamoDB, all but the engine in an independent
// emulator, seen with plain clients.
describe.skipIf(ministack === undefined)(`a deployed stage with mail of its own${missing}`, () => {
  let emulator: Emulator;
  let engine: EngineProcess;
  let folder: string;
  const client = () => ({
    region: "us-east-1",
    endpoint: emulator.endpoint,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });

  beforeAll(async () => {
    emulator = await startMinistack(ministack ?? "");
    folder = await mkdtemp(join(tmpdir(), "mailweir-stage-"));
    const configFile = join(folder, "mailweir.config.ts");
    const zone = join(folder, "zone.json");
    await writeFile(zone, JSON.stringify({ "sender.example": { TXT: ["v=spf1 ip4:127.0.0.1 -all"] } }));
    const define = pathToFileURL(join(project, "shared/config/define-mail.ts")).href;
    // Functions in it run in the deployed bundles; what they count on is that they went along.
    await writeFile(
      configFile,
      `import { defineMail } from ${JSON.stringify(define)};
export default defineMail({
  domains: ["example.com"],
  encrypt: true,
  streams: {
    ticket: { recipients: ["support@example.com"] },
    unsubscribe: { recipients: ["unsubscribe@example.com"] },
    invoices: {
      recipients: ["pay@example.com"],
      match: ({ recipient }) => recipient === "pay@example.com",
      worker: async (message, { mail }) => ({ outcome: "counted", detail: { words: String((await mail()).text.split(" ").length) } }),
    },
    personal: { recipients: ["example.com"] },
  },
  local: { dns: { zone: ${JSON.stringify(zone)} } },
});
`,
    );
    const args = ["deploy", "--stage", "test", "--config", configFile, "--endpoint-url", emulator.endpoint];
    const child = spawn(process.execPath, [join(project, "cli/mailweir.mjs"), ...args], { cwd: folder });
    let said = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (said += text));
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0) throw new Error(`the deployment failed: ${said.slice(-3000)}`);
    const more = ["--cloud", emulator.endpoint, "--stage", "test"];
    engine = await startEngineProcess({ configFile, data: join(folder, "data"), more });
  });
  afterAll(async () => {
    await engine?.stop();
    await emulator?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const send = async (to: readonly string[], subject = "Order 1207", text = "Where is it?") => {
    const transport = createTransport({ host: engine.host, port: engine.port, tls: { rejectUnauthorized: false } });
    const raw = `From: ann@sender.example\r\nTo: ${to.join(", ")}\r\nSubject: ${subject}\r\nMessage-ID: <${Math.random()}@sender.example>\r\n\r\n${text}\r\n`;
    const { response } = await transport.sendMail({ envelope: { from: "ann@sender.example", to: [...to] }, raw });
    return /\b([a-z0-9]{40})\b/.exec(response)?.[1] ?? "";
  };
  /** What the ledger's table says, once every recipient has ended: recipient → state, stream, outcome, detail. */
  const ended = async (id: string, count: number) => {
    const dynamo = new DynamoDBClient(client());
    for (let rounds = 0; ; rounds++) {
      const { Items = [] } = await dynamo.send(
        new QueryCommand({
          TableName: "mailweir-test-ledger",
          KeyConditionExpression: "pk = :pk AND begins_with(sk, :r)",
          ExpressionAttributeValues: { ":pk": { S: id }, ":r": { S: "r#" } },
        }),
      );
      const over = Items.filter(({ s }) => ["done", "quarantined", "failed"].includes(s?.S ?? ""));
      if (over.length === count) {
        return Object.fromEntries(
          over.map(({ sk, st, s, o, det }) => [sk?.S?.slice(2), [st?.S, s?.S, o?.S, det?.S].filter(Boolean).join(" ")]),
        );
      }
      // Far longer than anything takes; what never ends is to say where it stands.
      if (rounds === 240)
        throw new Error(`not ended: ${JSON.stringify(Items.map(({ sk, s, c }) => [sk?.S, s?.S, c?.S]))}`);
      await sleep(500);
    }
  };

  test("one mail to four streams is stored encrypted, and each worker does its part", async () => {
    const to = ["support@example.com", "pay@example.com", "ann@example.com", "unsubscribe@example.com"];
    const id = await send(to, "unsubscribe", "please thank you all");
    const s3 = new S3Client({ ...client(), forcePathStyle: true });
    const states = await ended(id, to.length);
    expect(states["support@example.com"]).toMatch(/^ticket done ticket-opened /);
    expect(states["pay@example.com"]).toBe('invoices done counted {"words":"4"}');
    expect(states["ann@example.com"]).toMatch(/^personal done delivered .*mailboxes\/ann\//);
    expect(states["unsubscribe@example.com"]).toMatch(/^unsubscribe done /);
    const head = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: `inbound/${id}` }));
    expect(head.Metadata).toMatchObject({ "x-amz-cek-alg": "AES/GCM/NoPadding", "x-amz-wrap-alg": "kms" });
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: `inbound/${id}` }));
    expect(Buffer.from((await Body?.transformToByteArray()) ?? []).includes("thank you")).toBe(false);
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: "mailboxes/ann/" }));
    expect(Contents).toHaveLength(1);
    const delivered = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: Contents[0]?.Key ?? "" }));
    expect(delivered.Metadata).toMatchObject({ "x-amz-wrap-alg": "kms" });
  });

  test("20 mails at once all end, each once", async () => {
    const ids = await Promise.all(
      Array.from({ length: 20 }, (_, index) => send(["support@example.com"], `Order ${index}`)),
    );
    expect(new Set(ids).size).toBe(20);
    for (const id of ids) {
      expect((await ended(id, 1))["support@example.com"]).toMatch(/^ticket done ticket-(?:opened|joined) /);
    }
  });

  test("check --send follows a canary to its end, status tells of a stage that is well, and nothing is dead", async () => {
    const stage = [
      "--stage",
      "test",
      "--config",
      join(folder, "mailweir.config.ts"),
      "--endpoint-url",
      emulator.endpoint,
    ];
    const canary = await callCli(["check", "--send", ...stage, "--smtp", `${engine.host}:${engine.port}`]);
    expect(canary.stdout).toMatch(/^yes ended +done: recorded$/m);
    expect(canary.exit).toBe(0);
    // In a process of its own: a function counts by its text, and this one's files are not read as Node reads them.
    const status = JSON.parse((await runCli(["status", ...stage, "--json"])).stdout) as StageStatus;
    expect(status).toMatchObject({ stage: "test", unfinished: { count: 0 } });
    // Decided by a bundle, with a function in it that was minified: of the version that everybody else knows.
    const opened = await openStage({
      stage: "test",
      config: join(folder, "mailweir.config.ts"),
      endpointUrl: emulator.endpoint,
    });
    const canaryId = /250 OK ([a-z0-9]{40})/.exec(canary.stdout)?.[1] as SesMessageId;
    const [decided] = await opened.ports.ledger.recipients(canaryId);
    opened.close();
    expect(status.configVersion.here).toBe(status.configVersion.deployed);
    expect(decided?.configVersion).toBe(status.configVersion.here);
    const redrive = await callCli(["redrive", ...stage]);
    expect(redrive).toMatchObject({ exit: 0, stdout: "There are no dead letters.\n" });
    const replay = await callCli(["replay", ...stage, "--since", "2020-01-01"]);
    expect(replay).toMatchObject({ exit: 0, stdout: expect.stringMatching(/^\d+ with nothing left to do\n$/) });
  });
});
