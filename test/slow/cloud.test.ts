import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CreateAliasCommand, CreateKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, SQSClient } from "@aws-sdk/client-sqs";
import { createTransport } from "nodemailer";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { clientOptions } from "../../shared/aws/connection.ts";
import { openKmsKeys } from "../../shared/aws/kms-keys.ts";
import { openObjects } from "../../shared/aws/objects.ts";
import { openQueues } from "../../shared/aws/queues.ts";
import { resolveConfig } from "../../shared/config/resolve-config.ts";
import type { MailConfig } from "../../shared/config/types.ts";
import { parseNotices, parseNoticeText } from "../../shared/receipt/parse-notice.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import { openContent } from "../../shared/streams/open-content.ts";
import { storedObjectOf } from "../../shared/streams/stored-object.ts";
import { bytesOf } from "../contract/opened.ts";
import { type AwsProxy, type Fault, startAwsProxy } from "./aws-proxy.ts";
import { type EngineProcess, engineFolder, startEngineProcess } from "./engine-process.ts";
import { type Emulator, pythonProgram, startMoto } from "./moto.ts";

const program = pythonProgram("moto_server");
const missing = program === undefined ? " (skipped: moto_server is not here, see .ci/python-packages)" : "";
const stage = "test";
const accountId = "123456789012";
const root = join(import.meta.dirname, "../..");

