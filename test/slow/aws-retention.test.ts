import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import {
  ListObjectVersionsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketVersioningCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { clientOptions } from "../../shared/aws/connection.ts";
import { openDynamo } from "../../shared/aws/dynamo.ts";
import type { StageExpired } from "../../shared/aws/expire-mail.ts";
import { shortenedOnStage } from "../../shared/aws/shortened.ts";
import type { ResolvedRetention } from "../../shared/config/types.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import { storedObjectOf } from "../../shared/streams/stored-object.ts";
import { callCli } from "../cli/run-cli.ts";
import type { TestMail } from "../functions/pipeline.ts";
import { type AwsPipeline, openAwsPipeline } from "./aws-pipeline.ts";
import { putDeploymentRecord } from "./deployment-record.ts";
import { pythonProgram } from "./moto.ts";

const program = pythonProgram("moto_server");
const missing = program === undefined ? " (skipped: moto_server is not here, see .ci/python-packages)" : "";
const support = "support@example.com";
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

// Each test has mail of its own and a later year: nothing of the test before is left that could be over.
describe.skipIf(program === undefined)(`retention on a stage, against moto${missing}`, () => {
  let aws: AwsPipeline;
  let s3: S3Client;
  let client: DynamoDBClient;
  const begin = Date.now();

  beforeAll(async () => {
    aws = await openAwsPipeline(program ?? "", {
      config: {
        retention: {
          default: { days: 10 },
          streams: { ticket: { days: 30, natures: { "auto-reply": { days: 5 } } } },
          tickets: { days: 60 },
        },
      },
      only: ["expire-mail", "journal", "route-notification", "route-object"].concat(
        ["personal", "ticket", "record", "quarantine"].map((name) => `work-${name}`),
      ),
    });
    await aws.unattributed(() => putDeploymentRecord(aws));
    const options = clientOptions({
      region: aws.config.region,
      endpoint: aws.proxy.endpoint,
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    });
    s3 = new S3Client({ ...options, forcePathStyle: true });
    client = new DynamoDBClient(options);
    const VersioningConfiguration = { Status: "Enabled" } as const;
    const { bucket: Bucket } = aws.config.names;
    await aws.unattributed(() => s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration })));
    // It begins to go by these periods, and leaves an hour to think again.
    expect(await run()).toMatchObject({ kind: "changed", messages: 0 });
    expect(await run()).toMatchObject({ kind: "waits", messages: 0 });
  }, 240_000);
  afterEach(() => vi.useRealTimers());
  afterAll(() => aws?.close());

  const moveTo = (days: number) => vi.useFakeTimers({ toFake: ["Date"], now: begin + days * dayMs });
  const run = async (remainingMs: () => number = () => 300_000) =>
    (await aws.call("expire-mail", {}, remainingMs)) as StageExpired;
  /** As the schedule would, until everything was looked at; it notes that it runs. */
  const pass = async () => {
    const sum = { messages: 0, objects: 0, tickets: 0 };
    const held: StageExpired["held"][number][] = [];
    const kinds: string[] = [];
    for (let waited = 0; waited < 40; ) {
      const { kind, messages, objects, tickets, held: more } = await run();
      kinds.push(kind);
      sum.messages += messages;
      sum.objects += objects;
      sum.tickets += tickets;
      held.push(...more);
      if (kind === "ended") return { ...sum, held };
      if (kind === "more") continue;
      waited += 1;
      vi.setSystemTime(Date.now() + hourMs);
    }
    throw new Error(`no pass came to its end: ${kinds.join(" ")}`);
  };
  const receive = async (mail: TestMail): Promise<SesMessageId> => {
    const arrived = await aws.arrive(mail);
    await aws.call("journal", arrived.lambda);
    await aws.send(aws.config.names.noticeQueue, arrived.notice);
    expect(await aws.drain()).toBe(0);
    return arrived.id;
  };
  const versionsOf = async (id: SesMessageId) => {
    const { bucket: Bucket, key: Prefix } = storedObjectOf(aws.config, id);
    const { Versions = [], DeleteMarkers = [] } = await aws.unattributed(() =>
      s3.send(new ListObjectVersionsCommand({ Bucket, Prefix })),
    );
    return Versions.length + DeleteMarkers.length;
  };
  /** Never the one without the other. */
  const isKept = async (id: SesMessageId) => {
    const [versions, records] = [await versionsOf(id), await aws.ports.ledger.recipients(id)];
    expect(versions > 0).toBe(records.length > 0);
    return versions > 0;
  };
  const cli = (...args: string[]) =>
    aws.unattributed(() => callCli([...args, "--stage", "test", "--endpoint-url", aws.proxy.endpoint]));

  test("mail goes whole, with all versions, when the longest of its streams' periods is over, and not before", async () => {
    moveTo(100);
    const personal = await receive({ to: ["ann@example.com"] });
    const ticket = await receive({ to: [support] });
    const both = await receive({ to: [support, "ann@example.com"] });
    const automatic = await receive({
      to: [support],
      headers: { "Auto-Submitted": "auto-replied", Subject: "Automatic reply: out of office" },
    });
    // Stored again, and deleted by somebody: older versions lie below both.
    await aws.ports.objects.put(storedObjectOf(aws.config, personal), Buffer.from("another version"));
    await aws.ports.objects.delete(storedObjectOf(aws.config, personal));
    const all = [personal, ticket, both, automatic];
    const kept = async () => {
      const found: SesMessageId[] = [];
      for (const id of all) if (await isKept(id)) found.push(id);
      return found;
    };
    moveTo(108);
    await pass();
    expect((await kept()).length).toBe(4);
    moveTo(111);
    expect(await pass()).toMatchObject({ messages: 2, objects: 4 });
    expect(await kept()).toEqual([ticket, both]);
    expect(await aws.ports.ledger.isForgotten?.(personal)).toBe(true);
    moveTo(131);
    expect(await pass()).toMatchObject({ messages: 2, objects: 2, tickets: 0 });
    expect(await kept()).toEqual([]);
    // Its ticket has a period of its own.
    expect((await aws.ports.tickets.list({ limit: 10 })).tickets.length).toBeGreaterThan(0);
    expect(aws.forbidden()).toEqual([]);
  }, 120_000);

  test("a late message of mail that expired ends without effect", async () => {
    moveTo(200);
    const arrived = await aws.arrive({ to: [support] });
    await aws.call("journal", arrived.lambda);
    await aws.send(aws.config.names.noticeQueue, arrived.notice);
    expect(await aws.drain()).toBe(0);
    moveTo(231);
    expect(await pass()).toMatchObject({ messages: 1 });
    await aws.call("journal", arrived.lambda);
    await aws.send(aws.config.names.noticeQueue, arrived.notice);
    await aws.send(aws.config.names.objectQueue, arrived.object);
    expect(await aws.drain()).toBe(0);
    expect(await aws.states(arrived.id)).toEqual({});
    expect(await versionsOf(arrived.id)).toBe(0);
  }, 120_000);

  test("what is not done, or held in quarantine, stays", async () => {
    moveTo(300);
    const arrived = await aws.arrive({ to: ["ann@example.com"] });
    await aws.call("journal", arrived.lambda);
    await aws.send(aws.config.names.noticeQueue, arrived.notice);
    await aws.work(aws.config.names.noticeQueue);
    const quarantined = await aws.arrive({ to: ["bob@example.com"], verdicts: { virus: "FAIL" } });
    await aws.call("journal", quarantined.lambda);
    await aws.send(aws.config.names.noticeQueue, quarantined.notice);
    await aws.work(aws.config.names.noticeQueue);
    await aws.work(aws.config.names.streamQueue("quarantine"));
    moveTo(330);
    expect(await pass()).toMatchObject({ messages: 0 });
    expect(await aws.states(arrived.id)).toEqual({ "ann@example.com": "personal routed" });
    expect(await aws.states(quarantined.id)).toEqual({ "bob@example.com": "quarantine quarantined held" });
    expect(await aws.drain()).toBe(0);
    moveTo(332);
    expect(await pass()).toMatchObject({ messages: 1 });
    expect(await isKept(arrived.id)).toBe(false);
  }, 120_000);

  test("holds win, on the message and on an address anywhere in it, and are told; a release lets go", async () => {
    moveTo(400);
    const byId = await receive({ to: ["ann@example.com"] });
    const byAddress = await receive({
      to: ["ann@example.com"],
      headers: { "MIME-Version": "1.0", "Content-Transfer-Encoding": "base64" },
      body: Buffer.from("Ask Witness@Held.Example about it.").toString("base64"),
    });
    const free = await receive({ to: ["ann@example.com"] });
    for (const subject of [byId, "witness@held.example"]) {
      expect((await cli("hold", "add", subject, "--reason", "case 4711", "--by", "counsel")).exit).toBe(0);
    }
    moveTo(420);
    const { messages, held } = await pass();
    expect(messages).toBe(1);
    expect(held.map(({ hold, first }) => [hold.subject, hold.reason, first]).sort()).toEqual(
      [
        [byId, "case 4711", byId],
        ["witness@held.example", "case 4711", byAddress],
      ].sort(),
    );
    expect([await isKept(byId), await isKept(byAddress), await isKept(free)]).toEqual([true, true, false]);
    for (const subject of [byId, "witness@held.example"]) expect((await cli("hold", "release", subject)).exit).toBe(0);
    moveTo(425);
    expect(await pass()).toMatchObject({ messages: 2, held: [] });
  }, 120_000);

  test("killed at any call and out of time, it goes on, and nothing is half there at the end", async () => {
    moveTo(500);
    const ids = [await receive({ to: ["ann@example.com"] }), await receive({ to: ["bob@example.com", support] })];
    moveTo(535);
    let cuts = 0;
    for (let reach = 3; ; reach += 4) {
      let calls = 0;
      aws.proxy.fault = () => {
        calls += 1;
        if (calls === reach) return "lost-answer";
        return calls > reach ? { status: 400, type: "Killed" } : undefined;
      };
      const { kind } = await run().catch(() => ({ kind: "died" }));
      aws.proxy.fault = () => undefined;
      if (kind === "ended") break;
      if (kind === "died") cuts += 1;
      else vi.setSystemTime(Date.now() + hourMs);
    }
    expect(cuts).toBeGreaterThan(3);
    for (const id of ids) expect(await isKept(id)).toBe(false);

    moveTo(600);
    const more = [await receive({ to: ["ann@example.com"] }), await receive({ to: ["ann@example.com"] })];
    moveTo(615);
    // Time for one step, but for nothing more; middy asks once by itself.
    const kinds: string[] = [];
    for (let left = 0; left < 60 && kinds.at(-1) !== "ended"; left++) {
      let looks = 0;
      kinds.push((await run(() => (++looks > 3 ? 0 : 300_000))).kind);
      if (kinds.at(-1) !== "more") vi.setSystemTime(Date.now() + hourMs);
    }
    expect(kinds).toContain("more");
    expect(kinds.at(-1)).toBe("ended");
    for (const id of more) expect(await isKept(id)).toBe(false);
  }, 240_000);

  test("a ticket goes when it was closed so long ago, an open or a held one does not, and a late answer opens another", async () => {
    moveTo(700);
    const open = async () => (await aws.ports.tickets.list({ limit: 100 })).tickets;
    for (const { id } of await open()) {
      await aws.ports.tickets.change(id, { id: `close-${id}`, state: "closed" });
    }
    moveTo(790);
    await pass();
    expect(await open()).toEqual([]);
    const subjects = ["stays open", "is closed", "is held"];
    for (const subject of subjects) {
      await receive({
        to: [support],
        from: `${subject.replaceAll(" ", "-")}@sender.example`,
        headers: {
          From: `${subject.replaceAll(" ", "-")}@sender.example`,
          Subject: subject,
          "Message-ID": `<${subject.replaceAll(" ", "-")}@sender.example>`,
          References: "<never-came@sender.example>".replace("never", subject.replaceAll(" ", "-")),
        },
      });
    }
    for (const { id, subject } of await open()) {
      if (subject !== "stays open") await aws.ports.tickets.change(id, { id: `close-${id}`, state: "closed" });
    }
    expect((await cli("hold", "add", "is-held@sender.example", "--reason", "case 4712")).exit).toBe(0);
    moveTo(849);
    expect(await pass()).toMatchObject({ tickets: 0 });
    moveTo(852);
    expect(await pass()).toMatchObject({ tickets: 1 });
    expect((await open()).map(({ subject }) => subject).sort()).toEqual(["is held", "stays open"]);
    await receive({
      to: [support],
      headers: { Subject: "again", References: "<is-closed@sender.example> <is-closed-came@sender.example>" },
    });
    expect((await open()).map(({ subject }) => subject).sort()).toEqual(["again", "is held", "stays open"]);
    expect((await cli("hold", "release", "is-held@sender.example")).exit).toBe(0);
    expect(aws.forbidden()).toEqual([]);
  }, 120_000);

  test("a shorter period is told with what goes, by stream and nature", async () => {
    moveTo(1_000);
    await receive({ to: ["ann@example.com"] });
    await receive({ to: [support] });
    moveTo(1_006);
    await run();
    const parts = {
      dynamo: openDynamo({ region: aws.config.region, endpoint: aws.proxy.endpoint }),
      client,
      ledgerTable: aws.tables.ledger,
      storeTable: aws.tables.store,
    };
    const next: ResolvedRetention = { ...aws.config.retention, defaultDays: 5 };
    await aws.unattributed(async () => {
      expect(await shortenedOnStage(parts, aws.config.retention, new Date())).toBeUndefined();
      expect(await shortenedOnStage(parts, next, new Date())).toMatchObject({
        messages: 1,
        byKind: { "personal human": 1 },
        tickets: 0,
      });
    });
  }, 120_000);

  test("a hold is refused where the bucket's lifecycle would delete all the same", async () => {
    const Bucket = aws.config.names.bucket;
    const Rules = [{ ID: "theirs", Status: "Enabled" as const, Filter: { Prefix: "" }, Expiration: { Days: 30 } }];
    await s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }));
    const { exit, stderr } = await cli("hold", "add", "eve@sender.example", "--reason", "case 4713");
    expect(exit).toBe(1);
    expect(stderr).toMatch(/lifecycle rule .* whatever is held/);
    expect((await cli("hold", "list")).stdout).not.toContain("eve@sender.example");
  }, 60_000);
});
