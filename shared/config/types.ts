import type { Header } from "../mail/headers.ts";
import type { Judgement, Nature, Trust } from "../mail/judgement.ts";
import type { ParsedMail } from "../mail/parsed-mail.ts";
import type { Claim, Ports } from "../ports.ts";
import type { IpFilter, RuleSet } from "../receipt/model.ts";
import type { StreamMessage } from "../streams/stream-message.ts";
import type { TicketPolicy } from "../tickets/policy.ts";

/** What a user writes in `mailweir.config.ts`: everything but `domains` has a default. */
export interface MailConfig {
  /** Verified domains; subdomains count as verified too, as in SES. */
  readonly domains: readonly string[];
  /** By name. The names of the built-in streams change their settings; others are the user's own. */
  readonly streams?: Readonly<Record<string, StreamConfig>>;
  /** Recipients that get a bounce (a DSN, after acceptance) while the others are delivered. */
  readonly rejects?: readonly RejectConfig[];
  readonly gate?: Partial<GatePolicy>;
  readonly tickets?: Partial<TicketPolicy>;
  readonly personal?: PersonalConfig;
  /** `days`: what nobody released for so long ends as expired. Default 30. */
  readonly quarantine?: { readonly days?: number };
  /** How long mail is kept once all work on it is done. Default: for ever. docs/retention.md. */
  readonly retention?: RetentionConfig;
  /** `{ block: "203.0.113.0/24" }`, `{ allow: "203.0.113.25" }`; Allow wins. */
  readonly ipFilters?: readonly ({ readonly block: string } | { readonly allow: string })[];
  /** `require`: refuse recipients to senders that do not use STARTTLS. Default `optional`. */
  readonly tls?: "require" | "optional";
  /** From of bounces; must belong to one of the domains. Default `mailer-daemon@` the first domain. */
  readonly bounceSender?: string;
  /** Encrypt stored mail as SES does with a KMS key. Default false. */
  readonly encrypt?: boolean;
  /** An SES region with receiving; names ARNs and the greeting. Default `us-east-1`. */
  readonly region?: string;
  /** Own rules instead of the derived ones. */
  readonly ruleSet?: RuleSet;
  /** Keys of the tokens in unsubscribe and reply addresses. Without: one key, made at the first start. */
  readonly tokens?: TokenConfig;
  readonly unsubscribe?: UnsubscribeConfig;
  readonly local?: LocalConfig;
  /** What only a deployment needs (docs/aws.md). */
  readonly aws?: AwsConfig;
}

export interface RetentionConfig {
  /** For streams that are not named, and for mail of no stream. Default: for ever. */
  readonly default?: RetentionPeriod;
  /** By stream; below it by what the mail is, which counts alone then. */
  readonly streams?: Readonly<Record<string, StreamRetention>>;
  /** By what the mail is, in every stream; where both have a period, the longer one counts. */
  readonly natures?: Readonly<Partial<Record<Nature, RetentionPeriod>>>;
  /** Closed tickets, from their last change. Default: for ever; open tickets always are. */
  readonly tickets?: RetentionPeriod;
}

export interface StreamRetention {
  /** Without it, the period of a nature or the default. */
  readonly days?: number | "forever";
  readonly natures?: Readonly<Partial<Record<Nature, RetentionPeriod>>>;
}

export interface RetentionPeriod {
  /** Days from the receipt. */
  readonly days: number | "forever";
}

export interface AwsConfig extends AwsSettings {
  /** By stage: what differs from the settings above. */
  readonly stages?: Readonly<Record<string, AwsSettings>>;
}

