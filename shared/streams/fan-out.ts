import type { ResolvedConfig } from "../config/types.ts";
import { normaliseAddress } from "../mail/address.ts";
import type { Header } from "../mail/headers.ts";
import { type JudgeInput, judge } from "../mail/judge.ts";
import type { Judgement, Verdicts } from "../mail/judgement.ts";
import type { ParsedMail } from "../mail/parsed-mail.ts";
import type { Decision, Ports, RecipientRecord } from "../ports.ts";
import type { SesMessageId } from "../ses-message-id.ts";
import { composeMessage, maxRecipientsPerMessage } from "./compose-message.ts";
import { decideStream } from "./decide.ts";
import { QueueSendError, StreamUnknownError } from "./errors.ts";
import type { StreamContent, StreamMessage } from "./stream-message.ts";

/** One message as the router knows it, whichever event told. */
export interface Arrival {
  readonly sesMessageId: SesMessageId;
  /** ISO 8601. */
  readonly receivedAt: string;
  /** `""` is the null sender. */
  readonly from: string;
  /** Envelope recipients, as the event wrote them. */
  readonly recipients: readonly string[];
  readonly verdicts: Verdicts;
  readonly headers: readonly Header[];
  /** True: a header that is missing is unknown. */
  readonly headersTruncated: boolean;
  readonly content: StreamContent;
  /** Reads and parses the stored message; called at most once. */
  mail(): Promise<ParsedMail>;
}

export type FanOutPorts = Pick<Ports, "ledger" | "queues">;

export interface FannedOut {
  /** What is decided for each recipient, in the order given, each address once. */
  readonly records: readonly RecipientRecord[];
  /** Streams that were sent to by this call. */
  readonly sent: readonly string[];
}

/**
 * Judges a message, decides once per recipient, sends it to the queues of the streams and notes what was sent. Every step
 * may be repeated: the decision is put-if-absent, and whatever is not yet `routed` is sent (again). A queue that takes
 * nothing does not keep the others from being served.
 *
 * @throws {QueueSendError} after everything else was done; a retry sends what is missing
 */
export async function fanOut(ports: FanOutPorts, config: ResolvedConfig, arrival: Arrival): Promise<FannedOut> {
  const { judgement, headers } = await judgeArrival(arrival);
  const records = await ports.ledger.decide(decisionsFor(config, arrival, judgement, headers));
  return { records, sent: await sendDecided(ports, config, arrival, judgement, headers, records) };
}

/**
 * Sends what is decided and not sent yet to the queues of the streams, and notes what was sent.
 *
 * @returns the streams that were sent to
 * @throws {QueueSendError} after everything else was done
 */
export async function sendDecided(
  ports: FanOutPorts,
  config: ResolvedConfig,
  arrival: Arrival,
  judgement: Judgement,
  headers: readonly Header[],
  records: readonly RecipientRecord[],
): Promise<string[]> {
  const messages = composeAll(arrival, judgement, headers, records);
  const failures: { queue: string; cause: string }[] = [];
  let throttled: unknown;
  const sent: string[] = [];

  await Promise.all(
    groupBy(messages, ({ stream }) => stream).map(async ([stream, group]) => {
      const queue = config.names.streamQueue(stream);
      const { refused, error } = await send(ports, config, stream, group);
      if (isThrottled(error)) throttled ??= error;
      const taken = group.filter((_, index) => !refused.has(String(index)));
      for (const cause of refused.values()) failures.push({ queue, cause });
      if (taken.length === 0) return;
      sent.push(stream);
      await ports.ledger.routed(
        arrival.sesMessageId,
        taken.flatMap(({ recipients }) => recipients),
      );
    }),
  );
  // Patience helps, and costs the notice none of its receives.
  if (throttled !== undefined) throw throttled;
  if (failures.length > 0) throw new QueueSendError(arrival.sesMessageId, failures);
  return sent;
}

