import { functionsWithDeadLetters } from "../../infra/deployment.ts";
import { deriveTopology } from "../../shared/config/topology.ts";
import type { ResolvedConfig } from "../../shared/config/types.ts";

export interface DeadLetterQueue {
  readonly name: string;
  /** What it is called in short: `stream-ticket`, `notices`, `journal`. */
  readonly short: string;
  /** Where its messages go back to: a queue, or a function that was invoked without one. */
  readonly source:
    | { readonly kind: "queue"; readonly queue: string }
    | { readonly kind: "function"; readonly functionName: string };
}

/** Every dead-letter queue of a stage, in the order of a message's path. */
export function deadLetterQueues(config: ResolvedConfig): readonly DeadLetterQueue[] {
  const prefix = config.ruleSet.name;
  return [
    ...functionsWithDeadLetters.map(
      (name): DeadLetterQueue => ({
        name: `${prefix}-${name}-dlq`,
        short: name,
        source: { kind: "function", functionName: `${prefix}-${name}` },
      }),
    ),
    ...deriveTopology(config).queues.map(
      ({ name, deadLetterQueue }): DeadLetterQueue => ({
        name: deadLetterQueue,
        short: name.slice(prefix.length + 1),
        source: { kind: "queue", queue: name },
      }),
    ),
  ];
}
