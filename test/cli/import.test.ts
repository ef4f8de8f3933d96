import { readFile, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { SetActiveReceiptRuleSetCommand } from "@aws-sdk/client-ses";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { loadConfig } from "../../shared/config/load-config.ts";
import { activateRuleSet, functionModule, runEngine, temporaryFolder } from "../local/ses-api/running-engine.ts";
import { rule, store } from "../shared/receipt/rule-sets.ts";
import { callCli } from "./run-cli.ts";

beforeEach(() => {
  for (const name of [
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
  ]) {
    vi.stubEnv(name, undefined);
  }
  vi.stubEnv("AWS_CONFIG_FILE", "/nowhere/config");
  vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere/credentials");
  vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
});

function haveCredentials(): void {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
}

/** Something that answers every call of SES the same. */
async function answering(listener: RequestListener): Promise<string[]> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return ["--region", "us-east-1", "--endpoint-url", `http://127.0.0.1:${(server.address() as AddressInfo).port}`];
}

const errorOf =
  (code: string, message: string, status = 400): RequestListener =>
  (_, response) => {
    response.writeHead(status, { "content-type": "text/xml" });
    response.end(
      `<ErrorResponse xmlns="http://ses.amazonaws.com/doc/2010-12-01/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>1</RequestId></ErrorResponse>`,
    );
  };

test("into a file, with a stub for each function; what is there is not overwritten", async () => {
  haveCredentials();
  const folder = await temporaryFolder();
  const functions = { tag: await functionModule(folder, "tag", null) };
  const { engine, client } = await runEngine(
    { domains: ["example.com"], streams: { personal: { recipients: ["example.com"] } }, local: { functions } },
    folder,
  );
  const functionArn = "arn:aws:lambda:us-east-1:111122223333:function:tag";
  const kept = { ...store, bucketName: "mailweir-mail" };
  await activateRuleSet(client, {
    name: "main",
    rules: [rule("one", { actions: [kept, { type: "Lambda", functionArn, invocationType: "RequestResponse" }] })],
  });
  const out = join(folder, "new", "mailweir.config.ts");
  const args = ["import", "--from-aws", "--region", "us-east-1", "--endpoint-url", engine.http, "--out", out];
  const first = await callCli(args);
  expect(first).toMatchObject({ exit: 0, stderr: "" });
  expect(first.stdout).toContain('Rule set "main" in us-east-1: 1 rule, 0 IP filters, 1 domain\n');
  expect(first.stdout).toContain(`wrote ${join(folder, "new/local-functions/tag.mjs")}`);
  expect((await loadConfig(out)).local.functions).toEqual({ tag: "./local-functions/tag.mjs" });
  const stub = join(folder, "new/local-functions/tag.mjs");
  expect(await (await import(stub)).handler()).toEqual({ disposition: "CONTINUE" });

  await writeFile(stub, "// mine\n");
  const second = await callCli(args);
  expect(second.exit).toBe(1);
  expect(second.stderr).toContain(`${out} exists already`);
  const third = await callCli([...args, "--force", "--json"]);
  expect(third.exit).toBe(0);
  expect(JSON.parse(third.stdout)).toMatchObject({
    region: "us-east-1",
    ruleSet: "main",
    activeName: "main",
    ruleSetNames: ["mailweir", "main"].sort(),
    functions: [{ arn: functionArn, key: "tag" }],
    written: [out],
  });
  expect(await readFile(stub, "utf8")).toBe("// mine\n");

  // Another set than the active one, and none active.
  await client.send(new SetActiveReceiptRuleSetCommand({}));
  const none = await callCli(["import", "--from-aws", "--region", "us-east-1", "--endpoint-url", engine.http]);
  expect(none.exit).toBe(1);
  expect(none.stderr).toContain("No receipt rule set is active in us-east-1");
  const named = await callCli([...args.slice(0, -2), "--rule-set", "main"]);
  expect(named.exit).toBe(0);
  expect(named.stdout).toContain('ruleSet: {\n    name: "main"');
  expect(named.stderr).toContain("No set is active in the account.");
  const absent = await callCli([...args.slice(0, -2), "--rule-set", "absent"]);
  expect(absent).toMatchObject({
    exit: 1,
    stderr: expect.stringContaining("Rule set does not exist: absent: name one that exists with --rule-set"),
  });
});

test.for<[string, () => Promise<string[]> | string[], number, string]>([
  ["no source", () => [], 2, "required option '--from-aws'"],
  ["no credentials", () => ["--from-aws", "--region", "us-east-1"], 1, "No AWS credentials were found"],
  [
    "no region",
    () => {
      haveCredentials();
      return ["--from-aws"];
    },
    1,
    "No region is set: name one with --region",
  ],
  [
    "a region without receiving",
    () => {
      haveCredentials();
      return ["--from-aws", "--region", "us-gov-west-1"];
    },
    1,
    "SES does not receive mail in us-gov-west-1",
  ],
  [
    "denied",
    async () => {
      haveCredentials();
      return ["--from-aws", ...(await answering(errorOf("AccessDenied", "User is not authorized", 403)))];
    },
    1,
    "The credentials may not call ses:DescribeActiveReceiptRuleSet: allow it to them",
  ],
  [
    "credentials that AWS does not know",
    async () => {
      haveCredentials();
      return [
        "--from-aws",
        ...(await answering(errorOf("InvalidClientTokenId", "The security token is invalid", 403))),
      ];
    },
    1,
    "AWS does not accept the credentials (InvalidClientTokenId)",
  ],
  [
    "nobody there",
    () => {
      haveCredentials();
      return ["--from-aws", "--region", "us-east-1", "--endpoint-url", "http://127.0.0.1:1"];
    },
    1,
    "SES could not be reached (ECONNREFUSED)",
  ],
])("%s: told in a sentence, without a stack", async ([, args, exit, text]) => {
  const result = await callCli(["import", ...(await args())]);
  expect(result.exit).toBe(exit);
  expect(result.stderr).toContain(text);
  expect(result.stderr).not.toMatch(/\n\s+at /);
});
