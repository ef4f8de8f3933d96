import { expect, test } from "vitest";
import { ConfigError } from "../../../shared/config/config-error.ts";
import { resolveConfig } from "../../../shared/config/resolve-config.ts";
import type { LocalConfig } from "../../../shared/config/types.ts";

const resolve = (local: LocalConfig) =>
  resolveConfig({ domains: ["example.com"], streams: { personal: { recipients: ["example.com"] } }, local }).local;

function faults(local: object): string {
  try {
    resolve(local as LocalConfig);
    return "none";
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

const smarthost = { host: "smtp.example.net", port: 587 };
const auth = { user: "mailweir", passwordFrom: "SMARTHOST_PASSWORD" };

test.for<[string, object, RegExp]>([
  ["a password in clear", { smarthost: { ...smarthost, auth, tls: "none" } }, /local\.smarthost\.tls.*in clear/s],
  ["a password in the file", { smarthost: { ...smarthost, auth: { user: "a", password: "b" } } }, /"password"/],
  [
    "a variable that no shell can set",
    { smarthost: { ...smarthost, auth: { ...auth, passwordFrom: "a b" } } },
    /passwordFrom/,
  ],
  ["a smarthost that gives up at once", { smarthost: { ...smarthost, giveUpAfterHours: 1 } }, /giveUpAfterHours/],
  ["a port that is none", { smarthost: { ...smarthost, port: Number.NaN } }, /local\.smarthost\.port/],
  ["a list that is no zone", { blockLists: { dns: ["zen"] } }, /local\.blockLists\.dns\[0\].*no DNS zone/s],
  ["a return code of elsewhere", { blockLists: { dns: [{ zone: "bl.example", codes: ["10.0.0.1"] }] } }, /return code/],
  [
    "a range that runs backwards",
    { blockLists: { dns: [{ zone: "bl.example", codes: ["127.0.0.9-127.0.0.2"] }] } },
    /return code/,
  ],
  ["a bucket that S3 would not have", { buckets: { Inbound: {} } }, /local\.buckets\.Inbound/],
  ["a topic by its ARN", { topics: { "arn:aws:sns:a:b:c": {} } }, /cannot be a name here/],
  ["a queue of the pipeline", { queues: { "mailweir-ticket": {} } }, /not beginning with mailweir-/],
  [
    "a subscriber that is not there",
    { topics: { orders: { queues: ["order"] } }, queues: { orders: {} } },
    /"order" is not in local\.queues.*orders/s,
  ],
  ["a function in place of the gate", { functions: { gate: "./gate.mjs" } }, /local\.functions\.gate.*the pipeline/s],
  [
    "a function in place of the journal, by its ARN",
    { functions: { "arn:aws:lambda:us-east-1:000000000000:function:mailweir-journal": "./journal.mjs" } },
    /function of the pipeline.*another name/s,
  ],
  ["a function that is not there", { buckets: { inbound: { function: "x" } } }, /add it to local\.functions/],
  ["a batch of none", { queues: { orders: { batchSize: 0 } } }, /local\.queues\.orders\.batchSize/],
  ["a secret in the file", { sesApi: { keys: [{ accessKeyId: "A", secret: "s" }] } }, /"secret"/],
  ["an unknown setting of a topic", { topics: { orders: { queue: "a" } } }, /queues, functions, rawDelivery/],
  ["an unknown word for backscatter", { backscatter: "yes" }, /local\.backscatter.*refuse, send/s],
])("%s is refused", ([, local, message]) => {
  expect(faults(local)).toMatch(message);
});

test("a relay on this machine may be asked in clear, and lists may be given by their zone alone", () => {
  expect(faults({ smarthost: { host: "127.0.0.1", port: 25, tls: "none", auth } })).toBe("none");
  expect(faults({ smarthost: { ...smarthost, tls: "none" } })).toBe("none");
  expect(resolve({ blockLists: { dns: ["bl.example"] } }).blockLists).toEqual({
    files: [],
    dns: [{ zone: "bl.example" }],
  });
  expect(resolve({})).toMatchObject({ blockLists: { files: [], dns: [] }, backscatter: "refuse" });
  expect(resolve({}).smarthost).toBeUndefined();
});

test("readings of SES: as recorded unless chosen otherwise, and only those that are known", () => {
  expect(resolve({}).ses).toMatchObject({
    ipPrecedence: "allow-wins",
    dmarcFailureUnderNone: "FAIL",
    dkimNeedsAlignment: true,
    onSyncFailure: "drop",
  });
  expect(resolve({ ses: { onSyncFailure: "continue" } }).ses).toMatchObject({
    ...{ onSyncFailure: "continue", ipPrecedence: "allow-wins" },
  });
  expect(faults({ ses: { onSyncFailure: "retry" } })).toMatch(/local\.ses\.onSyncFailure/);
  expect(faults({ ses: { ipPrecedance: "allow-wins" } })).toMatch(/ipPrecedence/);
});
