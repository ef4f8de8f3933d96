import { readAutoReply } from "./auto-reply.ts";
import { judgeBounce } from "./bounce.ts";
import { judgeComplaint } from "./complaint.ts";
import type { Finding } from "./finding.ts";
import type { Header } from "./headers.ts";
import { judgeHuman } from "./human.ts";
import type { Judgement, NatureFinding, Verdicts } from "./judgement.ts";
import { judgeList } from "./list.ts";
import { judgeDomainReport, judgeMachine } from "./machine.ts";
import { type MailFacts, readFacts } from "./mail-facts.ts";
import { judgeMdn } from "./mdn.ts";
import type { ParsedMail } from "./parsed-mail.ts";
import { judgeSafety } from "./safety.ts";
import { judgeTrust } from "./trust.ts";
import { judgeUnsubscribeRequest, pressedUnsubscribe } from "./unsubscribe-request.ts";

export interface JudgeInput {
  /** All header fields, or the first ones when `headersTruncated`; names as written, values unfolded. */
  readonly headers: readonly Header[];
  readonly headersTruncated: boolean;
  /** Envelope sender without angle brackets; `""` is the null sender. */
  readonly envelopeFrom: string;
  /** Envelope recipients. */
  readonly recipients: readonly string[];
  /** What the receiving side found out. Without it nothing is trusted. */
  readonly verdicts?: Verdicts;
  readonly body?: ParsedMail;
  /** True when a recipient or a reference holds one of our own signed reply tokens, checked by the caller. */
  readonly replyTokenValid?: boolean;
}

/**
 * Says what a message is: its nature with evidence, whether it is safe, and whether its author can be believed
 * (the precedence table is in docs/understanding.md). Headers decide the common case; the same call with `body`
 * refines it. Pure, linear in its input.
 */
export function judge(input: JudgeInput): Judgement {
  const facts = readFacts(input);
  const finding = judgeNature(facts);
  const { kind, confidence, evidence } = finding;
  return {
    nature: { kind, confidence, evidence: evidence.slice(0, 10) },
    safety: judgeSafety(input.verdicts, input.body?.exceeded ?? []),
    trust: judgeTrust(facts, input),
    // Only a report names itself; any other finding could be overruled by a header that was cut off.
    complete: input.body !== undefined || (finding.final && !(input.headersTruncated && !selfEvident(finding))),
  };
}

/** The first rule that applies decides. */
const rules: readonly ((facts: MailFacts) => Finding | undefined)[] = [
  judgeComplaint,
  judgeMdn,
  judgeDomainReport,
  judgeBounce,
  judgeAutoReply,
  judgeList,
  judgeUnsubscribeRequest,
  judgeMachine,
];

function judgeNature(facts: MailFacts): Finding {
  for (const rule of rules) {
    const finding = rule(facts);
    if (finding) return finding;
  }
  return judgeHuman(facts);
}

function judgeAutoReply(facts: MailFacts): Finding | undefined {
  if (pressedUnsubscribe(facts)) return undefined;
  const reply = readAutoReply(facts);
  return reply && { kind: "auto-reply", confidence: reply.confidence, evidence: reply.evidence, final: reply.final };
}

function selfEvident({ kind, confidence }: NatureFinding): boolean {
  return confidence >= 0.99 && (kind === "bounce" || kind === "complaint" || kind === "mdn");
}
