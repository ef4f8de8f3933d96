import { resolveConfig } from "../shared/config/resolve-config.ts";
import { deriveTopology, type FunctionTopology, type QueueTopology, type Topology } from "../shared/config/topology.ts";
import type { ResolvedConfig } from "../shared/config/types.ts";
import { accountId } from "./cloudformation.ts";

/** What all parts of the template are made from. */
export interface Deployment {
  readonly stage: string;
  /** Resolved for the account `${AWS::AccountId}`, which CloudFormation fills in: the template knows no account. */
  readonly config: ResolvedConfig;
  readonly topology: Topology;
  /** All of them: those of the topology, and those that only AWS has. */
  readonly functions: readonly DeployedFunction[];
}

export interface DeployedFunction extends FunctionTopology {
  /** Called over a URL by anybody; its handler checks what it is given. */
  readonly url?: true;
  /** Invoked asynchronously: what fails three times goes to a dead-letter queue of its own. */
  readonly asynchronous?: true;
}

/**
 * Functions that AWS needs and one machine does not have, or has built into the engine. Those whose handler is not there
 * are left out.
 */
const onlyOnAws: readonly (Omit<DeployedFunction, "arn"> & { readonly optional?: true })[] = [
  { name: "activate", timeoutMs: 60_000, memoryMb: 256 },
  { name: "one-click", timeoutMs: 10_000, memoryMb: 256, url: true, optional: true },
];

/**
 * @param input - what `mailweir.config.ts` exports
 * @param handlers - names of the folders in `functions/` that have a `handler.ts`
 * @throws {ConfigError} with every mistake in it
 */
export function describeDeployment(
  input: unknown,
  stage: string,
  { file, handlers }: { readonly file?: string; readonly handlers: ReadonlySet<string> },
): Deployment {
  const config = resolveConfig(input, { stage, accountId, ...(file !== undefined && { file }) });
  const base = deriveTopology(config);
  const topology = handlers.has("feedback") ? withFeedback(base, config) : base;
  return {
    stage,
    config,
    topology,
    functions: [
      ...topology.functions.map((one) => ({ ...one, ...(one.name === "journal" && { asynchronous: true as const }) })),
      ...onlyOnAws
        .filter(({ name, optional }) => !optional || handlers.has(name))
        .filter(({ name }) => !topology.functions.some((one) => one.name === name))
        .map(({ optional: _optional, ...one }) => ({ ...one, arn: config.names.functionArn(one.name) })),
    ],
  };
}

export const feedbackName = ({ ruleSet }: Pick<ResolvedConfig, "ruleSet">): string => `${ruleSet.name}-feedback`;

/** What SES tells of the mail that we send: a configuration set's events → topic → queue → feedback. */
function withFeedback(topology: Topology, config: ResolvedConfig): Topology {
  if (topology.functions.some(({ name }) => name === "feedback")) return topology;
  const name = feedbackName(config);
  const timeoutMs = 60_000;
  const queue: QueueTopology = {
    name,
    deadLetterQueue: `${name}-dlq`,
    visibilityTimeoutMs: 6 * timeoutMs,
    delayMs: 0,
    maxReceiveCount: 5,
    consumer: { functionName: "feedback", batchSize: 10, concurrency: 2 },
  };
  return {
    ...topology,
    topics: [
      ...topology.topics,
      { arn: feedbackTopicArn(config), subscriptions: [{ kind: "queue", queue: name, rawDelivery: true }] },
    ],
    queues: [...topology.queues, queue],
    functions: [
      ...topology.functions,
      { name: "feedback", arn: config.names.functionArn("feedback"), timeoutMs, memoryMb: 512 },
    ],
  };
}

export function feedbackTopicArn(config: ResolvedConfig): string {
  return `arn:aws:sns:${config.region}:${config.accountId}:${feedbackName(config)}`;
}
