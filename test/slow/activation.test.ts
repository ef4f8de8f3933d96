import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import {
  CreateReceiptRuleSetCommand,
  DeleteReceiptRuleSetCommand,
  DescribeActiveReceiptRuleSetCommand,
  SESClient,
  SetActiveReceiptRuleSetCommand,
} from "@aws-sdk/client-ses";
import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildFunctions } from "../../infra/build.ts";
import { type Emulator, pythonProgram, startMoto } from "./moto.ts";

const motoServer = pythonProgram("moto_server");

// The bundle that Lambda gets, against an independent SES, answering an address as CloudFormation's.
describe.skipIf(!motoServer)("the active rule set, in moto (skipped without .ci/python-packages)", () => {
  let moto: Emulator;
  let folder: string;
  let answers: Server;
  const heard: { readonly contentType: string | undefined; readonly body: Record<string, unknown> }[] = [];
  let failures = 0;
  let handler: (event: unknown, context: unknown) => Promise<void>;
  let ses: SESClient;

  beforeAll(async () => {
    moto = await startMoto(motoServer ?? "");
    folder = await mkdtemp(join(tmpdir(), "mailweir-activation-"));
    answers = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        if (failures > 0) {
          failures--;
          response.writeHead(503).end();
          return;
        }
        heard.push({
          contentType: request.headers["content-type"],
          body: JSON.parse(Buffer.concat(chunks).toString("utf8")),
        });
        response.end();
      });
    }).listen(0, "127.0.0.1");
    const configFile = fileURLToPath(new URL("../../mailweir.config.ts", import.meta.url));
    await buildFunctions(["activate"], { configFile, stage: "prod", out: join(folder, "dist") });
    const environment = {
      AWS_ENDPOINT_URL: moto.endpoint,
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
      AWS_LAMBDA_FUNCTION_NAME: "mailweir-prod-activate",
    };
    Object.assign(process.env, environment);
    ({ handler } = await import(pathToFileURL(join(folder, "dist/activate/index.mjs")).href));
    ses = new SESClient({ endpoint: moto.endpoint, region: "us-east-1" });
    for (const name of ["company", "mailweir-prod", "mailweir-dev"]) {
      await ses.send(new CreateReceiptRuleSetCommand({ RuleSetName: name }));
    }
  });
  afterAll(async () => {
    answers?.close();
    await moto?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const active = async () => (await ses.send(new DescribeActiveReceiptRuleSetCommand({}))).Metadata?.Name;
  const parameter = "/mailweir/prod/previous-rule-set";

  async function ask(RequestType: string, properties: object = {}, more: object = {}) {
    const { port } = answers.address() as AddressInfo;
    await handler(
      {
        RequestType,
        ResponseURL: `http://127.0.0.1:${port}/answer?X-Amz-Signature=1`,
        StackId: "stack",
        RequestId: RequestType,
        LogicalResourceId: "Activation",
        ...(RequestType !== "Create" && { PhysicalResourceId: "mailweir-prod" }),
        ResourceProperties: {
          ServiceToken: "arn",
          RuleSetName: "mailweir-prod",
          Activate: "true",
          TakeOver: "false",
          PreviousParameter: parameter,
          ...properties,
        },
        ...more,
      },
      { functionName: "mailweir-prod-activate", awsRequestId: "1", getRemainingTimeInMillis: () => 600_000 },
    );
    return heard.at(-1)?.body;
  }

  test("nothing is taken that was not given, and everything is given back", async () => {
    await ses.send(new SetActiveReceiptRuleSetCommand({ RuleSetName: "company" }));
    expect(await ask("Create")).toMatchObject({
      Status: "FAILED",
      Reason: expect.stringContaining("company is active"),
    });
    expect(await active()).toBe("company");
    expect(await ask("Delete")).toMatchObject({ Status: "SUCCESS" });
    expect(await active()).toBe("company");

    expect(await ask("Create", { TakeOver: "company" })).toMatchObject({
      Status: "SUCCESS",
      PhysicalResourceId: "mailweir-prod",
    });
    expect(await active()).toBe("mailweir-prod");
    const ssm = new SSMClient({ endpoint: moto.endpoint, region: "us-east-1" });
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: parameter }));
    expect(Parameter?.Value).toBe('{"previous":"company"}');

    // The answer is lost twice on its way; CloudFormation's address is signed for an empty content type.
    failures = 2;
    expect(await ask("Delete")).toMatchObject({ Status: "SUCCESS", RequestId: "Delete" });
    expect(await active()).toBe("company");
    expect(heard.at(-1)?.contentType).toBe("");
    await expect(ssm.send(new GetParameterCommand({ Name: parameter }))).rejects.toThrow();
  });

  test("two stages do not fight", async () => {
    await ses.send(new SetActiveReceiptRuleSetCommand({ RuleSetName: "mailweir-dev" }));
    expect(await ask("Create", { TakeOver: "true" })).toMatchObject({ Status: "FAILED" });
    expect(await active()).toBe("mailweir-dev");
    expect(await ask("Create", { Activate: "false" })).toMatchObject({ Status: "SUCCESS" });
    expect(await active()).toBe("mailweir-dev");
    // An update after somebody else took over: left as it is, and no failure, or a rollback would be stuck.
    const before = { OldResourceProperties: { Activate: "true" } };
    expect(await ask("Update", {}, before)).toMatchObject({ Status: "SUCCESS" });
    expect(await active()).toBe("mailweir-dev");
  });

  test("the set before is gone: receiving is off, and its name is not brought back", async () => {
    await ses.send(new SetActiveReceiptRuleSetCommand({ RuleSetName: "company" }));
    await ask("Create", { TakeOver: "true" });
    await ses.send(new DeleteReceiptRuleSetCommand({ RuleSetName: "company" }));
    expect(await ask("Delete")).toMatchObject({
      Status: "SUCCESS",
      Reason: expect.stringContaining("company is there no more"),
    });
    expect(await active()).toBeUndefined();
  });
});
