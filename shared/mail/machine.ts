import { daemonAddress } from "./bounce-signs.ts";
import type { Finding } from "./finding.ts";
import { type MailFacts, quoteHeader } from "./mail-facts.ts";

/** Automatic mail that is nothing more special: notifications, receipts, reports, alarms. */
export function judgeMachine(facts: MailFacts): Finding | undefined {
  const { header } = facts;
  const found = (name: string, confidence: number): Finding => ({
    kind: "machine",
    confidence,
    evidence: [quoteHeader(facts, name)],
    final: true,
  });
  const automatic = header("auto-submitted")?.trim().toLowerCase();
  // RFC 3834 §5: "no" is the only value that speaks of a person.
  if (automatic !== undefined && automatic !== "" && !/^no\b/.test(automatic)) return found("auto-submitted", 0.95);
  if (facts.contentType.value === "multipart/report") return found("content-type", 0.9);
  if (/^junk\b/i.test(header("precedence")?.trim() ?? "")) return found("precedence", 0.8);
  if (facts.authors[0] && machineAddress.test(facts.authors[0].address)) {
    // A message that it carries may be one of ours coming back, and a daemon's text may say so in words.
    const mayReport = facts.contentType.value === "multipart/mixed" || daemonAddress.test(facts.authors[0].address);
    return { ...found("from", 0.85), final: facts.body !== undefined || !mayReport };
  }
  if (/^(?:yes|true|all|oof|autoreply|dr\b)/i.test(header("x-auto-response-suppress")?.trim() ?? ""))
    return found("x-auto-response-suppress", 0.7);
  const [system] = facts.present(systemHeaders);
  if (system !== undefined) return found(system, 0.85);
  if (facts.envelopeFrom === "") {
    return { kind: "machine", confidence: 0.7, evidence: ["envelope sender <>"], final: facts.body !== undefined };
  }
  return undefined;
}

const systemHeaders = [
  "x-cron-env",
  "x-github-reason",
  "x-gitlab-project",
  "x-jira-fingerprint",
  "x-bugzilla-type",
  "x-redmine-host",
  "x-sns-message-id",
  "x-pagerduty",
  "x-nagios-notification",
  "x-amz-sns-message-id",
];

/** Names that no person reads mail under. */
export const machineAddress =
  /^"?(?:(?:[^@]*[-_.+])?(?:no|not|do-?not|dont|never|ne-?pas|nicht)[-_.]?(?:reply|respond|repondre|antworten|responder|answer)(?:[-_.+][^@]*)?|noresponder|nao-?responda|keine-?antwort|notifications?|[^@]*[-_.]notifications?|alerts?|root|cron(?:daemon)?|daemon|nobody|www-data|apache|nagios|[^@]*-daemon|auto(?:mat(?:ic|ed))?(?:[-_.][^@]*)?|system|robot|mailbot|bot)@/i;

/** DMARC aggregate reports (RFC 7489 §7.2.1.1) and TLS reports (RFC 8460 §5.3): from a postmaster, and no bounce. */
export function judgeDomainReport(facts: MailFacts): Finding | undefined {
  const tls =
    facts.header("tls-report-domain") !== undefined ||
    facts.contentType.parameters["report-type"]?.toLowerCase() === "tlsrpt";
  if (!tls && !/\breport[- ]domain:.{1,300}\bsubmitter:/i.test(facts.subject)) return undefined;
  const evidence = [
    quoteHeader(facts, tls && facts.header("tls-report-domain") !== undefined ? "tls-report-domain" : "subject"),
  ];
  return { kind: "machine", confidence: 0.95, evidence, final: true };
}
