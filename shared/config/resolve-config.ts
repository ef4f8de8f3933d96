import { createHash } from "node:crypto";
import { parseDomain, parseMailAddress } from "../mail/address.ts";
import { type Nature, natures } from "../mail/judgement.ts";
import { choices } from "../receipt/choices.ts";
import { validateCidr } from "../receipt/ip-filter.ts";
import { normaliseRecipient, normaliseRecipients, validateRecipientCondition } from "../receipt/match-recipient.ts";
import type { IpFilter, RuleSet } from "../receipt/model.ts";
import { parseReturnCode } from "../receipt/return-codes.ts";
import { extremeDays } from "../retention/period.ts";
import { checkTarget } from "../sinks/check-target.ts";
import { defaultTicketPolicy } from "../tickets/policy.ts";
import { checkRuleSet } from "./check-rule-set.ts";
import { checkShape, place } from "./check-shape.ts";
import { ConfigError, type ConfigFault, didYouMean } from "./config-error.ts";
import { deriveRuleSet } from "./derive-rules.ts";
import { isStageName, localAccountId, localPrefix, resourceNames, stagePrefix } from "./names.ts";
import { ownRuleSet } from "./own-rule-set.ts";
import { resolveAws, stageFault } from "./resolve-aws.ts";
import { type DeliveryPlaces, resolveDelivery } from "./resolve-delivery.ts";
import { resolvePersonal } from "./resolve-personal.ts";
import { checkSinks } from "./resolve-sinks.ts";
import { resolveUnsubscribe } from "./resolve-unsubscribe.ts";
import { soundPart } from "./sound-part.ts";
import { deriveTopology } from "./topology.ts";
import type {
  BlockListConfig,
  BuiltInWorker,
  GatePolicy,
  LocalConfig,
  LocalLimits,
  MailConfig,
  ResolvedConfig,
  ResolvedLocal,
  ResolvedRetention,
  ResolvedStream,
  RetentionConfig,
  RetentionPeriod,
  SesReadings,
  SmarthostConfig,
  StreamConfig,
  StreamWebhookConfig,
} from "./types.ts";

export interface ResolveOptions {
  /** How the file is called in messages. */
  readonly file?: string;
  /** A deployment's stage: every name carries it. Default: one machine. */
  readonly stage?: string;
  /** Default `mailweir`, or `mailweir-<stage>`. */
  readonly prefix?: string;
  /** Default: the account id of a single machine. */
  readonly accountId?: string;
}

/**
 * Checks a configuration and completes it with its defaults.
 *
 * @param input - what `mailweir.config.ts` exports
 * @throws {ConfigError} with every mistake at once
 */
