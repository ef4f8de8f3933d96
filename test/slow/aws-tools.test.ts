import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { CreateRoleCommand, IAMClient } from "@aws-sdk/client-iam";
import { CreateKeyCommand, KMSClient } from "@aws-sdk/client-kms";
import { AddPermissionCommand, CreateFunctionCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { CreateBucketCommand, PutBucketPolicyCommand, S3Client } from "@aws-sdk/client-s3";
import { SetActiveReceiptRuleSetCommand, VerifyDomainIdentityCommand } from "@aws-sdk/client-ses";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { importAccount } from "../../cli/import-account.ts";
import { loadConfig } from "../../shared/config/load-config.ts";
import type { ReceiptRule } from "../../shared/receipt/model.ts";
import { callCli } from "../cli/run-cli.ts";
import { actionsOf, clientFor, createRuleSet, runEngine, temporaryFolder } from "../local/ses-api/running-engine.ts";
import { rule } from "../shared/receipt/rule-sets.ts";
import { pythonTool, startMoto } from "./python-tools.ts";

const aws = pythonTool("aws");
const motoServer = pythonTool("moto_server");
const missing = "run .ci/run: it installs awscli and moto";

beforeEach(() => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
  vi.stubEnv("AWS_REGION", "us-east-1");
  vi.stubEnv("AWS_DEFAULT_REGION", "us-east-1");
  vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
});

test("the aws command line makes, orders, clones and activates rule sets, and mail follows", async (context) => {
  if (!aws) return context.skip(missing);
  const { engine, send } = await runEngine({
    domains: ["example.com"],
    streams: { personal: { recipients: ["example.com"] } },
  });
  const ses = async (...args: string[]): Promise<unknown> => {
    const child = spawn(aws, ["--endpoint-url", engine.http, "--output", "json", "ses", ...args]);
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    if (child.exitCode === null) await once(child, "exit");
    if (child.exitCode !== 0) throw new Error(stderr.trim());
    return stdout.trim() === "" ? {} : JSON.parse(stdout);
  };
  const set = ["--rule-set-name", "cli"];
  const ruleOf = (Name: string, Recipients: string[], ...Actions: object[]) =>
    JSON.stringify({ Name, Enabled: true, ScanEnabled: true, Recipients, Actions });
  const store = { S3Action: { BucketName: "mailweir-mail", ObjectKeyPrefix: "cli/" } };
  const stop = { StopAction: { Scope: "RuleSet" } };

  await ses("create-receipt-rule-set", ...set);
  await ses("create-receipt-rule", ...set, "--rule", ruleOf("first", ["Ann@Example.com"], store, stop));
  const header = { AddHeaderAction: { HeaderName: "X-Cli", HeaderValue: "yes & <no>" } };
  await ses("create-receipt-rule", ...set, "--after", "first", "--rule", ruleOf("second", [], header, store));
  await expect(ses("create-receipt-rule", ...set, "--rule", ruleOf("first", []))).rejects.toThrow(
    "An error occurred (AlreadyExists) when calling the CreateReceiptRule operation: Rule already exists: first",
  );
  expect(await ses("describe-receipt-rule", ...set, "--rule-name", "first")).toEqual({
    Rule: {
      Name: "first",
      Enabled: true,
      TlsPolicy: "Optional",
      ScanEnabled: true,
      Recipients: ["ann@example.com"],
      Actions: [store, stop],
    },
  });
  await ses("set-active-receipt-rule-set", ...set);
  const ran = async () => actionsOf(engine, (await send({ to: ["ann@example.com"] })).id as never);
  expect(await ran()).toEqual(["first.0 S3 done", "first.1 Stop done"]);

  await ses("reorder-receipt-rule-set", ...set, "--rule-names", "second", "first");
  expect(await ran()).toEqual(["second.0 AddHeader done", "second.1 S3 done", "first.0 S3 done", "first.1 Stop done"]);
  await ses("set-receipt-rule-position", ...set, "--rule-name", "first");
  expect(await ran()).toEqual(["first.0 S3 done", "first.1 Stop done"]);

  await ses("clone-receipt-rule-set", "--rule-set-name", "copy", "--original-rule-set-name", "cli");
  await ses("delete-receipt-rule", "--rule-set-name", "copy", "--rule-name", "first");
  await ses("set-active-receipt-rule-set", "--rule-set-name", "copy");
  expect(await ran()).toEqual(["second.0 AddHeader done", "second.1 S3 done"]);
  expect(await ses("describe-active-receipt-rule-set")).toMatchObject({
    Metadata: { Name: "copy" },
    Rules: [{ Name: "second" }],
  });

  await ses("create-receipt-filter", "--filter", "Name=here,IpFilter={Policy=Block,Cidr=127.0.0.0/8}");
  expect((await send({ to: ["ann@example.com"] })).refused).toEqual([
    "ann@example.com 550 5.7.1 IP address blacklisted by recipient",
  ]);
  expect(await ses("list-receipt-filters")).toEqual({
    Filters: [{ Name: "here", IpFilter: { Policy: "Block", Cidr: "127.0.0.0/8" } }],
  });
  await ses("delete-receipt-filter", "--filter-name", "here");

  await expect(ses("delete-receipt-rule-set", "--rule-set-name", "copy")).rejects.toThrow("(CannotDelete)");
  await ses("set-active-receipt-rule-set");
  expect((await send({ to: ["ann@example.com"] })).refused).toHaveLength(1);
  await ses("set-active-receipt-rule-set", "--rule-set-name", "mailweir");
  await ses("delete-receipt-rule-set", "--rule-set-name", "copy");
  await ses("delete-receipt-rule-set", ...set);
  expect(await ran()).toEqual(["store.0 S3 done", "store.1 Lambda done"]);
  expect(await ses("list-receipt-rule-sets")).toMatchObject({ RuleSets: [{ Name: "mailweir" }] });
});

