import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { DynamoDBClient, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { CreateKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { CreateQueueCommand, DeleteQueueCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { BatchResponse } from "../../functions/batch.ts";
import { buildFunctions } from "../../infra/build.ts";
import { clientOptions } from "../../shared/aws/connection.ts";
import { readEnvironment } from "../../shared/aws/environment.ts";
import { openWorker } from "../../shared/aws/open-worker.ts";
import { ledgerTable, storeTable } from "../../shared/aws/tables.ts";
import { loadConfig } from "../../shared/config/load-config.ts";
import { deriveTopology } from "../../shared/config/topology.ts";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import type { Ports } from "../../shared/ports.ts";
import { buildSqsEvent } from "../../shared/receipt/sqs-event.ts";
import { endsAnything } from "../../shared/retention/period.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import { storedObjectOf } from "../../shared/streams/stored-object.ts";
import { freshId } from "../contract/opened.ts";
import { context, type Events, eventsOf, type TestMail } from "../functions/pipeline.ts";
import { type AwsProxy, startAwsProxy } from "./aws-proxy.ts";
import { createTable } from "./create-tables.ts";
import { allows, usesOf } from "./iam-use.ts";
import { startMoto } from "./moto.ts";
import { createWriteUnits, schemasOf, type WriteUnits } from "./write-units.ts";

/** The bundles that are deployed, on moto behind a proxy that spoils days; SES and event sources are played by hand. */
export interface AwsPipeline {
  readonly config: ResolvedConfig;
  readonly ports: Ports;
  readonly proxy: AwsProxy;
  readonly keyArn: string;
  readonly units: WriteUnits;
  /** What the functions asked AWS for, and may not by their roles: `function action resource`. */
  forbidden(): readonly string[];
  /** While it runs, others call beside a function, or one that was given up: no call is counted as a function's. */
  unattributed<T>(run: () => Promise<T>): Promise<T>;
  /** Functions that asked for anything. */
  seen(): ReadonlySet<string>;
  readonly tables: { readonly ledger: string; readonly store: string };
  /** Stores a mail as SES does and answers the events that SES would send. */
  arrive(mail: TestMail): Promise<Events>;
  /** @param remainingMs - what the function has until its time-out */
  call(functionName: string, event: unknown, remainingMs?: () => number): Promise<unknown>;
  /** Every call so far, oldest first, with the processor time of this process meanwhile: the proxy's is in it. */
  readonly calls: readonly { readonly functionName: string; readonly cpuMs: number; readonly isFirst: boolean }[];
  send(queue: string, body: unknown): Promise<void>;
  /** One batch of a queue; what failed is visible again at once. Answers how many were there and failed. */
  work(queue: string): Promise<{ readonly received: number; readonly failed: number }>;
  /** Every queue until nothing is visible, or something failed. Answers how many failed. */
  drain(): Promise<number>;
  /** Empties every queue, as if no test had been before. */
  purge(): Promise<void>;
  /** As if nothing had happened to the recipient for so long. */
  backdate(id: SesMessageId, recipient: string, ageMs: number): Promise<void>;
  states(id: SesMessageId): Promise<Record<string, string>>;
  close(): Promise<void>;
}

const accountId = "123456789012";
const stage = "test";

export interface AwsPipelineOptions {
  /** Instead of what the project's configuration says, as JSON says it. */
  readonly config?: object;
  /** Streams beside those of the project's configuration, as JSON says them. */
  readonly streams?: Readonly<Record<string, object>>;
  /** Functions to build; the others cannot be called. Default: all. */
  readonly only?: readonly string[];
  /** In Secrets Manager, by name. */
  readonly secrets?: Readonly<Record<string, string>>;
}

export async function openAwsPipeline(program: string, options: AwsPipelineOptions = {}): Promise<AwsPipeline> {
  const opened = new AsyncDisposableStack();
  try {
    return await openOn(opened, program, options);
  } catch (error) {
    // Nobody gets something to close.
    await opened.disposeAsync();
    throw error;
  }
}

async function openOn(
  opened: AsyncDisposableStack,
  program: string,
  { streams = {}, secrets: given = {}, config: instead = {}, only }: AwsPipelineOptions,
): Promise<AwsPipeline> {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-aws-"));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  const moto = await startMoto(program);
  opened.defer(() => moto.stop());
  const proxy = await startAwsProxy(moto.endpoint);
  opened.defer(() => proxy.stop());
  const configFile = join(folder, "mailweir.config.ts");
  const base = JSON.stringify(join(import.meta.dirname, "../../mailweir.config.ts"));
  await writeFile(
    configFile,
    `import base from ${base};\nexport default { ...base, ...${JSON.stringify(instead)}, streams: { ...base.streams, ...${JSON.stringify(streams)} } };\n`,
  );
  const config = await loadConfig(configFile, { stage, accountId });
  const onlyOnAws = endsAnything(config.retention) ? ["expire-mail"] : [];
  const names = ["gate", "journal", "route-notification", "route-object", "find-lost-work", ...onlyOnAws].concat(
    deriveTopology(config).functions.flatMap(({ name }) =>
      /^(?:work-|propagate|answer|feedback|one-click)/.test(name) ? [name] : [],
    ),
  );
  await buildFunctions(only ?? names, { configFile, stage, out: join(folder, "dist") });

  const env = {
    MAILWEIR_STAGE: stage,
    MAILWEIR_ACCOUNT_ID: accountId,
    AWS_REGION: config.region,
    AWS_ENDPOINT_URL: proxy.endpoint,
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    POWERTOOLS_LOG_LEVEL: process.env["TEST_LOG"] ?? "SILENT",
  };
  Object.assign(process.env, env);
  opened.defer(() => {
    for (const name of Object.keys(env)) delete process.env[name];
  });
  const environment = readEnvironment(env);
  const connection = {
    region: config.region,
    endpoint: moto.endpoint,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  };
  const dynamo = new DynamoDBClient(clientOptions(connection));
  await createTable(dynamo, environment.ledgerTable, ledgerTable);
  await createTable(dynamo, environment.storeTable, storeTable);
  const s3 = new S3Client({ ...clientOptions(connection), forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: config.names.bucket }));
  const sqs = new SQSClient({ ...clientOptions(connection), useQueueUrlAsEndpoint: false });
  const { queues } = deriveTopology(config);
  const createQueues = async () => {
    for (const { name, deadLetterQueue, maxReceiveCount } of queues) {
      await sqs.send(new CreateQueueCommand({ QueueName: deadLetterQueue }));
      const deadLetterTargetArn = `arn:aws:sqs:${config.region}:${accountId}:${deadLetterQueue}`;
      const RedrivePolicy = JSON.stringify({ deadLetterTargetArn, maxReceiveCount });
      // Without the delays: nobody waits a quarter of an hour here.
      await sqs.send(
        new CreateQueueCommand({ QueueName: name, Attributes: { RedrivePolicy, VisibilityTimeout: "360" } }),
      );
    }
  };
  await createQueues();
  const secrets = new SecretsManagerClient(clientOptions(connection));
  const SecretString = randomBytes(32).toString("base64url");
  await secrets.send(new CreateSecretCommand({ Name: config.names.tokenSecret, SecretString }));
  for (const [Name, value] of Object.entries(given)) {
    await secrets.send(new CreateSecretCommand({ Name, SecretString: value }));
  }
  const kms = new KMSClient(clientOptions(connection));
  const keyArn = (await kms.send(new CreateKeyCommand({}))).KeyMetadata?.Arn ?? "";

  const ports = openWorker({ ...environment, endpoint: moto.endpoint }, config);
  const tables = { ledger: environment.ledgerTable, store: environment.storeTable };
  const units = createWriteUnits(schemasOf(tables));
  const uses = new Map<string, { readonly functionName: string; readonly use: ReturnType<typeof usesOf>[number] }>();
  let running = "";
  let attributed = true;
  proxy.onAnswer = (call, answer) => {
    units.see(call, answer);
    if (!attributed) return;
    for (const use of usesOf(call, config)) {
      uses.set(`${running} ${use.action} ${use.resource}`, { functionName: running, use });
    }
  };

  const handlers = new Map<string, Promise<(event: unknown, context: unknown) => Promise<unknown>>>();
  const calls: { functionName: string; cpuMs: number; isFirst: boolean }[] = [];
  const call: AwsPipeline["call"] = async (functionName, event, remainingMs) => {
    const before = process.cpuUsage();
    const known = handlers.get(functionName);
    const loading =
      known ??
      import(/* @vite-ignore */ pathToFileURL(join(folder, "dist", functionName, "index.mjs")).href).then(
        (module: { handler: (event: unknown, context: unknown) => Promise<unknown> }) => module.handler,
      );
    handlers.set(functionName, loading);
    running = functionName;
    const result = await (await loading)(structuredClone(event), {
      ...context(functionName),
      ...(remainingMs && { getRemainingTimeInMillis: remainingMs }),
    });
    const { user, system } = process.cpuUsage(before);
    calls.push({ functionName, cpuMs: (user + system) / 1000, isFirst: known === undefined });
    return result;
  };
  const work: AwsPipeline["work"] = async (queue) => {
    const consumer = queues.find(({ name }) => name === queue)?.consumer;
    const messages = await ports.queues.receive(queue, { max: consumer?.batchSize ?? 10 });
    if (!consumer || messages.length === 0) return { received: 0, failed: 0 };
    const queueArn = `arn:aws:sqs:${config.region}:${accountId}:${queue}`;
    const { batchItemFailures } = (await call(
      consumer.functionName,
      buildSqsEvent(queueArn, messages),
    )) as BatchResponse;
    const failures = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    for (const { messageId, receiptHandle } of messages) {
      if (failures.has(messageId)) await ports.queues.changeVisibility(queue, receiptHandle, 0);
      else await ports.queues.delete(queue, [receiptHandle]);
    }
    return { received: messages.length, failed: failures.size };
  };
  let mails = 0;

  return {
    config,
    ports,
    proxy,
    keyArn,
    units,
    tables,
    forbidden: () =>
      [...uses].flatMap(([text, { functionName, use }]) => (allows(functionName, use, config, tables) ? [] : [text])),
    async unattributed(run) {
      attributed = false;
      try {
        return await run();
      } finally {
        attributed = true;
      }
    },
    seen: () => new Set([...uses.values()].map(({ functionName }) => functionName)),
    call,
    calls,
    work,
    async arrive(mail) {
      // Its own Message-ID: the stage's tables hold the mails of all tests.
      const id = mail.id ?? freshId();
      const events = eventsOf(
        config,
        { at: new Date(), ...mail, headers: { "Message-ID": `<${id}@sender.example>`, ...mail.headers } },
        id,
        ++mails,
      );
      await ports.objects.put(storedObjectOf(config, id), events.stored);
      return events;
    },
    async send(queue, body) {
      const [refused] = await ports.queues.send(queue, [{ id: "0", body: JSON.stringify(body) }]);
      if (refused) throw new Error(refused.cause);
    },
    async drain() {
      for (;;) {
        let received = 0;
        for (const { name } of queues) {
          const { received: came, failed } = await work(name);
          if (failed > 0) return failed;
          received += came;
        }
        if (received === 0) return 0;
      }
    },
    async backdate(id, recipient, ageMs) {
      await dynamo.send(
        new UpdateItemCommand({
          TableName: tables.ledger,
          Key: { pk: { S: id }, sk: { S: `r#${recipient}` } },
          UpdateExpression: "SET #up = :up",
          ConditionExpression: "attribute_exists(pk)",
          ExpressionAttributeNames: { "#up": "up" },
          ExpressionAttributeValues: { ":up": { S: new Date(Date.now() - ageMs).toISOString() } },
        }),
      );
    },
    async purge() {
      for (const { name, deadLetterQueue } of queues) {
        for (const queue of [name, deadLetterQueue]) {
          // Not purged: that may be asked for once a minute.
          await sqs.send(new DeleteQueueCommand({ QueueUrl: `${moto.endpoint}/${accountId}/${queue}` }));
        }
      }
      await createQueues();
    },
    async states(id) {
      const records = await ports.ledger.recipients(id);
      return Object.fromEntries(
        records.map(({ recipient, stream, state, outcome }) => [
          recipient,
          [stream ?? "-", state, ...(outcome === undefined ? [] : [outcome])].join(" "),
        ]),
      );
    },
    close: () => opened.disposeAsync(),
  };
}