export interface AwsSettings {
  /** Make the stage's rule set the active one, of which a region has one. Default true. */
  readonly activate?: boolean;
  /**
   * Replace an active rule set that is not ours: true for a set that no Mailweir stage owns, or the set's name, which
   * may be another stage's. Default false: the deployment is refused.
   */
  readonly takeOver?: boolean | string;
  /** `existing`: the domains are verified in SES already, and no deployment creates or deletes them. Default `create`. */
  readonly identities?: "create" | "existing";
  /** Name of the mail bucket. Default `mailweir-<stage>-mail-<account>-<region>`. */
  readonly bucket?: string;
  /** Alias of the mail key. Default `alias/mailweir-<stage>-mail`. */
  readonly kmsAlias?: string;
  /** @deprecated Refused: the bucket's lifecycle knows no hold and no stream. Write `retention`. */
  readonly deleteMailAfterDays?: number;
  /** Stored mail moves to cheaper storage (Standard-IA) after so many days, at least 30. Default never. */
  readonly archiveMailAfterDays?: number;
  /** Keep overwritten and deleted objects for 30 days. Default false. */
  readonly versioning?: boolean;
  /** Point-in-time recovery of the tables. Default false. */
  readonly pointInTimeRecovery?: boolean;
  /** Days that logs are kept; one of CloudWatch's values. Default 30. */
  readonly logRetentionDays?: number;
  /** X-Ray traces of every function. Default false. */
  readonly tracing?: boolean;
  /** Invocations of one queue's worker at a time, 2 to 1000. Default 10. */
  readonly workerConcurrency?: number;
  readonly alarms?: AlarmConfig;
}

export interface AlarmConfig {
  /** Who is told. AWS asks the address to confirm. Without one the alarms show in CloudWatch only. */
  readonly email?: string;
  /** Alarm when more mails than this are suspicious in one hour. Default 100. */
  readonly suspiciousPerHour?: number;
  /** Alarm when no mail at all came in so many hours; 0 for never. Default 24. */
  readonly silentHours?: number;
  /** Alarm when the oldest message of a queue waits so long. Default 30. */
  readonly queueAgeMinutes?: number;
}

/** Where a secret is kept. The configuration never holds one itself. */
export type SecretSource =
  /** An environment variable, read at start. On one machine only: on AWS anybody who may list functions could read it. */
  | { readonly env: string }
  /** A file; on one machine only. */
  | { readonly file: string }
  /** Name or ARN of a secret in AWS Secrets Manager, whose text is the secret. */
  | { readonly secretsManager: string }
  /** Name of a SecureString parameter in AWS Systems Manager. */
  | { readonly parameter: string };

export interface TokenConfig {
  /** The first one signs, all verify. To rotate, put a new one in front. */
  readonly keys: readonly {
    /** One letter a–z or digit 2–7, in front of each token. */
    readonly id: string;
    readonly secretFrom: SecretSource;
    /** ISO 8601: tokens of this key are not believed from then on. */
    readonly verifyUntil?: string;
  }[];
  /** Hashes addresses, the same for ever. Needed from the second key on: the secret of the first key. */
  readonly addressSecretFrom?: SecretSource;
}

/** How requests, bounces and complaints change the suppression list, and who hears of it. docs/unsubscribe.md. */
export interface UnsubscribeConfig {
  /** List id → what people call it. A request may name these; without any, a request without token means all mail. */
  readonly lists?: Readonly<Record<string, { readonly name?: string }>>;
  /** Address of the one-click page, `https://mail.example.com/u`: for the links in confirmation mails. */
  readonly url?: string;
  /** A request whose author nothing proves: ask them by mail (once a day), or leave it parked. Default `confirm`. */
  readonly unverified?: "confirm" | "park";
  /** An answer to our mail that says only "stop": act, ask by mail, or park. Default `act`. */
  readonly replies?: "act" | "confirm" | "park";
  /** Tell the person that it was done, once a day at most. Default false. */
  readonly notify?: boolean;
  readonly bounces?: {
    /** Suppress everything for an address that does not exist. Default true. */
    readonly hard?: boolean;
    /** Suppress for `forDays` who bounced softly `count` times in `days`. Default `{ count: 5, days: 14, forDays: 30 }`. */
    readonly soft?: false | { readonly count: number; readonly days: number; readonly forDays: number };
  };
  /** Suppress everything for who reports our mail as spam. Default true. */
  readonly complaints?: boolean;
  /** How long evidence is kept. Default 1095. */
  readonly evidenceDays?: number;
  readonly propagate?: {
    /** On AWS: also put addresses that get no mail at all on the SES account's suppression list. Default false. */
    readonly sesAccountList?: boolean;
    /** By name: signed webhooks (Standard Webhooks). */
    readonly webhooks?: Readonly<Record<string, WebhookConfig>>;
  };
}

