import * as z from "zod";
import { natures } from "../mail/judgement.ts";
import { sinkKeys, sinkSettings } from "../sinks/kinds.ts";
import { bounceTemplates } from "./bounce-templates.ts";
import { receivingRegions } from "./regions.ts";
import { secretSource, secretSources } from "./secret-source.ts";
import type { BounceTemplateName } from "./types.ts";

// The shape only; what fits together is checked in resolve-config.ts. Every limit is validated too: a limit that is NaN
// or a string would switch itself off.

export const builtInWorkers = ["ticket", "unsubscribe", "personal", "quarantine", "record"] as const;
export const gateOutcomes = ["quarantine", "bounce", "drop", "nothing"] as const;

const text = z.string().min(1);
const nature = z.enum(natures);
const count = (max: number) => z.int().min(1).max(max);
const functionValue = z.custom<(...args: never[]) => unknown>(
  (value) => typeof value === "function",
  "must be a function",
);
const oneOrMore = <T extends z.ZodType>(of: T) => z.union([of, z.array(of).min(1)]);

const match = z.union([
  functionValue,
  z.strictObject({
    recipient: z.union([text, z.instanceof(RegExp)]).optional(),
    header: z.strictObject({ name: text, value: z.union([text, z.instanceof(RegExp)]) }).optional(),
    nature: oneOrMore(nature).optional(),
    trust: oneOrMore(z.enum(["token", "aligned", "failed", "unaligned"])).optional(),
  }),
]);

const imapAccount = z.strictObject({
  host: text,
  port: z.int().min(1).max(65_535).optional(),
  tls: z.enum(["implicit", "starttls", "none"]).optional(),
  ca: text.optional(),
  user: text,
  passwordFrom: secretSource,
});

const via = z.enum(["ses", "smarthost"]);
const deliveryEntry = z.union([
  text,
  z.strictObject({ maildir: text }),
  z.strictObject({ imap: z.union([text, imapAccount]), folder: text.max(200).optional() }),
  z.strictObject({ forward: z.union([text, z.strictObject({ to: text, via: via.optional() })]) }),
]);

const personal = z.strictObject({
  imap: z.record(text, imapAccount).optional(),
  folders: z
    .array(z.strictObject({ match, folder: text.max(200) }))
    .max(100)
    .optional(),
  forwarding: z
    .strictObject({
      from: text.optional(),
      srsDomain: text.optional(),
      maxBytes: z.int().min(10_000).max(40_000_000).optional(),
      linkUrl: text.optional(),
      linkDays: z.int().min(1).max(60).optional(),
      key: z.strictObject({ domain: text, selector: text, privateKeyFrom: secretSource }).optional(),
    })
    .optional(),
});

const stream = z.strictObject({
  recipients: z.array(text).min(1).max(500).optional(),
  match: match.optional(),
  worker: z.union([z.enum(builtInWorkers), functionValue]).optional(),
  webhook: z
    .strictObject({
      url: text,
      secretFrom: secretSource,
      allowPrivate: z.array(text).min(1).max(20).optional(),
    })
    .optional(),
  delivery: z.record(text, z.union([deliveryEntry, z.array(deliveryEntry).min(1).max(50)])).optional(),
  accepts: z.array(nature).min(1).optional(),
  divert: z.partialRecord(nature, text).optional(),
});

const scanner = (types: [string, ...string[]]) =>
  z.discriminatedUnion("type", [
    z.strictObject({ type: z.literal("test-string") }),
    z.strictObject({
      type: z.enum(types),
      host: text,
      port: z.int().min(1).max(65_535),
      timeoutMs: z.int().min(100).max(300_000).optional(),
    }),
  ]);

const limits = z.strictObject({
  messageBytes: count(41_943_040).optional(),
  connections: count(100_000).optional(),
  unfinished: count(10_000_000).optional(),
  freeDiskBytes: z.int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
  recipients: count(1_000).optional(),
  workerHeapMb: z.int().min(32).max(65_536).optional(),
  workers: count(64).optional(),
});

