import type { Journey } from "../local/console/journey.ts";

/** A journey in a few lines, for whoever waited for something else. */
export function describeJourney(journey: Journey): string {
  const { verification, envelope } = journey;
  const verdicts = Object.entries(verification?.verdicts ?? {}).map(([name, verdict]) => `${name} ${verdict}`);
  const lines = [
    `${journey.subject ?? "(no subject)"}: ${envelope.from || "<>"} → ${envelope.to.join(", ")} (${journey.sesMessageId})`,
    verification ? `  checks: ${verdicts.join(", ")}` : "  checks: not done yet",
    ...journey.rules
      .filter(({ fate }) => fate === "runs")
      .map((rule) => {
        const actions = rule.actions.map(({ type, fate, log }) => `${type} ${log ? log.state : fate}`);
        return `  rule ${rule.rule}: ${actions.join(", ")}`;
      }),
  ];
  if (journey.rules.every(({ fate }) => fate !== "runs")) lines.push("  rules: none matched");
  for (const recipient of journey.recipients) {
    const { decision } = recipient;
    lines.push(
      `  ${recipient.recipient}: ${recipient.state}, stream ${recipient.stream ?? "none"}` +
        (recipient.outcome === null ? "" : `, ${recipient.outcome}`) +
        (recipient.cause === null ? "" : `, failed: ${recipient.cause}`) +
        (recipient.duplicateOf === null ? "" : `, duplicate of ${recipient.duplicateOf}`) +
        (recipient.attempts > 1 ? `, ${recipient.attempts} attempts` : ""),
    );
    if (decision) {
      lines.push(
        `    ${decision.nature.kind}, ${decision.safety.kind}, ${decision.trust}: ${decision.reasons.join("; ")}`,
      );
    }
    if (recipient.detail["reasons"] !== undefined) lines.push(`    ${recipient.detail["reasons"]}`);
  }
  for (const mail of journey.outgoing) {
    lines.push(
      `  sent: ${mail.kind} to ${mail.recipients.map(({ recipient }) => recipient).join(", ")}, ${mail.state}`,
    );
  }
  return lines.join("\n");
}
