import type { ResolvedConfig } from "../config/types.ts";
import type { EffectOf, Ports, SuppressionEvidence } from "../ports.ts";
import { everything } from "./list-id.ts";

/** What a bounce or a complaint says about one person. */
export interface Feedback {
  readonly kind: "hard-bounce" | "soft-bounce" | "complaint";
  readonly person: string;
  /** Normalised; absent when only a token says who it is. */
  readonly address?: string;
  /** ISO 8601. */
  readonly at: string;
  readonly evidence: Omit<SuppressionEvidence, "keepUntil">;
}

export type FeedbackOutcome = "suppressed" | "already-suppressed" | "repeated" | "noted" | "policy";

const dayMs = 86_400_000;

/**
 * One policy for whatever way feedback comes in: an address that does not exist, or whose owner calls our mail spam, gets
 * nothing more of any list; one that fails again and again gets nothing for a while.
 *
 * @throws {StaleClaimError}
 */
export async function applyFeedback(
  { suppressions }: Pick<Ports, "suppressions">,
  { unsubscribe }: Pick<ResolvedConfig, "unsubscribe">,
  by: EffectOf,
  { kind, person, address, at, evidence }: Feedback,
): Promise<FeedbackOutcome> {
  const { hard, soft } = unsubscribe.bounces;
  const time = Date.parse(at);
  const common = {
    person,
    ...(address !== undefined && { address }),
    list: everything,
    since: at,
    evidence: { ...evidence, keepUntil: new Date(time + unsubscribe.evidenceDays * dayMs).toISOString() },
  };
  if (kind === "soft-bounce") {
    if (soft === false) return "policy";
    const until = new Date(time + soft.forDays * dayMs).toISOString();
    const limit = { count: soft.count, windowMs: soft.days * dayMs };
    const result = await suppressions.softBounce(by, { ...common, until }, limit);
    return result === "added" ? "suppressed" : result;
  }
  if (kind === "hard-bounce" ? !hard : !unsubscribe.complaints) return "policy";
  const result = await suppressions.suppress(by, { ...common, reason: kind });
  return result === "added" ? "suppressed" : result;
}
