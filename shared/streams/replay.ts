import type { ResolvedConfig } from "../config/types.ts";
import type { Header } from "../mail/headers.ts";
import { judge } from "../mail/judge.ts";
import type { Judgement, Verdicts } from "../mail/judgement.ts";
import type { Decision, Ports, RecipientRecord } from "../ports.ts";
import type { SesMessageId } from "../ses-message-id.ts";
import { quarantineStream } from "./decide.ts";
import { type Arrival, decisionsFor, sendDecided } from "./fan-out.ts";

/**
 * From where a message goes through the pipeline again. `raw`: authentication, scan and everything behind it; `parse`: what
 * it is, by the verdicts that were recorded; `decide`: where it goes, by what was recorded of what it is; `work`: the worker
 * of the stream that was decided.
 */
export const replayStages = ["raw", "parse", "decide", "work"] as const;
export type ReplayStage = (typeof replayStages)[number];

export interface ReplayPlan {
  readonly sesMessageId: SesMessageId;
  readonly from: ReplayStage;
  readonly recipients: readonly RecipientReplay[];
  /** Verdicts that would be others, with `raw`. */
  readonly verdicts: readonly Difference[];
}

export interface RecipientReplay {
  readonly recipient: string;
  readonly state: RecipientRecord["state"];
  /** Why it cannot be replayed now; null: it can. */
  readonly blocked: string | null;
  /** What the decision would be instead of the recorded one; empty: the same. */
  readonly changes: readonly Difference[];
  /** The stream that it would go to; null: none. */
  readonly stream: string | null;
}

export interface Difference {
  readonly what: string;
  readonly recorded: string;
  readonly replayed: string;
}

/** A plan with what carries it out. */
export interface PreparedReplay {
  readonly plan: ReplayPlan;
  readonly arrival: Arrival;
  readonly headers: readonly Header[];
  readonly items: readonly {
    readonly record: RecipientRecord;
    readonly decision: Decision;
    readonly judgement: Judgement;
  }[];
}

/**
 * What a replay would do, compared with what is recorded. Changes nothing.
 *
 * @param arrival - as the router would know it now; with `raw`, under the new verdicts
 * @param recorded - the verdicts that were recorded
 * @param only - normalised recipients; default: all that are recorded
 */
export async function prepareReplay(
  { ledger }: Pick<Ports, "ledger">,
  config: ResolvedConfig,
  {
    arrival,
    recorded,
    from,
    only,
  }: {
    readonly arrival: Arrival;
    readonly recorded: Verdicts;
    readonly from: ReplayStage;
    readonly only?: readonly string[];
  },
): Promise<PreparedReplay> {
  const { sesMessageId } = arrival;
  const records = (await ledger.recipients(sesMessageId)).filter(
    ({ recipient }) => only === undefined || only.includes(recipient),
  );
  const mail = await arrival.mail();
  const judged: Judgement = judge({
    headers: mail.headers,
    headersTruncated: false,
    body: mail,
    envelopeFrom: arrival.from,
    recipients: arrival.recipients,
    verdicts: arrival.verdicts,
  });
  const items = records.map((record) => {
    const judgement = from === "raw" || from === "parse" || isUndecided(record) ? judged : judgementOf(record, judged);
    return { record, judgement, decision: decisionOf(config, arrival, record, judgement, mail.headers, from) };
  });
  return {
    arrival,
    headers: mail.headers,
    items,
    plan: {
      sesMessageId,
      from,
      verdicts: from === "raw" ? verdictChanges(recorded, arrival.verdicts) : [],
      recipients: items.map(({ record, decision }) => ({
        recipient: record.recipient,
        state: record.state,
        blocked: blockedBy(record),
        changes: changesOf(record, decision),
        stream: decision.stream,
      })),
    },
  };
}

export interface Replayed {
  readonly recipient: string;
  /** `replayed`: decided, and sent to its stream where it has one. `under-way`: somebody works on it just now. */
  readonly kind: "replayed" | "under-way";
  readonly stream: string | null;
}

