import {
  CloneReceiptRuleSetCommand,
  CreateReceiptFilterCommand,
  CreateReceiptRuleCommand,
  CreateReceiptRuleSetCommand,
  DeleteReceiptFilterCommand,
  DeleteReceiptRuleCommand,
  DeleteReceiptRuleSetCommand,
  DescribeActiveReceiptRuleSetCommand,
  DescribeReceiptRuleCommand,
  DescribeReceiptRuleSetCommand,
  ListReceiptFiltersCommand,
  ListReceiptRuleSetsCommand,
  type ReceiptAction,
  type ReceiptRule,
  ReorderReceiptRuleSetCommand,
  SetActiveReceiptRuleSetCommand,
  SetReceiptRulePositionCommand,
  UpdateReceiptRuleCommand,
} from "@aws-sdk/client-ses";
import { describe, expect, test } from "vitest";
import { type Conformance, functionArn, names, startConformance } from "./conformance-engine.ts";
import { row } from "./conformance-rows.ts";

const RuleSetName = "own";
const setupId = "AMAZON_SES_SETUP_NOTIFICATION";

/** An engine whose API already holds an empty set. */
async function withSet(): Promise<Conformance> {
  const started = await startConformance([]);
  await started.ses.send(new CreateReceiptRuleSetCommand({ RuleSetName }));
  return started;
}

const create = ({ ses }: Conformance, Name: string, After?: string, rest: { Actions?: ReceiptAction[] } = {}) =>
  ses.send(
    new CreateReceiptRuleCommand({ RuleSetName, Rule: { Name, ...rest }, ...(After !== undefined && { After }) }),
  );

async function order({ ses }: Conformance, set = RuleSetName): Promise<string[]> {
  const { Rules } = await ses.send(new DescribeReceiptRuleSetCommand({ RuleSetName: set }));
  return (Rules ?? []).map(({ Name }) => Name ?? "");
}

/** `Code: message`, or "done". */
async function said(answer: Promise<unknown>): Promise<string> {
  try {
    await answer;
    return "done";
  } catch (error) {
    const { name, message } = error as Error;
    return `${name}: ${message}`;
  }
}

test(row(24), async () => {
  const started = await withSet();
  const s3 = (ObjectKeyPrefix?: string): ReceiptAction => ({
    S3Action: { BucketName: names.bucket, TopicArn: names.noticeTopicArn, ...(ObjectKeyPrefix && { ObjectKeyPrefix }) },
  });
  await create(started, "store", undefined, { Actions: [s3("inbound")] });
  const proof = (await started.stored(`inbound/${setupId}`)).toString();
  // §5.3: four headers and a text, neither Received nor SES's block.
  expect(proof).toMatch(
    /^Date: Tue, 04 Aug 2026 09:15:02 \+0000\r\nTo: recipient@example\.com\r\nFrom: Amazon Web Services <no-reply-aws@amazon\.com>\r\nSubject: Amazon SES Setup Notification\r\n\r\n/,
  );
  await started.pass(0);
  expect(started.notices().map(({ mail }) => mail.messageId)).toEqual([setupId]);
  await started.ses.send(
    new UpdateReceiptRuleCommand({ RuleSetName, Rule: { Name: "store", Actions: [s3("/other/"), s3()] } }),
  );
  await started.stored(`/other/${setupId}`);
  await started.stored(setupId);
  await started.pass(0);
  expect(started.notices()).toHaveLength(2);
});

test(row(30), async () => {
  const started = await withSet();
  await create(started, "b");
  await create(started, "a");
  expect(await order(started)).toEqual(["a", "b"]);
  await create(started, "c", "a");
  expect(await order(started)).toEqual(["a", "c", "b"]);
  await started.ses.send(new UpdateReceiptRuleCommand({ RuleSetName, Rule: { Name: "c", Enabled: true } }));
  expect(await order(started)).toEqual(["a", "c", "b"]);
  // Mail runs in that order.
  const LambdaAction = { FunctionArn: functionArn, TopicArn: names.noticeTopicArn };
  for (const Name of ["b", "a", "c"]) {
    const Actions = [{ LambdaAction }, { S3Action: { BucketName: names.bucket, ObjectKeyPrefix: Name } }];
    await started.ses.send(new UpdateReceiptRuleCommand({ RuleSetName, Rule: { Name, Enabled: true, Actions } }));
  }
  await started.ses.send(new SetActiveReceiptRuleSetCommand({ RuleSetName }));
  const id = await started.send();
  const log = await started.engine.store.engine.actionLog(id as never);
  expect(log.filter(({ actionType }) => actionType === "S3").map(({ ruleName }) => ruleName)).toEqual(["a", "c", "b"]);
});