const ses = z.strictObject({
  ipPrecedence: z.enum(["allow-wins", "longest-prefix"]).optional(),
  dmarcFailureUnderNone: z.enum(["FAIL", "GRAY"]).optional(),
  dkimNeedsAlignment: z.boolean().optional(),
  onSyncFailure: z.enum(["drop", "continue"]).optional(),
  retrySyncFailures: z.boolean().optional(),
});

// A name that a shell can set.
const environmentName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, "is no name of an environment variable");

const localBucket = z.strictObject({ queue: text.optional(), function: text.optional() });
const localTopic = z.strictObject({
  queues: z.array(text).max(100).optional(),
  functions: z.array(text).max(100).optional(),
  rawDelivery: z.boolean().optional(),
});
const localQueue = z.strictObject({
  function: text.optional(),
  batchSize: count(10_000).optional(),
  maxReceiveCount: count(1_000).optional(),
  visibilitySeconds: z.int().min(0).max(43_200).optional(),
});
const sesApi = z.strictObject({
  keys: z
    .array(
      z.strictObject({
        accessKeyId: z.string().regex(/^[A-Za-z0-9_]{1,128}$/, "is no access key id"),
        secretFrom: environmentName,
      }),
    )
    .max(100)
    .optional(),
  rateLimit: z.boolean().optional(),
});

const dnsBlockList = z.strictObject({
  zone: text,
  codes: z.array(text).min(1).optional(),
  timeoutMs: z.int().min(100).max(10_000).optional(),
});

const blockLists = z.strictObject({
  files: z.array(text).max(100).optional(),
  dns: z
    .array(z.union([text, dnsBlockList]))
    .max(20)
    .optional(),
});

const smarthost = z.strictObject({
  host: text,
  port: z.int().min(1).max(65_535),
  tls: z.enum(["starttls", "implicit", "none"]).optional(),
  ca: text.optional(),
  auth: z.strictObject({ user: text, passwordFrom: environmentName }).optional(),
  giveUpAfterHours: z.number().min(4).max(240).optional(),
  connections: count(50).optional(),
});

const apiKey = z.strictObject({
  name: z.string().regex(/^[\w.-]{1,64}$/, "is no name of a key: letters, digits, dots, hyphens, underscores"),
  scopes: z.array(z.enum(["read", "suppressions", "tickets", "streams", "all"])).min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "is no SHA-256 in hex: npx mailweir key new makes a key and its hash"),
});

const local = z.strictObject({
  data: text.optional(),
  smtp: text.optional(),
  http: text.optional(),
  https: text.optional(),
  apiKeys: z.array(apiKey).max(100).optional(),
  dns: z.union([z.strictObject({ zone: text }), z.strictObject({ servers: z.array(text).min(1) })]).optional(),
  scanners: z
    .strictObject({
      spam: scanner(["spamd", "rspamd"]).optional(),
      virus: scanner(["clamd"]).optional(),
    })
    .optional(),
  tls: z.strictObject({ key: text, cert: text }).optional(),
  functions: z.record(text, text).optional(),
  buckets: z.record(text, localBucket).optional(),
  topics: z.record(text, localTopic).optional(),
  keys: z
    .array(z.string().regex(/^arn:[\w-]+:kms:/, "is no ARN of a KMS key"))
    .max(100)
    .optional(),
  queues: z.record(text, localQueue).optional(),
  sesApi: sesApi.optional(),
  blockLists: blockLists.optional(),
  smarthost: smarthost.optional(),
  backscatter: z.enum(["refuse", "send"]).optional(),
  limits: limits.optional(),
  ses: ses.optional(),
});