export function resolveConfig(input: unknown, options: ResolveOptions = {}): ResolvedConfig {
  const shape = checkShape(input);
  const faults = [...shape.faults];
  // Without faults checkShape is the proof: the schema and the type say the same.
  const config = faults.length === 0 ? (input as MailConfig) : soundPart(input, shape.unsound);
  if (!config) throw new ConfigError(faults, options.file);

  const region = config.region ?? "us-east-1";
  const accountId = options.accountId ?? localAccountId;
  const { stage } = options;
  if (stage !== undefined && !isStageName(stage)) faults.push({ at: "--stage", ...stageFault(stage) });
  const prefix = options.prefix ?? (stage === undefined ? localPrefix : stagePrefix(stage));
  const aws = resolveAws(config.aws, prefix, stage, faults);
  const names = resourceNames(prefix, region, accountId, aws);
  const domains = resolveDomains(config, faults);
  const places: DeliveryPlaces = {
    accounts: config.personal?.imap ?? {},
    onAws: stage !== undefined,
    smarthost: config.local?.smarthost !== undefined,
  };
  const streams = resolveStreams(config, domains, places, faults);
  const personal = resolvePersonal(config.personal ?? {}, { ...places, domains }, streams, faults);
  const rejects = config.rejects ?? [];
  for (const [index, reject] of rejects.entries()) {
    checkConditions(reject.recipients, ["rejects", index, "recipients"], domains, faults);
  }
  const gate = { ...defaultGate, ...config.gate };
  const bounceSender = resolveBounceSender(config, domains, faults);
  const ipFilters = resolveIpFilters(config, prefix, faults);
  const local = resolveLocal(config, faults);
  checkTokens(config, faults);
  const retention = resolveRetention(config.retention ?? {}, streams, faults);
  checkArchive(config, retention, faults);
  const unsubscribe = resolveUnsubscribe(config.unsubscribe ?? {}, faults);
  checkSinks(config.tickets?.sinks ?? {}, places.onAws, faults);
  if (config.ruleSet) faults.push(...checkRuleSet(config.ruleSet));
  else if (!streams.some((stream) => stream.addressed) && !shape.unsound.some(([section]) => section === "streams")) {
    faults.push({
      at: "streams",
      problem: "no stream has recipients or a match, so every mail would be refused",
      suggestion: `write for example  personal: { recipients: [${JSON.stringify(domains[0] ?? "example.com")}] }`,
    });
  }
  if (faults.length > 0) throw new ConfigError(faults, options.file);

  const tls = config.tls ?? "optional";
  const encrypt = config.encrypt ?? false;
  const ruleSet: RuleSet = {
    ...(config.ruleSet
      ? ownRuleSet(config.ruleSet, names, region, accountId)
      : deriveRuleSet({ domains, streams, rejects, gate, tls, bounceSender, encrypt, names })),
    name: prefix,
  };

  const resolved: ResolvedConfig = {
    version: versionOf(config),
    region,
    accountId,
    domains,
    streams,
    rejects: rejects.map((reject) => ({ ...reject, recipients: normaliseRecipients(reject.recipients) })),
    gate,
    tickets: { ...defaultTicketPolicy, ...config.tickets },
    personal,
    quarantine: { days: config.quarantine?.days ?? 30 },
    retention,
    ipFilters,
    bounceSender,
    encrypt,
    ruleSet,
    ...(config.tokens !== undefined && { tokens: config.tokens }),
    unsubscribe,
    names,
    local,
    aws,
  };
  // Whoever writes the rules decides what runs behind them, too.
  const taken = config.ruleSet ? [] : ownFunctionFaults(resolved);
  if (taken.length > 0) throw new ConfigError(taken, options.file);
  return resolved;
}

/** A function of the user's under the name of one of the pipeline's would run in its place: no gate, no journal. */
function ownFunctionFaults(config: ResolvedConfig): ConfigFault[] {
  const { functions } = deriveTopology(config);
  return Object.keys(config.local.functions)
    .filter((key) => functions.some(({ name, arn }) => key === name || key === arn))
    .map((key) => ({
      at: place(["local", "functions", key]),
      problem: `"${key}" is a function of the pipeline, and this one would run in its place`,
      suggestion: "give yours another name",
    }));
}

const defaultGate: GatePolicy = {
  virus: "quarantine",
  spam: "quarantine",
  dmarcReject: "quarantine",
  dkimFail: "nothing",
};

/** SES accepts 40 MB; design §6 and ses-receiving.md §1.2 fix it at 40 MiB of data, dots unstuffed. */
const defaultLimits: LocalLimits = {
  messageBytes: 41_943_040,
  connections: 500,
  unfinished: 10_000,
  freeDiskBytes: 268_435_456,
  recipients: 100,
  workerHeapMb: 192,
  workers: 2,
};

const defaultReadings: SesReadings = {
  ipPrecedence: choices.ipPrecedence.value,
  dmarcFailureUnderNone: choices.dmarcFailureUnderNone.value,
  dkimNeedsAlignment: choices.dkimNeedsAlignment.value,
  onSyncFailure: choices.onSyncFailure.value,
  retrySyncFailures: choices.retrySyncFailures.value,
};

