import { namedSecrets } from "../config/named-secrets.ts";
import { deriveTopology } from "../config/topology.ts";
import type { ResolvedConfig } from "../config/types.ts";

/** What a function may touch, by the name of the thing; `arnsOf` turns it into ARNs. */
export type Resource =
  | "ledger-table"
  | "unfinished-index"
  | "store-table"
  | "listed-index"
  /** Where SES stores mail. */
  | "mail-objects"
  | "attachment-objects"
  /** Mailboxes that are folders of the bucket. */
  | "mailbox-objects"
  | "mail-bucket"
  /** The key behind the alias: only the deployment knows its ARN. */
  | "mail-key"
  /** The queues that this function consumes. */
  | "own-queues"
  | "stream-queues"
  /** What the bucket and the search for lost work tell the safety net. */
  | "object-queue"
  | "notice-queue"
  | "answer-queue"
  | "propagate-queue"
  | "notice-topic"
  /** The verified domains, and the addresses below them. */
  | "identities"
  /** Secrets and parameters that hold token keys, signing secrets and passwords. */
  | "secrets"
  | "own-log-group"
  /** Actions that know no resource. */
  | "any";

export interface Permission {
  readonly actions: readonly string[];
  readonly resources: readonly Resource[];
  /** Written reason; every `any` needs one. */
  readonly why: string;
}

const logs: Permission = {
  actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
  resources: ["own-log-group"],
  why: "its own log",
};
const consume: Permission = {
  actions: ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"],
  resources: ["own-queues"],
  why: "Lambda's event source mapping reads the queue with this role",
};
const postpone: Permission = {
  actions: ["sqs:SendMessage"],
  resources: ["own-queues"],
  why: "a record that was throttled is put back with a delay, so that throttling costs no receive",
};
const readMail: Permission = { actions: ["s3:GetObject"], resources: ["mail-objects"], why: "reads stored mail" };
const bucketExists: Permission = {
  actions: ["s3:ListBucket"],
  resources: ["mail-bucket"],
  why: "without it S3 answers 403 instead of 404 for what is not there",
};
const decrypt: Permission = { actions: ["kms:Decrypt"], resources: ["mail-key"], why: "opens encrypted mail" };
const encrypt: Permission = {
  actions: ["kms:GenerateDataKey"],
  resources: ["mail-key"],
  why: "what is stored beside the mail is encrypted as the mail is",
};
const route: readonly Permission[] = [
  readMail,
  bucketExists,
  decrypt,
  {
    actions: ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
    resources: ["ledger-table"],
    why: "decides and notes what was sent, and takes back what was decided of a forgotten mail",
  },
  { actions: ["sqs:SendMessage"], resources: ["stream-queues"], why: "fans out" },
];
const work: readonly Permission[] = [
  consume,
  postpone,
  readMail,
  bucketExists,
  decrypt,
  {
    actions: [
      "dynamodb:GetItem",
      "dynamodb:Query",
      "dynamodb:PutItem",
      "dynamodb:UpdateItem",
      "dynamodb:ConditionCheckItem",
    ],
    resources: ["ledger-table"],
    why: "claims, ends, and guards its effects in one transaction with them",
  },
  { actions: ["sqs:SendMessage"], resources: ["stream-queues"], why: "passes on what was released to another stream" },
];
const store = (...actions: readonly string[]): Permission => ({
  actions: actions.map((action) => `dynamodb:${action}`),
  resources: ["store-table"],
  why: "its own store",
});

const readSecrets: Permission = {
  actions: ["ssm:GetParameter", "secretsmanager:GetSecretValue"],
  resources: ["secrets"],
  why: "signs and checks tokens",
};

const suppress: readonly Permission[] = [
  store("GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem"),
  { actions: ["dynamodb:Query"], resources: ["listed-index"], why: "finds changes that were not handed over" },
  { actions: ["sqs:SendMessage"], resources: ["propagate-queue"], why: "hands changes over to be told to others" },
  readSecrets,
];
/** The outbox, limits and propagations keep their items in the ledger's table. */
const keepInLedger: Permission = {
  actions: ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
  resources: ["ledger-table"],
  why: "notes what was sent, so that it is sent once",
};

const sendMail: Permission = {
  actions: ["ses:SendEmail", "ses:SendRawEmail"],
  resources: ["identities"],
  why: "asks whether a request was the person's own, and says that it was done",
};

/** Hands over what ticket systems are to hear, by an item that goes when the queue has it. */
const tellSinks: readonly Permission[] = [
  store("DeleteItem"),
  { actions: ["sqs:SendMessage"], resources: ["propagate-queue"], why: "hands tickets over to be brought to sinks" },
];

