import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ses from "@aws-sdk/client-ses";
import { expect, onTestFinished, test } from "vitest";
import type { LocalConfig } from "../../shared/config/types.ts";
import { mail, startConsoleEngine } from "./console/console-engine.ts";

/** An engine with a function that notes its events in a file, and the SDK's client for it. */
async function start(local: (functions: LocalConfig["functions"]) => LocalConfig) {
  const folder = await mkdtemp(join(tmpdir(), "mailweir-targets-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const notes = join(folder, "notes.jsonl");
  const module = join(folder, "note.mjs");
  await writeFile(
    module,
    `import { appendFileSync } from "node:fs";
     export const handler = async (event) => { appendFileSync(${JSON.stringify(notes)}, JSON.stringify(event) + "\\n"); };`,
  );
  const running = await startConsoleEngine({ local: local({ note: module }) });
  onTestFinished(() => running.close());
  const client = (secretAccessKey = "SECRET", accessKeyId = "AKIDEXAMPLE") => {
    const made = new ses.SESClient({
      endpoint: running.engine.http,
      region: "us-east-1",
      credentials: { accessKeyId, secretAccessKey },
      maxAttempts: 1,
    });
    onTestFinished(() => made.destroy());
    return made;
  };
  const events = async (count: number) => {
    for (;;) {
      const text = await readFile(notes, "utf8").catch(() => "");
      const lines = text.split("\n").filter((line) => line !== "");
      if (lines.length >= count) return lines.map((line) => JSON.parse(line) as { Records: Record<string, never>[] });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  return { running, client, events };
}

const topicArn = "arn:aws:sns:eu-west-1:111122223333:orders";

test("a rule set of the SDK stores, publishes and invokes where the configuration says, with SES's setup notices", async () => {
  const { running, client, events } = await start((functions) => ({
    ...(functions && { functions }),
    buckets: { "shop-inbound": { function: "note", queue: "objects" } },
    topics: { orders: { queues: ["orders", "raw"], functions: ["note"] } },
    queues: { orders: { function: "note", batchSize: 1 }, raw: {}, objects: {} },
  }));
  const api = client();
  await api.send(new ses.CreateReceiptRuleSetCommand({ RuleSetName: "main" }));
  await api.send(
    new ses.CreateReceiptRuleCommand({
      RuleSetName: "main",
      Rule: {
        Name: "store",
        Enabled: true,
        Actions: [{ S3Action: { BucketName: "shop-inbound", ObjectKeyPrefix: "in", TopicArn: topicArn } }],
      },
    }),
  );
  await expect(
    api.send(
      new ses.CreateReceiptRuleCommand({
        RuleSetName: "main",
        Rule: { Name: "other", Actions: [{ SNSAction: { TopicArn: `${topicArn}2` } }] },
      }),
    ),
  ).rejects.toMatchObject({ name: "InvalidSnsTopicException" });
  // Bucket to function, topic to function, topic to queue to function.
  const setup = await events(3);
  const kinds = (list: typeof setup) =>
    list.map(({ Records: [record = {}] }) => String(record["eventSource"] ?? record["EventSource"])).toSorted();
  expect(kinds(setup)).toEqual(["aws:s3", "aws:sns", "aws:sqs"]);
  expect(JSON.stringify(setup)).toContain('"key":"in/AMAZON_SES_SETUP_NOTIFICATION"');
  await api.send(new ses.SetActiveReceiptRuleSetCommand({ RuleSetName: "main" }));

  const id = await running.send(mail("Order 1207"), ["orders@example.com"]);
  const all = await events(6);
  expect(kinds(all.slice(3))).toEqual(["aws:s3", "aws:sns", "aws:sqs"]);
  const text = JSON.stringify(all.slice(3));
  expect(text).toContain(`"key":"in/${id}"`);
  expect(text).toContain('\\"type\\":\\"S3\\"');

  // What nobody consumes can be looked at.
  const peek = async (name: string) =>
    (await (await running.fetch(`/api/queues/${name}`)).json()) as { messages: { number: number; body: string }[] };
  expect((await peek("raw")).messages.map(({ body }) => body.includes("AMAZON_SES_SETUP"))).toEqual([true, false]);
  expect((await peek("objects")).messages[1]?.body).toContain(`in/${id}`);
  expect((await running.fetch("/api/queues/none")).status).toBe(404);
}, 30_000);

test("with keys in the configuration only their signatures are taken, at AWS's rate", async () => {
  process.env["MAILWEIR_TEST_SES_SECRET"] = "SECRET";
  onTestFinished(() => {
    delete process.env["MAILWEIR_TEST_SES_SECRET"];
  });
  const { client } = await start(() => ({
    sesApi: { keys: [{ accessKeyId: "AKIDEXAMPLE", secretFrom: "MAILWEIR_TEST_SES_SECRET" }], rateLimit: true },
  }));
  const list = (api: ses.SESClient) => api.send(new ses.ListReceiptRuleSetsCommand({}));
  await expect(list(client("WRONG"))).rejects.toMatchObject({ name: "SignatureDoesNotMatch" });
  await expect(list(client("SECRET", "AKIDOTHER"))).rejects.toMatchObject({ name: "InvalidClientTokenId" });
  const api = client();
  expect((await list(api)).RuleSets).toHaveLength(1);
  await expect(list(api)).rejects.toMatchObject({ name: "Throttling" });
  await api.send(new ses.ListReceiptFiltersCommand({}));
}, 30_000);
