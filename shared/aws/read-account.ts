import { DescribeKeyCommand, GetKeyPolicyCommand, KMSClient } from "@aws-sdk/client-kms";
import { GetPolicyCommand, LambdaClient } from "@aws-sdk/client-lambda";
import {
  GetBucketLocationCommand,
  GetBucketPolicyCommand,
  GetObjectLockConfigurationCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import {
  DescribeActiveReceiptRuleSetCommand,
  DescribeReceiptRuleSetCommand,
  GetIdentityVerificationAttributesCommand,
  ListIdentitiesCommand,
  ListReceiptFiltersCommand,
  ListReceiptRuleSetsCommand,
  type ReceiptRule as SdkRule,
  SESClient,
} from "@aws-sdk/client-ses";
import { GetTopicAttributesCommand, ListSubscriptionsByTopicCommand, SNSClient } from "@aws-sdk/client-sns";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";
import type {
  Account,
  AccountIdentity,
  Allowance,
  BucketFacts,
  FunctionFacts,
  KeyFacts,
  Looked,
  TopicFacts,
} from "../adopt/account.ts";
import { allowsService } from "../adopt/allows-service.ts";
import { receivingRegions } from "../config/regions.ts";
import { MailweirError } from "../errors.ts";
import { type ApiReceiptRule, readApiRule, storedRule } from "../receipt/api-rule.ts";
import type { IpFilter, ReceiptRule, RuleSet } from "../receipt/model.ts";

export interface AccountOptions {
  /** Default: the SDK's: AWS_REGION, or the profile's. */
  readonly region?: string;
  /** Another place than AWS, for every service: an emulator, or an engine, which answers for SES only. */
  readonly endpointUrl?: string;
  /** Name of the rule set to read. Default: the active one. */
  readonly ruleSet?: string;
}

/** The account cannot be read at all: no credentials, a denied call, no such rule set, no region. */
export class AccountError extends MailweirError {
  readonly code = "ERR_ACCOUNT";
  readonly retryable = false;
}

/**
 * Reads what receiving consists of in one account and region, and changes nothing. Each receipt operation of SES takes one
 * call a second: the SDK waits and repeats. Credentials come from the SDK's default chain.
 *
 * @throws {AccountError} when SES cannot be read; what else cannot be read is `unknown` in the answer, with the reason
 */
export async function readAccount(options: AccountOptions = {}): Promise<Account> {
  const { endpointUrl } = options;
  const shared = {
    ...(options.region !== undefined && { region: options.region }),
    ...(endpointUrl !== undefined && { endpoint: endpointUrl }),
  };
  const ses = new SESClient({ ...shared, maxAttempts: 8 });
  const others = createLookers(shared);
  try {
    const region = await regionOf(ses);
    const isAws = endpointUrl === undefined;
    if (isAws && !receivingRegions.some((known) => known === region)) {
      throw new AccountError(
        `SES does not receive mail in ${region}: name another region with --region, one of ${receivingRegions.join(", ")}`,
      );
    }
    const active = await ask("ses:DescribeActiveReceiptRuleSet", () =>
      ses.send(new DescribeActiveReceiptRuleSetCommand({})),
    );
    const activeName = active.Metadata?.Name;
    const wanted = options.ruleSet ?? activeName;
    const described =
      wanted === undefined || wanted === activeName
        ? active
        : await ask("ses:DescribeReceiptRuleSet", () =>
            ses.send(new DescribeReceiptRuleSetCommand({ RuleSetName: wanted })),
          );
    const { rules, unreadable } = readRules(described.Rules ?? []);
    const ruleSet: RuleSet | undefined = wanted === undefined ? undefined : { name: wanted, rules };
    const ipFilters = await listFilters(ses, isAws);
    const accountId = (await others.accountId()) ?? accountOf(rules);
    const named = resourcesOf(rules);
    const sourceArn = (rule: string) =>
      `arn:aws:ses:${region}:${accountId ?? ""}:receipt-rule-set/${wanted ?? ""}:receipt-rule/${rule}`;
    const source = (rule: string): Source => ({
      sourceArn: sourceArn(rule),
      ...(accountId !== undefined && { sourceAccount: accountId }),
    });
    return {
      region,
      ...(accountId !== undefined && { accountId }),
      ...(ruleSet && { ruleSet }),
      unreadable,
      ...(activeName !== undefined && { activeName }),
      ruleSetNames: await listRuleSets(ses),
      ...(ipFilters && { ipFilters }),
      identities: await listIdentities(ses),
      buckets: await each(named.buckets, (name, use) => others.bucket(name, use, source(use.rule))),
      keys: await each(named.keys, (arn, use) => others.key(arn, use, source(use.rule))),
      topics: await each(named.topics, (arn, use) => others.topic(arn, source(use.rule))),
      functions: await each(named.functions, (arn, use) => others.function(arn, source(use.rule))),
    };
  } finally {
    ses.destroy();
    others.close();
  }
}

async function regionOf(ses: SESClient): Promise<string> {
  try {
    return await ses.config.region();
  } catch (error) {
    throw new AccountError("No region is set: name one with --region, or in AWS_REGION or the profile", {
      cause: error,
    });
  }
}

/** Calls SES; whatever keeps it from answering is said in one sentence, with what to do. */
async function ask<Answer>(permission: string, call: () => Promise<Answer>): Promise<Answer> {
  try {
    return await call();
  } catch (error) {
    throw new AccountError(explain(permission, error), { cause: error });
  }
}

function explain(permission: string, error: unknown): string {
  const { name, message } = error instanceof Error ? error : { name: "", message: String(error) };
  const { code, $metadata } = error as { readonly code?: unknown; readonly $metadata?: { httpStatusCode?: number } };
  if (name === "CredentialsProviderError" || name === "TokenProviderError") {
    return `No AWS credentials were found (${firstLine(message)}): set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`;
  }
  if (/AccessDenied|UnauthorizedOperation/.test(name)) {
    return `The credentials may not call ${permission}: allow it to them (docs/import.md lists what is needed)`;
  }
  if (
    /ExpiredToken|InvalidClientTokenId|UnrecognizedClient|SignatureDoesNotMatch|MissingAuthenticationToken/.test(name)
  ) {
    return `AWS does not accept the credentials (${name}): renew them, or choose others with AWS_PROFILE`;
  }
  if (/RuleSetDoesNotExist/.test(name)) return `${firstLine(message)}: name one that exists with --rule-set`;
  if (code === "ENOTFOUND" || code === "ECONNREFUSED" || name === "TimeoutError") {
    return `SES could not be reached (${String(code ?? name)}): check --endpoint-url, --region and the network`;
  }
  const status = $metadata?.httpStatusCode === undefined ? "" : `, HTTP ${$metadata.httpStatusCode}`;
  return `${permission} failed (${name}${status}: ${firstLine(message)})`;
}

const firstLine = (text: string) => (text.split("\n")[0] ?? "").slice(0, 300);

async function listRuleSets(ses: SESClient): Promise<string[]> {
  const names: string[] = [];
  let token: string | undefined;
  do {
    const page = await ask("ses:ListReceiptRuleSets", () =>
      ses.send(new ListReceiptRuleSetsCommand({ NextToken: token })),
    );
    names.push(...(page.RuleSets ?? []).flatMap(({ Name }) => (Name === undefined ? [] : [Name])));
    token = page.NextToken;
  } while (token !== undefined && token !== "");
  return names;
}

/** @param isAws - whether a service that fails is broken, or an emulator that has no such operation */
async function listFilters(ses: SESClient, isAws: boolean): Promise<IpFilter[] | undefined> {
  const list = () => ask("ses:ListReceiptFilters", () => ses.send(new ListReceiptFiltersCommand({})));
  const answer = isAws ? await list() : await list().catch(absentIfUnsupported);
  return (
    answer?.Filters?.flatMap(({ Name, IpFilter: filter }): IpFilter[] =>
      Name !== undefined && filter?.Cidr !== undefined
        ? [{ name: Name, policy: filter.Policy === "Allow" ? "Allow" : "Block", cidr: filter.Cidr }]
        : [],
    ) ??
    (answer && [])
  );
}

function absentIfUnsupported(error: unknown): undefined {
  const cause = error instanceof AccountError ? error.cause : undefined;
  const { name = "", $metadata } = (cause ?? {}) as { name?: string; $metadata?: { httpStatusCode?: number } };
  if (/InvalidAction|NotImplemented|UnknownOperation/.test(name) || ($metadata?.httpStatusCode ?? 0) >= 500) return;
  throw error;
}

async function listIdentities(ses: SESClient): Promise<AccountIdentity[]> {
  const names: string[] = [];
  let token: string | undefined;
  do {
    const page = await ask("ses:ListIdentities", () => ses.send(new ListIdentitiesCommand({ NextToken: token })));
    names.push(...(page.Identities ?? []));
    token = page.NextToken;
  } while (token !== undefined && token !== "");
  const identities: AccountIdentity[] = [];
  for (let from = 0; from < names.length; from += 100) {
    const Identities = names.slice(from, from + 100);
    const { VerificationAttributes = {} } = await ask("ses:GetIdentityVerificationAttributes", () =>
      ses.send(new GetIdentityVerificationAttributesCommand({ Identities })),
    );
    for (const name of Identities) {
      identities.push({ name, status: VerificationAttributes[name]?.VerificationStatus ?? "NotStarted" });
    }
  }
  return identities;
}

function readRules(given: readonly SdkRule[]): Pick<Account, "unreadable"> & { readonly rules: ReceiptRule[] } {
  const rules: ReceiptRule[] = [];
  const unreadable: { rule: string; reason: string }[] = [];
  for (const rule of given) {
    // The SDK spells the members as the API does.
    const read = readApiRule(rule as unknown as ApiReceiptRule);
    if ("rule" in read) rules.push(storedRule(read.rule));
    else unreadable.push({ rule: rule.Name ?? "", reason: read.error.message });
  }
  return { rules, unreadable };
}

interface Use {
  readonly rule: string;
  readonly prefix?: string;
  /** SES then goes by the role's permissions, not by the policies of bucket and key. */
  readonly byRole?: boolean;
}

/** Everything that rules name, each with a rule that names it. */
function resourcesOf(rules: readonly ReceiptRule[]) {
  const buckets = new Map<string, Use>();
  const keys = new Map<string, Use>();
  const topics = new Map<string, Use>();
  const functions = new Map<string, Use>();
  const note = (of: Map<string, Use>, name: string | undefined, use: Use) => {
    if (name !== undefined && !of.has(name)) of.set(name, use);
  };
  for (const rule of rules) {
    for (const action of rule.actions) {
      const use = { rule: rule.name };
      if ("topicArn" in action) note(topics, action.topicArn, use);
      if (action.type === "Lambda") note(functions, action.functionArn, use);
      if (action.type !== "S3") continue;
      const { bucketName, objectKeyPrefix, kmsKeyArn, iamRoleArn } = action;
      const stored = { ...use, byRole: iamRoleArn !== undefined };
      note(buckets, bucketName, { ...stored, ...(objectKeyPrefix !== undefined && { prefix: objectKeyPrefix }) });
      note(keys, kmsKeyArn, stored);
    }
  }
  return { buckets, keys, topics, functions };
}

/** The account that the rules' own ARNs name, when they agree. */
function accountOf(rules: readonly ReceiptRule[]): string | undefined {
  const { topics, functions } = resourcesOf(rules);
  const accounts = new Set([...topics.keys(), ...functions.keys()].map((arn) => arn.split(":")[4]));
  return accounts.size === 1 ? [...accounts][0] : undefined;
}

async function each<Facts>(
  of: ReadonlyMap<string, Use>,
  look: (name: string, use: Use) => Promise<Looked<Facts>>,
): Promise<Readonly<Record<string, Looked<Facts>>>> {
  const entries: [string, Looked<Facts>][] = [];
  for (const [name, use] of of) entries.push([name, await look(name, use)]);
  return Object.fromEntries(entries);
}

interface Source {
  readonly sourceArn: string;
  readonly sourceAccount?: string;
}

/** Looks at single resources. A denied or failing look is an answer: `unknown`. */
function createLookers(shared: { readonly region?: string; readonly endpoint?: string }) {
  const few = { ...shared, maxAttempts: 2 };
  // An emulator has no name for each bucket.
  const s3 = new S3Client({ ...few, followRegionRedirects: true, forcePathStyle: shared.endpoint !== undefined });
  const kms = new KMSClient(few);
  const sns = new SNSClient(few);
  const lambda = new LambdaClient(few);
  const sts = new STSClient(few);
  const service = "ses.amazonaws.com";

  return {
    async accountId(): Promise<string | undefined> {
      try {
        const { Account: id } = await sts.send(new GetCallerIdentityCommand({}));
        return id !== undefined && /^[0-9]{12}$/.test(id) ? id : undefined;
      } catch {
        // Needs no permission on AWS; an endpoint that is no STS cannot say.
        return undefined;
      }
    },
    bucket: (Bucket: string, { prefix, byRole }: Use, source: Source) =>
      look<BucketFacts>(["NoSuchBucket"], async () => {
        const location = await s3.send(new GetBucketLocationCommand({ Bucket }));
        const policy = await optional(["NoSuchBucketPolicy"], () => s3.send(new GetBucketPolicyCommand({ Bucket })));
        const lock = await optional(["ObjectLockConfigurationNotFoundError"], () =>
          s3.send(new GetObjectLockConfigurationCommand({ Bucket })),
        );
        const resource = `arn:aws:s3:::${Bucket}/${prefix ?? ""}AMAZON_SES_SETUP_NOTIFICATION`;
        return {
          // us-east-1 has no constraint, and an old bucket of eu-west-1 says EU.
          region: location.LocationConstraint?.replace(/^EU$/, "eu-west-1") ?? "us-east-1",
          allowsSes: byRole
            ? "unsure"
            : allowance(policy?.Policy, { service, action: "s3:PutObject", resource, ...source }),
          locksByDefault: lock?.ObjectLockConfiguration?.Rule?.DefaultRetention !== undefined,
        };
      }),
    key: (KeyId: string, { byRole }: Use, source: Source) =>
      look<KeyFacts>(["NotFoundException"], async () => {
        const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
        const enabled = KeyMetadata?.Enabled ?? false;
        // The key that AWS manages for SES has a policy for it.
        if (KeyMetadata?.KeyManager === "AWS") return { enabled, allowsSes: "yes" };
        if (byRole) return { enabled, allowsSes: "unsure" };
        const { Policy } = await kms.send(
          new GetKeyPolicyCommand({ KeyId: KeyMetadata?.KeyId ?? KeyId, PolicyName: "default" }),
        );
        const call = { service, action: "kms:GenerateDataKey", resource: KeyMetadata?.Arn ?? KeyId, ...source };
        return { enabled, allowsSes: allowance(Policy, call) };
      }),
    topic: (TopicArn: string, source: Source) =>
      look<TopicFacts>(["NotFoundException", "NotFound"], async () => {
        const { Attributes = {} } = await sns.send(new GetTopicAttributesCommand({ TopicArn }));
        const { Subscriptions = [] } = await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn }));
        const call = { service, action: "SNS:Publish", resource: TopicArn, ...source };
        return {
          allowsSes: allowance(Attributes["Policy"], call),
          subscriptions: Subscriptions.map(({ Protocol = "", Endpoint = "" }) => ({
            protocol: Protocol,
            endpoint: Endpoint,
          })),
        };
      }),
    function: (FunctionName: string, source: Source) =>
      look<FunctionFacts>([], async () => {
        try {
          const { Policy } = await lambda.send(new GetPolicyCommand({ FunctionName }));
          const call = { service, action: "lambda:InvokeFunction", resource: FunctionName, ...source };
          return { allowsSes: allowance(Policy, call) };
        } catch (error) {
          // Both a function without a policy ("The resource you requested does not exist.") and one that is not there.
          if (!isNamed(error, ["ResourceNotFoundException"])) throw error;
          if (/Function not found/i.test(messageOf(error))) return missing;
          return { allowsSes: "no" };
        }
      }),
    close() {
      for (const client of [s3, kms, sns, lambda, sts]) client.destroy();
    },
  };
}