/** By function; one that is not here gets only its log. */
const byFunction: Readonly<Record<string, readonly Permission[]>> = {
  gate: [
    readMail,
    bucketExists,
    decrypt,
    {
      actions: ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
      resources: ["ledger-table"],
      why: "writes the decision before it stops anything, and notes bounces",
    },
    { actions: ["ses:SendBounce"], resources: ["identities"], why: "bounces that the policy asks for" },
  ],
  journal: [{ actions: ["dynamodb:PutItem"], resources: ["ledger-table"], why: "writes META" }],
  "route-notification": [
    consume,
    postpone,
    ...route,
    encrypt,
    {
      actions: ["s3:PutObject", "s3:AbortMultipartUpload"],
      resources: ["mail-objects"],
      why: "stores mail that came in its notice only and is too long for a queue",
    },
  ],
  "route-object": [consume, postpone, ...route],
  "work-personal": [
    ...work,
    encrypt,
    ...suppress,
    {
      actions: ["s3:PutObject", "s3:AbortMultipartUpload"],
      resources: ["mailbox-objects"],
      why: "delivers to folders",
    },
    keepInLedger,
    { actions: ["ses:SendEmail", "ses:SendRawEmail"], resources: ["identities"], why: "forwards" },
  ],
  "work-unsubscribe": [...work, ...suppress, keepInLedger, sendMail],
  feedback: [
    consume,
    postpone,
    keepInLedger,
    ...suppress,
    { actions: ["ses:SendBounce"], resources: ["identities"], why: "tells senders that their mail was not handed on" },
  ],
  "one-click": [keepInLedger, ...suppress],
  "work-ticket": [
    ...work,
    encrypt,
    store("GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem"),
    {
      actions: ["s3:PutObject", "s3:AbortMultipartUpload", "s3:GetObject"],
      resources: ["attachment-objects"],
      why: "stores attachments",
    },
    { actions: ["sqs:SendMessage"], resources: ["answer-queue"], why: "asks for acknowledgements" },
    ...tellSinks,
    readSecrets,
  ],
  "answer-ticket": [
    consume,
    postpone,
    store("GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem"),
    ...tellSinks,
    keepInLedger,
    { actions: ["ses:SendEmail", "ses:SendRawEmail"], resources: ["identities"], why: "sends what was written" },
    readSecrets,
  ],
  propagate: [
    consume,
    postpone,
    keepInLedger,
    ...suppress,
    { actions: ["s3:GetObject"], resources: ["attachment-objects"], why: "brings files to ticket systems" },
    decrypt,
    {
      actions: ["ses:PutSuppressedDestination", "ses:DeleteSuppressedDestination"],
      resources: ["any"],
      why: "the account's suppression list is one, and these actions know no resource",
    },
  ],
  "work-record": [...work, ...suppress],
  "work-webhook": [...work, { ...readSecrets, why: "signs its requests" }],
  "work-quarantine": [...work, store("GetItem", "PutItem", "DeleteItem")],
  "expire-quarantine": [
    {
      actions: ["dynamodb:Query", "dynamodb:UpdateItem"],
      resources: ["ledger-table"],
      why: "ends what nobody released",
    },
    store("BatchGetItem", "DeleteItem"),
    { actions: ["dynamodb:Query"], resources: ["listed-index"], why: "lists what is held" },
  ],
  "find-lost-work": [
    { actions: ["dynamodb:Query"], resources: ["unfinished-index"], why: "lists what has not ended" },
    {
      actions: [
        "dynamodb:GetItem",
        "dynamodb:BatchGetItem",
        "dynamodb:PutItem",
        "dynamodb:UpdateItem",
        "dynamodb:DeleteItem",
      ],
      resources: ["ledger-table"],
      why: "takes back what was lost, or ends it, and notes how far it looked",
    },
    {
      actions: ["sqs:GetQueueAttributes"],
      resources: ["stream-queues", "object-queue", "notice-queue"],
      why: "asks whether anything waits there",
    },
    { actions: ["sqs:SendMessage"], resources: ["object-queue"], why: "has the safety net route it again" },
    { ...readMail, why: "asks whether the mail is stored: S3 has no other right for that" },
    bucketExists,
  ],
  "expire-mail": [
    {
      actions: [
        "dynamodb:GetItem",
        "dynamodb:BatchGetItem",
        "dynamodb:Query",
        "dynamodb:PutItem",
        "dynamodb:DeleteItem",
      ],
      resources: ["ledger-table"],
      why: "asks when mail ends, and removes it",
    },
    { actions: ["dynamodb:ConditionCheckItem"], resources: ["ledger-table"], why: "nobody works on it meanwhile" },
    store("GetItem", "BatchGetItem", "Query", "PutItem", "DeleteItem", "ConditionCheckItem"),
    { actions: ["dynamodb:Query"], resources: ["listed-index"], why: "lists holds and closed tickets" },
    { actions: ["s3:ListBucketVersions"], resources: ["mail-bucket"], why: "walks stored mail" },
    {
      actions: ["s3:GetObject", "s3:GetObjectVersion"],
      resources: ["mail-objects"],
      why: "looks whether mail names a held address",
    },
    decrypt,
    {
      actions: ["s3:DeleteObject", "s3:DeleteObjectVersion"],
      resources: ["mail-objects"],
      why: "removes mail whose period is over, with all versions",
    },
  ],
  // The user's own code gets every port: whoever wants less writes less here.
  "work-own": [
    ...work,
    encrypt,
    keepInLedger,
    ...suppress,
    { actions: ["dynamodb:Query"], resources: ["unfinished-index"], why: "lists" },
    {
      actions: ["s3:PutObject", "s3:AbortMultipartUpload", "s3:GetObject"],
      resources: ["attachment-objects", "mailbox-objects"],
      why: "stores what belongs to mail",
    },
    { actions: ["ses:SendEmail", "ses:SendRawEmail", "ses:SendBounce"], resources: ["identities"], why: "answers" },
  ],
};