/** Headers first: the object is read only when they cannot decide. */
export async function judgeArrival(
  arrival: Arrival,
): Promise<{ readonly judgement: Judgement; readonly headers: readonly Header[] }> {
  const judgement = judgeHeaders(arrival);
  if (judgement.complete) return { judgement, headers: arrival.headers };
  const body = await arrival.mail();
  return {
    judgement: judge({ ...judgeInput(arrival), headers: body.headers, headersTruncated: false, body }),
    headers: body.headers,
  };
}

/** What the headers that the event brought say, complete or not. */
export function judgeHeaders(arrival: Arrival): Judgement {
  return judge(judgeInput(arrival));
}

function judgeInput({ headers, headersTruncated, from, recipients, verdicts }: Arrival): JudgeInput {
  return { headers, headersTruncated, envelopeFrom: from, recipients, verdicts };
}

/** The decision for each recipient; addresses that SES would deliver to one mailbox count once. */
export function decisionsFor(
  config: ResolvedConfig,
  arrival: Pick<Arrival, "sesMessageId" | "recipients" | "verdicts" | "from" | "receivedAt">,
  judgement: Judgement,
  headers: readonly Header[],
): Decision[] {
  return [...new Set(arrival.recipients.map(normaliseAddress))].map((recipient) => {
    const { verdicts, from: envelopeFrom } = arrival;
    const { stream, outcome, reasons } = decideStream(config, {
      recipient,
      judgement,
      headers,
      verdicts,
      envelopeFrom,
    });
    return {
      sesMessageId: arrival.sesMessageId,
      recipient,
      stream,
      ...(outcome !== undefined && { outcome }),
      configVersion: config.version,
      nature: judgement.nature,
      safety: judgement.safety,
      trust: judgement.trust,
      reasons,
      receivedAt: arrival.receivedAt,
    };
  });
}

function composeAll(
  arrival: Arrival,
  judgement: Judgement,
  headers: readonly Header[],
  records: readonly RecipientRecord[],
): StreamMessage[] {
  // Never skip because a decision exists: whoever wrote it may have died before sending.
  const unsent = records.filter(
    ({ state, stream }) => (state === "received" || state === "decided") && stream !== null,
  );
  return groupBy(unsent, ({ stream }) => stream ?? "").flatMap(([stream, group]) =>
    inChunks(group, maxRecipientsPerMessage).map((chunk) =>
      composeMessage({
        sesMessageId: arrival.sesMessageId,
        stream,
        recipients: chunk.map(({ recipient }) => recipient),
        judgement,
        envelope: { from: arrival.from, to: arrival.recipients },
        verdicts: arrival.verdicts,
        headers,
        content: arrival.content,
        reasons: [...new Set(chunk.flatMap(({ reasons }) => reasons))],
        receivedAt: arrival.receivedAt,
      }),
    ),
  );
}

/** @returns the causes of what was not taken, by the index of the message */
async function send(
  ports: Pick<Ports, "queues">,
  { streams, names }: ResolvedConfig,
  stream: string,
  messages: readonly StreamMessage[],
): Promise<{ readonly refused: ReadonlyMap<string, string>; readonly error?: unknown }> {
  const entries = messages.map((message, index) => ({ id: String(index), body: JSON.stringify(message) }));
  const known = streams.map(({ name }) => name);
  try {
    if (!known.includes(stream)) throw new StreamUnknownError(stream, known);
    const refused = await ports.queues.send(names.streamQueue(stream), entries);
    return { refused: new Map(refused.map(({ id, cause }) => [id, cause])) };
  } catch (error) {
    // One queue that is missing or forbidden must not keep the other streams from their mail; the retry is reported.
    const cause = error instanceof Error ? error.message : String(error);
    return { refused: new Map(entries.map(({ id }) => [id, cause])), error };
  }
}

/** As AWS's adapters say it; the domain does not know them. */
function isThrottled(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_THROTTLED";
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): [string, T[]][] {
  return [...Map.groupBy(items, key)];
}

function inChunks<T>(items: readonly T[], size: number): T[][] {
  const chunks: T[][] = [];
  for (let at = 0; at < items.length; at += size) chunks.push(items.slice(at, at + size));
  return chunks;
}
