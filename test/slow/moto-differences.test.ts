import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import {
  CloneReceiptRuleSetCommand,
  CreateReceiptRuleCommand,
  CreateReceiptRuleSetCommand,
  DeleteReceiptRuleCommand,
  DeleteReceiptRuleSetCommand,
  DescribeActiveReceiptRuleSetCommand,
  DescribeReceiptRuleCommand,
  DescribeReceiptRuleSetCommand,
  ListReceiptRuleSetsCommand,
  type ReceiptRule,
  ReorderReceiptRuleSetCommand,
  type SESClient,
  SetActiveReceiptRuleSetCommand,
  SetReceiptRulePositionCommand,
  UpdateReceiptRuleCommand,
  VerifyDomainIdentityCommand,
} from "@aws-sdk/client-ses";
import { CreateTopicCommand, SNSClient } from "@aws-sdk/client-sns";
import { expect, onTestFinished, test, vi } from "vitest";
import { clientFor, runEngine } from "../local/ses-api/running-engine.ts";
import { pythonTool, startMoto } from "./python-tools.ts";

// The same calls to a moto server and to the engine, with values that AWS takes. Where the answers differ, the reason stands here.

const program = pythonTool("moto_server");
const topic = "arn:aws:sns:us-east-1:123456789012:inbound";

const store = { S3Action: { BucketName: "mailweir-mail", ObjectKeyPrefix: "in/" } };
const stop = { StopAction: { Scope: "RuleSet" as const } };
const header = { AddHeaderAction: { HeaderName: "X-A", HeaderValue: "1" } };
const bounce = {
  BounceAction: { SmtpReplyCode: "550", StatusCode: "5.1.1", Message: "gone", Sender: "postmaster@shop.example" },
};
const create = (RuleSetName: string, Rule: ReceiptRule, After?: string) => (c: SESClient) =>
  c.send(new CreateReceiptRuleCommand({ RuleSetName, Rule, After }));
const update = (RuleSetName: string, Rule: ReceiptRule) => (c: SESClient) =>
  c.send(new UpdateReceiptRuleCommand({ RuleSetName, Rule }));
const describe = (RuleSetName: string) => (c: SESClient) => c.send(new DescribeReceiptRuleSetCommand({ RuleSetName }));
const activate = (RuleSetName?: string) => (c: SESClient) =>
  c.send(new SetActiveReceiptRuleSetCommand({ RuleSetName }));
const move = (RuleName: string, After?: string) => (c: SESClient) =>
  c.send(new SetReceiptRulePositionCommand({ RuleSetName: "main", RuleName, After }));
const reorder =
  (...RuleNames: string[]) =>
  (c: SESClient) =>
    c.send(new ReorderReceiptRuleSetCommand({ RuleSetName: "main", RuleNames }));

