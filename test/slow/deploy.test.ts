import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { DescribeTableCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { LambdaClient, ListEventSourceMappingsCommand } from "@aws-sdk/client-lambda";
import { HeadBucketCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { GetQueueAttributesCommand, GetQueueUrlCommand, SQSClient } from "@aws-sdk/client-sqs";
import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startMinistack } from "./emulators.ts";
import { type Emulator, pythonProgram } from "./moto.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));
const ministack = pythonProgram("ministack");

// What `deploy` and `destroy` do, seen with plain clients in an independent emulator. SES is not in it.
describe.skipIf(!ministack)("a stage in ministack (skipped without .ci/python-packages)", () => {
  let emulator: Emulator;
  let folder: string;
  const config = (name: string) => join(folder, `${name}.config.ts`);

  beforeAll(async () => {
    emulator = await startMinistack(ministack ?? "");
    folder = await mkdtemp(join(tmpdir(), "mailweir-deploy-"));
    const define = pathToFileURL(join(project, "shared/config/define-mail.ts")).href;
    const write = (name: string, settings: string) =>
      writeFile(
        config(name),
        `import { defineMail } from ${JSON.stringify(define)};
export default defineMail({ domains: ["example.com"], streams: { personal: { recipients: ["example.com"] }${settings} });\n`,
      );
    await write("first", " }");
    await write("changed", `, ticket: { recipients: ["support@example.com"] } }, aws: { workerConcurrency: 4 }`);
    await write("again", ` }, tokens: { keys: [{ id: "a", secretFrom: { secretsManager: "mailweir-test/tokens" } }] }`);
    await write("local-secret", ` }, tokens: { keys: [{ id: "a", secretFrom: { env: "TOKENS" } }] }`);
  });
  afterAll(async () => {
    await emulator?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const clientConfig = () => ({
    region: "us-east-1",
    endpoint: emulator.endpoint,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    forcePathStyle: true,
  });
  const bucket = "mailweir-test-mail-000000000000-us-east-1";
  const mail = { Bucket: bucket, Key: "inbound/m1" };

  async function mailweir(command: string, file: string, ...more: readonly string[]) {
    const args = [command, "--stage", "test", "--config", config(file), "--endpoint-url", emulator.endpoint, ...more];
    const child = spawn(process.execPath, [join(project, "cli/mailweir.mjs"), ...args], { cwd: folder });
    const said: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => said.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
    const code = await new Promise((resolve) => child.once("close", resolve));
    return { code, said: Buffer.concat(said).toString("utf8") };
  }

  test("created, changed, unchanged, destroyed, taken over again, deleted", async () => {
    // A secret of this machine would not be there in a function: found before anything is made.
    const refused = await mailweir("deploy", "local-secret");
    expect(refused).toMatchObject({ code: 1, said: expect.stringContaining("secret-on-this-machine") });
    const s3 = new S3Client(clientConfig());
    await expect(s3.send(new HeadBucketCommand({ Bucket: bucket }))).rejects.toThrow();

    const created = await mailweir("deploy", "first");
    expect(created.said).toContain("The stage test is created.");
    expect(created.code).toBe(0);

    // What the stage says of itself leads a command to everything.
    const ssm = new SSMClient(clientConfig());
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: "/mailweir/test/deployment" }));
    const record = JSON.parse(Parameter?.Value ?? "{}");
    expect(record).toMatchObject({ version: 1, stage: "test", bucket, ledgerTable: "mailweir-test-ledger" });
    const dynamo = new DynamoDBClient(clientConfig());
    const { Table } = await dynamo.send(new DescribeTableCommand({ TableName: record.ledgerTable }));
    expect(Table).toMatchObject({ GlobalSecondaryIndexes: [{ IndexName: "unfinished" }] });

    // An object below the prefix goes to the queue of the safety net, 15 minutes late; another one does not.
    const sqs = new SQSClient(clientConfig());
    const attributes = async (name: string) => {
      const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: name }));
      return (await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["All"] }))).Attributes;
    };
    const waiting = async () =>
      Number((await attributes("mailweir-test-objects"))?.["ApproximateNumberOfMessagesDelayed"]);
    // The bucket's own test message may lie there from the beginning.
    const before = await waiting();
    await s3.send(new PutObjectCommand({ ...mail, Body: "From: a@example.net\r\n\r\nHello\r\n" }));
    await s3.send(new PutObjectCommand({ ...mail, Key: "attachments/m1", Body: "x" }));
    expect(await waiting()).toBe(before + 1);
    expect(await attributes("mailweir-test-objects")).toMatchObject({
      DelaySeconds: "900",
      RedrivePolicy: expect.stringContaining("mailweir-test-objects-dlq"),
    });

    const plan = await mailweir("deploy", "changed", "--plan");
    expect(plan.said).toMatch(/changed: .*Lambda::EventSourceMapping/);
    expect(plan.said).toContain("No recorded mail");

    const changed = await mailweir("deploy", "changed");
    expect(changed.said).toContain("The stage test is updated.");
    const lambda = new LambdaClient(clientConfig());
    const { EventSourceMappings = [] } = await lambda.send(new ListEventSourceMappingsCommand({}));
    expect(new Set(EventSourceMappings.map(({ ScalingConfig }) => ScalingConfig?.MaximumConcurrency))).toEqual(
      new Set([4]),
    );

    expect((await mailweir("deploy", "changed")).said).toContain("nothing to do");

    const destroyed = await mailweir("destroy", "changed");
    expect(destroyed).toMatchObject({ code: 0, said: expect.stringContaining(`Kept: bucket ${bucket}`) });
    await expect(attributes("mailweir-test-objects")).rejects.toThrow();
    expect((await s3.send(new ListObjectsV2Command({ Bucket: bucket }))).KeyCount).toBe(2);

    // A new secret would break every link that was sent: refused, with the remedy; with it, the mail is there again.
    const blind = await mailweir("deploy", "first");
    expect(blind).toMatchObject({ code: 1, said: expect.stringContaining('secretsManager: "mailweir-test/tokens"') });
    const again = await mailweir("deploy", "again");
    expect(again).toMatchObject({ code: 0, said: expect.stringContaining("left-behind") });
    expect((await s3.send(new ListObjectsV2Command({ Bucket: bucket }))).KeyCount).toBe(2);
    expect(await attributes("mailweir-test-objects")).toMatchObject({ DelaySeconds: "900" });

    const gone = await mailweir("destroy", "first", "--delete-mail");
    expect(gone).toMatchObject({ code: 0, said: expect.stringContaining("with 2 objects of mail") });
    await expect(s3.send(new HeadBucketCommand({ Bucket: bucket }))).rejects.toThrow();
    await expect(dynamo.send(new DescribeTableCommand({ TableName: record.ledgerTable }))).rejects.toThrow();
    expect(await mailweir("destroy", "first")).toMatchObject({
      code: 1,
      said: expect.stringContaining("There is no stage test"),
    });
  });
});
