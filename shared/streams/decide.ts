import type { MatchInput, RejectConfig, ResolvedConfig, ResolvedStream } from "../config/types.ts";
import { normaliseAddress, parseMailAddress } from "../mail/address.ts";
import type { Header } from "../mail/headers.ts";
import type { Judgement, Verdicts } from "../mail/judgement.ts";
import { matchRecipient } from "../receipt/match-recipient.ts";
import { matchConditions, matchStream } from "./match-stream.ts";
import { applyPolicy, mayBounce } from "./policy.ts";

export interface DecideInput {
  /** One envelope recipient. */
  readonly recipient: string;
  readonly judgement: Judgement;
  /** All header fields of the message. */
  readonly headers: readonly Header[];
  readonly verdicts: Verdicts;
  /** `""` is the null sender. */
  readonly envelopeFrom: string;
}

export interface StreamDecision {
  /** Null: nothing is sent to a queue, and `outcome` says what becomes of the recipient instead. */
  readonly stream: string | null;
  readonly outcome?: "rejected" | "bounced" | "dropped";
  /** Sentences with their evidence, the decisive one last. */
  readonly reasons: readonly string[];
}

/** Where held mail lies. Every configuration has it. */
export const quarantineStream = "quarantine";

type DecideConfig = Pick<ResolvedConfig, "streams" | "rejects" | "gate">;

/**
 * The second of the two questions: where a message goes for one recipient. First what is refused, then what the gate's
 * policy says, then the stream by the most specific condition and its `match`, then whether that stream takes mail of
 * this nature. Pure: the same message, recipient and configuration give the same answer here and in the gate.
 */
export function decideStream(config: DecideConfig, input: DecideInput): StreamDecision {
  const reject = rejectOf(config.rejects, input.recipient);
  if (reject) {
    const bounce = mayBounce(input);
    const note = bounce.allowed
      ? `bounce "${reject.template}"`
      : `no bounce, it would be backscatter: ${bounce.reason}`;
    return { stream: null, outcome: "rejected", reasons: [`${reject.condition} is to be rejected: ${note}`] };
  }
  const policy = applyPolicy(config.gate, input);
  switch (policy.outcome) {
    case "bounce":
      return { stream: null, outcome: "bounced", reasons: policy.reasons };
    case "drop":
      return { stream: null, outcome: "dropped", reasons: policy.reasons };
    case "quarantine":
      return { stream: quarantineStream, reasons: policy.reasons };
    case "nothing":
      return chooseStream(config, input);
  }
}

/** The stream that a message would go to if nothing were suspicious about it: what a release from quarantine needs. */
export function intendedStream(config: DecideConfig, input: DecideInput): string {
  return chooseStream(config, input).stream;
}

export interface RejectMatch {
  readonly template: RejectConfig["template"];
  /** The condition that matched. */
  readonly condition: string;
}

/** The first reject that names the recipient, as the receipt rule made from it would. */
export function rejectOf(rejects: readonly RejectConfig[], recipient: string): RejectMatch | undefined {
  const address = parseMailAddress(recipient);
  if (!address) return undefined;
  for (const { recipients, template } of rejects) {
    const condition = recipients.find((candidate) => matchRecipient(candidate, address).matches);
    if (condition !== undefined) return { template, condition };
  }
  return undefined;
}

function chooseStream(config: DecideConfig, input: DecideInput): { stream: string; reasons: string[] } {
  const recipient = normaliseAddress(input.recipient);
  const matchInput: MatchInput = { recipient, headers: input.headers, judgement: input.judgement };
  const candidates = config.streams
    .filter((stream) => stream.addressed)
    .flatMap((stream) => {
      const match = matchConditions(stream, recipient);
      return match ? [{ stream, ...match }] : [];
    })
    // Stable: what is equally specific stays in the order of the configuration.
    .sort((a, b) => b.specificity - a.specificity);

  const reasons: string[] = [];
  for (const { stream, condition } of candidates) {
    const answer = matchStream(stream.match, matchInput);
    if (answer.kind === "broken") {
      return { stream: quarantineStream, reasons: [...reasons, `stream "${stream.name}": ${answer.reason}`] };
    }
    if (answer.kind === "no-match") {
      reasons.push(`not "${stream.name}": ${answer.reason}`);
      continue;
    }
    const why = condition === undefined ? `"${stream.name}" takes any address` : `"${stream.name}" takes ${condition}`;
    reasons.push(answer.reason === undefined ? why : `${why}, ${answer.reason}`);
    return divert(config.streams, stream, input.judgement, reasons);
  }
  return { stream: quarantineStream, reasons: [...reasons, `no stream takes ${recipient}`] };
}

/** Follows `divert` until a stream takes the nature. The configuration's check refuses circles; here they end in quarantine. */
function divert(
  streams: readonly ResolvedStream[],
  start: ResolvedStream,
  { nature }: Judgement,
  reasons: string[],
): { stream: string; reasons: string[] } {
  const seen = new Set<string>();
  let stream = start;
  while (!stream.accepts.includes(nature.kind)) {
    seen.add(stream.name);
    const target = streams.find(({ name }) => name === stream.divert[nature.kind]);
    if (target === undefined || seen.has(target.name)) {
      return {
        stream: quarantineStream,
        reasons: [...reasons, `no stream takes ${nature.kind} mail from "${stream.name}"`],
      };
    }
    const evidence = nature.evidence[0];
    reasons.push(
      `"${stream.name}" does not take ${nature.kind} mail: "${target.name}" does${evidence ? ` (${evidence})` : ""}`,
    );
    stream = target;
  }
  return { stream: stream.name, reasons };
}