const topicArn = z.string().optional();
/** Members and their types; what stands in them is checked by the rules of the SES API. */
const ruleActions = [
  z.strictObject({
    type: z.literal("S3"),
    bucketName: z.string(),
    objectKeyPrefix: z.string().optional(),
    kmsKeyArn: z.string().optional(),
    iamRoleArn: z.string().optional(),
    topicArn,
  }),
  z.strictObject({ type: z.literal("SNS"), topicArn: z.string(), encoding: z.enum(["UTF-8", "Base64"]) }),
  z.strictObject({
    type: z.literal("Lambda"),
    functionArn: z.string(),
    invocationType: z.enum(["Event", "RequestResponse"]),
    topicArn,
  }),
  z.strictObject({
    type: z.literal("Bounce"),
    smtpReplyCode: z.string(),
    statusCode: z.string().optional(),
    message: z.string(),
    sender: z.string(),
    topicArn,
  }),
  z.strictObject({ type: z.literal("Stop"), scope: z.literal("RuleSet"), topicArn }),
  z.strictObject({ type: z.literal("AddHeader"), headerName: z.string(), headerValue: z.string() }),
  z.strictObject({ type: z.literal("WorkMail"), organizationArn: z.string(), topicArn }),
  z.strictObject({ type: z.literal("Connect"), instanceArn: z.string(), iamRoleArn: z.string() }),
] as const;

// The shape of rules only; names, conditions and members are checked by the rules of the SES API (check-rule-set.ts).
const ruleSet = z.strictObject({
  name: z.string(),
  rules: z.array(
    z.strictObject({
      name: z.string(),
      enabled: z.boolean(),
      tlsPolicy: z.enum(["Require", "Optional"]),
      scanEnabled: z.boolean(),
      recipients: z.array(z.string()),
      actions: z.array(z.discriminatedUnion("type", ruleActions)),
    }),
  ),
});

/** The days for which CloudWatch Logs can keep logs (PutRetentionPolicy). */
export const logRetentionDays = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
] as const;

const alarms = z.strictObject({
  email: text.optional(),
  suspiciousPerHour: count(1_000_000).optional(),
  silentHours: z.int().min(0).max(24).optional(),
  queueAgeMinutes: count(1_440).optional(),
});

const awsSettings = z.strictObject({
  activate: z.boolean().optional(),
  takeOver: z.union([z.boolean(), text]).optional(),
  identities: z.enum(["create", "existing"]).optional(),
  bucket: text.optional(),
  kmsAlias: text.optional(),
  // Refused whatever it says: `resolve-aws.ts` tells why.
  deleteMailAfterDays: z.number().optional(),
  archiveMailAfterDays: z.int().min(30).max(36_500).optional(),
  versioning: z.boolean().optional(),
  pointInTimeRecovery: z.boolean().optional(),
  logRetentionDays: z.literal([...logRetentionDays]).optional(),
  tracing: z.boolean().optional(),
  workerConcurrency: z.int().min(2).max(1_000).optional(),
  alarms: alarms.optional(),
});

const aws = awsSettings.extend({ stages: z.record(text, awsSettings).optional() });

const gate = z.strictObject({
  virus: z.enum(gateOutcomes).optional(),
  spam: z.enum(gateOutcomes).optional(),
  dmarcReject: z.enum(gateOutcomes).optional(),
  dkimFail: z.enum(gateOutcomes).optional(),
});

const tokens = z.strictObject({
  keys: z
    .array(
      z.strictObject({
        id: z.string().regex(/^[a-z2-7]$/, "must be one letter a-z or digit 2-7"),
        secretFrom: secretSource,
        verifyUntil: z.iso.datetime({ offset: true }).optional(),
      }),
    )
    .min(1)
    .max(32),
  addressSecretFrom: secretSource.optional(),
});

const tickets = z.strictObject({
  subjectTag: z.strictObject({ before: text.max(20), after: text.max(20) }).optional(),
  reopenDays: z.number().min(0).max(3650).optional(),
  outsiders: z.enum(["related", "unrelated"]).optional(),
  fromName: text.max(100).optional(),
  acknowledge: z.boolean().optional(),
  acknowledgements: z
    .record(
      z.string().regex(/^[a-z]{2}$/, "must be a language of two letters"),
      z.strictObject({ text: text.max(10_000) }),
    )
    .optional(),
  sinks: z.record(text, sinkSettings).optional(),
});

