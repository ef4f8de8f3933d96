import { expect, test } from "vitest";
import { configuredTargets } from "../../../local/ses-api/configured-targets.ts";
import { resolveConfig } from "../../../shared/config/resolve-config.ts";
import { deriveTopology } from "../../../shared/config/topology.ts";

const config = resolveConfig({ domains: ["example.com"], streams: { personal: { recipients: ["example.com"] } } });
const targets = configuredTargets(config, deriveTopology(config), (arn) => arn === "known");

test("rules may name the bucket, topic, key and functions of the configuration", () => {
  const { names } = config;
  expect([
    targets.hasBucket(names.bucket),
    targets.hasTopic(names.noticeTopicArn),
    targets.hasKey(names.kmsKeyArn),
    targets.hasFunction("known"),
  ]).toEqual([true, true, true, true]);
});

test("the key that AWS keeps for SES is there, and those named in the configuration", () => {
  const own = "arn:aws:kms:us-east-1:111122223333:key/0000aaaa-11bb-22cc-33dd-444444eeeeee";
  const more = resolveConfig({
    domains: ["example.com"],
    streams: { personal: { recipients: ["example.com"] } },
    local: { keys: [own] },
  });
  const { hasKey } = configuredTargets(more, deriveTopology(more), () => false);
  expect([own, "arn:aws:kms:us-east-1:000000000000:alias/aws/ses"].map(hasKey)).toEqual([true, true]);
  expect(targets.hasKey(own)).toBe(false);
});

test("and nothing else", () => {
  const asked = [targets.hasBucket, targets.hasTopic, targets.hasKey, targets.hasFunction];
  expect(asked.map((has) => has("other"))).toEqual([false, false, false, false]);
});
