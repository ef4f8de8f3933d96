import { tooLargeToPublish } from "../local/actions/publish-content.ts";
import { untoldRecipients } from "../local/actions/untold.ts";
import type { ActionLogEntry } from "../local/store/engine-store.ts";
import type { ResolvedConfig } from "../shared/config/types.ts";
import type { Judgement, Verdicts } from "../shared/mail/judgement.ts";
import {
  type ActionOutcome,
  isSynchronous,
  nextStep,
  type PerformStep,
  type StoppedBy,
} from "../shared/receipt/evaluate.ts";
import { limits } from "../shared/receipt/limits.ts";
import type { Disposition, RuleSet } from "../shared/receipt/model.ts";
import { type RuleTrace, traceRules } from "../shared/receipt/trace.ts";
import { askGate, type GatePorts } from "../shared/streams/ask-gate.ts";
import { decideStream } from "../shared/streams/decide.ts";
import type { Arrival } from "../shared/streams/fan-out.ts";

/** A mail as far as it is known. */
export interface PredictedMail {
  /** Those that were accepted, each mailbox once. */
  readonly recipients: readonly string[];
  readonly tls: boolean;
  /** What an action would store or publish: SES's header block, added headers, the message. */
  readonly storedBytes: (step: PerformStep) => number;
  /** What it is, seen with these verdicts. */
  readonly judge: (verdicts: Verdicts) => Judgement;
  readonly arrival: Pick<Arrival, "sesMessageId" | "receivedAt" | "from" | "verdicts" | "headers" | "mail">;
}

export interface PredictedStream {
  readonly recipient: string;
  /** Null: it comes to no stream, and `outcome` says what becomes of it. */
  readonly stream: string | null;
  readonly outcome: string | null;
  readonly reasons: readonly string[];
}

export interface PredictedPath {
  readonly rules: readonly RuleTrace[];
  readonly streams: readonly PredictedStream[];
  /** Functions whose answer is not known: CONTINUE was assumed. */
  readonly assumedToContinue: readonly string[];
}

/**
 * The course of a mail through the rules to the streams, by the functions that the engine runs; the pipeline's own gate is
 * asked, other synchronous functions are assumed to answer CONTINUE, and every action to succeed.
 *
 * @param ruleSet - the active one, not always the configuration's
 */
export async function predictPath(
  config: ResolvedConfig,
  ruleSet: RuleSet,
  mail: PredictedMail,
): Promise<PredictedPath> {
  const { names } = config;
  const { recipients, tls } = mail;
  const outcomes: ActionOutcome[] = [];
  const answers: ActionOutcome[] = [];
  const log: ActionLogEntry[] = [];
  const told = createWhoTold(config);
  const assumedToContinue = new Set<string>();

  let stoppedBy: StoppedBy | undefined;
  for (;;) {
    const step = nextStep({ ruleSet, recipients, tls, outcomes });
    if (step.kind === "end") stoppedBy = step.stoppedBy;
    if (step.kind !== "perform") break;
    const { ruleIndex, actionIndex, action } = step;
    let disposition: Disposition | undefined;
    if (action.type === "Lambda" && isSynchronous(action)) {
      if (action.functionArn === names.functionArn("gate")) disposition = await askOwnGate(config, mail, step);
      else assumedToContinue.add(action.functionArn);
    }
    const outcome = { ruleIndex, actionIndex, state: "done", ...(disposition && { disposition }) } as const;
    outcomes.push(outcome);
    if (disposition) answers.push(outcome);
    const tooLarge = action.type === "SNS" && mail.storedBytes(step) > limits.snsMessageBytes;
    log.push(logEntry(step, tooLarge));
    told.note(step, tooLarge);
  }

  const untold = new Map(
    untoldRecipients(recipients, ruleSet, log, names, stoppedBy).map(({ recipient, outcome }) => [recipient, outcome]),
  );
  return {
    rules: traceRules({ ruleSet, recipients, tls, outcomes: answers }, { predict: true }).map(asPrediction),
    streams: recipients.map((recipient): PredictedStream => {
      const outcome = untold.get(recipient);
      if (outcome !== undefined) return { recipient, stream: null, outcome, reasons: [] };
      const verdicts = told.verdictsFor(recipient, mail.arrival.verdicts);
      const decision = decideStream(config, {
        recipient,
        judgement: mail.judge(verdicts),
        headers: mail.arrival.headers,
        verdicts,
        envelopeFrom: mail.arrival.from,
      });
      return {
        recipient,
        stream: decision.stream,
        outcome: decision.outcome ?? null,
        reasons: decision.reasons,
      };
    }),
    assumedToContinue: [...assumedToContinue],
  };
}

