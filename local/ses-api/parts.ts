import type { ResolvedConfig } from "../../shared/config/types.ts";
import type { AwsCredentials } from "../../shared/encryption/sign-aws4.ts";
import type { Clock, Outbox, Random, Topics } from "../../shared/ports.ts";
import type { EngineStore } from "../store/engine-store.ts";
import type { RuleSets } from "../store/rule-sets.ts";
import type { QueryNode } from "./query-request.ts";
import type { XmlFields } from "./xml-response.ts";

export interface SesApiParts {
  readonly config: Pick<ResolvedConfig, "domains" | "ipFilters" | "ruleSet" | "region">;
  readonly ruleSets: RuleSets;
  readonly targets: Targets;
  /** Where setup notifications and bounces go. */
  readonly ports: {
    readonly topics: Topics;
    readonly outbox: Pick<Outbox, "sendBounce">;
  };
  readonly messages: Pick<EngineStore, "message" | "putObject">;
  readonly clock: Clock;
  readonly random: Random;
  /** With these the signature is checked, without any AWS4 signature is good. */
  readonly keys?: readonly AwsCredentials[];
  /** As AWS does, take each operation at most once in so many milliseconds. Default: no limit. */
  readonly rateLimitMs?: number;
}

/** What a rule may name: on one machine by configuration, where AWS would try it out. */
export interface Targets {
  hasBucket(name: string): boolean;
  hasTopic(arn: string): boolean;
  hasFunction(arn: string): boolean;
  hasKey(arn: string): boolean;
}

/** @throws {Refusal} */
export type Operation = (request: QueryNode) => Promise<XmlFields>;
export type Operations = Readonly<Record<string, Operation>>;
