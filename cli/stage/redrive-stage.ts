import { InvokeCommand } from "@aws-sdk/client-lambda";
import { inParallel } from "../../shared/aws/in-parallel.ts";
import { MailweirError } from "../../shared/errors.ts";
import type { ReceivedQueueMessage } from "../../shared/ports.ts";
import { decodeStreamMessage } from "../../shared/streams/read-stream-message.ts";
import { type DeadLetterQueue, deadLetterQueues } from "./dead-letters.ts";
import type { OpenStage } from "./open-stage.ts";
import type { Progress } from "./progress.ts";

export class UnknownQueueError extends MailweirError {
  readonly code = "ERR_UNKNOWN_QUEUE";
  readonly retryable = false;
}

export interface RedriveOptions {
  readonly max: number;
  /** Only of these mails. */
  readonly ids?: ReadonlySet<string>;
  readonly dryRun: boolean;
}

export interface Redriven {
  readonly queue: string;
  readonly moved: number;
  /** Sent back, and not taken: they lie where they lay. */
  readonly refused: number;
  /** Looked at and left. */
  readonly left: number;
}

/** What a message is about, as far as its body tells. */
export interface DeadLetter {
  readonly queue: string;
  readonly messageId: string;
  readonly sesMessageId: string | null;
  readonly recipients: readonly string[];
  readonly sentAt: string;
}

/** So long a message is hidden while it is moved: a run that dies leaves it to the next one. */
const hiddenMs = 60_000;

/** The dead-letter queues that are meant, with how much lies in each. @throws {UnknownQueueError} */
export async function findDeadLetters(
  { config, ports }: OpenStage,
  names: readonly string[],
): Promise<readonly (DeadLetterQueue & { readonly count: number })[]> {
  const all = deadLetterQueues(config);
  const meant = names.map((name) => {
    const found = all.find((queue) => [queue.name, queue.short, sourceOf(queue)].includes(name));
    if (found) return found;
    throw new UnknownQueueError(`There is no queue "${name}": name one of ${all.map(({ short }) => short).join(", ")}`);
  });
  return inParallel(names.length === 0 ? all : meant, 8, async (queue) => {
    const { visible, inFlight } = await ports.queues.counts(queue.name);
    return { ...queue, count: visible + inFlight };
  });
}

const sourceOf = ({ source }: DeadLetterQueue) => (source.kind === "queue" ? source.queue : source.functionName);

/**
 * Puts dead letters back to where they came from. Each is deleted when its copy is there, so that a run may die anywhere: what
 * comes twice does nothing twice. Those that fail meanwhile and come back are left for the next run.
 */
export async function redrive(
  stage: OpenStage,
  queue: DeadLetterQueue,
  { max, ids, dryRun }: RedriveOptions,
  progress: Progress,
  onLetter: (letter: DeadLetter) => void = () => undefined,
): Promise<Redriven> {
  const { queues, clock } = stage.ports;
  const beganAt = clock.now().getTime();
  const seen = new Set<string>();
  let [moved, refused, left] = [0, 0, 0];
  const keep: ReceivedQueueMessage[] = [];
  for (let empty = 0; empty < 3 && moved + refused < max; ) {
    const received = await queues.receive(queue.name, {
      max: Math.min(10, max - moved - refused),
      visibilityTimeoutMs: hiddenMs,
    });
    if (received.length === 0) {
      // SQS asks some of its servers only: nothing found is not yet nothing there.
      empty += 1;
      continue;
    }
    empty = 0;
    const isNew = received.filter(({ messageId, sentAt }) => !seen.has(messageId) && sentAt.getTime() < beganAt);
    for (const { messageId } of received) seen.add(messageId);
    const letters = isNew.map(
      ({ messageId, body, sentAt }): DeadLetter => ({
        queue: queue.name,
        messageId,
        ...aboutOf(body),
        sentAt: sentAt.toISOString(),
      }),
    );
    const wanted = isNew.filter((_, at) => ids === undefined || ids.has(letters[at]?.sesMessageId ?? ""));
    const others = received.filter((message) => !wanted.includes(message));
    left += isNew.length - wanted.length;
    keep.push(...others);
    for (const letter of letters) if (ids === undefined || ids.has(letter.sesMessageId ?? "")) onLetter(letter);
    if (dryRun) {
      keep.push(...wanted);
      moved += wanted.length;
      progress.step(received.length);
      continue;
    }
    const taken = await sendBack(stage, queue, wanted);
    await queues.delete(
      queue.name,
      taken.map(({ receiptHandle }) => receiptHandle),
    );
    moved += taken.length;
    refused += wanted.length - taken.length;
    keep.push(...wanted.filter((message) => !taken.includes(message)));
    progress.step(received.length);
    // Only what came back meanwhile: it would go round for ever.
    if (isNew.length === 0) break;
  }
  await inParallel(keep, 8, ({ receiptHandle }) => queues.changeVisibility(queue.name, receiptHandle, 0));
  return { queue: queue.short, moved, refused, left };
}

/** @returns those that were taken */
async function sendBack(
  { session, ports }: OpenStage,
  { source }: DeadLetterQueue,
  messages: readonly ReceivedQueueMessage[],
): Promise<readonly ReceivedQueueMessage[]> {
  if (messages.length === 0) return [];
  if (source.kind === "queue") {
    const refused = await ports.queues.send(
      source.queue,
      // At once, also where the queue itself waits.
      messages.map(({ body }, at) => ({ id: String(at), body, delaySeconds: 0 })),
    );
    const not = new Set(refused.map(({ id }) => id));
    return messages.filter((_, at) => !not.has(String(at)));
  }
  const results = await inParallel(messages, 4, async (message) => {
    const event = eventOf(message.body);
    if (event === undefined) return undefined;
    await session.lambda.send(
      new InvokeCommand({
        FunctionName: source.functionName,
        InvocationType: "Event",
        Payload: Buffer.from(JSON.stringify(event)),
      }),
    );
    return message;
  });
  return results.filter((message) => message !== undefined);
}

/** What Lambda's destination says of a failed asynchronous call: the event is in it. */
function eventOf(body: string): unknown {
  try {
    const said: unknown = JSON.parse(body);
    if (typeof said === "object" && said !== null && "requestPayload" in said) return said.requestPayload;
  } catch {
    // No JSON: nobody's call. It stays where it is.
  }
  return undefined;
}

/** What a letter is about; a notice or an event names no recipients. */
export function aboutOf(body: string): Pick<DeadLetter, "sesMessageId" | "recipients"> {
  let [sesMessageId, recipients]: [string | null, readonly string[]] = [null, []];
  try {
    const message = decodeStreamMessage(body);
    [sesMessageId, recipients] = [message.sesMessageId, message.recipients];
  } catch {
    // A notice or an event: the id stands in it as SES's or as the object's name.
    sesMessageId =
      /"messageId\\*"\s*:\s*\\*"([0-9a-z]{20,64})\\*"|"key\\*"\s*:\s*\\*"[^"]*?([0-9a-z]{40})\\*"/
        .exec(body)
        ?.slice(1)
        .find(Boolean) ?? null;
  }
  return { sesMessageId, recipients };
}