/**
 * Through which of the actions the router learns of a recipient, and so which verdicts it sees: those of the first notice; of
 * the sweep 15 minutes later where there is none, which goes by the journal, or else by the header block of what was stored.
 */
function createWhoTold({ names }: Pick<ResolvedConfig, "names">) {
  const noticed = new Map<string, PerformStep>();
  const stored = new Map<string, PerformStep>();
  let journaled: PerformStep | undefined;
  const first = (of: Map<string, PerformStep>, step: PerformStep) => {
    for (const recipient of step.recipients) if (!of.has(recipient)) of.set(recipient, step);
  };
  return {
    note(step: PerformStep, tooLargeToPublish: boolean): void {
      const { action } = step;
      if (!tooLargeToPublish && "topicArn" in action && action.topicArn === names.noticeTopicArn) first(noticed, step);
      if (action.type === "S3" && action.bucketName === names.bucket) first(stored, step);
      if (action.type === "Lambda" && action.functionArn === names.functionArn("journal")) journaled ??= step;
    },
    verdictsFor(recipient: string, verdicts: Verdicts): Verdicts {
      const notice = noticed.get(recipient);
      if (notice) return seenBy(notice.scan, verdicts);
      if (journaled) return seenBy(journaled.scan, verdicts);
      // ses-receiving.md §4.3: the block says that DMARC failed, not what the domain asks for then.
      const { dmarcPolicy: _, ...inBlock } = verdicts;
      return seenBy(stored.get(recipient)?.scan ?? true, inBlock);
    },
  };
}

async function askOwnGate(
  config: ResolvedConfig,
  { arrival }: PredictedMail,
  { recipients, scan }: PerformStep,
): Promise<Disposition> {
  const answer = await askGate(nothingStored, config, {
    ...arrival,
    recipients,
    verdicts: seenBy(scan, arrival.verdicts),
    headersTruncated: false,
    content: { kind: "inline", base64: "" },
  });
  return answer.disposition;
}

/** A ledger in which nothing is decided yet, and an outbox that sends nothing. */
const nothingStored: GatePorts = {
  ledger: {
    decide: async (decisions) =>
      decisions.map((decision) => ({
        ...decision,
        state: decision.stream === null ? "done" : "decided",
        attempts: 0,
        updatedAt: decision.receivedAt,
      })),
  },
  outbox: { sendBounce: async () => ({ messageId: "", repeated: false }) },
};

/** A rule without scanning sees DISABLED. */
function seenBy(scan: boolean, verdicts: Verdicts): Verdicts {
  return scan ? verdicts : { ...verdicts, spam: "DISABLED", virus: "DISABLED" };
}

function logEntry(step: PerformStep, tooLarge: boolean): ActionLogEntry {
  const { rule, ruleIndex, actionIndex, action, recipients } = step;
  return {
    ruleIndex,
    actionIndex,
    ruleName: rule.name,
    actionType: action.type,
    recipients,
    state: "done",
    result: tooLarge ? tooLargeToPublish : "",
    attempts: 1,
    startedAt: "",
    durationMs: 0,
  };
}

/** What the trace takes for done has only been found out in advance. */
function asPrediction(trace: RuleTrace): RuleTrace {
  return {
    ...trace,
    actions: trace.actions.map((action) => (action.fate === "done" ? { ...action, fate: "will-run" } : action)),
  };
}