type Call = (client: SESClient) => Promise<object>;
const calls: readonly (readonly [name: string, call: Call])[] = [
  ["none is active at first", (c) => c.send(new DescribeActiveReceiptRuleSetCommand({}))],
  ["make a set", (c) => c.send(new CreateReceiptRuleSetCommand({ RuleSetName: "main" }))],
  ["make it again", (c) => c.send(new CreateReceiptRuleSetCommand({ RuleSetName: "main" }))],
  ["a name with a dot", (c) => c.send(new CreateReceiptRuleSetCommand({ RuleSetName: "a.b" }))],
  ["a name of 64", (c) => c.send(new CreateReceiptRuleSetCommand({ RuleSetName: "n".repeat(64) }))],
  ["a name of 65", (c) => c.send(new CreateReceiptRuleSetCommand({ RuleSetName: "n".repeat(65) }))],
  ["a name that ends with a hyphen", (c) => c.send(new CreateReceiptRuleSetCommand({ RuleSetName: "n-" }))],
  ["a name with a blank", (c) => c.send(new CreateReceiptRuleSetCommand({ RuleSetName: "n n" }))],
  [
    "a second set, for what one of the two refuses",
    (c) => c.send(new CreateReceiptRuleSetCommand({ RuleSetName: "scratch" })),
  ],
  ["with a rule", create("scratch", { Name: "first", Actions: [] })],
  ["describe the empty set", describe("main")],
  ["describe one that is not there", describe("absent")],
  ["a rule", create("main", { Name: "first", Recipients: ["shop.example"], Actions: [store, stop] })],
  [
    "in front of it",
    create("main", { Name: "front", Enabled: true, ScanEnabled: true, TlsPolicy: "Require", Actions: [header] }),
  ],
  ["behind it", create("main", { Name: "behind", Actions: [bounce] }, "first")],
  ["behind nobody", create("main", { Name: "lost", Actions: [] }, "absent")],
  ["the same name", create("scratch", { Name: "first", Actions: [] })],
  ["the same name for another rule", create("scratch", { Name: "first", Actions: [header] })],
  ["the same name behind nobody", create("scratch", { Name: "first", Actions: [] }, "absent")],
  ["in a set that is not there", create("absent", { Name: "first", Actions: [] })],
  ["a bad name in a set that is not there", create("absent", { Name: "-", Actions: [] })],
  ["no actions", create("main", { Name: "nothing", Actions: [] })],
  ["the whole set", describe("main")],
  ["one rule", (c) => c.send(new DescribeReceiptRuleCommand({ RuleSetName: "main", RuleName: "front" }))],
  [
    "a rule that is not there",
    (c) => c.send(new DescribeReceiptRuleCommand({ RuleSetName: "main", RuleName: "absent" })),
  ],
  [
    "a rule of a set that is not there",
    (c) => c.send(new DescribeReceiptRuleCommand({ RuleSetName: "absent", RuleName: "first" })),
  ],
  [
    "addresses in any case, twice",
    create("scratch", {
      Name: "case",
      Recipients: ["B@Shop.example", "a@shop.example", ".Shop.example", "a@shop.example"],
      Actions: [],
    }),
  ],
  ["as they are kept", (c) => c.send(new DescribeReceiptRuleCommand({ RuleSetName: "scratch", RuleName: "case" }))],
  ["an address with a blank", create("scratch", { Name: "blank", Recipients: ["a b@shop.example"], Actions: [] })],
  [
    "a header's name with a blank",
    create("scratch", { Name: "hdr", Actions: [{ AddHeaderAction: { HeaderName: "X bad", HeaderValue: "1" } }] }),
  ],
  [
    "a topic that is no ARN",
    create("main", { Name: "t", Actions: [{ ...store, S3Action: { ...store.S3Action, TopicArn: "x" } }] }),
  ],
  ["a bucket that is not there", create("main", { Name: "b", Actions: [{ S3Action: { BucketName: "absent" } }] })],
  [
    "a function that is not there",
    create("main", {
      Name: "f",
      Actions: [{ LambdaAction: { FunctionArn: "arn:aws:lambda:us-east-1:123456789012:function:absent" } }],
    }),
  ],
  ["two types in one action", create("scratch", { Name: "two", Actions: [{ ...store, ...stop }] })],
  ["update", update("main", { Name: "first", Enabled: true, Actions: [header] })],
  ["update keeps the place and forgets what it does not say", describe("main")],
  ["update a rule that is not there", update("main", { Name: "absent", Actions: [] })],
  ["update in a set that is not there", update("absent", { Name: "first", Actions: [] })],
  ["move to the front", move("behind")],
  ["move behind another", move("front", "first")],
  ["move behind itself", move("front", "front")],
  ["move what is not there", move("absent")],
  ["reorder without some", reorder("first", "front")],
  ["reorder with one twice", reorder("first", "first", "front", "behind", "nothing")],
  ["reorder with one that is not there", reorder("first", "absent")],
  ["reorder", reorder("nothing", "behind", "front", "first")],
  ["reorder to what it was", reorder("nothing", "front", "first", "behind")],
  ["after that", describe("main")],
  ["clone", (c) => c.send(new CloneReceiptRuleSetCommand({ RuleSetName: "copy", OriginalRuleSetName: "main" }))],
  [
    "clone onto one that is there",
    (c) => c.send(new CloneReceiptRuleSetCommand({ RuleSetName: "copy", OriginalRuleSetName: "absent" })),
  ],
  [
    "clone what is not there",
    (c) => c.send(new CloneReceiptRuleSetCommand({ RuleSetName: "new", OriginalRuleSetName: "absent" })),
  ],
  ["the copy", describe("copy")],
  ["activate what is not there", activate("absent")],
  ["activate", activate("copy")],
  ["which is active", (c) => c.send(new DescribeActiveReceiptRuleSetCommand({}))],
  ["delete the active one", (c) => c.send(new DeleteReceiptRuleSetCommand({ RuleSetName: "copy" }))],
  ["delete a rule", (c) => c.send(new DeleteReceiptRuleCommand({ RuleSetName: "copy", RuleName: "first" }))],
  [
    "delete a rule that is not there",
    (c) => c.send(new DeleteReceiptRuleCommand({ RuleSetName: "copy", RuleName: "first" })),
  ],
  [
    "delete a rule of a set that is not there",
    (c) => c.send(new DeleteReceiptRuleCommand({ RuleSetName: "absent", RuleName: "first" })),
  ],
  ["what is left", describe("copy")],
  ["activate none", activate()],
  ["none is active", (c) => c.send(new DescribeActiveReceiptRuleSetCommand({}))],
  ["delete it", (c) => c.send(new DeleteReceiptRuleSetCommand({ RuleSetName: "copy" }))],
  ["delete it again", (c) => c.send(new DeleteReceiptRuleSetCommand({ RuleSetName: "copy" }))],
  ["the sets", (c) => c.send(new ListReceiptRuleSetsCommand({}))],
];

