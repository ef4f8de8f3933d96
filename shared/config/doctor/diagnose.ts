import type { Account } from "../../adopt/account.ts";
import type { ResolvedConfig } from "../types.ts";
import { findAccount } from "./account.ts";
import { findActionOrder } from "./action-order.ts";
import { findDomains } from "./domains.ts";
import { bySeverity, type Finding } from "./finding.ts";
import { findQuotas } from "./quotas.ts";
import { findReach } from "./reach.ts";
import { findRuleOrder } from "./rule-order.ts";
import { findTargets } from "./targets.ts";

/** What the doctor cannot know from the configuration. */
export interface DoctorFacts {
  readonly today: Date;
  /** Files that the configuration names and that cannot be read, each with its place in it. */
  readonly missingFiles: readonly { readonly at: string; readonly path: string }[];
  /** What DNS answered for each domain, if it was asked: the exchanges of its MX records, or why there is no answer. */
  readonly mx?: Readonly<Record<string, readonly string[] | { readonly unknown: string }>>;
  /** The account and region that will receive, if somebody looked. */
  readonly account?: Account;
}

/**
 * What a valid configuration may still get wrong: rules that never run, mail that goes nowhere, targets that are not
 * there. Pure. The worst first, and then in the order of the rules.
 */
export function diagnose(config: ResolvedConfig, facts: DoctorFacts): Finding[] {
  return bySeverity([
    ...findRuleOrder(config),
    ...findActionOrder(config, facts.today),
    ...findReach(config),
    ...findTargets(config, facts.missingFiles),
    ...findQuotas(config),
    ...findDomains(config, facts.mx),
    ...(facts.account ? findAccount(config, facts.account) : []),
  ]);
}