describe.skipIf(program === undefined)(`the engine in front of an account, against moto${missing}`, () => {
  let moto: Emulator;
  let proxy: AwsProxy;
  const plain: MailConfig = {
    domains: ["example.com"],
    streams: { personal: { recipients: ["example.com"] } },
    gate: { spam: "drop" },
  };
  const config = resolveConfig(plain, { stage, accountId });
  const connection = () => ({
    region: config.region,
    endpoint: moto.endpoint,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  const invocations: { readonly arn: string; readonly type: string; readonly body: string }[] = [];
  /** Lambda is played by the proxy: moto needs Docker for it. */
  let gateAnswer: Fault = { status: 200, answer: '{"disposition":"CONTINUE"}' };
  let trouble: (service: string) => Fault | undefined = () => undefined;

  beforeAll(async () => {
    moto = await startMoto(program ?? "");
    proxy = await startAwsProxy(moto.endpoint);
    const options = clientOptions(connection());
    await new S3Client({ ...options, forcePathStyle: true }).send(
      new CreateBucketCommand({ Bucket: config.names.bucket }),
    );
    const sns = new SNSClient(options);
    const { TopicArn } = await sns.send(
      new CreateTopicCommand({ Name: config.names.noticeTopicArn.split(":").at(-1) ?? "" }),
    );
    const sqs = new SQSClient({ ...options, useQueueUrlAsEndpoint: false });
    await sqs.send(new CreateQueueCommand({ QueueName: config.names.noticeQueue }));
    const Endpoint = `arn:aws:sqs:${config.region}:${accountId}:${config.names.noticeQueue}`;
    const Attributes = { RawMessageDelivery: "true" };
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint, Attributes }));
    const kms = new KMSClient(options);
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    const AliasName = config.names.kmsKeyArn.split(":").at(-1) ?? "";
    await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: KeyMetadata?.KeyId }));
  });
  afterAll(async () => {
    await proxy?.stop();
    await moto?.stop();
  });
  beforeEach(() => {
    invocations.length = 0;
    gateAnswer = { status: 200, answer: '{"disposition":"CONTINUE"}' };
    trouble = () => undefined;
    proxy.fault = ({ service, path, headers, body }) => {
      const wrong = trouble(service);
      if (wrong) return wrong;
      if (service !== "lambda") return undefined;
      const arn = decodeURIComponent(/functions\/([^/]+)\/invocations/.exec(path)?.[1] ?? "");
      const type = String(headers["x-amz-invocation-type"] ?? "");
      invocations.push({ arn, type, body });
      return type === "Event" ? { status: 202, answer: "" } : gateAnswer;
    };
  });

  const withEngine = async (
    mail: MailConfig,
    use: (engine: EngineProcess, send: (to: string, text?: string) => Promise<SesMessageId>) => Promise<void>,
  ) => {
    const { folder, configFile, data, remove } = await engineFolder(mail);
    const engine = await startEngineProcess({ configFile, data, more: ["--cloud", proxy.endpoint, "--stage", stage] });
    try {
      const transport = createTransport({ host: engine.host, port: engine.port, tls: { rejectUnauthorized: false } });
      const send = async (to: string, text = "Hello\r\n") => {
        const raw = `From: ann@sender.example\r\nTo: ${to}\r\nSubject: x\r\nMessage-ID: <${Math.random()}@s.example>\r\n\r\n${text}`;
        const { response } = await transport.sendMail({ envelope: { from: "ann@sender.example", to }, raw });
        const id = /\b([a-z0-9]{40})\b/.exec(response)?.[1];
        if (id === undefined) throw new Error(`no id in ${response}`);
        return id as SesMessageId;
      };
      await use(engine, send);
      expect(await readdir(folder)).toContain("data");
    } finally {
      await engine.stop();
      await remove();
    }
  };
  /** Until it is there; the suite's time-out ends what never comes. */
  const until = async <T>(look: () => Promise<T | undefined>): Promise<T> => {
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      await sleep(100);
    }
  };
  const queues = () => openQueues(connection(), accountId);
  const objects = () => openObjects(connection());
  const noticeOf = async (id: SesMessageId) =>
    until(async () => {
      for (const { body, receiptHandle } of await queues().receive(config.names.noticeQueue, { max: 10 })) {
        await queues().delete(config.names.noticeQueue, [receiptHandle]);
        const found = parseNoticeText(body).find((notice) => notice.kind === "received" && notice.sesMessageId === id);
        if (found) return found;
      }
      return undefined;
    });
  const outcomeOf = async (engine: EngineProcess, id: SesMessageId) =>
    until(async () => {
      const answer = await fetch(`${engine.http}/api/messages/${id}`);
      const { recipients } = (await answer.json()) as { recipients?: { state: string; outcome?: string }[] };
      const [first] = recipients ?? [];
      return first?.state === "done" ? first.outcome : undefined;
    });

  test("a mail is an object, a notice and an invocation there, and ends here", async () => {
    await withEngine(plain, async (engine, send) => {
      const id = await send("ann@example.com");
      expect(await noticeOf(id)).toMatchObject({ action: { type: "S3", bucketName: config.names.bucket } });
      const { body, metadata } = await objects().open(storedObjectOf(config, id));
      const stored = (await bytesOf(body)).toString();
      expect(metadata).toEqual({});
      expect(stored).toContain("X-SES-RECEIPT:");
      expect(stored.endsWith("\r\nHello\r\n")).toBe(true);
      expect(await outcomeOf(engine, id)).toMatch(/^handed over to account 123456789012 in us-east-1, at http/);
      const journal = invocations.find(({ arn }) => arn === config.names.functionArn("journal"));
      expect(journal?.type).toBe("Event");
      expect(parseNotices(JSON.parse(journal?.body ?? ""))).toMatchObject([
        { kind: "received", sesMessageId: id, recipients: ["ann@example.com"] },
      ]);
      expect(invocations.find(({ arn }) => arn === config.names.functionArn("gate"))?.type).toBe("RequestResponse");
      // The account and the region were shown before anything was done.
      expect(engine.stderr()).toContain(`Stage test: account ${accountId}, region us-east-1, at ${proxy.endpoint}`);
    });
  });

  test("a large, encrypted one opens with the account's key", async () => {
    await withEngine({ ...plain, encrypt: true }, async (_engine, send) => {
      const text = `${"0123456789abcde\r\n".repeat(700_000)}end\r\n`;
      const id = await send("ann@example.com", text);
      await noticeOf(id);
      const place = storedObjectOf(config, id);
      expect((await objects().head(place))?.metadata).toMatchObject({ "x-amz-wrap-alg": "kms" });
      const ports = { objects: objects(), keys: openKmsKeys(connection()) };
      const opened = await openContent(ports, id, { kind: "s3", ...place });
      expect((await bytesOf(await opened.body())).toString().endsWith("\r\nend\r\n")).toBe(true);
    });
  });

  test("what is out of order there is tried again, and nothing is lost here", async () => {
    await withEngine(plain, async (engine, send) => {
      trouble = (service) => (service === "s3" ? { status: 503, type: "SlowDown" } : undefined);
      const id = await send("ann@example.com");
      await until(async () => (engine.stderr().includes("action failed") ? true : undefined));
      expect(await objects().head(storedObjectOf(config, id))).toBeUndefined();
      trouble = () => undefined;
      await noticeOf(id);
      expect((await objects().head(storedObjectOf(config, id)))?.sizeBytes).toBeGreaterThan(100);
    });
  });

  test("an account that is not this machine is not written to unless somebody says yes", async ({ skip }) => {
    const address = Object.values(networkInterfaces())
      .flat()
      .find((entry) => entry?.family === "IPv4" && !entry.internal)?.address;
    if (address === undefined) return skip("this machine has no address but loopback");
    const outside = await startAwsProxy(moto.endpoint, address);
    const { configFile, remove } = await engineFolder(plain);
    const folder = await mkdtemp(join(tmpdir(), "mailweir-cloud-"));
    const args = ["cli/mailweir.mjs", "start", "--config", configFile, "--data", join(folder, "data")];
    const run = async (...more: string[]) => {
      const addresses = ["--smtp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--json"];
      const child = spawn(join(root, "node_modules/node/bin/node"), [...args, ...addresses, ...more], {
        cwd: root,
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" },
      });
      let text = "";
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (chunk: string) => {
          text += chunk;
          if (text.includes('"event":"ready"')) child.kill("SIGTERM");
        });
      }
      const [code] = (await once(child, "close")) as [number | null];
      return { code, text };
    };
    try {
      const refused = await run("--cloud", outside.endpoint, "--stage", stage);
      expect(refused.code).not.toBe(0);
      expect(refused.text).toContain(`account ${accountId}, region us-east-1`);
      expect(refused.text).toContain("--yes");
      expect(refused.text).not.toContain('"event":"ready"');
      const meant = await run("--cloud", outside.endpoint, "--stage", stage, "--yes");
      expect(meant.text).toContain(`"account":"${accountId}","region":"us-east-1","endpoint":"${outside.endpoint}"`);
      const stageless = await run("--cloud", outside.endpoint);
      expect(stageless.text).toContain("--stage test");
    } finally {
      await outside.stop();
      await remove();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