test(row(31), async () => {
  const started = await withSet();
  const Recipients = ["B@X.example", "a@x.example", ".x.example", "a@x.example"];
  await started.ses.send(new CreateReceiptRuleCommand({ RuleSetName, Rule: { Name: "r", Recipients } }));
  const { Rule } = await started.ses.send(new DescribeReceiptRuleCommand({ RuleSetName, RuleName: "r" }));
  expect(Rule).toEqual({
    ...{ Name: "r", Enabled: false, ScanEnabled: false, TlsPolicy: "Optional" },
    Recipients: [".x.example", "a@x.example", "b@x.example"],
    Actions: [],
  });
});

describe("§9.4 semantics", () => {
  test("SetReceiptRulePosition: without After to the front, behind itself nothing happens", async () => {
    const started = await withSet();
    for (const name of ["c", "b", "a"]) await create(started, name);
    const move = (RuleName: string, After?: string) =>
      started.ses.send(
        new SetReceiptRulePositionCommand({ RuleSetName, RuleName, ...(After !== undefined && { After }) }),
      );
    await move("c");
    expect(await order(started)).toEqual(["c", "a", "b"]);
    await move("c", "a");
    expect(await order(started)).toEqual(["a", "c", "b"]);
    await move("c", "c");
    expect(await order(started)).toEqual(["a", "c", "b"]);
    expect(await said(move("c", "x"))).toBe("RuleDoesNotExistException: Rule does not exist: x");
  });

  test("ReorderReceiptRuleSet: every rule exactly once", async () => {
    const started = await withSet();
    for (const name of ["r3", "r2", "r1"]) await create(started, name);
    const reorder = (...RuleNames: string[]) =>
      said(started.ses.send(new ReorderReceiptRuleSetCommand({ RuleSetName, RuleNames })));
    expect(await reorder("r2", "r2", "r1", "r3")).toMatch(/Multiple positions found for rule: r2$/);
    expect(await reorder("r2")).toMatch(/Positions for rules not found: r1, r3$/);
    expect(await reorder("x", "r1", "y")).toMatch(/^RuleDoesNotExistException: Rule does not exist: x$/);
    expect(await reorder("r3", "r1", "r2")).toBe("done");
    expect(await order(started)).toEqual(["r3", "r1", "r2"]);
  });

  test("an update puts members that are left out back to their defaults", async () => {
    const started = await withSet();
    const Rule = {
      Name: "r",
      Enabled: true,
      ScanEnabled: true,
      TlsPolicy: "Require",
      Recipients: ["a@x.example"],
    } satisfies ReceiptRule;
    await started.ses.send(new CreateReceiptRuleCommand({ RuleSetName, Rule }));
    await started.ses.send(new UpdateReceiptRuleCommand({ RuleSetName, Rule: { Name: "r" } }));
    const described = await started.ses.send(new DescribeReceiptRuleCommand({ RuleSetName, RuleName: "r" }));
    expect(described.Rule).toEqual({
      Name: "r",
      Enabled: false,
      ScanEnabled: false,
      TlsPolicy: "Optional",
      Actions: [],
    });
  });

  test("deleting what is not there succeeds, but for a rule of a set that is not there", async () => {
    const { ses } = await withSet();
    expect(await said(ses.send(new DeleteReceiptRuleCommand({ RuleSetName, RuleName: "x" })))).toBe("done");
    expect(await said(ses.send(new DeleteReceiptRuleSetCommand({ RuleSetName: "x" })))).toBe("done");
    expect(await said(ses.send(new DeleteReceiptFilterCommand({ FilterName: "x" })))).toBe("done");
    expect(await said(ses.send(new DeleteReceiptRuleCommand({ RuleSetName: "x", RuleName: "x" })))).toBe(
      "RuleSetDoesNotExistException: Rule set does not exist: x",
    );
  });

  test("a clone is inactive, has its own time, and its rules are its own", async () => {
    const started = await withSet();
    await create(started, "r");
    await started.ses.send(new SetActiveReceiptRuleSetCommand({ RuleSetName }));
    started.clock.advance(1_000);
    const clone = (from: string, to: string) =>
      said(started.ses.send(new CloneReceiptRuleSetCommand({ OriginalRuleSetName: from, RuleSetName: to })));
    expect(await clone(RuleSetName, "copy")).toBe("done");
    await started.ses.send(new DeleteReceiptRuleCommand({ RuleSetName, RuleName: "r" }));
    expect([await order(started), await order(started, "copy")]).toEqual([[], ["r"]]);
    const active = await started.ses.send(new DescribeActiveReceiptRuleSetCommand({}));
    expect(active.Metadata?.Name).toBe(RuleSetName);
    const { RuleSets = [] } = await started.ses.send(new ListReceiptRuleSetsCommand({}));
    const created = Object.fromEntries(
      RuleSets.map(({ Name, CreatedTimestamp }) => [Name, CreatedTimestamp?.toISOString()]),
    );
    expect(created).toMatchObject({ own: "2026-08-04T09:15:02.417Z", copy: "2026-08-04T09:15:03.417Z" });
    // The target that exists is reported before the source that does not.
    expect(await clone("missing", "copy")).toBe("AlreadyExistsException: Rule set already exists: copy");
  });

  test("the active set cannot be deleted; none active describes nothing", async () => {
    const { ses } = await withSet();
    await ses.send(new SetActiveReceiptRuleSetCommand({ RuleSetName }));
    expect(await said(ses.send(new DeleteReceiptRuleSetCommand({ RuleSetName })))).toBe(
      "CannotDeleteException: Cannot delete active rule set: own",
    );
    await ses.send(new SetActiveReceiptRuleSetCommand({}));
    const { $metadata: _, ...active } = await ses.send(new DescribeActiveReceiptRuleSetCommand({}));
    expect(active).toEqual({});
    expect(await said(ses.send(new DeleteReceiptRuleSetCommand({ RuleSetName })))).toBe("done");
  });
});

