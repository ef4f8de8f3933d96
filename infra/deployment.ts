import { resolveConfig } from "../shared/config/resolve-config.ts";
import { deriveTopology, type FunctionTopology, type Topology } from "../shared/config/topology.ts";
import type { ResolvedConfig } from "../shared/config/types.ts";
import { endsAnything } from "../shared/retention/period.ts";
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

/** What AWS has and one machine has built into the engine. */
const activate = { name: "activate", timeoutMs: 60_000, memoryMb: 256 } as const;

// On one machine the engine does it, and can search its queues (local/store/lost-work.ts).
const findLostWork = { name: "find-lost-work", timeoutMs: 120_000, memoryMb: 256, everyMs: 1_800_000 } as const;
const expireMail = { name: "expire-mail", timeoutMs: 300_000, memoryMb: 1024, everyMs: 3_600_000 } as const;

/** How a function is called, other than by a queue or by SES in the sense of a rule. */
const callers: Readonly<Record<string, Pick<DeployedFunction, "url" | "asynchronous">>> = {
  journal: { asynchronous: true },
  "one-click": { url: true },
};

/** Invoked asynchronously, and so with a dead-letter queue `<prefix>-<name>-dlq` that no queue stands before. */
export const functionsWithDeadLetters: readonly string[] = Object.keys(callers).filter(
  (name) => callers[name]?.asynchronous,
);

/**
 * @param input - what `mailweir.config.ts` exports
 * @throws {ConfigError} with every mistake in it
 */
export function describeDeployment(
  input: unknown,
  stage: string,
  { file }: { readonly file?: string } = {},
): Deployment {
  const config = resolveConfig(input, { stage, accountId, ...(file !== undefined && { file }) });
  const topology = withFeedbackTopic(deriveTopology(config), config);
  return {
    stage,
    config,
    topology,
    functions: [...topology.functions, ...onlyOnAws(config)].map((one) => ({ ...one, ...callers[one.name] })),
  };
}

function onlyOnAws(config: ResolvedConfig): readonly FunctionTopology[] {
  const own = [activate, findLostWork, ...(endsAnything(config.retention) ? [expireMail] : [])];
  return own.map((one) => ({ ...one, arn: config.names.functionArn(one.name) }));
}

/** What SES tells of the mail that we send comes by a configuration set's topic. One machine has no need of it. */
function withFeedbackTopic(topology: Topology, config: ResolvedConfig): Topology {
  const queue = config.names.feedbackQueue;
  return {
    ...topology,
    topics: [
      ...topology.topics,
      { arn: feedbackTopicArn(config), subscriptions: [{ kind: "queue", queue, rawDelivery: true }] },
    ],
  };
}

export function feedbackTopicArn(config: ResolvedConfig): string {
  return `arn:aws:sns:${config.region}:${config.accountId}:${config.names.feedbackQueue}`;
}