export interface WebhookConfig {
  readonly url: string;
  /** The signing secret, `whsec_…` or any text of at least 24 characters. */
  readonly secretFrom: SecretSource;
  /** Only changes of these lists, and of everything. Default: all. */
  readonly lists?: readonly string[];
  /** Private addresses that the host may resolve to, such as `127.0.0.1` or `10.0.0.0/8`. Default: none. */
  readonly allowPrivate?: readonly string[];
}

export type StreamWebhookConfig = Omit<WebhookConfig, "lists">;

export type BuiltInWorker = "ticket" | "unsubscribe" | "personal" | "quarantine" | "record";

export interface StreamConfig {
  /** SES recipient conditions: an address, a domain, `.domain` for its subdomains. Without: any address. */
  readonly recipients?: readonly string[];
  readonly match?: StreamMatch;
  readonly worker?: BuiltInWorker | StreamWorker;
  /** Instead of a worker: a signed POST (Standard Webhooks) for each mail and recipient. */
  readonly webhook?: StreamWebhookConfig;
  /**
   * For the personal worker: recipient address (`@example.com` for all others of a domain) → where its mail goes: one
   * place, or several. Without an entry: a Maildir named for the local part. docs/personal-mail.md.
   */
  readonly delivery?: Readonly<Record<string, DeliveryConfig | readonly DeliveryConfig[]>>;
  /** Natures that this stream takes; the others go where `divert` says, by default to the stream of their name. */
  readonly accepts?: readonly Nature[];
  readonly divert?: Readonly<Partial<Record<Nature, string>>>;
}

export type DeliveryConfig =
  /** Another address of yours: its entry says where. */
  | string
  /** A Maildir below the data folder; on AWS a folder of the bucket. */
  | { readonly maildir: string }
  /** An account of `personal.imap` by its name, or one written here. Default folder `INBOX`. */
  | { readonly imap: string | ImapAccountConfig; readonly folder?: string }
  /** `via` defaults to SES on AWS; on one machine to the smarthost, where there is one. */
  | { readonly forward: string | { readonly to: string; readonly via?: ForwardVia } };

/** How a forwarded mail is written: as SES takes it (From rewritten), or as an SMTP relay does (unchanged where that lands). */
export type ForwardVia = "ses" | "smarthost";

export interface ImapAccountConfig {
  readonly host: string;
  /** Default 993, with `starttls` or `none` 143. */
  readonly port?: number;
  /** Default `implicit`. `none` only with a loopback address. */
  readonly tls?: "implicit" | "starttls" | "none";
  /** PEM file of the authority that signed its certificate, where the system does not know it. On one machine only. */
  readonly ca?: string;
  readonly user: string;
  readonly passwordFrom: SecretSource;
}

/** What the personal worker needs beside the address map. docs/personal-mail.md. */
export interface PersonalConfig {
  /** IMAP accounts by name. */
  readonly imap?: Readonly<Record<string, ImapAccountConfig>>;
  /** The first rule that matches says which folder of a mailbox, Maildir or IMAP, the mail goes to. */
  readonly folders?: readonly FolderRuleConfig[];
  readonly forwarding?: ForwardingConfig;
}

export interface FolderRuleConfig {
  readonly match: StreamMatch;
  /** Names separated by slashes: `Lists/Dev`. */
  readonly folder: string;
}

export interface ForwardingConfig {
  /** Author of forwarded mail whose From must be rewritten. Default `forwarded@` the first domain. */
  readonly from?: string;
  /** Domain of SRS envelope senders; the personal stream must receive for all of it. Default: that of `from`. */
  readonly srsDomain?: string;
  /** A larger mail is not forwarded; a notice says where it lies. Default 26 214 400. */
  readonly maxBytes?: number;
  /**
   * Under which address people reach the engine's HTTP port, `https://mail.example.com`: a notice then has a link to the mail. On one
   * machine only.
   */
  readonly linkUrl?: string;
  /** How long such a link is good for. Default 7. */
  readonly linkDays?: number;
  /** Signs rewritten mail (DKIM) and seals all of it (ARC): through a smarthost only. */
  readonly key?: { readonly domain: string; readonly selector: string; readonly privateKeyFrom: SecretSource };
}

