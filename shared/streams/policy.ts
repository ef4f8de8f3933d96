import type { GateOutcome, GatePolicy } from "../config/types.ts";
import type { Judgement, Nature, Safety, Verdicts } from "../mail/judgement.ts";
import { judgeSafety } from "../mail/safety.ts";

export interface PolicyInput {
  readonly judgement: Pick<Judgement, "nature" | "safety">;
  readonly verdicts: Verdicts;
  /** Envelope sender without angle brackets; `""` is the null sender. */
  readonly envelopeFrom: string;
}

export interface PolicyDecision {
  readonly outcome: GateOutcome;
  readonly reasons: readonly string[];
}

/**
 * What the findings about a message lead to, for every recipient alike. Router and gate both ask here, so that what the
 * one prevents the other records. The most careful finding wins: a drop tells a stranger nothing, a bounce comes
 * before a quarantine, and what no policy excuses (a scan that did not finish, a limit) is quarantined.
 */
export function applyPolicy(policy: GatePolicy, input: PolicyInput): PolicyDecision {
  const findings = findingsOf(policy, { safety: input.judgement.safety, verdicts: input.verdicts });
  const worst = severity.find((outcome) => findings.some((finding) => finding.outcome === outcome)) ?? "nothing";
  const reasons = findings.filter(({ outcome }) => outcome === worst).map(({ reason }) => reason);
  if (worst !== "bounce") return { outcome: worst, reasons };
  const bounce = mayBounce(input);
  return bounce.allowed
    ? { outcome: "bounce", reasons }
    : { outcome: "quarantine", reasons: [...reasons, `no bounce, it would be backscatter: ${bounce.reason}`] };
}

/** Whether no verdict leads to anything, whatever the mail is and its body holds. */
export function excusesAll(policy: GatePolicy, verdicts: Verdicts): boolean {
  const findings = findingsOf(policy, { safety: judgeSafety(verdicts, []), verdicts });
  return findings.every(({ outcome }) => outcome === "nothing");
}

export type BounceAnswer = { readonly allowed: true } | { readonly allowed: false; readonly reason: string };

/**
 * Whether a bounce reaches the one who sent the mail (RFC 3834 §2, ses-receiving.md §11): never to the null sender, never
 * to a machine that would answer or count it, and only when SPF says that the sender is not somebody's invention.
 */
export function mayBounce({ judgement, verdicts, envelopeFrom }: PolicyInput): BounceAnswer {
  if (envelopeFrom === "" || envelopeFrom === "<>") return { allowed: false, reason: "the envelope sender is <>" };
  const { kind, evidence } = judgement.nature;
  if (automatic.has(kind)) {
    return { allowed: false, reason: `it is automatic mail (${kind}${evidence[0] ? `, ${evidence[0]}` : ""})` };
  }
  if (verdicts.spf !== "PASS") return { allowed: false, reason: `SPF did not pass for the sender (${verdicts.spf})` };
  return { allowed: true };
}

const automatic: ReadonlySet<Nature> = new Set(["bounce", "complaint", "auto-reply", "mdn", "list", "machine"]);

const severity: readonly GateOutcome[] = ["drop", "bounce", "quarantine"];

interface Finding {
  readonly outcome: GateOutcome;
  readonly reason: string;
}

function findingsOf(policy: GatePolicy, { safety, verdicts }: { safety: Safety; verdicts: Verdicts }): Finding[] {
  const findings: Finding[] = [];
  if (verdicts.virus === "FAIL") findings.push({ outcome: policy.virus, reason: "virus verdict FAIL" });
  else if (verdicts.virus === "GRAY" || verdicts.virus === "PROCESSING_FAILED") {
    // A scan that did not run is not a pass, and no reason to tell the sender anything either.
    findings.push({ outcome: "quarantine", reason: `virus verdict ${verdicts.virus}` });
  }
  if (verdicts.spam === "FAIL") findings.push({ outcome: policy.spam, reason: "spam verdict FAIL" });
  if (verdicts.dmarc === "FAIL" && verdicts.dmarcPolicy === "reject") {
    findings.push({ outcome: policy.dmarcReject, reason: "DMARC failed and the author's domain asks to reject" });
  }
  if (verdicts.dkim === "FAIL") findings.push({ outcome: policy.dkimFail, reason: "DKIM failed" });
  // What the verdicts do not explain is a limit that the message went over; no policy excuses it.
  const explained = new Set(judgeSafety(verdicts, []).reasons);
  for (const reason of safety.reasons) {
    if (!explained.has(reason)) findings.push({ outcome: "quarantine", reason });
  }
  return findings;
}