function resolveDomains(config: MailConfig, faults: ConfigFault[]): readonly string[] {
  return config.domains.map((domain, index) => {
    const parsed = parseDomain(domain);
    if (parsed === undefined || parsed.startsWith("[") || !parsed.includes(".")) {
      faults.push({
        at: place(["domains", index]),
        problem: `"${domain}" is not a domain name`,
        allowed: "a name such as example.com, without scheme, path or @",
      });
    }
    return parsed ?? domain;
  });
}

// ---- streams ----

type Preset = {
  readonly worker: BuiltInWorker;
  readonly accepts?: readonly Nature[];
  readonly divert?: StreamConfig["divert"];
};

const automatic = {
  bounce: "bounce",
  complaint: "complaint",
  "auto-reply": "auto-reply",
  mdn: "auto-reply",
  machine: "auto-reply",
} as const;

/** The built-in streams, each with what it takes (design §4). Natures not accepted go to the stream named in `divert`. */
const presets: Readonly<Record<string, Preset>> = {
  personal: { worker: "personal" },
  unsubscribe: {
    worker: "unsubscribe",
    accepts: ["unsubscribe-request", "human"],
    divert: { ...automatic, list: "list" },
  },
  ticket: { worker: "ticket", accepts: ["human", "list", "unsubscribe-request"], divert: automatic },
  bounce: { worker: "record" },
  complaint: { worker: "record" },
  "auto-reply": { worker: "record" },
  list: { worker: "record" },
  quarantine: { worker: "quarantine" },
};

/** Where a nature goes when a user's stream does not accept it and does not say more. */
const natureStream: Readonly<Partial<Record<Nature, string>>> = {
  ...automatic,
  list: "list",
  "unsubscribe-request": "unsubscribe",
};

function resolveStreams(
  config: MailConfig,
  domains: readonly string[],
  places: DeliveryPlaces,
  faults: ConfigFault[],
): readonly ResolvedStream[] {
  const given = config.streams ?? {};
  const names = [...new Set([...Object.keys(given), ...Object.keys(presets)])];
  const owners = new Map<string, string>();
  return names.map((name): ResolvedStream => {
    const stream = given[name] ?? {};
    const preset = presets[name];
    const at = ["streams", name];
    checkName(name, faults);
    const { webhook } = stream;
    if (webhook !== undefined) checkWebhook(stream, webhook, at, faults);
    else if (stream.worker === undefined && preset === undefined) {
      const suggestion = didYouMean(name, Object.keys(presets));
      faults.push({
        at: place([...at, "worker"]),
        problem: `stream "${name}" has no worker`,
        allowed:
          'one of "ticket", "unsubscribe", "personal", "quarantine", "record", or a function (message, tools) => …; or a webhook',
        ...(suggestion !== undefined && { suggestion: `or, if you meant the built-in stream: ${suggestion}` }),
      });
    }
    checkConditions(stream.recipients ?? [], [...at, "recipients"], domains, faults);
    if (stream.match === undefined) checkOwners(name, stream, owners, faults);
    const accepts = stream.accepts ?? preset?.accepts ?? natures;
    const divert = resolveDivert(name, stream, accepts, names, preset, faults);
    const worker = webhook === undefined ? (stream.worker ?? preset?.worker) : "webhook";
    const delivery = resolveDelivery(stream, worker, at, { ...places, domains }, faults);
    return {
      name,
      recipients: normaliseRecipients(stream.recipients ?? []),
      addressed: stream.recipients !== undefined || stream.match !== undefined,
      ...(stream.match !== undefined && { match: stream.match }),
      worker: worker ?? "record",
      ...(webhook !== undefined && { webhook }),
      delivery,
      accepts,
      divert,
    };
  });
}

function checkWebhook(
  { worker }: StreamConfig,
  webhook: StreamWebhookConfig,
  at: readonly PropertyKey[],
  faults: ConfigFault[],
): void {
  if (worker !== undefined) {
    faults.push({
      at: place([...at, "webhook"]),
      problem: "the stream has a worker, too, and one mail has one end",
      suggestion: "remove one of the two, or call the address in a worker of your own",
    });
  }
  const found = checkTarget(webhook);
  faults.push(...found.map(({ path, ...fault }) => ({ ...fault, at: place([...at, "webhook", ...path]) })));
}

