import type { Safety, Verdicts } from "./judgement.ts";

/**
 * `suspicious` when a scan found something, did not finish, or the author's domain asks that a message like this be
 * rejected; also when the message went over a limit of ours. DISABLED is somebody's choice and counts for nothing.
 *
 * @param exceeded - limits that parsing hit, in words
 */
export function judgeSafety(verdicts: Verdicts | undefined, exceeded: readonly string[]): Safety {
  const reasons: string[] = [];
  if (verdicts) {
    if (verdicts.virus === "FAIL" || verdicts.virus === "GRAY" || verdicts.virus === "PROCESSING_FAILED") {
      reasons.push(`virus verdict ${verdicts.virus}`);
    }
    if (verdicts.spam === "FAIL") reasons.push("spam verdict FAIL");
    // A verdict that is no FAIL carries no policy; one that does is a mistake of the caller's, not the sender's fault.
    if (verdicts.dmarc === "FAIL" && verdicts.dmarcPolicy === "reject")
      reasons.push("DMARC failed and the author's domain asks to reject");
  }
  for (const limit of exceeded.slice(0, 10)) reasons.push(`over a limit: ${limit}`);
  return { kind: reasons.length > 0 ? "suspicious" : "clean", reasons };
}
