import { findTopic, type Topology } from "../../shared/config/topology.ts";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import type { Targets } from "./parts.ts";

/** What rules may name on this machine: buckets and keys that the configuration names, its topics, the known functions. */
export function configuredTargets(
  { names, ruleSet }: Pick<ResolvedConfig, "names" | "ruleSet">,
  topology: Pick<Topology, "topics" | "buckets">,
  hasFunction: (arn: string) => boolean,
): Targets {
  const stored = ruleSet.rules.flatMap(({ actions }) => actions).filter((action) => action.type === "S3");
  const buckets = new Set(topology.buckets.map(({ name }) => name));
  const keys = new Set([names.kmsKeyArn, ...stored.map(({ kmsKeyArn }) => kmsKeyArn)]);
  return {
    hasBucket: (name) => buckets.has(name),
    hasKey: (arn) => keys.has(arn),
    hasTopic: (arn) => findTopic(topology.topics, arn) !== undefined,
    hasFunction,
  };
}
