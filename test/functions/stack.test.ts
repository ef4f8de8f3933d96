import { afterEach, expect, test, vi } from "vitest";
import { work as routeNotification } from "../../functions/route-notification/work.ts";
import { logger, withStack } from "../../functions/stack.ts";
import { work as workTicket } from "../../functions/work-ticket/work.ts";
import { buildSqsEvent } from "../../shared/receipt/sqs-event.ts";
import { openPipeline } from "./pipeline.ts";

afterEach(() => {
  vi.restoreAllMocks();
  logger.setLogLevel("SILENT");
});

function captureOutput(): () => string {
  const lines: string[] = [];
  vi.spyOn(process.stdout, "write").mockImplementation((chunk) => lines.push(String(chunk)) > 0);
  vi.spyOn(process.stderr, "write").mockImplementation((chunk) => lines.push(String(chunk)) > 0);
  return () => lines.join("");
}

test("log lines name the SES id and never a body, a subject, or what somebody else's error says", async () => {
  const pipeline = await openPipeline();
  try {
    const { ports, config } = pipeline;
    const { id, notice } = await pipeline.arrive({
      to: ["support@example.com"],
      headers: { Subject: "SECRET-SUBJECT", "Auto-Submitted": "no" },
      body: "SECRET-BODY\r\n",
    });
    await pipeline.queue(config.names.noticeQueue, notice);
    const broken = {
      ...ports,
      tickets: { ...ports.tickets, threads: () => Promise.reject(new Error("SECRET-ERROR with SECRET-BODY")) },
    };
    const output = captureOutput();
    logger.setLogLevel("DEBUG");
    for (const [name, work] of [
      [config.names.noticeQueue, routeNotification(ports, config)],
      [config.names.streamQueue("ticket"), workTicket(broken, config)],
    ] as const) {
      const messages = await ports.queues.receive(name, { max: 10 });
      const context = { functionName: "test", memoryLimitInMB: "256", awsRequestId: "r1", invokedFunctionArn: "arn" };
      await withStack(work)(buildSqsEvent(`arn:aws:sqs:us-east-1:000000000000:${name}`, messages), context as never);
    }
    const text = output();
    expect(text).toContain('"message":"mail routed"');
    const failed = text.split("\n").find((line) => line.includes('"message":"record failed"'));
    expect(JSON.parse(failed ?? "null")).toMatchObject({
      sesMessageId: id,
      stream: "ticket",
      recipients: ["support@example.com"],
    });
    expect(text).toContain(id);
    expect(text).not.toContain("SECRET");
    expect((await pipeline.record(id, "support@example.com"))?.cause).toContain("SECRET-ERROR");
  } finally {
    await pipeline.close();
  }
});

test("what a handler returns and throws passes through the stack unchanged", async () => {
  const output = captureOutput();
  const context = { functionName: "test", memoryLimitInMB: "256", awsRequestId: "r1" } as never;
  expect(await withStack(async () => ({ disposition: "CONTINUE" }))({}, context)).toEqual({ disposition: "CONTINUE" });
  const failure = new Error("no");
  await expect(withStack(() => Promise.reject(failure))({}, context)).rejects.toBe(failure);
  expect(output()).not.toContain("_aws");
});

test("on Lambda every line names its invocation, and what was counted is one EMF line", async () => {
  vi.stubEnv("AWS_LAMBDA_FUNCTION_NAME", "mailweir-journal");
  vi.stubEnv("POWERTOOLS_METRICS_DISABLED", "false");
  vi.resetModules();
  const stack = await import("../../functions/stack.ts");
  const output = captureOutput();
  const context = {
    functionName: "mailweir-journal",
    memoryLimitInMB: "256",
    awsRequestId: "r-7",
    invokedFunctionArn: "arn",
  };
  const handler = stack.withStack(async () => {
    stack.logger.info("something happened");
    stack.count("MailRouted");
  });
  await handler({}, context as never);
  vi.unstubAllEnvs();
  const lines = output()
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  expect(lines.find(({ message }) => message === "something happened")).toMatchObject({ function_request_id: "r-7" });
  expect(lines.find(({ _aws }) => _aws !== undefined)).toMatchObject({ MailRouted: 1 });
});