/**
 * Carries a replay out: decides anew, sends to the queues, forgets what was held. May be called again after a crash
 * anywhere; effects that happened under this SES id do not happen again.
 *
 * @param why - stands among the reasons of the new decision
 * @throws {QueueSendError} what was decided and not sent is sent by the next call
 */
export async function applyReplay(
  ports: Pick<Ports, "ledger" | "queues" | "quarantine">,
  config: ResolvedConfig,
  { arrival, headers, items, plan }: PreparedReplay,
  why: string,
): Promise<readonly Replayed[]> {
  const replayed: Replayed[] = [];
  for (const { record, decision, judgement } of items) {
    const { recipient } = record;
    const reasons = [...decision.reasons.filter((reason) => !reason.startsWith("replayed ")), why];
    const changed = blockedBy(record) === null ? await ports.ledger.redecide({ ...decision, reasons }) : undefined;
    if (!changed) {
      replayed.push({ recipient, kind: "under-way", stream: record.stream });
      continue;
    }
    await sendDecided(ports, config, arrival, judgement, headers, [changed]);
    if (changed.stream !== quarantineStream) await ports.quarantine.remove(plan.sesMessageId, recipient);
    replayed.push({ recipient, kind: "replayed", stream: changed.stream });
  }
  return replayed;
}

/** What is under way ends first: two decisions for one recipient at a time are one too many. */
function blockedBy({ state }: RecipientRecord): string | null {
  return state === "received" || state === "routed" || state === "working" ? `it is ${state}: wait for its end` : null;
}

/** Failed, or received, before anybody could decide. */
const isUndecided = ({ configVersion }: RecipientRecord) => configVersion === "";

function judgementOf({ nature, safety, trust }: RecipientRecord, judged: Judgement): Judgement {
  return { ...judged, nature, safety, trust };
}

function decisionOf(
  config: ResolvedConfig,
  arrival: Arrival,
  record: RecipientRecord,
  judgement: Judgement,
  headers: readonly Header[],
  from: ReplayStage,
): Decision {
  const { recipient } = record;
  if (from === "work" && !isUndecided(record)) {
    const { sesMessageId, stream, configVersion, nature, safety, trust, reasons, receivedAt, outcome } = record;
    return {
      ...{ sesMessageId, recipient, stream, configVersion, nature, safety, trust, reasons, receivedAt },
      ...(stream === null && outcome !== undefined && { outcome }),
    };
  }
  const [decision] = decisionsFor(config, { ...arrival, recipients: [recipient] }, judgement, headers);
  if (!decision) throw new Error("one recipient has one decision");
  return decision;
}

function changesOf(record: RecipientRecord, decision: Decision): Difference[] {
  const differ = (what: string, recorded: string, replayed: string) =>
    recorded === replayed ? [] : [{ what, recorded, replayed }];
  const without = (reasons: readonly string[]) =>
    reasons.filter((reason) => !reason.startsWith("replayed ")).join("; ");
  const place = ({ stream, outcome }: Pick<Decision, "stream" | "outcome">) => stream ?? outcome ?? "none";
  if (isUndecided(record)) return [{ what: "stream", recorded: "nothing was decided", replayed: place(decision) }];
  return [
    ...differ("stream", place(record), place(decision)),
    ...differ("nature", record.nature.kind, decision.nature.kind),
    ...differ("safety", safety(record), safety(decision)),
    ...differ("trust", record.trust, decision.trust),
    ...differ("reasons", without(record.reasons), without(decision.reasons)),
  ];
}

function safety({ safety: { kind, reasons } }: Pick<Decision, "safety">): string {
  return reasons.length === 0 ? kind : `${kind}: ${reasons.join("; ")}`;
}

function verdictChanges(recorded: Verdicts, replayed: Verdicts): Difference[] {
  return (["spf", "dkim", "dmarc", "spam", "virus", "dmarcPolicy"] as const).flatMap((check) => {
    const [before, after] = [recorded[check] ?? "none", replayed[check] ?? "none"];
    return before === after ? [] : [{ what: check, recorded: before, replayed: after }];
  });
}