export type StreamMatch =
  | {
      /** Compared without case with the whole address; a RegExp is tried on the normalised address. */
      readonly recipient?: string | RegExp;
      readonly header?: { readonly name: string; readonly value: string | RegExp };
      readonly nature?: Nature | readonly Nature[];
      readonly trust?: Trust | readonly Trust[];
    }
  | ((input: MatchInput) => boolean);

export interface MatchInput {
  readonly recipient: string;
  readonly headers: readonly Header[];
  readonly judgement: Judgement;
}

/** The user's own work on one recipient of one message. Runs at least once; `tools.claim` is the key for own effects. */
export type StreamWorker = (
  message: StreamMessage,
  tools: WorkerTools,
) => Promise<{ readonly outcome: string; readonly detail?: Readonly<Record<string, string>> } | undefined>;

export interface WorkerTools {
  readonly recipient: string;
  readonly claim: Claim;
  /** The stored message, decrypted, SES's header block on top. */
  raw(): Promise<AsyncIterable<Uint8Array>>;
  mail(): Promise<ParsedMail>;
  readonly ports: Ports;
}

export interface RejectConfig {
  readonly recipients: readonly string[];
  readonly template: BounceTemplateName;
}

/** The six templates of the SES console (ses-receiving.md §5.4). */
export type BounceTemplateName =
  | "mailbox-does-not-exist"
  | "message-too-large"
  | "mailbox-full"
  | "content-rejected"
  | "unknown-failure"
  | "temporary-failure";

export type GateOutcome = "quarantine" | "bounce" | "drop" | "nothing";

/** What a finding leads to. Quarantine by default, apart from a failed DKIM alone, which leads to nothing. */
export interface GatePolicy {
  readonly virus: GateOutcome;
  readonly spam: GateOutcome;
  /** DMARC FAIL of a domain whose policy is reject. */
  readonly dmarcReject: GateOutcome;
  readonly dkimFail: GateOutcome;
}

/** `read` is every GET; `suppressions`, `tickets` and `streams` are all below `/api/` of that name; `all` is everything. */
export type ApiKeyScope = "read" | "suppressions" | "tickets" | "streams" | "all";

export interface ApiKeyConfig {
  readonly name: string;
  readonly scopes: readonly ApiKeyScope[];
  /** SHA-256 of the key in lower-case hex; the key itself is kept by whoever uses it. */
  readonly sha256: string;
}

export interface LocalConfig {
  /** Folder of the database and all mail. Default `data`. */
  readonly data?: string;
  /** `host:port`. Default `127.0.0.1:2525`. */
  readonly smtp?: string;
  /** Console and API for this machine: a loopback address. Default `127.0.0.1:8025`. */
  readonly http?: string;
  /** Console and API for others, over TLS and with a key: needs `tls` and `apiKeys`. Default: none. */
  readonly https?: string;
  /** Who may use the API; `mailweir key new` makes one. */
  readonly apiKeys?: readonly ApiKeyConfig[];
  /** A zone file for offline work, or name servers; default: the system's. */
  readonly dns?: { readonly zone: string } | { readonly servers: readonly string[] };
  readonly scanners?: {
    readonly spam?: SpamScannerConfig;
    readonly virus?: VirusScannerConfig;
  };
  /** TLS key and certificate as PEM files; without, one is made. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Own Lambda functions that an own rule set names: ARN or name → module with a `handler` export. */
  readonly functions?: Readonly<Record<string, string>>;
  /** Buckets, topics and queues that own rules name, beside those of the pipeline; by name. */
  readonly buckets?: Readonly<Record<string, LocalBucketConfig>>;
  readonly topics?: Readonly<Record<string, LocalTopicConfig>>;
  /** ARNs of KMS keys that own rules may name; the local key store stands for them. `alias/aws/ses` is always there. */
  readonly keys?: readonly string[];
  readonly queues?: Readonly<Record<string, LocalQueueConfig>>;
  readonly sesApi?: {
    /** Whose signatures are taken; default: any. `secretFrom` names an environment variable. */
    readonly keys?: readonly SesApiKeyConfig[];
    /** Each operation at most once a second, as on AWS. Default false. */
    readonly rateLimit?: boolean;
  };
  /** Whom to refuse beside the `ipFilters`, whose Allow overrides every list. */
  readonly blockLists?: {
    /** Files with an address or CIDR block a line; read again when they change. */
    readonly files?: readonly string[];
    /** DNS block lists (RFC 5782), by zone. */
    readonly dns?: readonly (string | DnsBlockListConfig)[];
  };
  /** Who takes outgoing mail: bounces, confirmations, replies, forwards. Without, it is kept in the outbox folder. */
  readonly smarthost?: SmarthostConfig;
  /**
   * Whether SendBounce may answer automatic mail and senders for whom SPF does not vouch. `refuse` (the default) answers
   * MessageRejected; `send` does as SES does.
   */
  readonly backscatter?: "refuse" | "send";
  readonly limits?: Partial<LocalLimits>;
  /** The other reading where it is not established what SES does; see docs/ses-fidelity.md. */
  readonly ses?: Partial<SesReadings>;
}