describe("§9.7 quotas", () => {
  test("40 rule sets, beside the configured one", async () => {
    const { ses } = await withSet();
    for (let number = 2; number <= 40; number += 1) {
      await ses.send(new CreateReceiptRuleSetCommand({ RuleSetName: `set-${number}` }));
    }
    expect(await said(ses.send(new CreateReceiptRuleSetCommand({ RuleSetName: "set-41" })))).toMatch(
      /^LimitExceededException: /,
    );
  });

  test("200 rules in a set", async () => {
    const started = await withSet();
    for (let number = 1; number <= 200; number += 1) await create(started, `r${number}`);
    expect(await said(create(started, "r201"))).toBe("LimitExceededException: Too many rules");
  });

  test("10 actions and 500 recipients in a rule, counted before their syntax", async () => {
    const started = await withSet();
    const AddHeaderAction = { HeaderName: "X-A", HeaderValue: "b" };
    const actions = (count: number): ReceiptAction[] => Array.from({ length: count }, () => ({ AddHeaderAction }));
    expect(await said(create(started, "ten", undefined, { Actions: actions(10) }))).toBe("done");
    expect(await said(create(started, "eleven", undefined, { Actions: actions(11) }))).toBe(
      "LimitExceededException: Too many actions",
    );
    const recipients = (count: number) =>
      said(
        started.ses.send(
          new CreateReceiptRuleCommand({
            RuleSetName,
            Rule: {
              Name: `r${count}`,
              Recipients: Array.from({ length: count }, (_, at) => (count > 500 ? "no domain" : `a${at}@x.example`)),
            },
          }),
        ),
      );
    expect(await recipients(500)).toBe("done");
    expect(await recipients(501)).toBe("LimitExceededException: Too many recipients");
  });

  test("100 IP filters", async () => {
    const { ses } = await withSet();
    const add = (number: number) =>
      ses.send(
        new CreateReceiptFilterCommand({
          Filter: { Name: `f${number}`, IpFilter: { Policy: "Block", Cidr: `192.0.2.${number}` } },
        }),
      );
    for (let number = 1; number <= 100; number += 1) await add(number);
    expect(await said(add(101))).toBe("LimitExceededException: Too many filters");
    const { Filters = [] } = await ses.send(new ListReceiptFiltersCommand({}));
    expect(Filters).toHaveLength(100);
  });
});