const days = z.int().min(1).max(36_500);
const unsubscribe = z.strictObject({
  lists: z.record(text, z.strictObject({ name: text.optional() })).optional(),
  url: text.optional(),
  unverified: z.enum(["confirm", "park"]).optional(),
  replies: z.enum(["act", "confirm", "park"]).optional(),
  notify: z.boolean().optional(),
  bounces: z
    .strictObject({
      hard: z.boolean().optional(),
      soft: z
        .union([z.literal(false), z.strictObject({ count: z.int().min(1).max(1_000), days, forDays: days })])
        .optional(),
    })
    .optional(),
  complaints: z.boolean().optional(),
  evidenceDays: days.optional(),
  propagate: z
    .strictObject({
      sesAccountList: z.boolean().optional(),
      webhooks: z
        .record(
          text,
          z.strictObject({
            url: text,
            secretFrom: secretSource,
            lists: z.array(text).min(1).optional(),
            allowPrivate: z.array(text).min(1).max(20).optional(),
          }),
        )
        .optional(),
    })
    .optional(),
});

const templates = Object.keys(bounceTemplates) as [BounceTemplateName, ...BounceTemplateName[]];

const retentionDays = z.union([z.number().min(1).max(36_500), z.literal("forever")]);
const retentionPeriod = z.strictObject({ days: retentionDays });
const retentionByNature = z.partialRecord(nature, retentionPeriod);
const retention = z.strictObject({
  default: retentionPeriod.optional(),
  streams: z
    .record(text, z.strictObject({ days: retentionDays.optional(), natures: retentionByNature.optional() }))
    .optional(),
  natures: retentionByNature.optional(),
  tickets: retentionPeriod.optional(),
});

/** What may stand at a setting, for whoever wrote something of another kind; names of the user's are `*`. */
export const exampleValues: Readonly<Record<string, string>> = {
  domains: '["example.com"]',
  streams: '{ ticket: { recipients: ["support@example.com"] } }',
  "streams.*": '{ recipients: ["support@example.com"] }',
  "streams.*.recipients": '["support@example.com"]',
  "streams.*.webhook.url": '"https://shop.example.com/mail"',
  "rejects.*.recipients": '["old@example.com"]',
  "local.data": '"data"',
  "local.smtp": '"127.0.0.1:2525"',
  "local.http": '"127.0.0.1:8025"',
  "local.https": '"127.0.0.1:8443"',
  "local.dns": '{ servers: ["192.0.2.53"] }',
  "local.tls.key": '"tls/key.pem"',
  "local.tls.cert": '"tls/cert.pem"',
  region: '"eu-west-1"',
  "aws.bucket": '"example-mail"',
  "aws.alarms.email": '"ops@example.com"',
};

export const configSchema = z.strictObject({
  domains: z.array(text).min(1).max(10_000),
  streams: z.record(text, stream).optional(),
  rejects: z
    .array(z.strictObject({ recipients: z.array(text).min(1).max(500), template: z.enum(templates) }))
    .optional(),
  gate: gate.optional(),
  tickets: tickets.optional(),
  personal: personal.optional(),
  quarantine: z.strictObject({ days: z.number().min(1).max(3650).optional() }).optional(),
  retention: retention.optional(),
  ipFilters: z
    .array(z.union([z.strictObject({ block: text }), z.strictObject({ allow: text })]))
    .max(100)
    .optional(),
  tls: z.enum(["require", "optional"]).optional(),
  bounceSender: text.optional(),
  encrypt: z.boolean().optional(),
  region: z.enum(receivingRegions).optional(),
  ruleSet: ruleSet.optional(),
  tokens: tokens.optional(),
  unsubscribe: unsubscribe.optional(),
  local: local.optional(),
  aws: aws.optional(),
});

