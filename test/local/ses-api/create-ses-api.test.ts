import type { SESClient } from "@aws-sdk/client-ses";
import {
  CloneReceiptRuleSetCommand,
  CreateReceiptFilterCommand,
  CreateReceiptRuleCommand,
  CreateReceiptRuleSetCommand,
  DeleteIdentityCommand,
  DeleteReceiptFilterCommand,
  DeleteReceiptRuleCommand,
  DeleteReceiptRuleSetCommand,
  DescribeActiveReceiptRuleSetCommand,
  DescribeReceiptRuleCommand,
  DescribeReceiptRuleSetCommand,
  GetIdentityVerificationAttributesCommand,
  ListIdentitiesCommand,
  ListReceiptFiltersCommand,
  ListReceiptRuleSetsCommand,
  type ReceiptRule,
  ReorderReceiptRuleSetCommand,
  SendBounceCommand,
  SetActiveReceiptRuleSetCommand,
  SetReceiptRulePositionCommand,
  UpdateReceiptRuleCommand,
  VerifyDomainIdentityCommand,
  VerifyEmailIdentityCommand,
} from "@aws-sdk/client-ses";
import { describe, expect, test } from "vitest";
import { BounceRefusedError } from "../../../shared/outgoing/bounce-refused.ts";
import type { BounceRequest } from "../../../shared/ports.ts";
import { noticeTopic, sesId } from "../store/store-fixture.ts";
import { acceptedMessage, functionArn, keyArn, type SesServer, startSesServer } from "./ses-server.ts";

const inSet = (Rule: ReceiptRule, After?: string) =>
  new CreateReceiptRuleCommand({ RuleSetName: "main", Rule, ...(After !== undefined && { After }) });
const plain = (Name: string): ReceiptRule => ({ Name, Actions: [] });

async function withSet(more?: Parameters<typeof startSesServer>[0]): Promise<SesServer> {
  const server = await startSesServer(more);
  await server.client.send(new CreateReceiptRuleSetCommand({ RuleSetName: "main" }));
  return server;
}

async function ruleNames(client: SESClient, RuleSetName = "main"): Promise<(string | undefined)[]> {
  const { Rules } = await client.send(new DescribeReceiptRuleSetCommand({ RuleSetName }));
  return (Rules ?? []).map(({ Name }) => Name);
}

