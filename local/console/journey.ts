import { normaliseAddress } from "../../shared/mail/address.ts";
import type { NatureFinding, Safety, Trust } from "../../shared/mail/judgement.ts";
import type { PropagationRecord, RecipientRecord, RecipientState } from "../../shared/ports.ts";
import type { ReceiptAction, RuleSet } from "../../shared/receipt/model.ts";
import { type ActionTrace, type RuleTrace, traceRules } from "../../shared/receipt/trace.ts";
import { actionOutcomes } from "../actions/action-outcomes.ts";
import type { AcceptedMessage, ActionLogEntry, RuleMetric, Verification } from "../store/engine-store.ts";
import type { OutboxEntry } from "../store/outbox-entries.ts";

/** What became of one message, from the connection to the worker, and why. Everything in it was recorded, nothing guessed. */
export interface Journey {
  readonly sesMessageId: string;
  readonly receivedAt: string;
  readonly sizeBytes: number;
  readonly subject: string | null;
  /** The author, the header `From:`; forgeable. */
  readonly author: string | null;
  readonly connection: AcceptedMessage["client"];
  /** As the sender wrote them; `from: ""` is the null sender. */
  readonly envelope: { readonly from: string; readonly to: readonly string[] };
  /** Null until authentication and scan are done. */
  readonly verification: Verification | null;
  /** Null when no rule set was active at receipt. */
  readonly ruleSet: string | null;
  /** Every rule of the set as it was at receipt, in order. */
  readonly rules: readonly JourneyRule[];
  /** In envelope order; behind them whom only the pipeline knows. */
  readonly recipients: readonly JourneyRecipient[];
  /**
   * Mail that it caused: bounces, confirmations, replies, forwards. Each leaves at least once: the next hop may get it a
   * second time, with the same Message-ID, when the engine ended between its answer and our note of it.
   */
  readonly outgoing: readonly OutboxEntry[];
  /** Who was told of a change that it made on the suppression list: webhooks, by name. At least once, under one id. */
  readonly propagations: readonly PropagationRecord[];
}

export interface JourneyRule extends Omit<RuleTrace, "actions"> {
  readonly actions: readonly JourneyAction[];
}

export interface JourneyAction extends ActionTrace {
  /** Bucket, topic, function, header: what the action works on. */
  readonly target: string;
  /** Null until it was begun. */
  readonly log:
    | (Pick<ActionLogEntry, "state" | "result" | "attempts" | "startedAt" | "durationMs"> & {
        /** When it is tried again. */
        readonly dueAt: string | null;
        /** What it added to the rule's metrics. */
        readonly metrics: Readonly<Record<RuleMetric, number>>;
      })
    | null;
}

export interface JourneyRecipient {
  /** Normalised. */
  readonly recipient: string;
  readonly state: RecipientState;
  readonly stream: string | null;
  /** Null when the router decided nothing: not yet, or no rule told it of this recipient. */
  readonly decision: {
    readonly nature: NatureFinding;
    readonly safety: Safety;
    readonly trust: Trust;
    readonly reasons: readonly string[];
    readonly configVersion: string;
  } | null;
  readonly attempts: number;
  readonly outcome: string | null;
  readonly cause: string | null;
  readonly duplicateOf: string | null;
  readonly detail: Readonly<Record<string, string>>;
  readonly updatedAt: string;
}

export interface JourneyParts {
  readonly message: AcceptedMessage;
  readonly subject: string | null;
  readonly author: string | null;
  /** As it was at receipt; `undefined` when none was active. */
  readonly ruleSet: RuleSet | undefined;
  readonly verification: Verification | undefined;
  readonly log: readonly ActionLogEntry[];
  readonly records: readonly RecipientRecord[];
  readonly outgoing: readonly OutboxEntry[];
  readonly propagations: readonly PropagationRecord[];
}

