import type { ResolvedConfig } from "../config/types.ts";
import type { Ports } from "../ports.ts";
import type { Disposition } from "../receipt/model.ts";
import { rejectOf } from "./decide.ts";
import type { Arrival } from "./fan-out.ts";
import { excusesAll } from "./policy.ts";

export interface GateAnswer {
  readonly disposition: Disposition;
  readonly reasons: readonly string[];
  /** Recipients for whom a bounce was sent (or had been, by an attempt before this one). */
  readonly bounced: readonly string[];
}

/** So little that `explain` can predict the answer without a store. */
export interface GatePorts {
  readonly ledger: Pick<Ports["ledger"], "decide">;
  readonly outbox: Pick<Ports["outbox"], "sendBounce">;
}

/**
 * What SES is told before actions that cannot be undone. One answer counts for the whole message, so the rule set is
 * stopped only if every matched recipient's policy agrees. In a rule of rejects it stops the rule when its bounce would
 * be backscatter. Bounces that the policy asks for are sent here, after their decision was stored: the router then finds
 * it, and whoever of the two comes second does as the first decided.
 */
export async function askGate(ports: GatePorts, config: ResolvedConfig, arrival: Arrival): Promise<GateAnswer> {
  const rejected = arrival.recipients.filter((recipient) => rejectOf(config.rejects, recipient) !== undefined);
  // Nothing was found, as in nearly all mail: then what the mail is does not matter, its object is not read, and what judges it
  // is not even loaded, since SES waits.
  if (rejected.length === 0 && excusesAll(config.gate, arrival.verdicts)) {
    return { disposition: "CONTINUE", reasons: [], bounced: [] };
  }
  const { answerGate } = await import("./answer-gate.ts");
  return answerGate(ports, config, arrival, rejected);
}
