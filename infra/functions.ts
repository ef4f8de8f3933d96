import { defaultKeepDays, keepDaysFor } from "../shared/aws/environment.ts";
import type { QueueTopology } from "../shared/config/topology.ts";
import { accountId, getAtt, sub, text, type Value } from "./cloudformation.ts";
import { compileCacheFolder } from "./compile-cache.ts";
import type { DeployedFunction, Deployment } from "./deployment.ts";
import { queueId } from "./resources/queues.ts";
import { roleId } from "./resources/roles.ts";
import { tableNames } from "./resources/tables.ts";

/** `functions:` of serverless.yml: each is bundled by infra/build.ts into `dist/<name>/index.mjs`. */
export function serverlessFunctions(deployment: Deployment): Readonly<Record<string, Value>> {
  return Object.fromEntries(deployment.functions.map((one) => [one.name, serverlessFunction(one, deployment)]));
}

function serverlessFunction(one: DeployedFunction, deployment: Deployment): Value {
  const { config, topology } = deployment;
  const queues = topology.queues.filter(({ consumer }) => consumer?.functionName === one.name);
  return {
    name: one.arn.slice(one.arn.lastIndexOf(":") + 1),
    handler: `dist/${one.name}/index.handler`,
    package: {
      patterns: [
        "!**",
        ...["*.mjs", "*.cjs", "*.map", `${compileCacheFolder}/**`].map((path) => `dist/${one.name}/${path}`),
      ],
    },
    timeout: one.timeoutMs / 1000,
    memorySize: one.memoryMb,
    // By Fn::Sub: a GetAtt would make osls add a dependency that linters call redundant.
    role: sub(`\${${roleId(one.name)}.Arn}`),
    logRetentionInDays: config.aws.logRetentionDays,
    tracing: config.aws.tracing ? "Active" : "PassThrough",
    environment: environmentOf(one, deployment),
    events: [
      ...queues.map((queue) => ({ sqs: eventSource(queue, deployment) })),
      ...(one.everyMs === undefined ? [] : [{ schedule: { rate: [everyMinutes(one.everyMs)] } }]),
    ],
  };
}

/** EventBridge's rate expression: it wants the singular for one. */
function everyMinutes(everyMs: number): string {
  const minutes = Math.max(1, Math.round(everyMs / 60_000));
  return `rate(${minutes} ${minutes === 1 ? "minute" : "minutes"})`;
}

/** The contract of shared/aws/environment.ts. Names and switches only: whoever may list functions may read it. */
function environmentOf({ name }: DeployedFunction, deployment: Deployment): Readonly<Record<string, Value>> {
  const tables = tableNames(deployment);
  const keepDays = keepDaysFor(deployment.config.retention);
  return {
    MAILWEIR_STAGE: deployment.stage,
    MAILWEIR_ACCOUNT_ID: text(accountId),
    MAILWEIR_LEDGER_TABLE: tables.ledger,
    MAILWEIR_STORE_TABLE: tables.store,
    MAILWEIR_CONFIG_VERSION: deployment.config.version,
    NODE_OPTIONS: "--enable-source-maps",
    // Where nothing was compiled for Lambda (infra/compile-cache.ts), Node finds nothing there and goes on.
    NODE_COMPILE_CACHE: `/var/task/dist/${name}/${compileCacheFolder}`,
    NODE_COMPILE_CACHE_PORTABLE: "1",
    ...(keepDays > defaultKeepDays && { MAILWEIR_KEEP_DAYS: String(keepDays) }),
    POWERTOOLS_SERVICE_NAME: deployment.config.ruleSet.name,
  };
}

function eventSource(queue: QueueTopology, { config }: Deployment): Value {
  const batchSize = queue.consumer?.batchSize ?? 10;
  return {
    arn: getAtt(queueId(queue.name, config), "Arn"),
    batchSize,
    functionResponseType: "ReportBatchItemFailures",
    maximumConcurrency: config.aws.workerConcurrency,
  };
}