const missing = { missing: true } as const;

async function look<Facts>(
  absent: readonly string[],
  ask: () => Promise<Facts | typeof missing>,
): Promise<Looked<Facts>> {
  try {
    const facts = await ask();
    return isMissing(facts) ? { kind: "missing" } : { kind: "found", ...facts };
  } catch (error) {
    if (isNamed(error, absent)) return { kind: "missing" };
    const { name, message } = error instanceof Error ? error : { name: "Error", message: String(error) };
    // An engine answers for SES only: what its port says to others is no answer of AWS.
    const foreign = name === "Error" || name === "SyntaxError";
    return {
      kind: "unknown",
      reason: foreign ? "the endpoint does not answer for it" : `${name}: ${firstLine(message)}`,
    };
  }
}

function isMissing(facts: unknown): facts is typeof missing {
  return facts === missing;
}

async function optional<Answer>(absent: readonly string[], call: () => Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await call();
  } catch (error) {
    if (isNamed(error, absent)) return undefined;
    throw error;
  }
}

function allowance(policy: string | undefined, call: Parameters<typeof allowsService>[1]): Allowance {
  return policy === undefined || policy === "" ? "no" : allowsService(policy, call);
}

const isNamed = (error: unknown, names: readonly string[]) => error instanceof Error && names.includes(error.name);
const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
