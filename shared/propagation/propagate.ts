import type { ResolvedConfig } from "../config/types.ts";
import type { Ports, PropagationRecord } from "../ports.ts";
import { parseSesMessageId } from "../ses-message-id.ts";
import { bringTicket, tellSink } from "../sinks/bring-ticket.ts";
import { openSink } from "../sinks/open-sink.ts";
import { SinkError } from "../sinks/sink.ts";
import { nextAttemptAt } from "./backoff.ts";
import { composeWebhook } from "./compose-webhook.ts";
import { PropagationGaveUpError, QueueRefusedError } from "./errors.ts";
import type { Propagation, SuppressionPropagation, TicketPropagation } from "./message.ts";
import type { Outcome } from "./outcome.ts";
import { findTarget, type PropagationTarget, targetsOf } from "./targets.ts";

type PropagationPorts = Pick<
  Ports,
  | "clock"
  | "random"
  | "queues"
  | "secrets"
  | "propagations"
  | "webhooks"
  | "accountList"
  | "tickets"
  | "objects"
  | "keys"
>;

const sinkPrefix = "sink:";
// An attempt that noted nothing for so long died with its process; longer than the function may run.
const leaseMs = 90_000;
const webhookTimeoutMs = 15_000;
// SQS's longest delay: what is due later is put back until then.
const maxDelaySeconds = 900;
const silenceSeconds = 120;
// Another attempt works on the same ticket: most take a second or two.
const busySeconds = 3;

/**
 * Brings a change to one target; without a target, sends one message for each. Whatever happens, the change is either at
 * its target, stopped by it, waiting in the queue for its next attempt, or a dead letter, and its record says which.
 *
 * @returns what happened, for the log
 * @throws {MailweirError} when a store or a queue fails: the message comes again
 */
export async function propagate(
  ports: PropagationPorts,
  config: ResolvedConfig,
  message: Propagation,
): Promise<string> {
  const { target } = message;
  if (target === undefined) {
    const targets =
      "ticket" in message
        ? Object.keys(config.tickets.sinks).map((name) => `${sinkPrefix}${name}`)
        : targetsOf(config, message.change);
    await send(
      ports,
      config.names.propagateQueue,
      targets.map((each) => ({ ...message, target: each })),
    );
    return `for ${targets.length} targets`;
  }
  if ("ticket" in message) return bringToSink(ports, config, message, target);
  const sesMessageId = parseSesMessageId(message.change.sesMessageId ?? "");
  const item = { change: message.change.id, target, ...(sesMessageId && { sesMessageId }) };
  const found = findTarget(config, target);
  return tryOnce(ports, config, message, item, async () =>
    found === undefined ? unknownTarget : changeAtTarget(ports, message, found),
  );
}

/** One attempt at a time for a ticket, and for those that it took over: each looks first at what the target has. */
async function bringToSink(
  ports: PropagationPorts,
  config: ResolvedConfig,
  message: TicketPropagation,
  target: string,
): Promise<string> {
  const settings = config.tickets.sinks[target.slice(sinkPrefix.length)];
  const sesMessageId = parseSesMessageId(message.ticket.sesMessageId ?? "");
  const item = { change: message.ticket.change, target, ...(sesMessageId && { sesMessageId }) };
  if (settings === undefined) return tryOnce(ports, config, message, item, async () => unknownTarget);
  const name = target.slice(sinkPrefix.length);
  const sink = await openSink(ports, settings, name);
  if (sink.kind === "told") return tryOnce(ports, config, message, item, () => tellSink(ports, sink, message));

  const ticket = await ports.tickets.get(message.ticket.id);
  const id = ticket?.mergedInto ?? message.ticket.id;
  const locks: { readonly change: string; readonly target: string; readonly attempt: number }[] = [];
  try {
    for (const each of new Set([id, message.ticket.id, ...(message.ticket.merged ?? [])])) {
      const lock = { change: `ticket/${each}`, target };
      const begun = await ports.propagations.begin(lock, leaseMs);
      if (begun.kind !== "begun") {
        await sendLater(ports, config, message, new Date(ports.clock.now().getTime() + busySeconds * 1000));
        return "busy";
      }
      locks.push({ ...lock, attempt: begun.attempt });
    }
    return await tryOnce(ports, config, message, item, () => afterSilence(bringTicket(ports, name, sink, message)));
  } finally {
    const dueAt = ports.clock.now().toISOString();
    for (const lock of locks) await ports.propagations.note({ ...lock, state: "waiting", dueAt });
  }
}

/** What did not answer may still be at work, and would then not be found by the next attempt: it gets time to end. */
async function afterSilence(bringing: Promise<Outcome>): Promise<Outcome> {
  try {
    return await bringing;
  } catch (error) {
    // From another thread it comes without its class.
    if (!(error instanceof Error) || (error as { readonly code?: unknown }).code !== "ERR_WEBHOOK") throw error;
    return { kind: "setback", cause: error.message.slice(0, 300), retryAfter: String(silenceSeconds) };
  }
}

