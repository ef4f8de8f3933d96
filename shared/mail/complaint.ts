import { readComplaint } from "./arf.ts";
import type { Finding } from "./finding.ts";
import { type MailFacts, quoteHeader } from "./mail-facts.ts";

// RFC 5965 §7.3 and RFC 6591: reports about mail in general, not one reader's complaint.
const notComplaints = new Set(["auth-failure", "not-spam", "dmarc", "policy"]);

/** RFC 5965 feedback, and the loops of providers that have a form of their own. */
export function judgeComplaint(facts: MailFacts): Finding | undefined {
  const { contentType, body } = facts;
  const declared =
    contentType.value === "multipart/report" &&
    contentType.parameters["report-type"]?.toLowerCase().trim() === "feedback-report";
  const complaint = body && readComplaint(body);
  if (complaint) {
    const kind =
      complaint.feedbackType !== undefined && notComplaints.has(complaint.feedbackType) ? "machine" : "complaint";
    return { kind, confidence: 0.99, evidence: complaint.evidence, final: true };
  }
  if (!declared) return undefined;
  // The header does not say which kind of feedback it is.
  return {
    kind: "complaint",
    confidence: 0.9,
    evidence: [quoteHeader(facts, "content-type")],
    final: body !== undefined,
  };
}
