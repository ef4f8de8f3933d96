import { expect, test } from "vitest";
import { resolveConfig } from "../../../shared/config/resolve-config.ts";
import { deriveTopology } from "../../../shared/config/topology.ts";
import type { RuleSet } from "../../../shared/receipt/model.ts";

const base = { domains: ["example.com"], streams: { personal: { recipients: ["example.com"] } } };

test("every stream has a queue that a function reads, with a dead-letter queue and six time-outs of visibility", () => {
  const { queues, functions } = deriveTopology(resolveConfig(base));
  const read = queues.filter(({ name }) => name.startsWith("mailweir-stream-"));
  expect(read).toHaveLength(8);
  for (const queue of queues) {
    const reader = functions.find(({ name }) => name === queue.consumer?.functionName);
    expect(queue.visibilityTimeoutMs).toBe(6 * (reader?.timeoutMs ?? Number.NaN));
    expect(queue.deadLetterQueue).toBe(`${queue.name}-dlq`);
  }
});

test("buckets that own rules name are there; the router learns of the mail bucket only", () => {
  const names = resolveConfig(base).names;
  const store = (bucketName: string) => ({ type: "S3" as const, bucketName });
  const ruleSet: RuleSet = {
    name: "mine",
    rules: [
      {
        name: "a",
        enabled: true,
        tlsPolicy: "Optional",
        scanEnabled: true,
        recipients: [],
        actions: [store(names.bucket), store("archive"), store("archive")],
      },
    ],
  };
  expect(deriveTopology(resolveConfig({ ...base, ruleSet })).buckets).toEqual([
    { name: names.bucket, eventQueue: names.objectQueue },
    { name: "archive" },
  ]);
});