/** The words that may stand at a path of the configuration: to suggest one for a typo. `*` is any name. */
export const knownKeys: Readonly<Record<string, readonly string[]>> = {
  "": Object.keys(configSchema.shape),
  "streams.*": Object.keys(stream.shape),
  "streams.*.match": ["recipient", "header", "nature", "trust"],
  "streams.*.match.header": ["name", "value"],
  "streams.*.webhook": ["url", "secretFrom", "allowPrivate"],
  "streams.*.webhook.secretFrom": secretSources,
  "streams.*.delivery.*": ["maildir", "imap", "folder", "forward"],
  "streams.*.delivery.*.imap": Object.keys(imapAccount.shape),
  "streams.*.delivery.*.forward": ["to", "via"],
  personal: Object.keys(personal.shape),
  "personal.imap.*": Object.keys(imapAccount.shape),
  "personal.imap.*.passwordFrom": ["env", "file", "secretsManager", "parameter"],
  "personal.folders.*": ["match", "folder"],
  "personal.forwarding": ["from", "srsDomain", "maxBytes", "linkUrl", "linkDays", "key"],
  "personal.forwarding.key": ["domain", "selector", "privateKeyFrom"],
  "rejects.*": ["recipients", "template"],
  "ipFilters.*": ["block", "allow"],
  gate: Object.keys(gate.shape),
  tokens: Object.keys(tokens.shape),
  unsubscribe: Object.keys(unsubscribe.shape),
  "unsubscribe.lists.*": ["name"],
  "unsubscribe.bounces": ["hard", "soft"],
  "unsubscribe.bounces.soft": ["count", "days", "forDays"],
  "unsubscribe.propagate": ["sesAccountList", "webhooks"],
  "unsubscribe.propagate.webhooks.*": ["url", "secretFrom", "lists", "allowPrivate"],
  "unsubscribe.propagate.webhooks.*.secretFrom": secretSources,
  "tokens.keys.*": ["id", "secretFrom", "verifyUntil"],
  "tokens.keys.*.secretFrom": secretSources,
  "tokens.addressSecretFrom": secretSources,
  tickets: Object.keys(tickets.shape),
  quarantine: ["days"],
  retention: Object.keys(retention.shape),
  "retention.default": ["days"],
  "retention.tickets": ["days"],
  "retention.streams.*": ["days", "natures"],
  "retention.streams.*.natures": natures,
  "retention.streams.*.natures.*": ["days"],
  "retention.natures": natures,
  "retention.natures.*": ["days"],
  "tickets.subjectTag": ["before", "after"],
  ...sinkKeys,
  local: Object.keys(local.shape),
  "local.limits": Object.keys(limits.shape),
  "local.ses": Object.keys(ses.shape),
  "local.scanners": ["spam", "virus"],
  "local.scanners.*": ["type", "host", "port", "timeoutMs"],
  "local.dns": ["zone", "servers"],
  "local.tls": ["key", "cert"],
  aws: Object.keys(aws.shape),
  "aws.alarms": Object.keys(alarms.shape),
  "aws.stages.*": Object.keys(awsSettings.shape),
  "aws.stages.*.alarms": Object.keys(alarms.shape),
  "local.buckets.*": Object.keys(localBucket.shape),
  "local.topics.*": Object.keys(localTopic.shape),
  "local.queues.*": Object.keys(localQueue.shape),
  "local.apiKeys.*": Object.keys(apiKey.shape),
  "local.sesApi": Object.keys(sesApi.shape),
  "local.sesApi.keys.*": ["accessKeyId", "secretFrom"],
  "local.blockLists": Object.keys(blockLists.shape),
  "local.blockLists.dns.*": Object.keys(dnsBlockList.shape),
  "local.smarthost": Object.keys(smarthost.shape),
  "local.smarthost.auth": ["user", "passwordFrom"],
  ruleSet: ["name", "rules"],
  "ruleSet.rules.*.actions.*": [...new Set(ruleActions.flatMap((action) => Object.keys(action.shape)))],
  "ruleSet.rules.*.actions.*.type": ruleActions.flatMap((action) => action.shape.type.value),
  "ruleSet.rules.*": ["name", "enabled", "tlsPolicy", "scanEnabled", "recipients", "actions"],
};
