import type { Finding } from "../../../../shared/config/doctor/finding.ts";
import type { RulesAnswer } from "../../streams-api.ts";
import { Pill, type Tone } from "../show/pill.tsx";
import { count, safe } from "../show/text.ts";
import { FindingItem } from "./finding-item.tsx";

export interface RuleCardProps {
  readonly rule: RulesAnswer["rules"][number];
  readonly findings: readonly Finding[];
}

/** One rule on the line that every message walks: whom it takes, and its actions as stops one after another. */
export function RuleCard({ rule, findings }: RuleCardProps) {
  const { PublishSuccess: acted, PublishFailure: failed, PublishExpired: expired } = rule.hits;
  const tone: Tone = !rule.enabled
    ? "off"
    : failed > 0 || findings.some(({ severity }) => severity === "error")
      ? "bad"
      : "good";
  return (
    <li class={`step ${tone}`}>
      <div class="card">
        <div class="head">
          <h4 class="as-written">{safe(rule.rule)}</h4>
          {!rule.enabled && <Pill state="disabled" />}
          {rule.tls === "Require" && <Pill state="off" tone="off" text="TLS only" />}
          {!rule.scan && <Pill state="off" tone="off" text="no scan" />}
          <span class="hits">
            <b>{acted.toLocaleString()}</b> acted
            {failed > 0 && (
              <span class="bad">
                {" "}
                · <b>{failed.toLocaleString()}</b> failed
              </span>
            )}
            {expired > 0 && <span class="bad"> · {expired.toLocaleString()} given up</span>}
          </span>
        </div>
        <p class="meta">
          {rule.recipients.length === 0
            ? "every recipient of a verified domain"
            : `${count(rule.recipients.length, "condition")}: ${safe(rule.recipients.join(", "))}`}
        </p>
        <ol class="stops" aria-label={`Actions of ${rule.rule}`}>
          {rule.actions.map(({ type, target }, index) => (
            <li key={`${index} ${type}`}>
              <b>{type}</b>
              <code>{safe(target)}</code>
            </li>
          ))}
        </ol>
        {findings.length > 0 && (
          <ul class="list in-card">
            {findings.map((finding) => (
              <FindingItem key={`${finding.code} ${finding.what}`} finding={finding} />
            ))}
          </ul>
        )}
      </div>
    </li>
  );
}