/** Calls whose answers differ, each with the reason. All others must be equal, to the word. */
const explained: Readonly<Record<string, string>> = {
  "a name of 65": "§9.3: InvalidParameterValue",
  "a name that ends with a hyphen": "§9.3: first and last character are checked apart, InvalidParameterValue",
  "a name with a blank": '§9.3: the message begins with "1 validation error detected: "',
  "a bad name in a set that is not there": "§9.3: InvalidParameterValue, Not a valid ruleName",
  "the same name for another rule": "§9.3: AlreadyExists; moto refuses equal rules only",
  "the same name behind nobody": "§9.3: checked before After is looked up",
  "as they are kept": "§2.3: in lower case, sorted, once",
  "an address with a blank": "§2.3: Invalid recipient",
  "a header's name with a blank": "§5.2: Invalid header name",
  "a bucket that is not there": "§5.9: No such bucket",
  "a function that is not there": "§8.5: Could not invoke Lambda function",
  "two types in one action": "§5.1: exactly one",
  "what is left": "this moto deletes no rules",
  "clone onto one that is there": "§9.4: an existing target is reported before a missing source",
};

/** Operations that this moto does not have: it answers with an error page. */
const notInMoto = /^(?:move|reorder|delete a rule)/;

test("the same calls to moto and to the engine: every difference has a reason", async (context) => {
  if (!program) return context.skip("run .ci/run: it installs moto");
  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
  const moto = await startMoto(program);
  onTestFinished(() => moto.stop());
  const { client } = await runEngine({
    domains: ["example.com"],
    streams: { personal: { recipients: ["example.com"] } },
  });
  const other = clientFor(moto.endpoint);
  const s3 = new S3Client({ endpoint: moto.endpoint, region: "us-east-1", forcePathStyle: true });
  const sns = new SNSClient({ endpoint: moto.endpoint, region: "us-east-1" });
  onTestFinished(() => {
    for (const each of [other, s3, sns]) each.destroy();
  });
  await s3.send(new CreateBucketCommand({ Bucket: "mailweir-mail" }));
  await sns.send(new CreateTopicCommand({ Name: topic.split(":")[5] ?? "" }));
  for (const each of [client, other]) await each.send(new VerifyDomainIdentityCommand({ Domain: "shop.example" }));
  // An account of AWS and of moto begins without an active set.
  await client.send(new SetActiveReceiptRuleSetCommand({}));

  const differences: Record<string, unknown> = {};
  const absent: string[] = [];
  for (const [name, call] of calls) {
    const [theirs, ours] = [await answer(() => call(other)), await answer(() => call(client))];
    if (JSON.stringify(theirs).includes("XML parse error")) {
      absent.push(name);
      continue;
    }
    if (JSON.stringify(theirs) !== JSON.stringify(ours)) differences[name] = { theirs, ours };
  }
  expect(absent.filter((name) => !notInMoto.test(name))).toEqual([]);
  const unexplained = Object.entries(differences).filter(([name]) => !(name in explained));
  expect(unexplained).toEqual([]);
  expect(Object.keys(explained).filter((name) => !(name in differences))).toEqual([]);
});

async function answer(call: () => Promise<object>): Promise<unknown> {
  try {
    const { $metadata: _, ...output } = (await call()) as { $metadata?: unknown };
    return comparable(output);
  } catch (error) {
    const { name, message } = error as Error;
    return { error: name.replace(/Exception$/, ""), message };
  }
}

/** Members in one order, without dates, without the defaults that moto does not show (§9.4), and without the configured set, which an account does not have. */
function comparable(value: unknown): unknown {
  if (value instanceof Date) return "a date";
  if (Array.isArray(value)) {
    return value.filter((item) => (item as { Name?: string } | null)?.Name !== "mailweir").map(comparable);
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(
    ([key, member]) => member !== undefined && !(key in defaults && defaults[key] === member),
  );
  return Object.fromEntries(
    entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, member]) => [key, comparable(member)]),
  );
}

const defaults: Readonly<Record<string, unknown>> = {
  Enabled: false,
  ScanEnabled: false,
  TlsPolicy: "Optional",
  Encoding: "UTF-8",
};
