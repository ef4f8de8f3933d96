import { describe, expect, test } from "vitest";
import { type ActivationPorts, work } from "../../../functions/activate/work.ts";

const parameter = "/mailweir/prod/previous-rule-set";
const properties = { RuleSetName: "mailweir-prod", Activate: "true", TakeOver: "false", PreviousParameter: parameter };
const event = {
  RequestType: "Create",
  ResponseURL: "https://answers.example/1?signature",
  StackId: "stack",
  RequestId: "request",
  LogicalResourceId: "Activation",
  ResourceProperties: properties,
};

/** SES and the parameter store of one region, in memory; what happened, in order. */
function region(active: string | null, { slow = false }: { readonly slow?: boolean } = {}) {
  const log: string[] = [];
  const answers: Record<string, unknown>[] = [];
  let previous: string | null | undefined;
  const world = { active, sets: new Set(["mailweir-prod", "mailweir-dev", "company"]), log, answers };
  const ports: ActivationPorts = {
    active: async () => (slow ? new Promise<never>(() => {}) : world.active),
    exists: async (name) => world.sets.has(name),
    activate: async (name) => {
      log.push(`activate ${name}`);
      world.active = name;
    },
    remembered: async () => previous,
    remember: async (_parameter, name) => {
      log.push(`remember ${name}`);
      previous = name;
    },
    forget: async () => {
      log.push("forget");
      previous = undefined;
    },
    answer: async (_url, body) => {
      answers.push(JSON.parse(body));
    },
  };
  const run = (change: object, remainingMs = 60_000) =>
    work(ports)({ ...event, ...change }, { ...context, getRemainingTimeInMillis: () => remainingMs });
  return { world, run, answers, log };
}

const context = lambdaContextForTest();

function lambdaContextForTest() {
  return { functionName: "activate", awsRequestId: "1" } as Parameters<ReturnType<typeof work>>[1];
}

describe("CloudFormation always hears an answer", () => {
  test("created, and destroyed again", async () => {
    const { world, run, answers, log } = region("company");
    await run({ ResourceProperties: { ...properties, TakeOver: "true" } });
    expect(world.active).toBe("mailweir-prod");
    await run({ RequestType: "Delete", PhysicalResourceId: "mailweir-prod" });
    expect(world.active).toBe("company");
    // What was there is written down before it is replaced.
    expect(log).toEqual(["remember company", "activate mailweir-prod", "activate company", "forget"]);
    expect(answers).toEqual([
      expect.objectContaining({ Status: "SUCCESS", PhysicalResourceId: "mailweir-prod", RequestId: "request" }),
      expect.objectContaining({ Status: "SUCCESS", PhysicalResourceId: "mailweir-prod" }),
    ]);
  });

  test("somebody else's set is active", async () => {
    const { world, run, answers } = region("company");
    await run({});
    expect(world.active).toBe("company");
    expect(answers).toEqual([
      expect.objectContaining({
        Status: "FAILED",
        Reason: expect.stringContaining("company is active"),
        StackId: "stack",
      }),
    ]);
    // CloudFormation rolls back: the deletion of what was never made.
    await run({ RequestType: "Delete", PhysicalResourceId: "mailweir-prod" });
    expect(world.active).toBe("company");
    expect(answers[1]).toMatchObject({ Status: "SUCCESS" });
  });

  test("the second of two stages", async () => {
    const { world, run, answers } = region("mailweir-dev");
    await run({ ResourceProperties: { ...properties, TakeOver: "true" } });
    expect(world.active).toBe("mailweir-dev");
    expect(answers[0]).toMatchObject({ Status: "FAILED", Reason: expect.stringContaining("two stages") });
  });

  test("a request without properties", async () => {
    const { run, answers } = region(null);
    await run({ ResourceProperties: {} });
    expect(answers).toEqual([
      expect.objectContaining({ Status: "FAILED", PhysicalResourceId: "active-receipt-rule-set" }),
    ]);
  });

  test("SES does not answer before the function's time ends", async () => {
    const { run, answers } = region(null, { slow: true });
    await run({}, 0);
    expect(answers).toEqual([
      expect.objectContaining({ Status: "FAILED", Reason: expect.stringContaining("in time") }),
    ]);
  });

  test("the same request twice", async () => {
    const { world, run, log } = region(null);
    await run({});
    await run({});
    expect(world.active).toBe("mailweir-prod");
    expect(log).toEqual(["remember null", "activate mailweir-prod"]);
  });
});