function resolveRetention(
  config: RetentionConfig,
  streams: readonly ResolvedStream[],
  faults: ConfigFault[],
): ResolvedRetention {
  const daysOf = ({ days }: RetentionPeriod) => (days === "forever" ? Number.POSITIVE_INFINITY : days);
  const names = streams.map(({ name }) => name);
  for (const name of Object.keys(config.streams ?? {})) {
    if (names.includes(name)) continue;
    const suggestion = didYouMean(name, names);
    faults.push({
      at: place(["retention", "streams", name]),
      problem: `there is no stream "${name}", so nothing would ever expire by this`,
      allowed: `one of ${names.join(", ")}`,
      ...(suggestion !== undefined && { suggestion }),
    });
  }
  const byNature = (natures: RetentionConfig["natures"] = {}) =>
    Object.fromEntries(
      Object.entries(natures).flatMap(([name, period]) => (period === undefined ? [] : [[name, daysOf(period)]])),
    );
  const byStream = Object.entries(config.streams ?? {});
  return {
    ...(config.default && { defaultDays: daysOf(config.default) }),
    streamDays: Object.fromEntries(
      byStream.flatMap(([name, { days }]) => (days === undefined ? [] : [[name, daysOf({ days })]])),
    ),
    natureDays: byNature(config.natures),
    streamNatureDays: Object.fromEntries(
      byStream.flatMap(([name, { natures }]) => (natures === undefined ? [] : [[name, byNature(natures)]])),
    ),
    ...(config.tickets && { ticketDays: daysOf(config.tickets) }),
  };
}

/** What S3 moves to cheaper storage must live longer than until then. */
function checkArchive({ aws = {} }: MailConfig, retention: ResolvedRetention, faults: ConfigFault[]): void {
  const { longest } = extremeDays(retention);
  const { stages = {}, ...common } = aws;
  const settings = [["aws"] as const, ...Object.keys(stages).map((name) => ["aws", "stages", name] as const)];
  for (const path of settings) {
    const { archiveMailAfterDays: days } = (path.length === 1 ? common : stages[path[2]]) ?? {};
    if (days === undefined || longest > days) continue;
    faults.push({
      at: place([...path, "archiveMailAfterDays"]),
      problem: `all mail expires within ${longest} days by retention, so none would ever be moved after ${days}`,
      allowed: `less than ${longest}`,
      suggestion: "remove archiveMailAfterDays, or keep mail longer",
    });
  }
}

function checkName(name: string, faults: ConfigFault[]): void {
  // It becomes part of a queue's name, which SQS bounds to 80 characters of [A-Za-z0-9_-].
  if (/^[a-z][a-z0-9-]{0,39}$/.test(name)) return;
  faults.push({
    at: place(["streams", name]),
    problem: `"${name}" cannot be a stream's name`,
    allowed: "lower-case letters, digits and hyphens, a letter first, at most 40 characters",
  });
}

function checkConditions(
  conditions: readonly string[],
  path: readonly PropertyKey[],
  domains: readonly string[],
  faults: ConfigFault[],
): void {
  for (const [index, condition] of conditions.entries()) {
    const at = place([...path, index]);
    if (validateRecipientCondition(condition)) {
      faults.push({
        at,
        problem: `"${condition}" is no recipient condition`,
        allowed: "user@example.com, user+label@example.com, example.com, .example.com (subdomains); no wildcards",
        ...(condition.includes("*") && { suggestion: "for every address of a domain write the domain alone" }),
      });
      continue;
    }
    const normal = normaliseRecipient(condition);
    const domain = normal.slice(normal.lastIndexOf("@") + 1).replace(/^\./, "");
    if (domains.some((verified) => domain === verified || domain.endsWith(`.${verified}`))) continue;
    const suggestion = didYouMean(domain, domains);
    faults.push({
      at,
      problem: `${domain} is not under one of your domains, so SES would refuse its mail`,
      allowed: domains.join(", "),
      suggestion: suggestion ?? `add "${domain}" to domains`,
    });
  }
}