/** Draws an attempt's number, tries, and notes what came of it; a setback waits in the queue. */
async function tryOnce(
  ports: PropagationPorts,
  config: ResolvedConfig,
  message: Propagation,
  item: Pick<PropagationRecord, "change" | "target" | "sesMessageId">,
  perform: () => Promise<Outcome>,
): Promise<string> {
  const begun = await ports.propagations.begin(item, leaseMs);
  switch (begun.kind) {
    case "ended":
      return "ended before";
    case "busy":
      await sendLater(ports, config, message, new Date(ports.clock.now().getTime() + leaseMs));
      return "busy";
    case "early":
      await sendLater(ports, config, message, new Date(begun.dueAt));
      return "early";
  }
  const outcome = await attempt(perform);
  const { attempt: number } = begun;
  const note = (rest: Pick<PropagationRecord, "state" | "cause" | "dueAt">) =>
    ports.propagations.note({ change: item.change, target: item.target, attempt: number, ...rest });
  if (outcome.kind !== "setback") {
    await note({ state: outcome.kind, ...(outcome.cause !== undefined && { cause: outcome.cause }) });
    return outcome.kind;
  }
  const { cause } = outcome;
  const dueAt = nextAttemptAt(number, ports.clock.now(), outcome.retryAfter, jitter(ports));
  if (dueAt === undefined) {
    await note({ state: "failed", cause });
    // The queue's own receives are the very last attempts, and behind them stands the dead-letter queue.
    throw new PropagationGaveUpError(item.target, cause);
  }
  await note({ state: "waiting", cause, dueAt: dueAt.toISOString() });
  await sendLater(ports, config, message, dueAt);
  return "waiting";
}

const unknownTarget: Outcome = { kind: "stopped", cause: "the configuration has no such target any more" };

async function attempt(perform: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await perform();
  } catch (error) {
    // Whatever failed on the way to the target is its setback: it must not take the message's receives.
    const cause = error instanceof Error ? error.message.slice(0, 300) : "unknown";
    if (!(error instanceof SinkError)) return { kind: "setback", cause };
    if (error.kind === "refused") return { kind: "stopped", cause };
    return { kind: "setback", cause, ...(error.retryAfter !== undefined && { retryAfter: error.retryAfter }) };
  }
}

function changeAtTarget(
  ports: PropagationPorts,
  message: SuppressionPropagation,
  target: PropagationTarget,
): Promise<Outcome> {
  return target.kind === "webhook" ? callWebhook(ports, message, target) : changeAccountList(ports, message.change);
}

async function callWebhook(
  { clock, secrets, webhooks }: PropagationPorts,
  message: SuppressionPropagation,
  { name, webhook }: Extract<PropagationTarget, { kind: "webhook" }>,
): Promise<Outcome> {
  const { headers, body } = composeWebhook(message, name, await secrets.read(webhook.secretFrom), clock.now());
  const { url, allowPrivate = [] } = webhook;
  const { status, retryAfter } = await webhooks.post({ url, headers, body, allowPrivate, timeoutMs: webhookTimeoutMs });
  if (status >= 200 && status < 300) return { kind: "done", cause: `HTTP ${status}` };
  // Standard Webhooks: the endpoint wants no more.
  if (status === 410) return { kind: "stopped", cause: "HTTP 410: the endpoint wants no more" };
  const redirect = status >= 300 && status < 400 ? "; redirects are not followed" : "";
  return { kind: "setback", cause: `HTTP ${status}${redirect}`, ...(retryAfter !== undefined && { retryAfter }) };
}

async function changeAccountList(
  { accountList }: PropagationPorts,
  change: SuppressionPropagation["change"],
): Promise<Outcome> {
  const { address, kind, reason } = change;
  if (address === undefined) return { kind: "stopped", cause: "the address is not known, only its hash" };
  // SES has two words; somebody who asked is kept there as a complaint would be.
  const word = reason === "hard-bounce" || reason === "soft-bounce" ? "BOUNCE" : "COMPLAINT";
  const result = kind === "suppressed" ? await accountList.put(address, word) : await accountList.remove(address);
  return result === "none" ? { kind: "stopped", cause: "there is no SES account list here" } : { kind: "done" };
}

async function sendLater(
  ports: PropagationPorts,
  { names }: ResolvedConfig,
  message: Propagation,
  at: Date,
): Promise<void> {
  const seconds = Math.ceil((at.getTime() - ports.clock.now().getTime()) / 1000);
  await send(ports, names.propagateQueue, [message], Math.min(Math.max(seconds, 0), maxDelaySeconds));
}

async function send(
  { queues }: PropagationPorts,
  queue: string,
  messages: readonly Propagation[],
  delaySeconds?: number,
): Promise<void> {
  if (messages.length === 0) return;
  const refused = await queues.send(
    queue,
    messages.map((message, index) => ({
      id: String(index),
      body: JSON.stringify(message),
      ...(delaySeconds !== undefined && { delaySeconds }),
    })),
  );
  const [first] = refused;
  if (first !== undefined) throw new QueueRefusedError(queue, first.cause);
}

function jitter({ random }: PropagationPorts): number {
  return (random.bytes(1)[0] ?? 0) / 255;
}