/** Readings of SES's behaviour that can be chosen; the defaults stand in shared/receipt/choices.ts. */
export interface SesReadings {
  /** Whether any matching Allow lets a client in, or the narrowest matching filter decides. Default `allow-wins`. */
  readonly ipPrecedence: "allow-wins" | "longest-prefix";
  /** dmarcVerdict of a failure under p=none: as recorded, or as documented. Default `FAIL`. */
  readonly dmarcFailureUnderNone: "FAIL" | "GRAY";
  /** Whether dkimVerdict PASS needs a signature aligned with the author, as recorded. Default true. */
  readonly dkimNeedsAlignment: boolean;
  /** What follows a synchronous function that failed for four hours. Default `drop`. */
  readonly onSyncFailure: "drop" | "continue";
  /**
   * Whether a failed synchronous function is tried again for four hours, as SES presumably does. Without, the first failure
   * is the last, which is what tests want. Default true.
   */
  readonly retrySyncFailures: boolean;
}

export interface SesApiKeyConfig {
  readonly accessKeyId: string;
  readonly secretFrom: string;
}

/** Who is told of every object that is stored in it (`ObjectCreated:Put`). */
export interface LocalBucketConfig {
  /** A queue of `local.queues`. */
  readonly queue?: string;
  /** A function of `local.functions`. */
  readonly function?: string;
}

export interface LocalTopicConfig {
  /** Queues of `local.queues`. */
  readonly queues?: readonly string[];
  /** Functions of `local.functions`. */
  readonly functions?: readonly string[];
  /** Queues get the notification alone, without the SNS envelope. Default false. */
  readonly rawDelivery?: boolean;
}

export interface LocalQueueConfig {
  /** The function of `local.functions` that gets batches. Without, messages wait until somebody looks, 4 days at most. */
  readonly function?: string;
  /** 1 to 10 000, default 10. */
  readonly batchSize?: number;
  /** Receives before a message goes to the dead-letter queue. 1 to 1000, default 5. */
  readonly maxReceiveCount?: number;
  /** 0 to 43 200, default 30. */
  readonly visibilitySeconds?: number;
}

export interface DnsBlockListConfig {
  /** `zen.spamhaus.org`. */
  readonly zone: string;
  /** Answers that count: `127.0.0.2`, or a range `127.0.0.4-127.0.0.7`. Default: every one that lists an address. */
  readonly codes?: readonly string[];
  /** 100 to 10 000, default 3000. A list that does not answer refuses nobody. */
  readonly timeoutMs?: number;
}

export interface BlockListConfig {
  readonly files: readonly string[];
  readonly dns: readonly DnsBlockListConfig[];
}

export interface SmarthostConfig {
  readonly host: string;
  readonly port: number;
  /** `starttls` must succeed; `implicit` from the first octet. Default: `implicit` on port 465, else `starttls`. */
  readonly tls?: "starttls" | "implicit" | "none";
  /** PEM file of the authority that signed its certificate, where the system does not know it. */
  readonly ca?: string;
  /** `passwordFrom` names an environment variable. */
  readonly auth?: { readonly user: string; readonly passwordFrom: string };
  /** How long a mail is tried again. 4 to 240, default 120. */
  readonly giveUpAfterHours?: number;
  /** SMTP sessions at a time. Default 2. */
  readonly connections?: number;
}

