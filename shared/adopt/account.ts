import type { IpFilter, RuleSet } from "../receipt/model.ts";

/** What an AWS account has of email receiving in one region, as far as it could be read. Plain data. */
export interface Account {
  readonly region: string;
  /** Twelve digits; absent where nobody told. */
  readonly accountId?: string;
  /** The set that was read: the active one, or the one that was asked for. */
  readonly ruleSet?: RuleSet;
  /** Rules of it that our model cannot hold, each with the reason. */
  readonly unreadable: readonly { readonly rule: string; readonly reason: string }[];
  /** Name of the active set; absent when none is: the account then receives nothing. */
  readonly activeName?: string;
  /** Names of all sets. */
  readonly ruleSetNames: readonly string[];
  /** Absent where the endpoint, an emulator, knows no filters. */
  readonly ipFilters?: readonly IpFilter[];
  readonly identities: readonly AccountIdentity[];
  /** By name or ARN: what the rules of `ruleSet` name. */
  readonly buckets: Readonly<Record<string, Looked<BucketFacts>>>;
  readonly keys: Readonly<Record<string, Looked<KeyFacts>>>;
  readonly topics: Readonly<Record<string, Looked<TopicFacts>>>;
  readonly functions: Readonly<Record<string, Looked<FunctionFacts>>>;
}

export interface AccountIdentity {
  /** A domain or an address. */
  readonly name: string;
  /** SES's word: `Success`, `Pending`, `Failed`, … */
  readonly status: string;
}

/** The answer to a look-up: there, surely not there, or not to be found out (a denied call, another account's resource). */
export type Looked<Facts> =
  | ({ readonly kind: "found" } & Facts)
  | { readonly kind: "missing" }
  | { readonly kind: "unknown"; readonly reason: string };

/** Whether a resource's policy lets SES use it for the rules that name it; `unsure`: a condition that we do not evaluate. */
export type Allowance = "yes" | "no" | "unsure";

export interface BucketFacts {
  readonly region?: string;
  readonly allowsSes: Allowance;
  /** SES does not write to a bucket whose default retention locks every object. */
  readonly locksByDefault: boolean;
}
export interface KeyFacts {
  readonly enabled: boolean;
  readonly allowsSes: Allowance;
}
export interface TopicFacts {
  readonly allowsSes: Allowance;
  readonly subscriptions: readonly { readonly protocol: string; readonly endpoint: string }[];
}
export interface FunctionFacts {
  readonly allowsSes: Allowance;
}
