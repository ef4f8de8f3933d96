import type { Authentication } from "../shared/receipt/authentication.ts";
import type { Explanation } from "./explain-mail.ts";
import { printable } from "./printable.ts";

/** What authentication found, in words. */
export function checks({ spf, dkim, dmarc, arc }: Authentication): string[] {
  const name = (domain: string) => printable(domain === "" ? "no domain" : domain, 80);
  const signatures = dkim.map(
    ({ result, domain, aligned }) => `${result} by ${name(domain)}${aligned ? "" : ", not aligned"}`,
  );
  return [
    `  SPF: ${spf.result} for ${name(spf.domain)}`,
    `  DKIM: ${signatures.length === 0 ? "not signed" : signatures.join("; ")}`,
    `  DMARC: ${dmarc.result} for ${name(dmarc.domain)}${dmarc.policy === undefined ? "" : `, policy ${dmarc.policy}`}`,
    `  ARC: ${arc?.result ?? "none"}`,
  ];
}

/** The explanation for people, a step a paragraph. */
export function describe({
  ruleSet,
  client,
  recipients,
  rules,
  authentication,
  verdicts,
  judgement,
  streams,
  assumptions,
}: Explanation): string {
  const active = ruleSet.name === null ? "No rule set is active" : `Rule set "${ruleSet.name}" is active`;
  const lines = [
    ...(ruleSet.from === "engine" ? [`${active}, not the configured one (SetActiveReceiptRuleSet)`] : []),
    `Client: ${client.refused ? "refused at every recipient" : "let in"} (${client.reason})`,
    "",
    "Recipients",
  ];
  for (const { recipient, reply, reason } of recipients)
    lines.push(`  ${printable(recipient, 80)}: ${reply} (${printable(reason, 160)})`);
  if (rules.length > 0) lines.push("", "Rules");
  for (const { rule, fate, reason, perRecipient, actions } of rules) {
    lines.push(`  ${rule}: ${fate} (${reason})`);
    for (const entry of perRecipient) {
      lines.push(
        `    ${printable(entry.recipient, 80)} ${entry.matches ? "matches" : "does not match"}: ${printable(entry.reason, 160)}`,
      );
    }
    for (const action of actions)
      lines.push(`    ${action.type}: ${action.fate}${action.reason === "" ? "" : ` (${action.reason})`}`);
  }
  if (verdicts)
    lines.push(
      "",
      `Verdicts: ${Object.entries(verdicts)
        .map(([name, value]) => `${name} ${value}`)
        .join(", ")}`,
    );
  if (authentication) lines.push(...checks(authentication));
  if (judgement) {
    const { nature, safety, trust } = judgement;
    const because = nature.evidence.map((line) => JSON.stringify(printable(line, 100))).join(", ");
    lines.push(`Nature: ${nature.kind}${because === "" ? "" : `, because of ${because}`}`);
    lines.push(`Safety: ${[safety.kind, ...safety.reasons].join(", ")}. Trust: ${trust}`);
  }
  if (streams) lines.push("", "Streams");
  for (const { recipient, stream, outcome, reasons } of streams ?? []) {
    lines.push(
      `  ${printable(recipient, 80)} → ${stream ?? `no stream (${outcome})`}: ${printable(reasons.join("; "), 200)}`,
    );
  }
  if (assumptions.length > 0) lines.push("", "Assumed", ...assumptions.map((line) => `  ${line}`));
  return `${lines.join("\n")}\n`;
}