export type SpamScannerConfig =
  /** Finds only GTUBE, the test string. The default. */
  | { readonly type: "test-string" }
  | { readonly type: "spamd" | "rspamd"; readonly host: string; readonly port: number; readonly timeoutMs?: number };
export type VirusScannerConfig =
  /** Finds only EICAR, the test file. The default. */
  | { readonly type: "test-string" }
  | { readonly type: "clamd"; readonly host: string; readonly port: number; readonly timeoutMs?: number };

export interface LocalLimits {
  /** Octets of one message, dots unstuffed, without SES's block. Default 41 943 040. */
  readonly messageBytes: number;
  /** Open SMTP connections. Default 500. */
  readonly connections: number;
  /** Accepted messages whose rules have not ended; beyond, senders get 451. Default 10 000. */
  readonly unfinished: number;
  /** Free octets on the data folder's disk below which senders get 452. Default 268 435 456. */
  readonly freeDiskBytes: number;
  /** Recipients of one transaction. Default 100. */
  readonly recipients: number;
  /** Memory of one worker thread's JS heap in MB. Default 192. */
  readonly workerHeapMb: number;
  /** Worker threads for functions. Default 2. */
  readonly workers: number;
}

// ---- what the rest of the code sees: complete and checked ----

export interface ResolvedStream {
  readonly name: string;
  /** Normalised as SES does. Empty: any address (then `match` decides, or only diverted mail comes here). */
  readonly recipients: readonly string[];
  /** False for streams that only get diverted mail (bounce, complaint, auto-reply, list, quarantine by default). */
  readonly addressed: boolean;
  readonly match?: StreamMatch;
  readonly worker: BuiltInWorker | "webhook" | StreamWorker;
  /** Where the worker is `webhook`. */
  readonly webhook?: StreamWebhookConfig;
  /** By normalised address, or `@domain` for the others of a domain. */
  readonly delivery: Readonly<Record<string, readonly DeliveryEntry[]>>;
  readonly accepts: readonly Nature[];
  /** For every nature that is not accepted: the stream it goes to. */
  readonly divert: Readonly<Partial<Record<Nature, string>>>;
}

export type DeliveryEntry =
  | { readonly kind: "address"; readonly address: string }
  | { readonly kind: "maildir"; readonly name: string }
  | { readonly kind: "imap"; readonly account: ImapAccount; readonly folder: string }
  | { readonly kind: "forward"; readonly to: string; readonly via: ForwardVia };

export interface ImapAccount extends ImapAccountConfig {
  readonly port: number;
  readonly tls: "implicit" | "starttls" | "none";
}

export interface ResolvedPersonal {
  readonly folders: readonly FolderRuleConfig[];
  readonly forwarding: {
    readonly from: string;
    readonly srsDomain: string;
    readonly maxBytes: number;
    /** Without a slash at its end. */
    readonly linkUrl?: string;
    readonly linkDays: number;
    readonly key?: ForwardingConfig["key"];
  };
}

export interface ResolvedConfig {
  /** First 16 hex digits of SHA-256 over the configuration; stored with every decision. */
  readonly version: string;
  readonly region: string;
  /** Twelve digits; `000000000000` on one machine. */
  readonly accountId: string;
  readonly domains: readonly string[];
  readonly streams: readonly ResolvedStream[];
  readonly rejects: readonly RejectConfig[];
  readonly gate: GatePolicy;
  readonly tickets: TicketPolicy;
  readonly personal: ResolvedPersonal;
  readonly quarantine: { readonly days: number };
  readonly retention: ResolvedRetention;
  readonly ipFilters: readonly IpFilter[];
  readonly bounceSender: string;
  readonly encrypt: boolean;
  /** The configured set, named `mailweir`: derived, or the user's own. */
  readonly ruleSet: RuleSet;
  /** Absent: one generated key (a file in the data folder; on AWS the secret `names.tokenSecret`), id `a`. */
  readonly tokens?: TokenConfig;
  readonly unsubscribe: ResolvedUnsubscribe;
  readonly names: ResourceNames;
  readonly local: ResolvedLocal;
  /** Of the stage that the configuration was resolved for. */
  readonly aws: ResolvedAws;
}

