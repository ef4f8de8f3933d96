import type { RuleSet } from "../receipt/model.ts";
import type { ResolvedConfig } from "./types.ts";

/** How notices travel between stores, queues and functions. Derived from the configuration once, for both homes. */
export interface Topology {
  readonly topics: readonly TopicTopology[];
  readonly buckets: readonly BucketTopology[];
  readonly queues: readonly QueueTopology[];
  readonly functions: readonly FunctionTopology[];
}

export interface TopicTopology {
  readonly arn: string;
  /** An own topic is known by its name, in whatever account and region a rule set says it is. */
  readonly name?: string;
  readonly subscriptions: readonly (
    | { readonly kind: "queue"; readonly queue: string; readonly rawDelivery: boolean }
    | { readonly kind: "function"; readonly functionName: string }
  )[];
}

export interface BucketTopology {
  readonly name: string;
  /** Every `ObjectCreated` event goes to this queue. */
  readonly eventQueue?: string;
  /** The same for a function, invoked asynchronously. */
  readonly eventFunction?: string;
}

export interface QueueTopology {
  readonly name: string;
  readonly deadLetterQueue: string;
  readonly visibilityTimeoutMs: number;
  readonly delayMs: number;
  /** Receives before a message goes to the dead-letter queue. */
  readonly maxReceiveCount: number;
  readonly consumer?: { readonly functionName: string; readonly batchSize: number; readonly concurrency: number };
}

export interface FunctionTopology {
  /** Also the folder below `functions/`. */
  readonly name: string;
  readonly arn: string;
  readonly timeoutMs: number;
  readonly memoryMb: number;
  /** For stream workers: the streams whose queues it reads. */
  readonly streams?: readonly string[];
  /** It runs by itself, so often. */
  readonly everyMs?: number;
}

const worker = { timeoutMs: 60_000, memoryMb: 512 } as const;

/** @returns every queue with its dead-letter queue, every topic, and who reads what */
export function deriveTopology({ names, streams, ruleSet }: ResolvedConfig): Topology {
  const queue = (name: string, functionName: string, timeoutMs: number, delayMs = 0): QueueTopology => ({
    name,
    deadLetterQueue: `${name}-dlq`,
    // AWS asks for at least six times the function's time-out, so that a batch may be retried inside it.
    visibilityTimeoutMs: 6 * timeoutMs,
    delayMs,
    maxReceiveCount: 5,
    consumer: { functionName, batchSize: 10, concurrency: 2 },
  });
  const functionNamed = (name: string, rest: Omit<FunctionTopology, "name" | "arn">): FunctionTopology => ({
    name,
    arn: names.functionArn(name),
    ...rest,
  });
  const workerOf = (stream: ResolvedConfig["streams"][number]) =>
    typeof stream.worker === "function" ? "work-own" : `work-${stream.worker}`;

  const workers = new Map<string, string[]>();
  for (const stream of streams) {
    const name = workerOf(stream);
    workers.set(name, [...(workers.get(name) ?? []), stream.name]);
  }

  return {
    topics: [
      {
        arn: names.noticeTopicArn,
        subscriptions: [{ kind: "queue", queue: names.noticeQueue, rawDelivery: true }],
      },
    ],
    // Own rules may store elsewhere too. The router learns of the mail bucket only: what is kept apart is kept, not routed.
    buckets: [
      { name: names.bucket, eventQueue: names.objectQueue },
      ...[...bucketsNamedBy(ruleSet)].filter((name) => name !== names.bucket).map((name) => ({ name })),
    ],
    queues: [
      queue(names.noticeQueue, "route-notification", 30_000),
      queue(names.objectQueue, "route-object", 60_000, 15 * 60_000),
      queue(names.feedbackQueue, "feedback", 60_000),
      queue(names.propagateQueue, "propagate", 60_000),
      queue(names.answerQueue, "answer-ticket", worker.timeoutMs),
      ...streams.map((stream) => queue(names.streamQueue(stream.name), workerOf(stream), worker.timeoutMs)),
    ],
    functions: [
      functionNamed("gate", { timeoutMs: 30_000, memoryMb: 256 }),
      functionNamed("journal", { timeoutMs: 30_000, memoryMb: 256 }),
      functionNamed("route-notification", { timeoutMs: 30_000, memoryMb: 512 }),
      functionNamed("route-object", { timeoutMs: 60_000, memoryMb: 512 }),
      functionNamed("feedback", { timeoutMs: 60_000, memoryMb: 256 }),
      functionNamed("one-click", { timeoutMs: 10_000, memoryMb: 256 }),
      functionNamed("propagate", { timeoutMs: 60_000, memoryMb: 256 }),
      functionNamed("answer-ticket", worker),
      functionNamed("expire-quarantine", { timeoutMs: 60_000, memoryMb: 256, everyMs: 3_600_000 }),
      ...[...workers].map(([name, of]) => functionNamed(name, { ...worker, streams: of })),
    ],
  };
}

function bucketsNamedBy({ rules }: RuleSet): ReadonlySet<string> {
  const actions = rules.flatMap((rule) => rule.actions);
  return new Set(actions.flatMap((action) => (action.type === "S3" ? [action.bucketName] : [])));
}

/** The topic that an ARN means: arn:aws:sns:<region>:<account>:<name>. */
export function findTopic(topics: readonly TopicTopology[], arn: string): TopicTopology | undefined {
  const name = arn.split(":")[5];
  return (
    topics.find((topic) => topic.arn === arn) ?? topics.find((topic) => topic.name !== undefined && topic.name === name)
  );
}