function checkOwners(name: string, stream: StreamConfig, owners: Map<string, string>, faults: ConfigFault[]): void {
  for (const [index, condition] of (stream.recipients ?? []).entries()) {
    const normal = normaliseRecipient(condition);
    const owner = owners.get(normal);
    if (owner !== undefined && owner !== name) {
      faults.push({
        at: place(["streams", name, "recipients", index]),
        problem: `"${condition}" already belongs to stream "${owner}": this one would never get it`,
        suggestion: "remove one of the two, or give this stream a match that tells them apart",
      });
    }
    owners.set(normal, owner ?? name);
  }
}

function resolveDivert(
  name: string,
  stream: StreamConfig,
  accepts: readonly Nature[],
  names: readonly string[],
  preset: Preset | undefined,
  faults: ConfigFault[],
): Readonly<Partial<Record<Nature, string>>> {
  for (const [nature, target] of Object.entries(stream.divert ?? {})) {
    if (target === undefined || names.includes(target)) continue;
    const suggestion = didYouMean(target, names);
    faults.push({
      at: place(["streams", name, "divert", nature]),
      problem: `there is no stream "${target}"`,
      allowed: names.join(", "),
      ...(suggestion !== undefined && { suggestion }),
    });
  }
  const divert: Partial<Record<Nature, string>> = {};
  for (const nature of natures) {
    if (accepts.includes(nature)) continue;
    const target = stream.divert?.[nature] ?? preset?.divert?.[nature] ?? natureStream[nature];
    if (target === undefined || target === name) {
      faults.push({
        at: place(["streams", name, "accepts"]),
        problem: `"${nature}" is not accepted, and nothing says where such mail goes`,
        suggestion: `add  divert: { ${JSON.stringify(nature)}: "personal" }  or accept it`,
      });
    } else divert[nature] = target;
  }
  return divert;
}

// ---- the rest ----

function resolveBounceSender(config: MailConfig, domains: readonly string[], faults: ConfigFault[]): string {
  const sender = config.bounceSender ?? `mailer-daemon@${domains[0] ?? "example.com"}`;
  const domain = parseMailAddress(sender)?.domain;
  if (domain === undefined || !domains.some((verified) => domain === verified || domain.endsWith(`.${verified}`))) {
    faults.push({
      at: "bounceSender",
      problem: `"${sender}" is not an address of a verified domain: SES would refuse to bounce from it`,
      allowed: domains.map((verified) => `…@${verified}`).join(", "),
    });
  }
  return sender;
}

function checkTokens({ tokens }: MailConfig, faults: ConfigFault[]): void {
  if (tokens === undefined) return;
  const ids = tokens.keys.map(({ id }) => id);
  for (const [index, id] of ids.entries()) {
    if (ids.indexOf(id) === index) continue;
    faults.push({
      at: place(["tokens", "keys", index, "id"]),
      problem: `two keys have the id "${id}"`,
      allowed: "another letter a-z or digit 2-7 for each key",
    });
  }
  if (tokens.keys.length > 1 && tokens.addressSecretFrom === undefined) {
    faults.push({
      at: "tokens.addressSecretFrom",
      problem: "is missing: with a second key it must be said which secret hashes addresses, for ever",
      suggestion: "write here the secretFrom of your first key",
    });
  }
}

function resolveIpFilters(config: MailConfig, prefix: string, faults: ConfigFault[]): readonly IpFilter[] {
  return (config.ipFilters ?? []).map((filter, index): IpFilter => {
    const [policy, cidr] = "block" in filter ? (["Block", filter.block] as const) : (["Allow", filter.allow] as const);
    const fault = validateCidr(cidr);
    if (fault) {
      faults.push({
        at: place(["ipFilters", index, policy.toLowerCase()]),
        problem: fault.message,
        allowed: "an IPv4 or IPv6 address or block: 203.0.113.25, 203.0.113.0/24, 2001:db8::/32",
      });
    }
    return { name: `${prefix}-${index + 1}`, policy, cidr };
  });
}

