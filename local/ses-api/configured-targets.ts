import { findTopic, type Topology } from "../../shared/config/topology.ts";
import type { ResolvedConfig } from "../../shared/config/types.ts";
import type { Targets } from "./parts.ts";

/** What rules may name on this machine: buckets and keys that the configuration names, its topics, the known functions. */
export function configuredTargets(
  config: TargetConfig,
  topology: Pick<Topology, "topics" | "buckets">,
  hasFunction: (arn: string) => boolean,
): Targets {
  const buckets = new Set(topology.buckets.map(({ name }) => name));
  const keys = new Set(knownKeys(config));
  return {
    hasBucket: (name) => buckets.has(name),
    hasKey: (arn) => keys.has(arn),
    hasTopic: (arn) => findTopic(topology.topics, arn) !== undefined,
    hasFunction,
  };
}

export interface TargetConfig extends Pick<ResolvedConfig, "names" | "ruleSet" | "region" | "accountId"> {
  readonly local: Pick<ResolvedConfig["local"], "keys">;
}

/** KMS keys: the pipeline's, those of configured rules, those named in `local.keys`, and the one that AWS keeps for SES. */
export function knownKeys({ names, ruleSet, local, region, accountId }: TargetConfig): readonly string[] {
  const named = ruleSet.rules.flatMap(({ actions }) =>
    actions.flatMap((action) => (action.type === "S3" && action.kmsKeyArn !== undefined ? [action.kmsKeyArn] : [])),
  );
  return [...new Set([names.kmsKeyArn, ...named, ...local.keys, `arn:aws:kms:${region}:${accountId}:alias/aws/ses`])];
}
