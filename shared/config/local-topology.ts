import {
  type BucketTopology,
  deriveTopology,
  type QueueTopology,
  type TopicTopology,
  type Topology,
} from "./topology.ts";
import type { ResolvedConfig } from "./types.ts";

/** The pipeline's topology, and beside it what the user's own rules name on this machine (`local.buckets` and so on). */
export function deriveLocalTopology(config: ResolvedConfig): Topology {
  const topology = deriveTopology(config);
  const { local, region, accountId } = config;
  const queues: QueueTopology[] = Object.entries(local.queues).map(
    ([name, { function: functionName, batchSize = 10, maxReceiveCount = 5, visibilitySeconds = 30 }]) => ({
      name,
      deadLetterQueue: `${name}-dlq`,
      visibilityTimeoutMs: visibilitySeconds * 1_000,
      delayMs: 0,
      maxReceiveCount,
      ...(functionName !== undefined && { consumer: { functionName, batchSize, concurrency: 2 } }),
    }),
  );
  const topics: TopicTopology[] = Object.entries(local.topics).map(
    ([name, { queues: to = [], functions = [], rawDelivery = false }]) => ({
      arn: `arn:aws:sns:${region}:${accountId}:${name}`,
      name,
      subscriptions: [
        ...to.map((queue) => ({ kind: "queue", queue, rawDelivery }) as const),
        ...functions.map((functionName) => ({ kind: "function", functionName }) as const),
      ],
    }),
  );
  const buckets: BucketTopology[] = Object.entries(local.buckets).map(([name, { queue, function: functionName }]) => ({
    name,
    ...(queue !== undefined && { eventQueue: queue }),
    ...(functionName !== undefined && { eventFunction: functionName }),
  }));
  const named = new Set(buckets.map(({ name }) => name));
  return {
    functions: topology.functions,
    queues: [...topology.queues, ...queues],
    topics: [...topology.topics, ...topics],
    // A bucket that only a rule names is there too; the settings know more about it.
    buckets: [...topology.buckets.filter(({ name }) => !named.has(name)), ...buckets],
  };
}
