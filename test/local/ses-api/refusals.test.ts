import * as ses from "@aws-sdk/client-ses";
import { expect, test } from "vitest";
import { functionArn, type SesServer, startSesServer } from "./ses-server.ts";

const regex = "failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9_.-]+$";
const one = (text: string) => `1 validation error detected: Value at ${text}`;
const long = "x".repeat(65);

const rule = (Rule: Partial<ses.ReceiptRule>) =>
  new ses.CreateReceiptRuleCommand({ RuleSetName: "main", Rule: { Name: "new", ...Rule } });
const action = (...Actions: ses.ReceiptAction[]) => rule({ Actions });
const filter = (Name: string, Cidr = "10.0.0.0/8", Policy: string = "Block") =>
  new ses.CreateReceiptFilterCommand({ Filter: { Name, IpFilter: { Policy: Policy as "Block", Cidr } } });
const reorder = (...RuleNames: string[]) => new ses.ReorderReceiptRuleSetCommand({ RuleSetName: "main", RuleNames });
const bounce = (fields: Partial<ses.BounceAction>) =>
  action({ BounceAction: { SmtpReplyCode: "550", Message: "no", Sender: "me@example.com", ...fields } });
const s3 = (fields: Partial<ses.S3Action>) => action({ S3Action: { BucketName: "shop-inbound", ...fields } });
const absent = undefined as unknown as string;