function resolveLocal(config: MailConfig, faults: ConfigFault[]): ResolvedLocal {
  const local = config.local ?? {};
  const smtp = local.smtp ?? "127.0.0.1:2525";
  const http = local.http ?? "127.0.0.1:8025";
  for (const [name, listen] of Object.entries({ smtp, http, https: local.https })) {
    if (listen === undefined || parseListen(listen)) continue;
    faults.push({
      at: place(["local", name]),
      problem: `"${listen}" is no address to listen on`,
      allowed: "host:port, for example 127.0.0.1:2525, [::1]:2525, or port 0 for any free one",
    });
  }
  checkPublic(local, faults);
  checkSmarthost(local.smarthost, faults);
  return {
    data: local.data ?? "data",
    smtp,
    http,
    ...(local.https !== undefined && { https: local.https }),
    apiKeys: local.apiKeys ?? [],
    dns: !local.dns
      ? { kind: "system" }
      : "zone" in local.dns
        ? { kind: "zone", file: local.dns.zone }
        : { kind: "servers", servers: local.dns.servers },
    scanners: {
      spam: local.scanners?.spam ?? { type: "test-string" },
      virus: local.scanners?.virus ?? { type: "test-string" },
    },
    ...(local.tls !== undefined && { tls: local.tls }),
    functions: local.functions ?? {},
    ...resolveTargets(local, faults),
    keys: local.keys ?? [],
    sesApi: { keys: local.sesApi?.keys ?? [], rateLimit: local.sesApi?.rateLimit ?? false },
    blockLists: resolveBlockLists(local.blockLists, faults),
    ...(local.smarthost !== undefined && { smarthost: local.smarthost }),
    backscatter: local.backscatter ?? "refuse",
    limits: { ...defaultLimits, ...local.limits },
    ses: { ...defaultReadings, ...local.ses },
  };
}

/** The console shows all mail: nobody else's machine reaches it in plain text or without a key. */
function checkPublic({ http, https, tls, apiKeys = [] }: LocalConfig, faults: ConfigFault[]): void {
  const listen = http === undefined ? undefined : parseListen(http);
  if (listen && !isLoopback(listen.host)) faults.push({ at: place(["local", "http"]), ...publicHttp(listen.host) });
  const missing = [...(tls === undefined ? ["local.tls"] : []), ...(apiKeys.length === 0 ? ["local.apiKeys"] : [])];
  if (https !== undefined && missing.length > 0) {
    faults.push({
      at: place(["local", "https"]),
      problem: `others would reach the console without ${missing.join(" and ")}`,
      allowed: "a certificate for the name they use, and at least one key (npx mailweir key new)",
    });
  }
  for (const [index, { name }] of apiKeys.entries()) {
    if (apiKeys.findIndex((key) => key.name === name) === index) continue;
    faults.push({ at: place(["local", "apiKeys", index, "name"]), problem: `"${name}" is there twice` });
  }
}

/** What is wrong with plain HTTP on an address that others reach. */
export function publicHttp(host: string): Pick<ConfigFault, "problem" | "allowed" | "suggestion"> {
  return {
    problem: `${host} is no loopback address: everybody who reaches it could read all mail, in plain text`,
    allowed: "127.0.0.1, [::1] or localhost",
    suggestion: "local.https with local.tls and local.apiKeys for others, or a proxy on this machine",
  };
}

/** Whether only this machine reaches the address. */
export function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/i.test(host);
}