test("an account of moto's is imported: rules, domains, and what its policies say", async (context) => {
  if (!motoServer) return context.skip(missing);
  const moto = await startMoto(motoServer);
  onTestFinished(() => moto.stop());
  const shared = { endpoint: moto.endpoint, region: "us-east-1" };
  const [s3, sns, lambda, iam, kms] = [
    new S3Client({ ...shared, forcePathStyle: true }),
    new SNSClient(shared),
    new LambdaClient(shared),
    new IAMClient(shared),
    new KMSClient(shared),
  ];
  const ses = clientFor(moto.endpoint);
  onTestFinished(() => {
    for (const client of [s3, sns, lambda, iam, kms, ses]) client.destroy();
  });

  await s3.send(new CreateBucketCommand({ Bucket: "shop-inbound" }));
  await s3.send(
    new PutBucketPolicyCommand({
      Bucket: "shop-inbound",
      Policy: JSON.stringify({
        Version: "2012-10-17",
        Statement: [
          {
            Effect: "Allow",
            Principal: { Service: "ses.amazonaws.com" },
            Action: "s3:PutObject",
            Resource: "arn:aws:s3:::shop-inbound/*",
            Condition: {
              StringEquals: {
                "AWS:SourceAccount": "123456789012",
                "AWS:SourceArn": "arn:aws:ses:us-east-1:123456789012:receipt-rule-set/main:receipt-rule/store",
              },
            },
          },
        ],
      }),
    }),
  );
  await s3.send(new CreateBucketCommand({ Bucket: "shut" }));
  const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: "inbound" }));
  await sns.send(
    new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: "arn:aws:sqs:us-east-1:123456789012:orders" }),
  );
  const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
  const kmsKeyArn = KeyMetadata?.Arn ?? "";
  const { Role } = await iam.send(new CreateRoleCommand({ RoleName: "lambda", AssumeRolePolicyDocument: "{}" }));
  const make = async (FunctionName: string) => {
    const made = await lambda.send(
      new CreateFunctionCommand({
        FunctionName,
        Runtime: "nodejs24.x",
        Role: Role?.Arn ?? "",
        Handler: "index.handler",
        Code: { ZipFile: emptyZip },
      }),
    );
    return made.FunctionArn ?? "";
  };
  const classify = await make("classify");
  const lonely = await make("lonely");
  await lambda.send(
    new AddPermissionCommand({
      FunctionName: "classify",
      StatementId: "ses",
      Action: "lambda:InvokeFunction",
      Principal: "ses.amazonaws.com",
      SourceAccount: "123456789012",
    }),
  );
  const rules: ReceiptRule[] = [
    rule("store", {
      scanEnabled: true,
      recipients: ["orders@shop.example", "shop.example"],
      actions: [
        { type: "S3", bucketName: "shop-inbound", objectKeyPrefix: "in/", topicArn: TopicArn, kmsKeyArn },
        { type: "Lambda", functionArn: classify, invocationType: "RequestResponse" },
      ],
    }),
    rule("rest", {
      tlsPolicy: "Require",
      recipients: [".shop.example"],
      actions: [
        { type: "Lambda", functionArn: lonely, invocationType: "Event" },
        { type: "S3", bucketName: "shut" },
        { type: "Stop", scope: "RuleSet" },
      ],
    }),
  ];
  await createRuleSet(ses, { name: "main", rules });
  await createRuleSet(ses, { name: "old", rules: [] });
  await ses.send(new VerifyDomainIdentityCommand({ Domain: "shop.example" }));

  const folder = await temporaryFolder();
  const out = join(folder, "mailweir.config.ts");
  const none = await callCli(["import", "--from-aws", "--endpoint-url", moto.endpoint, "--out", out]);
  expect(none.stderr).toContain("No receipt rule set is active in us-east-1");
  expect(none.stderr).toContain("--rule-set: main, old");
  await ses.send(new SetActiveReceiptRuleSetCommand({ RuleSetName: "main" }));

  const { account, gaps } = await importAccount({ endpointUrl: moto.endpoint, out });
  expect((await loadConfig(out)).ruleSet.rules).toEqual(rules);
  expect((await loadConfig(out)).domains).toEqual(["shop.example"]);
  expect(account).toMatchObject({
    accountId: "123456789012",
    buckets: {
      "shop-inbound": { kind: "found", region: "us-east-1", allowsSes: "yes", locksByDefault: false },
      shut: { kind: "found", allowsSes: "no" },
    },
    keys: { [kmsKeyArn]: { kind: "found", enabled: true, allowsSes: "no" } },
    topics: { [TopicArn]: { kind: "found", allowsSes: "yes", subscriptions: [{ protocol: "sqs" }] } },
    functions: { [classify]: { kind: "found", allowsSes: "yes" }, [lonely]: { kind: "found", allowsSes: "no" } },
  });
  expect(gaps.map(({ code, at }) => `${code} ${at}`)).toEqual([
    'other-rule-set rule set "old"',
    `function ${classify}`,
    `function ${lonely}`,
    `topic ${TopicArn}`,
    "bucket shop-inbound",
    `key ${kmsKeyArn}`,
    "bucket shut",
    "not-readable IP filters",
  ]);
});

/** A zip archive with nothing in it. */
const emptyZip = Buffer.from(`504b0506${"00".repeat(18)}`, "hex");