// biome-ignore lint/suspicious/noExplicitAny: commands of every type are sent
type AnyCommand = any;
type Row = readonly [string, AnyCommand, string, string, Readonly<Record<string, string>>?];
const rows: readonly Row[] = [
  [
    "a character that no name has",
    new ses.CreateReceiptRuleSetCommand({ RuleSetName: "a b" }),
    "ValidationError",
    one(`'ruleSetName' ${regex}`),
  ],
  [
    "an empty name",
    new ses.CreateReceiptRuleSetCommand({ RuleSetName: "" }),
    "ValidationError",
    `2 validation errors detected: Value at 'ruleSetName' failed to satisfy constraint: Member must have length greater than or equal to 1; Value at 'ruleSetName' ${regex}`,
  ],
  [
    "no name",
    new ses.CreateReceiptRuleSetCommand({ RuleSetName: absent }),
    "ValidationError",
    one("'ruleSetName' failed to satisfy constraint: Member must not be null"),
  ],
  [
    "a name of 65 characters",
    new ses.CreateReceiptRuleSetCommand({ RuleSetName: long }),
    "InvalidParameterValue",
    `Not a valid ruleSetName: ${long}`,
  ],
  [
    "a set name that begins with a hyphen",
    new ses.CreateReceiptRuleSetCommand({ RuleSetName: "-a" }),
    "InvalidParameterValue",
    "Not a valid ruleSetName: -a",
  ],
  ["a rule name that ends with a dot", rule({ Name: "a." }), "InvalidParameterValue", "Not a valid ruleName: a."],
  [
    "a set that exists",
    new ses.CreateReceiptRuleSetCommand({ RuleSetName: "main" }),
    "AlreadyExistsException",
    "Rule set already exists: main",
    { Name: "main" },
  ],
  [
    "the configured set's name",
    new ses.CreateReceiptRuleSetCommand({ RuleSetName: "mailweir" }),
    "AlreadyExistsException",
    "Rule set already exists: mailweir",
    { Name: "mailweir" },
  ],
  [
    "a clone into an existing set, before its missing source",
    new ses.CloneReceiptRuleSetCommand({ RuleSetName: "main", OriginalRuleSetName: "none" }),
    "AlreadyExistsException",
    "Rule set already exists: main",
  ],
  [
    "a clone of a missing set",
    new ses.CloneReceiptRuleSetCommand({ RuleSetName: "b", OriginalRuleSetName: "none" }),
    "RuleSetDoesNotExistException",
    "Rule set does not exist: none",
    { Name: "none" },
  ],
  [
    "a rule that exists, before its missing After",
    new ses.CreateReceiptRuleCommand({ RuleSetName: "main", Rule: { Name: "r1" }, After: "none" }),
    "AlreadyExistsException",
    "Rule already exists: r1",
    { Name: "r1" },
  ],
  [
    "a missing After",
    new ses.CreateReceiptRuleCommand({ RuleSetName: "main", Rule: { Name: "new" }, After: "none" }),
    "RuleDoesNotExistException",
    "Rule does not exist: none",
    { Name: "none" },
  ],
  [
    "a rule in a missing set",
    new ses.CreateReceiptRuleCommand({ RuleSetName: "none", Rule: { Name: "a" } }),
    "RuleSetDoesNotExistException",
    "Rule set does not exist: none",
    { Name: "none" },
  ],
  [
    "a bad rule, before its missing set",
    new ses.CreateReceiptRuleCommand({ RuleSetName: "none", Rule: { Name: "a", Recipients: ["a b"] } }),
    "InvalidParameterValue",
    "Invalid recipient: a b",
  ],
  [
    "faults of set and rule, in one message",
    new ses.CreateReceiptRuleCommand({ RuleSetName: "a b", Rule: { Name: "a", TlsPolicy: "Never" as "Require" } }),
    "ValidationError",
    `2 validation errors detected: Value at 'ruleSetName' ${regex}; Value at 'rule.tlsPolicy' failed to satisfy constraint: Member must satisfy enum value set: [Optional, Require]`,
  ],
  [
    "an update of a missing rule",
    new ses.UpdateReceiptRuleCommand({ RuleSetName: "main", Rule: { Name: "none" } }),
    "RuleDoesNotExistException",
    "Rule does not exist: none",
    { Name: "none" },
  ],
  [
    "a description of a missing rule",
    new ses.DescribeReceiptRuleCommand({ RuleSetName: "main", RuleName: "none" }),
    "RuleDoesNotExistException",
    "Rule does not exist: none",
    { Name: "none" },
  ],
  [
    "the position of a missing rule",
    new ses.SetReceiptRulePositionCommand({ RuleSetName: "main", RuleName: "none" }),
    "RuleDoesNotExistException",
    "Rule does not exist: none",
  ],
  [
    "the deletion of a rule of a missing set",
    new ses.DeleteReceiptRuleCommand({ RuleSetName: "none", RuleName: "a" }),
    "RuleSetDoesNotExistException",
    "Rule set does not exist: none",
  ],
  [
    "the activation of a missing set",
    new ses.SetActiveReceiptRuleSetCommand({ RuleSetName: "none" }),
    "RuleSetDoesNotExistException",
    "Rule set does not exist: none",
  ],
  [
    "the deletion of the active set",
    new ses.DeleteReceiptRuleSetCommand({ RuleSetName: "mailweir" }),
    "CannotDeleteException",
    "Cannot delete active rule set: mailweir",
    { Name: "mailweir" },
  ],
  [
    "an unknown page",
    new ses.ListReceiptRuleSetsCommand({ NextToken: "x" }),
    "InvalidParameterValue",
    "Invalid token: x",
  ],
  [
    "a reorder with a rule twice",
    reorder("r1", "r2", "r1"),
    "InvalidParameterValue",
    "Multiple positions found for rule: r1",
  ],
  [
    "a reorder without all rules, in set order",
    reorder("r2"),
    "InvalidParameterValue",
    "Positions for rules not found: r3, r1",
  ],
  [
    "a reorder with unknown rules",
    reorder("x", "y"),
    "RuleDoesNotExistException",
    "Rule does not exist: x",
    { Name: "x" },
  ],
  [
    "501 recipients, before their syntax",
    rule({ Recipients: Array<string>(501).fill("a b") }),
    "LimitExceededException",
    "Too many recipients",
  ],
  [
    "11 actions",
    action(...Array.from({ length: 11 }, () => ({ AddHeaderAction: { HeaderName: "X-A", HeaderValue: "b" } }))),
    "LimitExceededException",
    "Too many actions",
  ],
  [
    "two actions in one",
    action({
      StopAction: { Scope: "RuleSet" },
      AddHeaderAction: { HeaderName: "X-A", HeaderValue: "b" },
    } as unknown as ses.ReceiptAction),
    "InvalidParameterValue",
    "Exactly one action type must be specified for each ReceiptAction",
  ],
  [
    "an unknown encoding",
    action({ SNSAction: { TopicArn: "x", Encoding: "x" as "UTF-8" } }),
    "ValidationError",
    one(
      "'rule.actions.1.member.sNSAction.encoding' failed to satisfy constraint: Member must satisfy enum value set: [Base64, UTF-8]",
    ),
  ],
  [
    "an unknown invocation type",
    action({ LambdaAction: { FunctionArn: functionArn, InvocationType: "x" as "Event" } }),
    "ValidationError",
    one(
      "'rule.actions.1.member.lambdaAction.invocationType' failed to satisfy constraint: Member must satisfy enum value set: [RequestResponse, Event]",
    ),
  ],
  [
    "an unknown scope",
    action({ StopAction: { Scope: "x" as "RuleSet" } }),
    "ValidationError",
    one(
      "'rule.actions.1.member.stopAction.scope' failed to satisfy constraint: Member must satisfy enum value set: [RuleSet]",
    ),
  ],
  [
    "a bounce of which only the topic is given",
    action({ BounceAction: { TopicArn: "x" } as ses.BounceAction }),
    "ValidationError",
    `3 validation errors detected: ${["smtpReplyCode", "sender", "message"].map((name) => `Value at 'rule.actions.1.member.bounceAction.${name}' failed to satisfy constraint: Member must not be null`).join("; ")}`,
  ],
  ["a bad reply code", bounce({ SmtpReplyCode: "999" }), "InvalidParameterValue", "Invalid SMTP reply code: 999"],
  [
    "a sender that is not verified",
    bounce({ Sender: "me@other.example" }),
    "InvalidParameterValue",
    "Identity is not verified: me@other.example",
  ],
  [
    "a header name with a space",
    action({ AddHeaderAction: { HeaderName: "X bad", HeaderValue: "b" } }),
    "InvalidParameterValue",
    "Invalid header name: X bad",
  ],
  [
    "a header value with a line end",
    action({ AddHeaderAction: { HeaderName: "X-A", HeaderValue: "a\nb" } }),
    "InvalidParameterValue",
    "Invalid header value: a0x000ab",
  ],
  ["an empty bucket name", s3({ BucketName: "" }), "InvalidParameterValue", "Bucket name must not be empty"],
  [
    "an unknown bucket",
    s3({ BucketName: "other" }),
    "InvalidS3ConfigurationException",
    "No such bucket: other",
    { Bucket: "other" },
  ],
  [
    "an unknown key",
    s3({ KmsKeyArn: "arn:aws:kms:us-east-1:000000000000:key/x" }),
    "InvalidS3ConfigurationException",
    "Unable to use AWS KMS key: arn:aws:kms:us-east-1:000000000000:key/x",
    { Bucket: "shop-inbound" },
  ],
  ["a malformed topic", s3({ TopicArn: "x" }), "InvalidSnsTopicException", "Invalid SNS topic: x", { Topic: "x" }],
  [
    "an unknown topic",
    s3({ TopicArn: "arn:aws:sns:us-east-1:000000000000:x" }),
    "InvalidSnsTopicException",
    "Could not publish to SNS topic: arn:aws:sns:us-east-1:000000000000:x",
    { Topic: "arn:aws:sns:us-east-1:000000000000:x" },
  ],
  [
    "a malformed function",
    action({ LambdaAction: { FunctionArn: "x" } }),
    "InvalidLambdaFunctionException",
    "Invalid Lambda function: x",
    { FunctionArn: "x" },
  ],
  [
    "an unknown function",
    action({ LambdaAction: { FunctionArn: `${functionArn}s` } }),
    "InvalidLambdaFunctionException",
    `Could not invoke Lambda function: ${functionArn}s`,
    { FunctionArn: `${functionArn}s` },
  ],
  ["a filter's bad name", filter("a b"), "InvalidParameterValue", "Not a valid filterName: a b"],
  ["a filter's empty name", filter(""), "InvalidParameterValue", "filterName must not be empty"],
  ["a filter that exists", filter("f"), "AlreadyExistsException", "Filter already exists: f", { Name: "f" }],
  [
    "a filter's unknown policy",
    filter("g", "10.0.0.1", "x"),
    "ValidationError",
    one("'filter.ipFilter.policy' failed to satisfy constraint: Member must satisfy enum value set: [Allow, Block]"),
  ],
  ["a bad CIDR block", filter("g", "10.0.0.0/33"), "InvalidParameterValue", "Invalid CIDR block: 10.0.0.0/33"],
  [
    "the deletion of a filter without a name",
    new ses.DeleteReceiptFilterCommand({ FilterName: absent }),
    "ValidationError",
    one("'filterName' failed to satisfy constraint: Member must not be null"),
  ],
  [
    "a change of the configured set",
    new ses.CreateReceiptRuleCommand({ RuleSetName: "mailweir", Rule: { Name: "a" } }),
    "AccessDenied",
    "The rule set mailweir comes from the configuration: change it there, or clone it and change the clone",
  ],
  [
    "a bounce without type or fields",
    new ses.SendBounceCommand({
      OriginalMessageId: "x",
      BounceSender: "me@example.com",
      BouncedRecipientInfoList: [{ Recipient: "a@example.com" }],
    }),
    "InvalidParameterValue",
    "Either BounceType or RecipientDsnFields must be specified for recipient: a@example.com",
  ],
  [
    "a Connect action without its role",
    rule({
      Name: "a",
      Actions: [
        { ConnectAction: { InstanceARN: "arn:aws:connect:us-east-1:111122223333:instance/a", IAMRoleARN: absent } },
      ],
    }),
    "ValidationError",
    one("'rule.actions.1.member.connectAction.iAMRoleARN' failed to satisfy constraint: Member must not be null"),
  ],
  [
    "a Connect instance that is none",
    rule({
      Name: "a",
      Actions: [
        { ConnectAction: { InstanceARN: "arn:aws:ses:x", IAMRoleARN: "arn:aws:iam::111122223333:role/connect" } },
      ],
    }),
    "InvalidParameterValue",
    "Invalid Connect instance ARN: arn:aws:ses:x",
  ],
  [
    "a Connect role that is none",
    rule({
      Name: "a",
      Actions: [
        { ConnectAction: { InstanceARN: "arn:aws:connect:us-east-1:111122223333:instance/a", IAMRoleARN: "connect" } },
      ],
    }),
    "InvalidParameterValue",
    "Could not assume the provided IAM role",
  ],
  ...bounceRows(),
  [
    "a bounce of an unknown message",
    new ses.SendBounceCommand({
      OriginalMessageId: "x",
      BounceSender: "me@example.com",
      BouncedRecipientInfoList: [{ Recipient: "a@example.com", BounceType: "Undefined" }],
    }),
    "MessageRejected",
    "No message x was received within 24 hours",
  ],
];

