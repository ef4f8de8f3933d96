import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import {
  CloneReceiptRuleSetCommand,
  CreateReceiptFilterCommand,
  CreateReceiptRuleCommand,
  CreateReceiptRuleSetCommand,
  DeleteReceiptFilterCommand,
  DeleteReceiptRuleSetCommand,
  DescribeActiveReceiptRuleSetCommand,
  DescribeReceiptRuleSetCommand,
  ListReceiptRuleSetsCommand,
  type ReceiptRule,
  ReorderReceiptRuleSetCommand,
  type SESClient,
  SetActiveReceiptRuleSetCommand,
  UpdateReceiptRuleCommand,
  VerifyDomainIdentityCommand,
} from "@aws-sdk/client-ses";
import { expect, test } from "vitest";
import type { MailConfig } from "../../../shared/config/types.ts";
import type { SesMessageId } from "../../../shared/ses-message-id.ts";
import { actionsOf, functionModule, type RunningEngine, runEngine, temporaryFolder } from "./running-engine.ts";

const bucket = "mailweir-mail";
const topic = "arn:aws:sns:us-east-1:000000000000:mailweir-notices";
const functionArn = (name: string) => `arn:aws:lambda:us-east-1:111122223333:function:${name}`;
const unavailable = "550 5.1.1 Requested action not taken: mailbox unavailable";

const store: NonNullable<ReceiptRule["Actions"]>[number] = {
  S3Action: { BucketName: bucket, ObjectKeyPrefix: "api/" },
};
const rule = (Name: string, Recipients: string[], Actions: ReceiptRule["Actions"]): ReceiptRule => ({
  Name,
  Enabled: true,
  ScanEnabled: true,
  Recipients,
  Actions,
});

async function startWithFunctions(answers: Readonly<Record<string, unknown>>, more: Partial<MailConfig> = {}) {
  const folder = await temporaryFolder();
  const functions = await Promise.all(
    Object.entries(answers).map(async ([name, answer]) => [name, await functionModule(folder, name, answer)] as const),
  );
  return runEngine(
    {
      domains: ["example.com"],
      streams: { personal: { recipients: ["example.com"] } },
      ...more,
      local: { functions: Object.fromEntries(functions) },
    },
    folder,
  );
}

/** Rules in this order, in a set of this name. */
async function makeSet(client: SESClient, RuleSetName: string, rules: readonly ReceiptRule[]): Promise<void> {
  await client.send(new CreateReceiptRuleSetCommand({ RuleSetName }));
  let After: string | undefined;
  for (const Rule of rules) {
    await client.send(new CreateReceiptRuleCommand({ RuleSetName, Rule, ...(After !== undefined && { After }) }));
    After = Rule.Name;
  }
}

const activate = (client: SESClient, RuleSetName?: string) =>
  client.send(new SetActiveReceiptRuleSetCommand(RuleSetName === undefined ? {} : { RuleSetName }));

async function activeName(client: SESClient): Promise<string | undefined> {
  return (await client.send(new DescribeActiveReceiptRuleSetCommand({}))).Metadata?.Name;
}

async function object({ engine }: RunningEngine, key: string): Promise<string> {
  const { body } = await engine.ports.objects.open({ bucket, key });
  return text(Readable.from(body));
}

const must = (id: SesMessageId | undefined): SesMessageId => {
  if (id === undefined) throw new Error("nobody accepted the message");
  return id;
};

test("mail follows the set that the SDK made and activated, action by action", async () => {
  const run = await startWithFunctions({ tag: null, decide: { disposition: "STOP_RULE" } });
  const { client, engine, send } = run;
  await makeSet(client, "main", [
    rule(
      "first",
      ["orders@example.com"],
      [
        { AddHeaderAction: { HeaderName: "X-Shop", HeaderValue: "orders" } },
        store,
        { SNSAction: { TopicArn: topic, Encoding: "Base64" } },
        { LambdaAction: { FunctionArn: functionArn("tag"), InvocationType: "Event" } },
        { LambdaAction: { FunctionArn: functionArn("decide"), InvocationType: "RequestResponse" } },
        { StopAction: { Scope: "RuleSet" } },
      ],
    ),
    rule(
      "gone",
      ["gone@example.com"],
      [
        {
          BounceAction: {
            SmtpReplyCode: "550",
            StatusCode: "5.1.1",
            Message: "Mailbox does not exist",
            Sender: "mailer-daemon@example.com",
          },
        },
        { StopAction: { Scope: "RuleSet" } },
      ],
    ),
    rule("last", ["orders@example.com", "gone@example.com"], [store]),
  ]);
  // Made, but not active: the configured rules still take every address of the domain.
  const before = await send({ to: ["anyone@example.com"] });
  expect(await actionsOf(engine, must(before.id))).toEqual(["store.0 S3 done", "store.1 Lambda done"]);

  await activate(client, "main");
  const { id, refused } = await send({ to: ["orders@example.com", "anyone@example.com"] });
  expect(refused).toEqual([`anyone@example.com ${unavailable}`]);
  expect(await actionsOf(engine, must(id))).toEqual([
    "first.0 AddHeader done",
    "first.1 S3 done",
    "first.2 SNS done",
    "first.3 Lambda done",
    // STOP_RULE: the Stop behind it is not reached, the last rule is.
    "first.4 Lambda done",
    "last.0 S3 done",
  ]);
  const stored = await object(run, `api/${id}`);
  expect(stored).toMatch(/^X-Shop: orders\r$/m);
  expect(stored).toMatch(new RegExp(`with SMTP id ${id}`));

  const bounced = await send({ to: ["gone@example.com"] });
  expect(await actionsOf(engine, must(bounced.id))).toEqual(["gone.0 Bounce done", "gone.1 Stop done"]);
  expect((await engine.store.engine.status()).messages).toBe(3);
});

