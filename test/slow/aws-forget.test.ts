import { inflateRawSync } from "node:zlib";
import {
  type AttributeValue,
  DynamoDBClient,
  ScanCommand,
  UpdateContinuousBackupsCommand,
} from "@aws-sdk/client-dynamodb";
import { GetObjectCommand, ListObjectVersionsCommand, PutBucketVersioningCommand, S3Client } from "@aws-sdk/client-s3";
import { CreateQueueCommand, SQSClient } from "@aws-sdk/client-sqs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clientOptions } from "../../shared/aws/connection.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import { storedObjectOf } from "../../shared/streams/stored-object.ts";
import { callCli } from "../cli/run-cli.ts";
import type { Events, TestMail } from "../functions/pipeline.ts";
import { type AwsPipeline, openAwsPipeline } from "./aws-pipeline.ts";
import { putDeploymentRecord } from "./deployment-record.ts";
import { pythonProgram } from "./moto.ts";

const program = pythonProgram("moto_server");
const missing = program === undefined ? " (skipped: moto_server is not here, see .ci/python-packages)" : "";
const victim = "victim.person@gone.example";
const support = "support@example.com";

describe.skipIf(program === undefined)(`forgetting on a stage, against moto${missing}`, () => {
  let aws: AwsPipeline;
  let s3: S3Client;
  let dynamo: DynamoDBClient;
  const ids: Record<string, SesMessageId> = {};
  const events: Record<string, Events> = {};

  /** A mail whose journal and notice came; what waits on queues afterwards is worked on. */
  const receive = async (name: string, mail: TestMail) => {
    const arrived = await aws.arrive(mail);
    await aws.call("journal", arrived.lambda);
    await aws.send(aws.config.names.noticeQueue, arrived.notice);
    expect(await aws.drain()).toBe(0);
    ids[name] = arrived.id;
    events[name] = arrived;
  };

  beforeAll(async () => {
    aws = await openAwsPipeline(program ?? "");
    await putDeploymentRecord(aws);
    const options = clientOptions({
      region: aws.config.region,
      endpoint: aws.proxy.endpoint,
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    });
    s3 = new S3Client({ ...options, forcePathStyle: true });
    dynamo = new DynamoDBClient(options);
    const sqs = new SQSClient({ ...options, useQueueUrlAsEndpoint: false });
    for (const name of ["gate", "journal", "feedback", "activate", "expire-quarantine"]) {
      await sqs.send(new CreateQueueCommand({ QueueName: `mailweir-test-${name}-dlq` }));
    }
    await s3.send(
      new PutBucketVersioningCommand({
        Bucket: aws.config.names.bucket,
        VersioningConfiguration: { Status: "Enabled" },
      }),
    );
    await dynamo.send(
      new UpdateContinuousBackupsCommand({
        TableName: aws.tables.store,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      }),
    );
    const from = { from: victim, headers: { From: `A Victim <${victim}>` } };
    await receive("kept", {
      to: [support, "ann@example.com"],
      from: "bob@sender.example",
      headers: { From: "bob@sender.example", Subject: "Unrelated" },
      body: "Of x.victim.person@gone.example, who is somebody else.",
    });
    await receive("ticket", { ...from, to: [support] });
    await receive("personal", { ...from, to: ["ann@example.com"] });
    await receive("unsubscribe", {
      ...from,
      to: ["unsubscribe@example.com"],
      headers: { ...from.headers, Subject: "unsubscribe" },
    });
    await receive("held", { ...from, to: [support], verdicts: { virus: "FAIL" } });
    await receive("hidden", {
      to: ["ann@example.com"],
      from: "eve@sender.example",
      headers: { From: "eve@sender.example", "MIME-Version": "1.0", "Content-Transfer-Encoding": "base64" },
      body: Buffer.from("Ask Victim.Person@Gone.Example about it.").toString("base64"),
    });
    // A mail that was stored again, and one that somebody deleted: older versions lie below both.
    const place = storedObjectOf(aws.config, ids["ticket"]!);
    await aws.ports.objects.put(place, Buffer.from(`another version of ${victim}`));
    await aws.ports.objects.delete(storedObjectOf(aws.config, ids["personal"]!));
    await aws.ports.senders.allow({ address: victim, by: "test", at: "2026-08-04T09:15:02.000Z" });
    await aws.send(`${aws.config.names.streamQueue("ticket")}-dlq`, { about: `mail of ${victim}` });
    await aws.send(`${aws.config.names.streamQueue("ticket")}-dlq`, { about: "somebody else" });
  }, 240_000);
  afterAll(() => aws?.close());

  const run = (...args: string[]) => callCli([...args, "--stage", "test", "--endpoint-url", aws.proxy.endpoint]);
  const wordsOf = (item: Record<string, AttributeValue>) =>
    Object.values(item).map(({ S, B }) => {
      if (S !== undefined) return S;
      if (B === undefined) return "";
      try {
        return inflateRawSync(B).toString("utf8");
      } catch {
        return Buffer.from(B).toString("latin1");
      }
    });
  /** Rows and versions of objects that hold the address, seen by other eyes than the command's. */
  const left = async (): Promise<readonly string[]> => {
    const names = (words: string) =>
      /(?<![\w.])victim\.person@gone\.example/i.test(words) ||
      words.includes(Buffer.from("Ask Victim.Person").toString("base64").slice(0, 20));
    const found: string[] = [];
    for (const TableName of Object.values(aws.tables)) {
      const { Items = [] } = await dynamo.send(new ScanCommand({ TableName, ConsistentRead: true }));
      for (const item of Items) {
        if (names(wordsOf(item).join("\n"))) found.push(`${TableName} ${item["pk"]?.S} ${item["sk"]?.S}`);
      }
    }
    const Bucket = aws.config.names.bucket;
    const { Versions = [], DeleteMarkers = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket }));
    const gone = Object.entries(ids).filter(([name]) => name !== "kept");
    for (const { Key = "", VersionId } of [...Versions, ...DeleteMarkers]) {
      const isOf = gone.some(([, id]) => Key.includes(id));
      if (isOf && !Key.startsWith("forgotten/")) found.push(`${Key} ${VersionId}`);
    }
    for (const { Key, VersionId } of Versions) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key, VersionId }));
      if (names((await Body?.transformToString()) ?? "")) found.push(`${Key} ${VersionId}`);
    }
    return [...new Set(found)];
  };
  const letters = async () => (await aws.ports.queues.counts(`${aws.config.names.streamQueue("ticket")}-dlq`)).visible;

  test("a dry run names the messages and deletes nothing", async () => {
    const before = await left();
    const { stdout, exit } = await run("forget", victim, "--dry-run", "--json");
    expect(exit).toBe(0);
    const { messages } = JSON.parse(stdout) as { messages: string[] };
    expect([...messages].sort()).toEqual(
      Object.entries(ids)
        .flatMap(([name, id]) => (name === "kept" ? [] : [id]))
        .sort(),
    );
    expect(await left()).toEqual(before);
  });

  test.for([
    "address",
    "message",
  ] as const)("a hold on the %s refuses with its reason, and deletes nothing", async (what) => {
    const subject = what === "address" ? "Victim.Person@gone.example" : ids["hidden"]!;
    expect((await run("hold", "add", subject, "--reason", "case 4711", "--by", "counsel")).exit).toBe(0);
    expect((await run("hold", "list")).stdout).toContain("case 4711");
    const before = await left();
    const refused = await run("forget", victim);
    expect(refused.exit).toBe(1);
    expect(refused.stderr).toContain("by counsel: case 4711");
    const after = await left();
    expect(after.filter((place) => !place.includes("hold#"))).toEqual(
      before.filter((place) => !place.includes("hold#")),
    );
    expect((await run("hold", "release", subject)).stdout).toContain("is held no more");
  });

  test.for<[string, RegExp]>([
    ["ann@example.com", /named by the configuration/],
    ["no address", /is no address/],
  ])("%s is refused", async ([address, says]) => {
    const { exit, stderr } = await run("forget", address);
    expect(exit).toBe(1);
    expect(stderr).toMatch(says);
  });

  test("killed at any call and run again it ends with nothing left, and other mail as it was", async () => {
    expect((await left()).length).toBeGreaterThan(8);
    // From some call on nothing is reached any more, as if the process had ended there; each run comes further than that.
    let cuts = 0;
    for (let reach = 6; ; reach += 7) {
      let calls = 0;
      aws.proxy.fault = () => {
        calls += 1;
        // The last one is done, and its answer is not heard.
        if (calls === reach) return "lost-answer";
        return calls > reach ? { status: 400, type: "Killed" } : undefined;
      };
      const { exit } = await run("forget", victim);
      if (exit === 0) break;
      cuts += 1;
    }
    aws.proxy.fault = () => undefined;
    expect(cuts).toBeGreaterThan(5);
    expect(await left()).toEqual([]);
    expect(await aws.states(ids["kept"]!)).toEqual({
      [support]: "ticket done ticket-opened",
      "ann@example.com": "personal done delivered",
    });
    expect(await aws.ports.objects.head(storedObjectOf(aws.config, ids["kept"]!))).toBeDefined();
    const { tickets } = await aws.ports.tickets.list({ limit: 10 });
    expect(tickets.map(({ subject }) => subject)).toEqual(["Unrelated"]);
    expect(await aws.ports.quarantine.list({ limit: 10 })).toEqual([]);
    expect(await letters()).toBe(1);
  });

  test("again it finds nothing, says where copies are and until when, and the keyed hash stays", async () => {
    const { stdout, exit } = await run("forget", victim, "--json");
    expect(exit).toBe(0);
    const answer = JSON.parse(stdout) as {
      person: string;
      copies: { kind: string; name: string; until: string | null }[];
    };
    expect(answer).toMatchObject({ messages: 0, rows: 0, objects: 0, letters: 0, unread: [] });
    const pointInTime = answer.copies.filter(({ kind }) => kind === "point-in-time");
    expect(pointInTime.map(({ name }) => name)).toEqual([aws.tables.store]);
    const days = (Date.parse(pointInTime[0]?.until ?? "") - Date.now()) / 86_400_000;
    expect(Math.round(days)).toBe(35);
    const standing = await aws.ports.suppressions.check(answer.person);
    expect(standing).toMatchObject({ list: "*" });
    expect(standing?.address).toBeUndefined();
  });

  test("what was under way does not bring it back: notice, journal, bucket event and stream message end without effect", async () => {
    const { lambda, notice, object } = events["ticket"]!;
    await aws.call("journal", lambda);
    await aws.send(aws.config.names.noticeQueue, notice);
    await aws.send(aws.config.names.objectQueue, object);
    expect(await aws.drain()).toBe(0);
    expect(await aws.states(ids["ticket"]!)).toEqual({});
    expect(await left()).toEqual([]);
  });

  test("what a restored table brings is forgotten again, by the hashes alone", async () => {
    // As a copy from before: the mail's rows and its object.
    await aws.ports.objects.put(storedObjectOf(aws.config, ids["hidden"]!), events["hidden"]!.stored);
    await aws.ports.senders.allow({ address: victim, by: "test", at: "2026-08-04T09:15:02.000Z" });
    expect((await left()).length).toBe(2);
    const { stdout, exit } = await run("forget", "--again", "--json");
    expect(exit).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ addresses: 1 });
    expect(await left()).toEqual([]);
  });
});