test.for(rows)("refuses %s", async ([, command, name, message, members = {}]) => {
  const { client } = await prepared();
  await expect(client.send(command)).rejects.toMatchObject({ name, message, ...members });
});

test("refuses the 41st set, the 201st rule and the 101st filter", async () => {
  const { client } = await prepared();
  for (let n = 1; n < 40; n++) await client.send(new ses.CreateReceiptRuleSetCommand({ RuleSetName: `s${n}` }));
  for (let n = 3; n < 200; n++) await client.send(rule({ Name: `n${n}` }));
  for (let n = 1; n < 100; n++) await client.send(filter(`f${n}`));
  const limit = { name: "LimitExceededException" };
  await expect(client.send(new ses.CreateReceiptRuleSetCommand({ RuleSetName: "s40" }))).rejects.toMatchObject(limit);
  await expect(client.send(rule({}))).rejects.toMatchObject({ ...limit, message: "Too many rules" });
  await expect(client.send(filter("f100"))).rejects.toMatchObject({ ...limit, message: "Too many filters" });
});

async function prepared(): Promise<SesServer> {
  const server = await startSesServer();
  await server.client.send(new ses.CreateReceiptRuleSetCommand({ RuleSetName: "main" }));
  // Each goes to the front: r3, r2, r1.
  for (const Name of ["r1", "r2", "r3"]) await server.client.send(rule({ Name }));
  await server.client.send(filter("f"));
  return server;
}

