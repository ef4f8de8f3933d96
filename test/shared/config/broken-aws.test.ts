import { describe, expect, test } from "vitest";
import { ConfigError, type ConfigFault } from "../../../shared/config/config-error.ts";
import { resolveConfig } from "../../../shared/config/resolve-config.ts";

// What people break in the parts of a configuration that AWS is about: each is refused before anything is asked or created, with the
// place and with what would be right.
const base = { domains: ["example.com"], streams: { ticket: { recipients: ["support@example.com"] } } };
const aws = (settings: unknown) => ({ ...base, aws: settings });
const rule = (part: object, more: readonly object[] = []) => ({
  ...base,
  ruleSet: {
    name: "mine",
    rules: [
      { name: "r", enabled: true, tlsPolicy: "Optional", scanEnabled: true, recipients: [], actions: [], ...part },
      ...more,
    ],
  },
});
const key = (secretFrom: unknown) => ({ ...base, tokens: { keys: [{ id: "a", secretFrom }] } });
const imap = (passwordFrom: unknown) => ({
  ...base,
  streams: {
    personal: {
      recipients: ["ann@example.com"],
      delivery: { "ann@example.com": { imap: { host: "imap.example.org", user: "ann", passwordFrom } } },
    },
  },
});

const rows: readonly [string, unknown, string, RegExp][] = [
  ["a region with a missing hyphen", { ...base, region: "eu-west1" }, "region", /did you mean "eu-west-1"\?/],
  ["a region that receives no mail", { ...base, region: "mars-north-1" }, "region", /us-east-1, us-east-2/],
  ["a region in capitals", { ...base, region: "EU-WEST-1" }, "region", /did you mean "eu-west-1"\?/],
  ["aws as a word", aws("yes"), "aws", /object/],
  ["a misspelt setting", aws({ activte: true }), "aws.activte", /did you mean "activate"\?/],
  ["activate as a word", aws({ activate: "yes" }), "aws.activate", /boolean/],
  ["takeOver as a number", aws({ takeOver: 1 }), "aws.takeOver", /boolean or string/],
  ["takeOver without a name", aws({ takeOver: "" }), "aws.takeOver", /at least 1/],
  ["takeOver of a set with a space", aws({ takeOver: "my set!" }), "aws.takeOver", /describe-active-receipt-rule-set/],
  ["identities misspelt", aws({ identities: "existng" }), "aws.identities", /did you mean "existing"\?/],
  ["a bucket in capitals", aws({ bucket: "Mail-Bucket" }), "aws.bucket", /lower-case letters/],
  ["a bucket with dots", aws({ bucket: "mail.example.com" }), "aws.bucket", /no dot, which breaks TLS/],
  ["a bucket of two letters", aws({ bucket: "ab" }), "aws.bucket", /3 to 63/],
  ["a bucket as an address", aws({ bucket: "s3://mail" }), "aws.bucket", /letters, digits and hyphens/],
  ["a bucket with a reserved beginning", aws({ bucket: "xn--mail" }), "aws.bucket", /not xn--/],
  ["an alias without its beginning", aws({ kmsAlias: "mail" }), "aws.kmsAlias", /write "alias\/mail"/],
  ["Amazon's own alias", aws({ kmsAlias: "alias/aws/ses" }), "aws.kmsAlias", /which is Amazon's/],
  [
    "deleting what is held",
    aws({ deleteMailAfterDays: 90 }),
    "aws.deleteMailAfterDays",
    /retention: \{ default: \{ days: 90 \} \}/,
  ],
  ["days as a text", aws({ deleteMailAfterDays: "30" }), "aws.deleteMailAfterDays", /number/],
  ["moving before S3 allows it", aws({ archiveMailAfterDays: 10 }), "aws.archiveMailAfterDays", /at least 30/],
  [
    "moving what is deleted by then",
    { ...aws({ archiveMailAfterDays: 60 }), retention: { default: { days: 45 } } },
    "aws.archiveMailAfterDays",
    /less than 45/,
  ],
  ["a retention that CloudWatch has not", aws({ logRetentionDays: 31 }), "aws.logRetentionDays", /14, 30, 60/],
  ["one worker", aws({ workerConcurrency: 1 }), "aws.workerConcurrency", /at least 2/],
  ["too many workers", aws({ workerConcurrency: 1001 }), "aws.workerConcurrency", /at most 1000/],
  ["half a worker", aws({ workerConcurrency: 2.5 }), "aws.workerConcurrency", /int/],
  ["a limit that switches itself off", aws({ workerConcurrency: Number.NaN }), "aws.workerConcurrency", /number/],
  ["an alarm to nobody", aws({ alarms: { email: "ops" } }), "aws.alarms.email", /ops@example.com/],
  ["a misspelt alarm", aws({ alarms: { mail: "ops@example.com" } }), "aws.alarms.mail", /did you mean "email"\?/],
  ["a silence below nothing", aws({ alarms: { silentHours: -1 } }), "aws.alarms.silentHours", /at least 0/],
  [
    "a silence longer than an alarm can be",
    aws({ alarms: { silentHours: 100 } }),
    "aws.alarms.silentHours",
    /at most 24/,
  ],
  ["a queue that may not wait", aws({ alarms: { queueAgeMinutes: 0 } }), "aws.alarms.queueAgeMinutes", /at least 1/],
  ["tracing as a word", aws({ tracing: "on" }), "aws.tracing", /boolean/],
  [
    "a stage with too long a name",
    aws({ stages: { "production-europe": {} } }),
    'aws.stages["production-europe"]',
    /at most 12 characters/,
  ],
  ["a stage in capitals", aws({ stages: { Prod: {} } }), "aws.stages.Prod", /lower-case letters/],
  ["stages in a stage", aws({ stages: { prod: { stages: {} } } }), "aws.stages.prod.stages", /activate, takeOver/],
  [
    "a misspelt setting of a stage",
    aws({ stages: { prod: { buckt: "x" } } }),
    "aws.stages.prod.buckt",
    /did you mean "bucket"\?/,
  ],
  [
    "another stage's bucket in capitals",
    aws({ stages: { dev: { bucket: "Mail" } } }),
    "aws.stages.dev.bucket",
    /lower-case letters/,
  ],
  ["encrypt as a word", { ...base, encrypt: "kms" }, "encrypt", /boolean/],
  ["bounces from elsewhere", { ...base, bounceSender: "mailer@other.example" }, "bounceSender", /…@example\.com/],
  [
    "a domain as an address",
    { ...base, domains: ["https://example.com"] },
    "domains[0]",
    /a name such as example\.com/,
  ],
  ["no domain", { ...base, domains: [] }, "domains", /at least 1/],
  [
    "recipients elsewhere",
    { ...base, streams: { ticket: { recipients: ["a@other.example"] } } },
    "streams.ticket.recipients[0]",
    /add "other\.example" to domains/,
  ],
  [
    "an impossible block of addresses",
    { ...base, ipFilters: [{ block: "10.0.0.0/33" }] },
    "ipFilters[0].block",
    /203\.0\.113\.0\/24/,
  ],
  [
    "a TLS policy that SES has not",
    rule({ tlsPolicy: "Required" }),
    "ruleSet.rules[0].tlsPolicy",
    /did you mean "Require"\?/,
  ],
  ["a rule with a space", rule({ name: "my rule" }), "ruleSet.rules[0].name", /letters, digits/],
  ["an action that SES has not", rule({ actions: [{ type: "SQS" }] }), "ruleSet.rules[0].actions[0].type", /S3, S/],
  [
    "a bucket action without its bucket",
    rule({ actions: [{ type: "S3" }] }),
    "ruleSet.rules[0].actions[0].bucketName",
    /string/,
  ],
  [
    "a function that is no ARN",
    rule({ actions: [{ type: "Lambda", functionArn: "gate", invocationType: "Event" }] }),
    "ruleSet.rules[0].actions[0].functionArn",
    /arn:aws:lambda:/,
  ],
  [
    "a topic that is no ARN",
    rule({ actions: [{ type: "SNS", topicArn: "news", encoding: "UTF-8" }] }),
    "ruleSet.rules[0].actions[0].topicArn",
    /arn:aws:sns:/,
  ],
  [
    "two rules of one name",
    rule({}, [{ name: "r", enabled: true, tlsPolicy: "Optional", scanEnabled: true, recipients: [], actions: [] }]),
    "ruleSet.rules[1].name",
    /each name once/,
  ],
  ["a set with a space", { ...base, ruleSet: { name: "my set", rules: [] } }, "ruleSet.name", /letters, digits/],
  ["a secret in the file", key("plain"), "tokens.keys[0].secretFrom", /object/],
  [
    "a secret in two places",
    key({ secretsManager: "x", env: "Y" }),
    "tokens.keys[0].secretFrom",
    /one of .*\{ parameter: /,
  ],
  [
    "a misspelt place of a secret",
    key({ secretManager: "x" }),
    "tokens.keys[0].secretFrom.secretManager",
    /did you mean "secretsManager"\?/,
  ],
  ["a secret without a name", key({ secretsManager: "" }), "tokens.keys[0].secretFrom.secretsManager", /at least 1/],
  [
    "a secret in the environment of a function",
    imap({ env: "IMAP_PASSWORD" }),
    'streams.personal.delivery["ann@example.com"].imap.passwordFrom',
    /\{ secretsManager \} or \{ parameter \}/,
  ],
];

describe("a configuration broken for AWS", () => {
  test.for(rows)("%s is refused with place and remedy", ([, input, at, remedy]) => {
    const faults = faultsOf(input);
    const fault = faults.find((one) => one.at === at);
    expect(faults.map((one) => one.at)).toContain(at);
    expect(`${fault?.allowed ?? ""} ${fault?.suggestion ?? ""}`).toMatch(remedy);
  });

  test("no fault anywhere is without a remedy", () => {
    const bare = rows.flatMap(([sentence, input]) =>
      faultsOf(input).flatMap(({ at, allowed, suggestion }) => (allowed || suggestion ? [] : [`${sentence}: ${at}`])),
    );
    expect(bare).toEqual([]);
  });

  test("everything at once is told at once", () => {
    const faults = faultsOf({
      ...base,
      region: "eu-west1",
      encrypt: "kms",
      aws: { workerConcurrency: 1, tracing: "on" },
    });
    expect(faults.map(({ at }) => at).sort()).toEqual(
      ["aws.tracing", "aws.workerConcurrency", "encrypt", "region"].sort(),
    );
  });

  test("what was broken is all there is: the whole one is taken", () => {
    expect(() =>
      resolveConfig(aws({ stages: { dev: { activate: false } } }), { stage: "prod", accountId: "123456789012" }),
    ).not.toThrow();
    expect(rows.length).toBeGreaterThanOrEqual(30);
  });
});

function faultsOf(input: unknown): readonly ConfigFault[] {
  try {
    resolveConfig(input, { stage: "prod", accountId: "123456789012" });
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}
