import { GetAccountSettingsCommand, GetFunctionCommand } from "@aws-sdk/client-lambda";
import { HeadBucketCommand } from "@aws-sdk/client-s3";
import { DescribeSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import {
  DescribeActiveReceiptRuleSetCommand,
  ListReceiptFiltersCommand,
  ListReceiptRuleSetsCommand,
} from "@aws-sdk/client-ses";
import { GetAccountCommand, GetEmailIdentityCommand } from "@aws-sdk/client-sesv2";
import { GetTopicAttributesCommand, SNSClient } from "@aws-sdk/client-sns";
import { GetParameterCommand } from "@aws-sdk/client-ssm";
import { namedSecrets } from "../../shared/config/named-secrets.ts";
import { deriveTopology } from "../../shared/config/topology.ts";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import { findStack } from "./deploy-stack.ts";
import { lifecycleDays } from "./lifecycle-days.ts";
import { type Known, type PreflightFacts, secretName } from "./preflight.ts";
import type { Session } from "./session.ts";
import { shortenedOf } from "./shortened-stage.ts";

/**
 * Asks AWS what the preflight judges. Only reads; what may not be read is unknown, and no failure.
 *
 * @param mx - what DNS answered for each domain
 */
export async function gatherFacts(
  session: Session,
  config: ResolvedConfig,
  mx: PreflightFacts["mx"],
): Promise<PreflightFacts> {
  const { ses, sesV2, lambda } = session;
  const [
    stack,
    sending,
    identities,
    activeRuleSet,
    ruleSets,
    filters,
    concurrency,
    bucket,
    tokenSecret,
    deletesMailAfterDays,
    shortens,
    secrets,
    targets,
  ] = await Promise.all([
    ask(async () => (await findStack(session.cloudFormation, config.ruleSet.name))?.StackStatus ?? null),
    ask(async () => {
      const account = await sesV2.send(new GetAccountCommand({}));
      return {
        production: account.ProductionAccessEnabled ?? false,
        enabled: account.SendingEnabled ?? false,
        perDay: account.SendQuota?.Max24HourSend ?? 0,
        perSecond: account.SendQuota?.MaxSendRate ?? 0,
      };
    }),
    byName(config.domains, async (domain) => {
      try {
        const identity = await sesV2.send(new GetEmailIdentityCommand({ EmailIdentity: domain }));
        return { verified: identity.VerifiedForSendingStatus ?? false };
      } catch (error) {
        if (error instanceof Error && error.name === "NotFoundException") return null;
        throw error;
      }
    }),
    ask(async () => (await ses.send(new DescribeActiveReceiptRuleSetCommand({}))).Metadata?.Name ?? null),
    ask(async () => {
      const { RuleSets = [] } = await ses.send(new ListReceiptRuleSetsCommand({}));
      return RuleSets.flatMap(({ Name }) => Name ?? []);
    }),
    ask(async () => {
      const { Filters = [] } = await ses.send(new ListReceiptFiltersCommand({}));
      return Filters.flatMap(({ Name }) => Name ?? []);
    }),
    ask(async () => {
      const { AccountLimit } = await lambda.send(new GetAccountSettingsCommand({}));
      return {
        total: AccountLimit?.ConcurrentExecutions ?? 0,
        unreserved: AccountLimit?.UnreservedConcurrentExecutions ?? 0,
      };
    }),
    ask(() => bucketExists(session, config.names.bucket)),
    ask(() => secretExists(session, config)),
    ask(() => lifecycleDays(session.s3, { bucket: config.names.bucket, prefix: config.names.keyPrefix })),
    ask(() => shortenedOf(session, config, new Date())),
    findSecrets(session, config),
    findTargets(session, config),
  ]);
  return {
    accountId: session.accountId,
    stack,
    sending,
    identities,
    activeRuleSet,
    ruleSets,
    filters,
    concurrency,
    leftBehind: { bucket, tokenSecret },
    targets,
    deletesMailAfterDays,
    shortens,
    secrets,
    mx,
  };
}

async function ask<Value>(question: () => Promise<Value>): Promise<Known<Value>> {
  try {
    return { known: await question() };
  } catch (error) {
    return { unknown: error instanceof Error ? error.name : String(error) };
  }
}

async function byName<Value>(
  names: readonly string[],
  question: (name: string) => Promise<Value>,
): Promise<Readonly<Record<string, Known<Value>>>> {
  const answers = await Promise.all(names.map(async (name) => [name, await ask(() => question(name))] as const));
  return Object.fromEntries(answers);
}

async function bucketExists({ s3 }: Session, bucket: string): Promise<boolean> {
  try {
    await s3.send(new HeadBucketCommand({ Bucket: bucket }));
    return true;
  } catch (error) {
    if (error instanceof Error && (error.name === "NotFound" || error.name === "NoSuchBucket")) return false;
    throw error;
  }
}

async function secretExists({ clientConfig }: Session, { tokens, names }: ResolvedConfig): Promise<boolean> {
  // Named by the configuration: nothing is made, so nothing is in the way.
  if (tokens !== undefined) return false;
  const client = new SecretsManagerClient(clientConfig);
  try {
    return await isKept(client, names.tokenSecret);
  } finally {
    client.destroy();
  }
}

/** Whether there is a secret that nobody asked to be deleted. Its value is not read. */
async function isKept(client: SecretsManagerClient, SecretId: string): Promise<boolean> {
  try {
    return (await client.send(new DescribeSecretCommand({ SecretId }))).DeletedDate === undefined;
  } catch (error) {
    if (error instanceof Error && error.name === "ResourceNotFoundException") return false;
    throw error;
  }
}

/** The secrets that functions will read, wherever the configuration names them. */
async function findSecrets({ clientConfig, ssm }: Session, config: ResolvedConfig): Promise<PreflightFacts["secrets"]> {
  const client = new SecretsManagerClient(clientConfig);
  try {
    const found = await Promise.all(
      namedSecrets(config).map(async ({ source }): Promise<[string, Known<boolean>][]> => {
        if ("secretsManager" in source) {
          return [[secretName(source), await ask(() => isKept(client, source.secretsManager))]];
        }
        if (!("parameter" in source)) return [];
        // As it is stored: nobody needs to see it in the clear to know that it is there.
        const command = new GetParameterCommand({ Name: source.parameter, WithDecryption: false });
        return [[secretName(source), await ask(() => there(() => ssm.send(command), "ParameterNotFound"))]];
      }),
    );
    return Object.fromEntries(found.flat());
  } finally {
    client.destroy();
  }
}

/** Functions, topics and buckets that own rules name and that the stage does not make. */
async function findTargets(session: Session, config: ResolvedConfig): Promise<PreflightFacts["targets"]> {
  const topology = deriveTopology(config);
  const ours = new Set([
    config.names.bucket,
    ...topology.topics.map(({ arn }) => arn),
    ...topology.functions.map(({ arn }) => arn),
  ]);
  const actions = config.ruleSet.rules.flatMap((rule) => rule.actions);
  const functions = actions.flatMap((action) => (action.type === "Lambda" ? [action.functionArn] : []));
  const topics = actions.flatMap((action) =>
    "topicArn" in action && action.topicArn !== undefined ? [action.topicArn] : [],
  );
  const buckets = actions.flatMap((action) => (action.type === "S3" ? [action.bucketName] : []));
  const foreign = (names: readonly string[]) => [...new Set(names)].filter((name) => !ours.has(name));

  const sns = new SNSClient(session.clientConfig);
  try {
    const [found, published, stored] = await Promise.all([
      byName(foreign(functions), (arn) =>
        there(() => session.lambda.send(new GetFunctionCommand({ FunctionName: arn })), "ResourceNotFoundException"),
      ),
      byName(foreign(topics), (arn) =>
        there(() => sns.send(new GetTopicAttributesCommand({ TopicArn: arn })), "NotFoundException"),
      ),
      byName(foreign(buckets), (bucket) => bucketExists(session, bucket)),
    ]);
    return { ...found, ...published, ...stored };
  } finally {
    sns.destroy();
  }
}

async function there(question: () => Promise<unknown>, notThere: string): Promise<boolean> {
  try {
    await question();
    return true;
  } catch (error) {
    if (error instanceof Error && error.name === notThere) return false;
    throw error;
  }
}