/** Each wrong in one member; the message that it names does not exist, which is looked up only then. */
function bounceRows(): Row[] {
  const good: ses.SendBounceCommandInput = {
    OriginalMessageId: "x",
    BounceSender: "me@example.com",
    BouncedRecipientInfoList: [{ Recipient: "a@example.com", BounceType: "Undefined" }],
  };
  const fields = (more: Partial<ses.RecipientDsnFields>): Partial<ses.SendBounceCommandInput> => ({
    BouncedRecipientInfoList: [
      { Recipient: "a@example.com", RecipientDsnFields: { Action: "failed", Status: "5.1.1", ...more } },
    ],
  });
  const wrong = (what: string, more: Partial<ses.SendBounceCommandInput>, code: string, message: string): Row => [
    `a bounce with ${what}`,
    new ses.SendBounceCommand({ ...good, ...more }),
    code,
    message,
  ];
  const parameter = "InvalidParameterValue";
  return [
    wrong(
      "no original and no sender",
      { OriginalMessageId: absent, BounceSender: absent },
      "ValidationError",
      "2 validation errors detected: Value at 'originalMessageId' failed to satisfy constraint: Member must not be null; Value at 'bounceSender' failed to satisfy constraint: Member must not be null",
    ),
    wrong(
      "an unknown type",
      { BouncedRecipientInfoList: [{ Recipient: "a@example.com", BounceType: "Other" as ses.BounceType }] },
      "ValidationError",
      one(
        "'bouncedRecipientInfoList.1.member.bounceType' failed to satisfy constraint: Member must satisfy enum value set: [DoesNotExist, MessageTooLarge, ExceededQuota, ContentRejected, Undefined, TemporaryFailure]",
      ),
    ),
    wrong(
      "an unknown action",
      fields({ Action: "lost" as ses.DsnAction }),
      "ValidationError",
      one(
        "'bouncedRecipientInfoList.1.member.recipientDsnFields.action' failed to satisfy constraint: Member must satisfy enum value set: [failed, delayed, delivered, relayed, expanded]",
      ),
    ),
    wrong(
      "no reporting MTA",
      { MessageDsn: { ReportingMta: absent, ArrivalDate: new Date(0) } },
      "ValidationError",
      one("'messageDsn.reportingMta' failed to satisfy constraint: Member must not be null"),
    ),
    wrong(
      "an extension field without a value",
      { MessageDsn: { ReportingMta: "dns; a", ExtensionFields: [{ Name: "X-A", Value: absent }] } },
      "ValidationError",
      one("'messageDsn.extensionFields.1.member.value' failed to satisfy constraint: Member must not be null"),
    ),
    wrong("no recipient", { BouncedRecipientInfoList: [] }, parameter, "BouncedRecipientInfoList must not be empty"),
    wrong(
      "a recipient that is no address",
      { BouncedRecipientInfoList: [{ Recipient: "a", BounceType: "Undefined" }] },
      parameter,
      "Invalid recipient: a",
    ),
    wrong("a status that is none", fields({ Status: "3.1.1" }), parameter, "Invalid DSN status: 3.1.1"),
    wrong(
      "a final recipient with its type",
      fields({ FinalRecipient: "rfc822; a@example.com" }),
      parameter,
      "Invalid final recipient: rfc822; a@example.com",
    ),
    wrong("a remote MTA on two lines", fields({ RemoteMta: "dns; a\nX: y" }), parameter, "Invalid remote MTA"),
    wrong("no words in its diagnosis", fields({ DiagnosticCode: "" }), parameter, "Invalid DSN diagnostic code"),
    wrong(
      "an extension's name of 51 letters",
      fields({ ExtensionFields: [{ Name: "a".repeat(51), Value: "x" }] }),
      parameter,
      `Invalid extension field name: ${"a".repeat(51)}`,
    ),
    wrong(
      "an extension's value with a line end",
      { MessageDsn: { ReportingMta: "dns; a", ExtensionFields: [{ Name: "X-A", Value: "a\r\nb" }] } },
      parameter,
      "Invalid extension field value for X-A",
    ),
  ];
}