describe("the unmodified SDK", () => {
  test("creates a rule with every action and describes it as stored", async () => {
    const { client } = await withSet();
    const rule: ReceiptRule = {
      Name: "store",
      Enabled: true,
      Recipients: ["Z@Example.com", "a@example.com", ".Example.com", "a@example.com"],
      Actions: [
        { AddHeaderAction: { HeaderName: "X-Shop", HeaderValue: 'a <b> & "c"\té' } },
        {
          S3Action: {
            BucketName: "shop-inbound",
            ObjectKeyPrefix: "inbound/",
            KmsKeyArn: keyArn,
            TopicArn: noticeTopic,
          },
        },
        { LambdaAction: { FunctionArn: functionArn } },
        { SNSAction: { TopicArn: noticeTopic } },
        {
          BounceAction: {
            SmtpReplyCode: "550",
            StatusCode: "5.1.1",
            Message: "no",
            Sender: "mailer-daemon@eu.example.com",
          },
        },
        { StopAction: { Scope: "RuleSet" } },
      ],
    };
    await client.send(inSet(rule));
    const { Rule } = await client.send(new DescribeReceiptRuleCommand({ RuleSetName: "main", RuleName: "store" }));
    expect(Rule).toEqual({
      ...rule,
      TlsPolicy: "Optional",
      ScanEnabled: false,
      Recipients: [".example.com", "a@example.com", "z@example.com"],
      Actions: [
        rule.Actions?.[0],
        rule.Actions?.[1],
        { LambdaAction: { FunctionArn: functionArn, InvocationType: "Event" } },
        { SNSAction: { TopicArn: noticeTopic, Encoding: "UTF-8" } },
        rule.Actions?.[4],
        rule.Actions?.[5],
      ],
    });
  });

  test("creates at the front, behind a rule, moves and reorders", async () => {
    const { client } = await withSet();
    for (const name of ["c", "a"]) await client.send(inSet(plain(name)));
    await client.send(inSet(plain("b"), "a"));
    expect(await ruleNames(client)).toEqual(["a", "b", "c"]);
    const move = (RuleName: string, After?: string) =>
      client.send(
        new SetReceiptRulePositionCommand({ RuleSetName: "main", RuleName, ...(After !== undefined && { After }) }),
      );
    await move("c");
    expect(await ruleNames(client)).toEqual(["c", "a", "b"]);
    await move("c", "b");
    await move("a", "a");
    expect(await ruleNames(client)).toEqual(["a", "b", "c"]);
    await client.send(new ReorderReceiptRuleSetCommand({ RuleSetName: "main", RuleNames: ["b", "c", "a"] }));
    expect(await ruleNames(client)).toEqual(["b", "c", "a"]);
  });

  test("replaces a whole rule in its place, and deletes what is there or not", async () => {
    const { client } = await withSet();
    await client.send(inSet({ ...plain("b"), Enabled: true, Recipients: ["example.com"] }));
    await client.send(inSet(plain("a")));
    await client.send(new UpdateReceiptRuleCommand({ RuleSetName: "main", Rule: { Name: "b", ScanEnabled: true } }));
    const { Rules } = await client.send(new DescribeReceiptRuleSetCommand({ RuleSetName: "main" }));
    expect(Rules?.[1]).toEqual({ Name: "b", Enabled: false, TlsPolicy: "Optional", ScanEnabled: true, Actions: [] });
    for (const RuleName of ["a", "a"])
      await client.send(new DeleteReceiptRuleCommand({ RuleSetName: "main", RuleName }));
    expect(await ruleNames(client)).toEqual(["b"]);
  });

  test("clones and activates; what is active comes through a restart, with filters and identities", async () => {
    const server = await withSet();
    const { client, api } = server;
    expect(api.activeReceiving()).toMatchObject({ ruleSet: { name: "mailweir" }, verifiedDomains: ["example.com"] });
    await client.send(inSet(plain("a")));
    server.clock.advance(1000);
    await client.send(new CloneReceiptRuleSetCommand({ RuleSetName: "copy", OriginalRuleSetName: "main" }));
    await client.send(inSet(plain("later")));
    await client.send(new SetActiveReceiptRuleSetCommand({ RuleSetName: "copy" }));
    await client.send(
      new CreateReceiptFilterCommand({ Filter: { Name: "mine", IpFilter: { Policy: "Allow", Cidr: "10.0.0.1/24" } } }),
    );
    await client.send(new VerifyDomainIdentityCommand({ Domain: "Shop.Example" }));

    const again = await server.restart();
    const receiving = again.api.activeReceiving();
    expect(receiving).toEqual({
      ruleSet: expect.objectContaining({ name: "copy", rules: [expect.objectContaining({ name: "a" })] }),
      verifiedDomains: ["example.com", "shop.example"],
      ipFilters: [
        { name: "configured-1", policy: "Block", cidr: "192.0.2.0/24" },
        { name: "mine", policy: "Allow", cidr: "10.0.0.1/24" },
      ],
    });
    expect(again.api.activeReceiving()).toBe(receiving);
    const { RuleSets } = await again.client.send(new ListReceiptRuleSetsCommand({}));
    expect(RuleSets?.map(({ Name }) => Name)).toEqual(["copy", "main", "mailweir"].sort());
    const created = (name: string) => RuleSets?.find(({ Name }) => Name === name)?.CreatedTimestamp?.getTime() ?? 0;
    expect(created("copy") - created("main")).toBe(1000);
    const active = await again.client.send(new DescribeActiveReceiptRuleSetCommand({}));
    expect(active.Metadata?.Name).toBe("copy");

    await again.client.send(new SetActiveReceiptRuleSetCommand({}));
    const none = await again.client.send(new DescribeActiveReceiptRuleSetCommand({}));
    expect([none.Metadata, none.Rules, again.api.activeReceiving().ruleSet]).toEqual([undefined, undefined, undefined]);
    const third = await again.restart();
    expect(third.api.activeReceiving().ruleSet).toBeUndefined();
    await third.client.send(new SetActiveReceiptRuleSetCommand({ RuleSetName: "mailweir" }));
    expect(third.api.activeReceiving().ruleSet?.name).toBe("mailweir");
    for (const RuleSetName of ["copy", "copy"])
      await third.client.send(new DeleteReceiptRuleSetCommand({ RuleSetName }));
    await expect(ruleNames(third.client, "copy")).rejects.toThrow("Rule set does not exist: copy");
  });

  test("lists and deletes filters", async () => {
    const { client } = await startSesServer();
    await client.send(
      new CreateReceiptFilterCommand({ Filter: { Name: "six", IpFilter: { Policy: "Block", Cidr: "2001:db8::/32" } } }),
    );
    const list = async () => (await client.send(new ListReceiptFiltersCommand({}))).Filters?.map(({ Name }) => Name);
    expect(await list()).toEqual(["configured-1", "six"]);
    for (const FilterName of ["six", "six"]) await client.send(new DeleteReceiptFilterCommand({ FilterName }));
    expect(await list()).toEqual(["configured-1"]);
  });

  test("verifies, lists and deletes identities", async () => {
    const { client, api } = await startSesServer();
    const { VerificationToken } = await client.send(new VerifyDomainIdentityCommand({ Domain: "shop.example" }));
    await client.send(new VerifyEmailIdentityCommand({ EmailAddress: "Me@Other.Example" }));
    expect((await client.send(new ListIdentitiesCommand({}))).Identities?.sort()).toEqual([
      "example.com",
      "me@other.example",
      "shop.example",
    ]);
    expect((await client.send(new ListIdentitiesCommand({ IdentityType: "EmailAddress" }))).Identities).toEqual([
      "me@other.example",
    ]);
    const { VerificationAttributes } = await client.send(
      new GetIdentityVerificationAttributesCommand({
        Identities: ["shop.example", "me@other.example", "unknown.example"],
      }),
    );
    expect(VerificationAttributes).toEqual({
      "shop.example": { VerificationStatus: "Success", VerificationToken },
      "me@other.example": { VerificationStatus: "Success" },
    });
    await client.send(new DeleteIdentityCommand({ Identity: "shop.example" }));
    expect(api.activeReceiving().verifiedDomains).toEqual(["example.com"]);
  });

  test("gets a setup notification in bucket and topic for a rule that is created or updated, none for a refused one", async () => {
    const { client, store } = await withSet();
    const keys = async () => (await store.ports.objects.list("shop-inbound", { limit: 10 })).map(({ key }) => key);
    const storing = (ObjectKeyPrefix: string, BucketName = "shop-inbound"): ReceiptRule => ({
      Name: "s",
      Actions: [
        { S3Action: { BucketName: "shop-inbound", ObjectKeyPrefix, TopicArn: noticeTopic } },
        { S3Action: { BucketName } },
      ],
    });
    await expect(client.send(inSet(storing("in", "other")))).rejects.toThrow("No such bucket: other");
    expect(await keys()).toEqual([]);
    await client.send(inSet(storing("in")));
    expect(await keys()).toEqual(["AMAZON_SES_SETUP_NOTIFICATION", "in/AMAZON_SES_SETUP_NOTIFICATION"]);
    await client.send(new UpdateReceiptRuleCommand({ RuleSetName: "main", Rule: storing("new/") }));
    expect(await keys()).toContain("new/AMAZON_SES_SETUP_NOTIFICATION");
    const published = store.database.read((sql) => [
      ...sql.all("SELECT body AS text FROM queue_messages"),
      ...sql.all("SELECT payload AS text FROM invocations"),
    ]);
    const announced = published.filter(({ text }) => String(text).includes("AMAZON_SES_SETUP_NOTIFICATION"));
    expect(announced.length).toBeGreaterThanOrEqual(2);
  });

  test("bounces a message of the last 24 hours, once", async () => {
    const { client, store, clock } = await startSesServer();
    const id = sesId(1);
    await store.engine.accept(acceptedMessage(id, clock.now()), {
      kind: "inline",
      bytes: Buffer.from("Subject: x\r\n\r\n"),
    });
    const bounce = (recipient: string, sender = "mailer-daemon@example.com") =>
      client.send(
        new SendBounceCommand({
          OriginalMessageId: id,
          BounceSender: sender,
          BouncedRecipientInfoList: [{ Recipient: recipient, BounceType: "DoesNotExist" }],
        }),
      );
    expect((await bounce("user@example.com")).MessageId).toBe("dsn-for-1");
    expect((await bounce("user@example.com")).MessageId).toBe("dsn-for-1");
    expect(await store.ports.outbox.list({ limit: 10 })).toHaveLength(1);
    await expect(bounce("other@example.com")).rejects.toMatchObject({ name: "MessageRejected" });
    await expect(bounce("user@example.com", "me@unverified.example")).rejects.toMatchObject({
      name: "MessageRejected",
    });
    clock.advance(86_400_001);
    await expect(bounce("user@example.com")).rejects.toMatchObject({ name: "MessageRejected" });
  });

  test("SendBounce hands over everything that the request says", async () => {
    const asked: BounceRequest[] = [];
    const { client, store, clock } = await startSesServer({
      composeBounce: async (request) => {
        asked.push(request);
        return { messageId: "dsn", to: "author@example.org", raw: new TextEncoder().encode("a DSN\r\n") };
      },
    });
    const id = sesId(1);
    await store.engine.accept(acceptedMessage(id, clock.now()), {
      kind: "inline",
      bytes: Buffer.from("Subject: x\r\n\r\n"),
    });
    const arrived = new Date("2026-08-04T09:15:02Z");
    await client.send(
      new SendBounceCommand({
        OriginalMessageId: id,
        BounceSender: "mailer-daemon@example.com",
        BounceSenderArn: "arn:aws:ses:us-east-1:111122223333:identity/example.com",
        Explanation: "Nobody here of that name.",
        MessageDsn: {
          ReportingMta: "dns; mx.example.com",
          ArrivalDate: arrived,
          ExtensionFields: [{ Name: "X-A", Value: "1" }],
        },
        BouncedRecipientInfoList: [
          {
            Recipient: "alias@example.com",
            RecipientDsnFields: {
              FinalRecipient: "user@example.com",
              Action: "failed",
              RemoteMta: "dns; in.example.com",
              Status: "5.1.1",
              DiagnosticCode: "smtp; 550 5.1.1 no",
              LastAttemptDate: arrived,
              ExtensionFields: [{ Name: "X-B", Value: "2" }],
            },
          },
        ],
      }),
    );
    expect(asked).toEqual([
      {
        originalMessageId: id,
        bounceSender: "mailer-daemon@example.com",
        explanation: "Nobody here of that name.",
        messageDsn: {
          reportingMta: "dns; mx.example.com",
          arrivalDate: arrived,
          extensionFields: [{ name: "X-A", value: "1" }],
        },
        recipients: [
          {
            recipient: "alias@example.com",
            smtpReplyCode: "550",
            statusCode: "5.1.1",
            message: "smtp; 550 5.1.1 no",
            dsn: {
              finalRecipient: "user@example.com",
              action: "failed",
              remoteMta: "dns; in.example.com",
              status: "5.1.1",
              diagnosticCode: "smtp; 550 5.1.1 no",
              lastAttemptDate: arrived,
              extensionFields: [{ name: "X-B", value: "2" }],
            },
          },
        ],
      },
    ]);
  });

  test("a bounce that would be backscatter is MessageRejected, with the reason", async () => {
    const { client, store, clock } = await startSesServer({
      composeBounce: async () => {
        throw new BounceRefusedError("x cannot be bounced: SPF");
      },
    });
    const id = sesId(1);
    await store.engine.accept(acceptedMessage(id, clock.now()), { kind: "inline", bytes: Buffer.from("a: b\r\n\r\n") });
    await expect(
      client.send(
        new SendBounceCommand({
          OriginalMessageId: id,
          BounceSender: "mailer-daemon@example.com",
          BouncedRecipientInfoList: [{ Recipient: "user@example.com", BounceType: "DoesNotExist" }],
        }),
      ),
    ).rejects.toMatchObject({ name: "MessageRejected", message: "x cannot be bounced: SPF" });
  });
});
