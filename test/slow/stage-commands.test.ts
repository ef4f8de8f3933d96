import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CloudFormationClient, CreateStackCommand } from "@aws-sdk/client-cloudformation";
import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { clientOptions } from "../../shared/aws/connection.ts";
import type { SesMessageId } from "../../shared/ses-message-id.ts";
import { storedObjectOf } from "../../shared/streams/stored-object.ts";
import { callCli } from "../cli/run-cli.ts";
import { type AwsPipeline, openAwsPipeline } from "./aws-pipeline.ts";
import type { Call } from "./aws-proxy.ts";
import { usesOf } from "./iam-use.ts";
import { pythonProgram } from "./moto.ts";

const program = pythonProgram("moto_server");
const missing = program === undefined ? " (skipped: moto_server is not here, see .ci/python-packages)" : "";
const support = "support@example.com";

describe.skipIf(program === undefined)(`commands for a stage, against moto${missing}`, () => {
  let aws: AwsPipeline;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "mailweir-stage-commands-"));
    aws = await openAwsPipeline(program ?? "");
    const client = clientOptions({
      region: aws.config.region,
      endpoint: aws.proxy.endpoint,
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    });
    const record = {
      version: 1,
      stage: "test",
      region: aws.config.region,
      accountId: aws.config.accountId,
      configVersion: aws.config.version,
      ruleSet: aws.config.ruleSet.name,
      bucket: aws.config.names.bucket,
      keyPrefix: aws.config.names.keyPrefix,
      ledgerTable: aws.tables.ledger,
      storeTable: aws.tables.store,
      noticeTopicArn: aws.config.names.noticeTopicArn,
      stackName: aws.config.ruleSet.name,
    };
    await new SSMClient(client).send(
      new PutParameterCommand({ Name: "/mailweir/test/deployment", Type: "String", Value: JSON.stringify(record) }),
    );
    const TemplateBody = JSON.stringify({
      Resources: { Other: { Type: "AWS::SQS::Queue", Properties: { QueueName: "mailweir-test-journal-dlq" } } },
    });
    await new CloudFormationClient(client).send(
      new CreateStackCommand({ StackName: aws.config.ruleSet.name, TemplateBody }),
    );
  });
  afterAll(async () => {
    await aws?.close();
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(async () => {
    aws.proxy.fault = () => undefined;
    await aws.purge();
  });

  /** What each command asked AWS for: `command action resource`. */
  const asked = new Set<string>();
  const run = async (...args: string[]) => {
    const { onAnswer } = aws.proxy;
    aws.proxy.onAnswer = (call, answer) => {
      onAnswer(call, answer);
      for (const { action, resource } of usesOf(call, aws.config)) asked.add(`${args[0]} ${action} ${resource}`);
    };
    try {
      return await callCli([...args, "--stage", "test", "--endpoint-url", aws.proxy.endpoint]);
    } finally {
      aws.proxy.onAnswer = onAnswer;
    }
  };
  const json = (text: string) =>
    text
      .trim()
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  const dead = () => aws.ports.queues.counts(`${aws.config.names.streamQueue("ticket")}-dlq`);
  const ticketsOf = async (id: string) => {
    const { tickets } = await aws.ports.tickets.list({ limit: 100 });
    const whole = await Promise.all(tickets.map((ticket) => aws.ports.tickets.get(ticket.id)));
    return whole.filter((ticket) =>
      ticket?.entries.some((entry) => entry.kind === "mail" && entry.sesMessageId === id),
    );
  };
  /** Mails whose ticket could not be made, five times; they lie in the dead letters of the stream. */
  const failed = async (count: number): Promise<readonly SesMessageId[]> => {
    const ids: SesMessageId[] = [];
    aws.proxy.fault = ({ service }: Call) => (service === "s3" ? "unreachable" : undefined);
    for (let made = 0; made < count; made++) {
      aws.proxy.fault = () => undefined;
      const { id, notice, lambda } = await aws.arrive({ to: [support], from: `p${made}@sender.example` });
      await aws.call("journal", lambda);
      await aws.send(aws.config.names.noticeQueue, notice);
      ids.push(id);
    }
    while ((await aws.work(aws.config.names.noticeQueue)).received > 0);
    const places = new Map<SesMessageId, Buffer>();
    for (const id of ids) {
      const place = storedObjectOf(aws.config, id);
      const chunks: Uint8Array[] = [];
      for await (const chunk of (await aws.ports.objects.open(place)).body) chunks.push(chunk);
      places.set(id, Buffer.concat(chunks));
      await aws.ports.objects.delete(place);
    }
    while ((await aws.work(aws.config.names.streamQueue("ticket"))).received > 0);
    for (const [id, raw] of places) await aws.ports.objects.put(storedObjectOf(aws.config, id), raw);
    return ids;
  };

  test("status says what waits, what is dead, and who has to look; it only reads", async () => {
    const calm = await run("status");
    expect(calm.stdout).toContain("stack CREATE_COMPLETE");
    const ids = await failed(3);
    const { stdout, exit } = await run("status", "--json");
    const [status] = json(stdout) as [
      { queues: { name: string; deadLetters: number }[]; unfinished: { count: number } },
    ];
    expect(status.queues.find(({ name }) => name === "stream-ticket")).toMatchObject({ visible: 0, deadLetters: 3 });
    expect(exit).toBe(1);
    const told = await run("status");
    expect(told.stdout).toContain("3 DEAD LETTERS: mailweir redrive --stage test stream-ticket");
    expect(await aws.states(ids[0]!)).toEqual({ [support]: "ticket failed failed" });
  });

  test("redrive --dry-run says what lies there, whose it is, and leaves it", async () => {
    const ids = await failed(2);
    const { stdout, exit } = await run("redrive", "--dry-run", "--json");
    expect(exit).toBe(0);
    const lines = json(stdout);
    expect(
      lines
        .filter(({ messageId }) => messageId)
        .map(({ sesMessageId }) => sesMessageId)
        .sort(),
    ).toEqual([...ids].sort());
    expect(lines.at(-1)).toMatchObject({ queue: "stream-ticket", moved: 0, dryRun: true });
    expect((await dead()).visible).toBe(2);
  });

  test("redrive puts them back, and each becomes one ticket; killed in the middle it goes on where it was", async () => {
    const ids = await failed(12);
    // The first batch is sent; that it was deleted nobody hears, and then nothing is reached any more.
    let deletes = 0;
    aws.proxy.fault = ({ service, operation }) => {
      if (service === "sqs" && operation === "DeleteMessageBatch") deletes += 1;
      return deletes > 0 && service === "sqs" ? "unreachable" : undefined;
    };
    const broken = await run("redrive", "stream-ticket");
    expect(broken.exit).toBe(1);
    expect(broken.stderr).toContain("SQS");
    aws.proxy.fault = () => undefined;
    // As if the minute for which they are hidden had passed.
    await aws.ports.queues.receive(`${aws.config.names.streamQueue("ticket")}-dlq`, {
      max: 10,
      visibilityTimeoutMs: 0,
    });
    expect(await aws.drain()).toBe(0);
    const before = await Promise.all(ids.map((id) => aws.states(id)));
    expect(before.some((state) => state[support]?.startsWith("ticket done"))).toBe(true);
    await expect
      .poll(async () => (await run("redrive", "stream-ticket")).stdout, { timeout: 150_000, interval: 5_000 })
      .toContain("There are no dead letters.");
    expect(await aws.drain()).toBe(0);
    for (const id of ids) {
      expect(await aws.states(id)).toEqual({ [support]: "ticket done ticket-opened" });
      expect(await ticketsOf(id)).toHaveLength(1);
    }
  });

  test("redrive --id takes one mail's and leaves the others; an unknown queue is refused with the names", async () => {
    const ids = await failed(3);
    const { stdout } = await run("redrive", "--id", ids[1]!, "--json");
    expect(json(stdout)).toEqual([{ queue: "stream-ticket", moved: 1, refused: 0, left: 2, dryRun: false }]);
    expect(await aws.drain()).toBe(0);
    expect((await dead()).visible).toBe(2);
    expect(await aws.states(ids[1]!)).toEqual({ [support]: "ticket done ticket-opened" });
    const unknown = await run("redrive", "tickets");
    expect(unknown.exit).toBe(1);
    expect(unknown.stderr).toMatch(/There is no queue "tickets": name one of journal, notices, .*stream-ticket/);
  });

  test("a dead call of the journal is made again with what it was called with", async () => {
    const { lambda } = await aws.arrive({ to: [support] });
    await aws.send("mailweir-test-journal-dlq", { version: "1.0", requestPayload: lambda, responseContext: {} });
    const made: Call[] = [];
    aws.proxy.fault = (call) => {
      if (call.service !== "lambda") return undefined;
      made.push(call);
      return { answer: "", status: 202 };
    };
    const { stdout } = await run("redrive", "journal");
    expect(stdout).toContain("journal: 1 put back");
    expect(made).toHaveLength(1);
    expect(made[0]?.path).toContain("/functions/mailweir-test-journal/invocations");
    expect(JSON.parse(made[0]?.body ?? "")).toEqual(lambda);
    expect((await aws.ports.queues.counts("mailweir-test-journal-dlq")).visible).toBe(0);
  });

  test("replay sends who failed to the stream that was decided, and a mail that was never routed to the router", async () => {
    const [failedId] = await failed(1);
    const lost = await aws.arrive({ to: [support, "ann@example.com"], from: "lost@sender.example" });
    await aws.call("journal", lost.lambda);
    const dry = await run("replay", failedId!, lost.id, "--dry-run", "--json");
    expect(json(dry.stdout)).toMatchObject([
      { sesMessageId: failedId, kind: "to-streams", streams: ["ticket"] },
      { sesMessageId: lost.id, kind: "to-router", recipients: [support, "ann@example.com"] },
    ]);
    expect(await aws.drain()).toBe(0);
    expect(await aws.states(lost.id)).toEqual({});
    const real = await run("replay", failedId!, lost.id);
    expect(real.exit).toBe(0);
    expect(real.stdout).toContain("1 to their streams, 1 to the router");
    expect(real.stdout).toContain("1 dead letters were about them");
    expect(await dead()).toMatchObject({ visible: 0, inFlight: 0 });
    expect(await aws.drain()).toBe(0);
    expect(await aws.states(failedId!)).toEqual({ [support]: "ticket done ticket-opened" });
    expect(await aws.states(lost.id)).toEqual({
      [support]: "ticket done ticket-opened",
      "ann@example.com": "personal done delivered",
    });
    // Again: everybody has ended.
    expect((await run("replay", failedId!, lost.id)).stdout).toContain("2 with nothing left to do");
    expect(await aws.drain()).toBe(0);
    expect(await ticketsOf(lost.id)).toHaveLength(1);
  });

  test("a dead letter that concerns somebody else too, or another mail, stays until it is answered for them", async () => {
    const [one, other] = await failed(2);
    const letters = `${aws.config.names.streamQueue("ticket")}-dlq`;
    const body = { version: 1, stream: "ticket", sesMessageId: one, recipients: [support, "sales@example.com"] };
    await aws.send(letters, body);
    expect((await run("replay", one!)).stdout).not.toContain("2 dead letters");
    expect((await dead()).visible).toBe(2);
    expect(await aws.drain()).toBe(0);
    expect((await run("replay", other!)).stdout).toContain("1 dead letters were about them");
    expect((await dead()).visible).toBe(1);
  });

  test("replay --since goes through the bucket, and on from its checkpoint after an interruption", async () => {
    const lost = [];
    for (let made = 0; made < 45; made++) {
      const mail = await aws.arrive({ to: [support], from: `many${made}@sender.example` });
      await aws.call("journal", mail.lambda);
      lost.push(mail.id);
    }
    const checkpoint = join(folder, "replay.json");
    let sends = 0;
    aws.proxy.fault = ({ service, operation }) =>
      service === "sqs" && operation === "SendMessageBatch" && ++sends > 30 ? "unreachable" : undefined;
    const since = ["--since", "2020-01-01", "--checkpoint", checkpoint];
    expect((await run("replay", ...since)).exit).toBe(1);
    const { after } = JSON.parse(await readFile(checkpoint, "utf8")) as { after: string };
    aws.proxy.fault = () => undefined;
    const rest = await run("replay", ...since, "--json");
    expect(rest.exit).toBe(0);
    const keys = json(rest.stdout).map(({ sesMessageId }) => `inbound/${sesMessageId}`);
    expect(keys.every((key) => key > after)).toBe(true);
    await expect(readFile(checkpoint, "utf8")).rejects.toThrow("ENOENT");
    // One of another test has no journal: the net waits for it, twice.
    await expect.poll(() => aws.drain(), { timeout: 300_000 }).toBe(0);
    for (const id of lost) expect((await aws.states(id))[support]).toBe("ticket done ticket-opened");
  });

  test.for<[string, string[], string]>([
    ["nothing", [], "Say what to replay"],
    ["two ways at once", ["--unfinished", "--since", "2026-01-01"], "Say what to replay"],
    ["a time that is none", ["--since", "yesterday"], "write 2026-11-24"],
    ["an id that is none", ["../x"], "is no SES message id"],
    ["a stream that is not there", ["--unfinished", "--stream", "tickets"], "name one of"],
  ])("replay refuses %s and says what is right", async ([, args, says]) => {
    const { exit, stderr } = await run("replay", ...args);
    expect(exit).toBe(1);
    expect(stderr).toContain(says);
  });

  test("a foreign file is no checkpoint and is not written over", async () => {
    const file = join(folder, "notes.txt");
    await writeFile(file, "mine");
    const { stderr } = await run("replay", "--since", "2026-01-01", "--checkpoint", file);
    expect(stderr).toContain("is no checkpoint of a replay");
    expect(await readFile(file, "utf8")).toBe("mine");
  });

  test.for([
    "status",
    "redrive",
    "replay",
  ])("%s: a stage that is not there is named, with what to do", async (command) => {
    const { exit, stderr } = await callCli([
      command,
      ...(command === "replay" ? ["--unfinished"] : []),
      "--stage",
      "other",
      "--endpoint-url",
      aws.proxy.endpoint,
    ]);
    expect(exit).toBe(1);
    expect(stderr).toContain("There is no stage other in account 123456789012");
  });

  // The last one: it looks at what all of the above asked AWS for.
  test("the rights that docs/aws.md names are those that the commands ask for, also on dead letters", async () => {
    const page = await readFile(new URL("../../docs/aws.md", import.meta.url), "utf8");
    const [, chapter = ""] = page.split("### Which rights these commands need\n");
    const rows = (chapter.split("\n### ")[0] ?? "").split("\n").filter((line) => line.startsWith("| "));
    const named = rows.slice(1).flatMap((row) => {
      const [, on = "", rights = "", commands = ""] = row.split("|");
      return [...rights.matchAll(/`(\w+:\w+)`/g)].flatMap(([, right = ""]) =>
        (commands.includes("all") ? ["status", "redrive", "replay"] : (commands.match(/\w+/g) ?? [])).map(
          (command) => ({
            ...{ command, right },
            dead: !/^sqs/.test(right) || on.includes("-dlq"),
            alive: !on.trim().startsWith("queues that end"),
          }),
        ),
      );
    });
    const isNamed = (use: string) => {
      const [command, action, resource = ""] = use.split(" ");
      const isDead = resource.endsWith("-dlq");
      return named.some((row) => row.command === command && row.right === action && (isDead ? row.dead : row.alive));
    };
    // Two services that the proxy cannot tell apart from a call's name alone are named by the SDK, not by IAM.
    const uses = [...asked].map((use) => use.replace("monitoring:", "cloudwatch:").replace("email:", "ses:"));
    expect(uses.filter((use) => !isNamed(use))).toEqual([]);
    for (const right of ["ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes"]) {
      for (const command of ["redrive", "replay"]) {
        expect(uses.some((use) => new RegExp(`^${command} sqs:${right} .*-dlq$`).test(use))).toBe(true);
      }
    }
    // And no right more than that is asked of an operator, but for what cannot be seen here.
    const unseen = new Set([
      // Nothing is unfinished or in quarantine here, and nothing encrypted.
      "status dynamodb:BatchGetItem",
      "replay dynamodb:BatchGetItem",
      "replay kms:Decrypt",
      // A list and a call of a function say by their path what they are.
      "replay s3:ListBucket",
      "redrive lambda:InvokeFunction",
    ]);
    const isAsked = (command: string, right: string) => uses.some((use) => use.startsWith(`${command} ${right} `));
    const unused = named.filter(({ command, right }) => !isAsked(command, right) && !unseen.has(`${command} ${right}`));
    expect([...new Set(unused.map(({ command, right }) => `${command} ${right}`))]).toEqual([]);
  });
});