export function buildJourney(parts: JourneyParts): Journey {
  const { message, subject, author, ruleSet, verification, log, records, outgoing, propagations } = parts;
  return {
    sesMessageId: message.sesMessageId,
    receivedAt: message.receivedAt.toISOString(),
    sizeBytes: message.sizeBytes,
    subject,
    author,
    connection: message.client,
    envelope: { from: message.from, to: message.recipients },
    verification: verification ?? null,
    ruleSet: ruleSet?.name ?? null,
    rules: ruleSet ? rules(message, ruleSet, log) : [],
    recipients: inEnvelopeOrder(message, records).map(recipient),
    outgoing,
    propagations,
  };
}

function rules(message: AcceptedMessage, ruleSet: RuleSet, log: readonly ActionLogEntry[]): readonly JourneyRule[] {
  const entries = new Map(log.map((entry) => [`${entry.ruleIndex}/${entry.actionIndex}`, entry]));
  const traces = traceRules({
    ruleSet,
    recipients: message.recipients,
    tls: message.client.tls !== undefined,
    outcomes: actionOutcomes(log),
  });
  return traces.map((trace) => ({
    ...trace,
    actions: trace.actions.map((action) => {
      const configured = ruleSet.rules[trace.ruleIndex]?.actions[action.actionIndex];
      const entry = entries.get(`${trace.ruleIndex}/${action.actionIndex}`);
      return { ...action, target: configured ? targetOf(configured) : "", log: entry ? logged(entry) : null };
    }),
  }));
}

function logged({ state, result, attempts, startedAt, durationMs, dueAt }: ActionLogEntry) {
  const underWay = state === "pending" && dueAt === undefined;
  const metrics = {
    PublishSuccess: state === "done" ? 1 : 0,
    PublishFailure: state === "done" || underWay ? attempts - 1 : attempts,
    PublishExpired: state === "failed" ? 1 : 0,
  };
  return { state, result, attempts, startedAt, durationMs, dueAt: dueAt ?? null, metrics };
}

export function targetOf(action: ReceiptAction): string {
  switch (action.type) {
    case "S3":
      return `s3://${action.bucketName}/${action.objectKeyPrefix ?? ""}${action.kmsKeyArn ? ", encrypted" : ""}`;
    case "SNS":
      return lastPart(action.topicArn);
    case "Lambda":
      return `${lastPart(action.functionArn)}${action.invocationType === "RequestResponse" ? ", its answer is waited for" : ""}`;
    case "Bounce":
      return `${action.smtpReplyCode} ${action.statusCode ?? ""} ${action.message}`.replace(/ {2,}/g, " ");
    case "Stop":
      return "the whole rule set";
    case "AddHeader":
      return `${action.headerName}: ${action.headerValue}`;
    case "WorkMail":
      return lastPart(action.organizationArn);
    case "Connect":
      return lastPart(action.instanceArn);
  }
}

const lastPart = (arn: string) => arn.slice(arn.lastIndexOf(":") + 1);

function inEnvelopeOrder({ recipients }: AcceptedMessage, records: readonly RecipientRecord[]) {
  const place = new Map(recipients.map((address, index) => [normaliseAddress(address), index]));
  const placeOf = ({ recipient }: RecipientRecord) => place.get(recipient) ?? recipients.length;
  return [...records].sort((left, right) => placeOf(left) - placeOf(right));
}

function recipient(record: RecipientRecord): JourneyRecipient {
  const { nature, safety, trust, reasons, configVersion } = record;
  return {
    recipient: record.recipient,
    state: record.state,
    stream: record.stream,
    // The ledger has no decision without a configuration that made it.
    decision: configVersion === "" ? null : { nature, safety, trust, reasons, configVersion },
    attempts: record.attempts,
    outcome: record.outcome ?? null,
    cause: record.cause ?? null,
    duplicateOf: record.duplicateOf ?? null,
    detail: record.detail ?? {},
    updatedAt: record.updatedAt,
  };
}
