import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { arnsOf, permissionsOf } from "../../../shared/aws/permissions.ts";
import { resolveConfig } from "../../../shared/config/resolve-config.ts";
import { deriveTopology } from "../../../shared/config/topology.ts";

const config = resolveConfig(
  { domains: ["example.com"], streams: { ticket: { recipients: ["support@example.com"] } } },
  { prefix: "mailweir-dev", accountId: "$" + "{AWS::AccountId}" },
);
const options = (functionName: string) => ({
  functionName,
  ledgerTable: "mailweir-dev-ledger",
  storeTable: "mailweir-dev-store",
  keyArn: "arn:aws:kms:us-east-1:111122223333:key/k",
});
const names = deriveTopology(config).functions.map(({ name }) => name);

test("every function of the pipeline has permissions, its own queues and log among them", () => {
  for (const { name } of deriveTopology(config).functions) {
    const all = permissionsOf(name).flatMap(({ resources }) => resources);
    expect(all, name).toContain("own-log-group");
    expect(all.length, name).toBeGreaterThan(1);
  }
  expect(arnsOf("own-queues", config, options("route-object"))).toEqual([
    "arn:aws:sqs:us-east-1:$" + "{AWS::AccountId}:mailweir-dev-objects",
  ]);
});

test("no resource is a star without its reason, and none is empty where it is asked for", () => {
  const folders = readdirSync("functions", { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? [entry.name] : [],
  );
  for (const name of names) {
    expect(folders).toContain(name);
    for (const { actions, resources, why } of permissionsOf(name)) {
      expect(actions.join(), name).not.toContain("*");
      for (const resource of resources) {
        const arns = arnsOf(resource, config, options(name));
        expect(arns.length, `${name} ${resource}`).toBeGreaterThan(0);
        if (resource === "any") expect(why, name).toMatch(/no resource/);
        else expect(arns, `${name} ${resource}`).not.toContain("*");
      }
    }
  }
});

test("the gate can neither write objects nor send to queues", () => {
  const actions = permissionsOf("gate").flatMap((permission) => permission.actions);
  expect(actions).not.toContain("s3:PutObject");
  expect(actions).not.toContain("sqs:SendMessage");
});

test("mail that own rules store elsewhere can be read too", () => {
  const own = resolveConfig(
    {
      domains: ["example.com"],
      ruleSet: {
        name: "own",
        rules: [
          {
            name: "a",
            enabled: true,
            tlsPolicy: "Optional",
            scanEnabled: true,
            recipients: [],
            actions: [{ type: "S3", bucketName: "kept-apart", objectKeyPrefix: "in/" }],
          },
        ],
      },
    },
    { prefix: "mailweir-dev", accountId: "111122223333" },
  );
  expect(arnsOf("mail-objects", own, options("gate"))).toEqual([
    "arn:aws:s3:::mailweir-dev-mail-111122223333-us-east-1/inbound/*",
    "arn:aws:s3:::kept-apart/in/*",
  ]);
  expect(arnsOf("mail-bucket", own, options("gate"))).toContain("arn:aws:s3:::kept-apart");
});