/** What the role of one function allows, and nothing else. `functionName` as in `deriveTopology`. */
export function permissionsOf(functionName: string): readonly Permission[] {
  return [logs, ...(byFunction[functionName] ?? [])];
}

export interface ArnOptions {
  readonly functionName: string;
  readonly ledgerTable: string;
  readonly storeTable: string;
  /** The key's own ARN: IAM knows no aliases. */
  readonly keyArn: string;
}

/**
 * The ARNs that a resource stands for. With a configuration resolved for the account `${AWS::AccountId}` they are
 * what `Fn::Sub` completes.
 */
export function arnsOf(resource: Resource, config: ResolvedConfig, options: ArnOptions): readonly string[] {
  const { names, region, accountId } = config;
  const arn = (service: string, rest: string) => `arn:aws:${service}:${region}:${accountId}:${rest}`;
  const { ledgerTable, storeTable, functionName, keyArn } = options;
  switch (resource) {
    case "ledger-table":
      return [arn("dynamodb", `table/${ledgerTable}`)];
    case "unfinished-index":
      return [arn("dynamodb", `table/${ledgerTable}/index/unfinished`)];
    case "store-table":
      return [arn("dynamodb", `table/${storeTable}`)];
    case "listed-index":
      return [arn("dynamodb", `table/${storeTable}/index/listed`)];
    case "mail-objects":
      return storePlaces(config).map(({ bucket, prefix }) => `arn:aws:s3:::${bucket}/${prefix}*`);
    case "attachment-objects":
      return [`arn:aws:s3:::${names.bucket}/attachments/*`];
    case "mailbox-objects":
      return [`arn:aws:s3:::${names.bucket}/mailboxes/*`];
    case "mail-bucket":
      return [...new Set(storePlaces(config).map(({ bucket }) => `arn:aws:s3:::${bucket}`))];
    case "mail-key":
      return [keyArn];
    case "own-queues":
      return deriveTopology(config)
        .queues.filter(({ consumer }) => consumer?.functionName === functionName)
        .map(({ name }) => arn("sqs", name));
    case "stream-queues":
      return config.streams.map(({ name }) => arn("sqs", names.streamQueue(name)));
    case "object-queue":
      return [arn("sqs", names.objectQueue)];
    case "notice-queue":
      return [arn("sqs", names.noticeQueue)];
    case "answer-queue":
      return [arn("sqs", names.answerQueue)];
    case "propagate-queue":
      return [arn("sqs", names.propagateQueue)];
    case "notice-topic":
      return [names.noticeTopicArn];
    case "identities":
      return config.domains.flatMap((domain) => [
        arn("ses", `identity/${domain}`),
        arn("ses", `identity/*@${domain}`),
        arn("ses", `identity/*.${domain}`),
      ]);
    case "secrets":
      return secretNames(config).map((name) =>
        name.startsWith("arn:")
          ? name
          : name.startsWith("parameter/")
            ? arn("ssm", name)
            : // Secrets Manager adds a hyphen and six characters of its own.
              arn("secretsmanager", `secret:${name}-??????`),
      );
    case "own-log-group":
      return [arn("logs", `log-group:/aws/lambda/${names.functionArn(functionName).split(":").at(-1)}:*`)];
    case "any":
      return ["*"];
    default:
      return resource satisfies never;
  }
}

/** Of the token keys (those that the configuration names, or the generated one), webhooks, sinks and mail accounts. */
function secretNames(config: ResolvedConfig): readonly string[] {
  const generated = config.tokens === undefined ? [config.names.tokenSecret] : [];
  const named = namedSecrets(config).flatMap(({ source }) => {
    if ("secretsManager" in source) return [source.secretsManager];
    return "parameter" in source ? [`parameter/${source.parameter.replace(/^\//, "")}`] : [];
  });
  return [...new Set([...generated, ...named])];
}

/** The bucket of the configuration, and wherever rules of the user's own store mail. */
export function storePlaces({ names, ruleSet }: ResolvedConfig): readonly { bucket: string; prefix: string }[] {
  const places = new Map([[`${names.bucket}/${names.keyPrefix}`, { bucket: names.bucket, prefix: names.keyPrefix }]]);
  for (const action of ruleSet.rules.flatMap(({ actions }) => actions)) {
    if (action.type !== "S3") continue;
    const prefix = action.objectKeyPrefix ?? "";
    places.set(`${action.bucketName}/${prefix}`, { bucket: action.bucketName, prefix });
  }
  return [...places.values()];
}
