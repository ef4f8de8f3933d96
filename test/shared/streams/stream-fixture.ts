import { resolveConfig } from "../../../shared/config/resolve-config.ts";
import type { MailConfig, ResolvedConfig } from "../../../shared/config/types.ts";
import type { Judgement, Nature, Trust, Verdicts } from "../../../shared/mail/judgement.ts";
import { judgeSafety } from "../../../shared/mail/safety.ts";
import { parseSesMessageId, type SesMessageId } from "../../../shared/ses-message-id.ts";

/** The shipped configuration's streams, and whatever a test adds. */
export function testConfig(more: Partial<MailConfig> = {}): ResolvedConfig {
  const { streams, ...rest } = more;
  return resolveConfig({
    domains: ["example.com"],
    streams: {
      ticket: { recipients: ["support@example.com"] },
      unsubscribe: { recipients: ["unsubscribe@example.com"] },
      personal: { recipients: ["example.com"], delivery: { "ann@example.com": { maildir: "ann" } } },
      ...streams,
    },
    ...rest,
  });
}

export const passing: Verdicts = { spam: "PASS", virus: "PASS", spf: "PASS", dkim: "PASS", dmarc: "PASS" };

export function judgement(nature: Nature = "human", verdicts: Verdicts = passing, trust: Trust = "aligned"): Judgement {
  return {
    nature: { kind: nature, confidence: 0.9, evidence: [`evidence of ${nature}`] },
    safety: judgeSafety(verdicts, []),
    trust,
    complete: true,
  };
}

export function testId(number: number): SesMessageId {
  const id = parseSesMessageId(`${"0".repeat(30)}${String(number).padStart(8, "0")}81`);
  if (id === undefined) throw new Error("no id");
  return id;
}