export interface ResolvedRetention {
  /** Absent: for ever. */
  readonly defaultDays?: number;
  /** Only streams with a period of their own; `Infinity` is for ever. */
  readonly streamDays: Readonly<Record<string, number>>;
  readonly natureDays: Readonly<Partial<Record<Nature, number>>>;
  readonly streamNatureDays: Readonly<Record<string, Readonly<Partial<Record<Nature, number>>>>>;
  /** Absent: for ever. */
  readonly ticketDays?: number;
}

export interface ResolvedAws {
  readonly activate: boolean;
  readonly takeOver: boolean | string;
  readonly identities: "create" | "existing";
  readonly bucket?: string;
  readonly kmsAlias: string;
  readonly archiveMailAfterDays?: number;
  readonly versioning: boolean;
  readonly pointInTimeRecovery: boolean;
  readonly logRetentionDays: number;
  readonly tracing: boolean;
  readonly workerConcurrency: number;
  readonly alarms: {
    readonly email?: string;
    readonly suspiciousPerHour: number;
    readonly silentHours: number;
    readonly queueAgeMinutes: number;
  };
}

export interface ResolvedUnsubscribe {
  readonly lists: Readonly<Record<string, { readonly name?: string }>>;
  /** Without slash at its end. */
  readonly url?: string;
  readonly unverified: "confirm" | "park";
  readonly replies: "act" | "confirm" | "park";
  readonly notify: boolean;
  readonly bounces: {
    readonly hard: boolean;
    readonly soft: false | { readonly count: number; readonly days: number; readonly forDays: number };
  };
  readonly complaints: boolean;
  readonly evidenceDays: number;
  readonly sesAccountList: boolean;
  readonly webhooks: Readonly<Record<string, WebhookConfig>>;
}

/** Names and ARNs of what the pipeline owns, the same on both homes. */
export interface ResourceNames {
  readonly bucket: string;
  readonly keyPrefix: string;
  readonly noticeTopicArn: string;
  readonly kmsKeyArn: string;
  /** On AWS: the generated secret that signs tokens when the configuration names no keys. */
  readonly tokenSecret: string;
  /** S3 notice → route-notification. */
  readonly noticeQueue: string;
  /** S3 event, 15 minutes late → route-object. */
  readonly objectQueue: string;
  /** What our own mail is sent with: SES tells its bounces, complaints and deliveries by it. */
  readonly configurationSet: string;
  /** Changes of the suppression list → propagate. */
  readonly propagateQueue: string;
  /** What SES tells about sent mail → feedback. */
  readonly feedbackQueue: string;
  /** What is to be written to the people of a ticket → answer-ticket. */
  readonly answerQueue: string;
  /** Queue of a stream; its dead-letter queue is the same with `-dlq`. */
  streamQueue(stream: string): string;
  /** `gate`, `journal`, `route-notification`, `route-object`, `work-ticket`, … */
  functionArn(name: string): string;
}

export interface ResolvedLocal {
  readonly data: string;
  readonly smtp: string;
  readonly http: string;
  readonly https?: string;
  readonly apiKeys: readonly ApiKeyConfig[];
  readonly dns:
    | { readonly kind: "system" }
    | { readonly kind: "zone"; readonly file: string }
    | { readonly kind: "servers"; readonly servers: readonly string[] };
  readonly scanners: { readonly spam: SpamScannerConfig; readonly virus: VirusScannerConfig };
  readonly tls?: { readonly key: string; readonly cert: string };
  readonly functions: Readonly<Record<string, string>>;
  readonly buckets: Readonly<Record<string, LocalBucketConfig>>;
  readonly topics: Readonly<Record<string, LocalTopicConfig>>;
  readonly keys: readonly string[];
  readonly queues: Readonly<Record<string, LocalQueueConfig>>;
  readonly sesApi: { readonly keys: readonly SesApiKeyConfig[]; readonly rateLimit: boolean };
  readonly blockLists: BlockListConfig;
  readonly smarthost?: SmarthostConfig;
  readonly backscatter: "refuse" | "send";
  readonly limits: LocalLimits;
  readonly ses: SesReadings;
}