/** Names that AWS would take, and nobody named who is not there. */
function resolveTargets(
  { functions = {}, buckets = {}, topics = {}, queues = {} }: LocalConfig,
  faults: ConfigFault[],
): Pick<ResolvedLocal, "buckets" | "topics" | "queues"> {
  const checkNames = (what: string, names: readonly string[], pattern: RegExp, allowed: string) => {
    for (const name of names.filter((one) => !pattern.test(one))) {
      faults.push({ at: place(["local", what, name]), problem: `"${name}" cannot be a name here`, allowed });
    }
  };
  checkNames(
    "buckets",
    Object.keys(buckets),
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/,
    "3 to 63 lower-case letters, digits, dots and hyphens",
  );
  const named = "letters, digits, hyphens and underscores, at most 76";
  checkNames("topics", Object.keys(topics), /^[A-Za-z0-9_-]{1,76}$/, named);
  // With "-dlq" behind it still a name of SQS.
  checkNames(
    "queues",
    Object.keys(queues),
    /^(?!mailweir-)[A-Za-z0-9_-]{1,76}$/,
    `${named}; not beginning with mailweir-`,
  );
  const known = { functions: Object.keys(functions), queues: Object.keys(queues) };
  const checkThere = (kind: keyof typeof known, name: string | undefined, path: readonly PropertyKey[]) => {
    if (name === undefined || known[kind].includes(name)) return;
    const suggestion = didYouMean(name, known[kind]);
    faults.push({
      at: place(["local", ...path]),
      problem: `"${name}" is not in local.${kind}`,
      ...(known[kind].length > 0 && { allowed: known[kind].join(", ") }),
      suggestion: suggestion ?? `add it to local.${kind}`,
    });
  };
  for (const [name, bucket] of Object.entries(buckets)) {
    checkThere("queues", bucket.queue, ["buckets", name, "queue"]);
    checkThere("functions", bucket.function, ["buckets", name, "function"]);
  }
  for (const [name, topic] of Object.entries(topics)) {
    for (const [index, one] of (topic.queues ?? []).entries()) {
      checkThere("queues", one, ["topics", name, "queues", index]);
    }
    for (const [index, one] of (topic.functions ?? []).entries()) {
      checkThere("functions", one, ["topics", name, "functions", index]);
    }
  }
  for (const [name, queue] of Object.entries(queues)) {
    checkThere("functions", queue.function, ["queues", name, "function"]);
  }
  return { buckets, topics, queues };
}

function resolveBlockLists(lists: LocalConfig["blockLists"], faults: ConfigFault[]): BlockListConfig {
  const dns = (lists?.dns ?? []).map((entry) => (typeof entry === "string" ? { zone: entry } : entry));
  for (const [index, { zone, codes = [] }] of dns.entries()) {
    if (parseDomain(zone)?.includes(".") !== true) {
      faults.push({
        at: place(["local", "blockLists", "dns", index]),
        problem: `"${zone}" is no DNS zone`,
        allowed: "a name such as zen.spamhaus.org",
      });
    }
    for (const code of codes.filter((one) => !parseReturnCode(one))) {
      faults.push({
        at: place(["local", "blockLists", "dns", index, "codes"]),
        problem: `"${code}" is no return code of a DNS block list`,
        allowed: "addresses in 127.0.0.0/8: 127.0.0.2, or a range 127.0.0.4-127.0.0.7",
      });
    }
  }
  return { files: lists?.files ?? [], dns };
}

/** A password that everybody on the way can read is no password any more. */
function checkSmarthost(smarthost: SmarthostConfig | undefined, faults: ConfigFault[]): void {
  if (!smarthost?.auth || smarthost.tls !== "none" || isLoopback(smarthost.host)) return;
  faults.push({
    at: "local.smarthost.tls",
    problem: `"none" would send the password to ${smarthost.host} in clear`,
    allowed: "starttls, implicit; none only with a loopback address, or without auth",
  });
}

/** `host:port` with IPv6 in brackets; `undefined` when it cannot be listened on. */
export function parseListen(text: string): { readonly host: string; readonly port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  const host = match?.[1] ?? match?.[2];
  return host !== undefined && port <= 65_535 ? { host, port } : undefined;
}

/** Changes whenever anything in the configuration does; functions and patterns count by their source text. */
function versionOf(config: MailConfig): string {
  const text = JSON.stringify(config, (_key, value: unknown) =>
    typeof value === "function" || value instanceof RegExp ? String(value) : value,
  );
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}