test("order decides: reorder, update and clone change what the next mail meets, not what was accepted", async () => {
  const { client, engine, send } = await startWithFunctions({});
  const stop = rule("stop", ["example.com"], [store, { StopAction: { Scope: "RuleSet" } }]);
  const note = rule("note", ["ann@example.com"], [{ AddHeaderAction: { HeaderName: "X-Seen", HeaderValue: "1" } }]);
  await makeSet(client, "main", [stop, note]);
  await activate(client, "main");
  const ran = async () => actionsOf(engine, must((await send({ to: ["ann@example.com"] })).id));

  expect(await ran()).toEqual(["stop.0 S3 done", "stop.1 Stop done"]);
  await client.send(new ReorderReceiptRuleSetCommand({ RuleSetName: "main", RuleNames: ["note", "stop"] }));
  expect(await ran()).toEqual(["note.0 AddHeader done", "stop.0 S3 done", "stop.1 Stop done"]);

  await client.send(new CloneReceiptRuleSetCommand({ OriginalRuleSetName: "main", RuleSetName: "copy" }));
  await client.send(new UpdateReceiptRuleCommand({ RuleSetName: "copy", Rule: { ...note, Enabled: false } }));
  expect(await ran()).toEqual(["note.0 AddHeader done", "stop.0 S3 done", "stop.1 Stop done"]);
  await activate(client, "copy");
  expect(await ran()).toEqual(["stop.0 S3 done", "stop.1 Stop done"]);
});

test("exactly one set is active, or none; the choice, the sets, filters and identities survive a restart", async () => {
  const first = await startWithFunctions({});
  const { client } = first;
  await makeSet(client, "a", [rule("take", ["ann@example.com", "api.example"], [store])]);
  await makeSet(client, "b", [rule("take", ["bob@example.com"], [store])]);
  await client.send(new VerifyDomainIdentityCommand({ Domain: "api.example" }));
  await activate(client, "b");
  await activate(client, "a");
  expect(await activeName(client)).toBe("a");
  await expect(client.send(new DeleteReceiptRuleSetCommand({ RuleSetName: "a" }))).rejects.toThrow(
    "Cannot delete active rule set: a",
  );

  const second = await first.restart();
  expect(second.engine.notes[0]).toContain('rule set "a" is active instead of the configured one');
  expect(await activeName(second.client)).toBe("a");
  const { RuleSets } = await second.client.send(new ListReceiptRuleSetsCommand({}));
  expect(RuleSets?.map(({ Name }) => Name)).toEqual(["a", "b", "mailweir"]);
  const both = await second.send({
    to: ["ann@example.com", "any@sub.api.example", "any@api.example", "bob@example.com"],
  });
  expect(both.refused).toEqual([`any@sub.api.example ${unavailable}`, `bob@example.com ${unavailable}`]);
  expect(await actionsOf(second.engine, must(both.id))).toEqual(["take.0 S3 done"]);

  await second.client.send(
    new CreateReceiptFilterCommand({
      Filter: { Name: "here", IpFilter: { Policy: "Block", Cidr: "127.0.0.0/8" } },
    }),
  );
  const third = await second.restart();
  expect((await third.send({ to: ["ann@example.com"] })).refused).toEqual([
    "ann@example.com 550 5.7.1 IP address blacklisted by recipient",
  ]);
  await third.client.send(new DeleteReceiptFilterCommand({ FilterName: "here" }));

  // None: receiving is off, also after a restart.
  await activate(third.client);
  const fourth = await third.restart();
  expect(await activeName(fourth.client)).toBeUndefined();
  expect((await fourth.send({ to: ["ann@example.com"] })).refused).toEqual([`ann@example.com ${unavailable}`]);

  // And the configured one again.
  await activate(fourth.client, "mailweir");
  expect(await activeName(fourth.client)).toBe("mailweir");
  const back = await fourth.send({ to: ["bob@example.com"] });
  expect(await actionsOf(fourth.engine, must(back.id))).toEqual(["store.0 S3 done", "store.1 Lambda done"]);
  const fifth = await fourth.restart();
  expect(fifth.engine.notes.join()).not.toContain("is active instead");
});

test("what a rule names must be there; a rule that is refused is not there either", async () => {
  const run = await startWithFunctions({ tag: null });
  const { client } = run;
  await makeSet(client, "main", []);
  const create = (name: string, Actions: ReceiptRule["Actions"]) =>
    client.send(new CreateReceiptRuleCommand({ RuleSetName: "main", Rule: rule(name, [], Actions) }));
  await expect(create("s3", [{ S3Action: { BucketName: "not-here" } }])).rejects.toMatchObject({
    name: "InvalidS3ConfigurationException",
  });
  await expect(create("fn", [{ LambdaAction: { FunctionArn: functionArn("absent") } }])).rejects.toMatchObject({
    name: "InvalidLambdaFunctionException",
  });
  await expect(
    create("sns", [{ SNSAction: { TopicArn: "arn:aws:sns:us-east-1:111122223333:absent" } }]),
  ).rejects.toMatchObject({ name: "InvalidSnsTopicException" });
  await create("good", [store, { LambdaAction: { FunctionArn: functionArn("tag") } }]);
  const { Rules } = await client.send(new DescribeReceiptRuleSetCommand({ RuleSetName: "main" }));
  expect(Rules?.map(({ Name }) => Name)).toEqual(["good"]);
  expect(await object(run, "api/AMAZON_SES_SETUP_NOTIFICATION")).toContain("Subject: Amazon SES Setup Notification");
});
