import type { ResolvedConfig } from "../config/types.ts";
import type { Ports, PropagationRecord } from "../ports.ts";
import { parseSesMessageId } from "../ses-message-id.ts";
import { nextAttemptAt } from "./backoff.ts";
import { composeWebhook } from "./compose-webhook.ts";
import { PropagationGaveUpError, QueueRefusedError } from "./errors.ts";
import type { Propagation } from "./message.ts";
import { findTarget, type PropagationTarget, targetsOf } from "./targets.ts";

type PropagationPorts = Pick<
  Ports,
  "clock" | "random" | "queues" | "secrets" | "propagations" | "webhooks" | "accountList"
>;

// An attempt that noted nothing for so long died with its process; longer than the function may run.
const leaseMs = 90_000;
const webhookTimeoutMs = 15_000;
// SQS's longest delay: what is due later is put back until then.
const maxDelaySeconds = 900;

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
  const { change } = message;
  if (message.target === undefined) {
    const targets = targetsOf(config, change);
    await send(
      ports,
      config.names.propagateQueue,
      targets.map((target) => ({ ...message, target })),
    );
    return `for ${targets.length} targets`;
  }
  const sesMessageId = parseSesMessageId(change.sesMessageId ?? "");
  const item = { change: change.id, target: message.target };
  const begun = await ports.propagations.begin({ ...item, ...(sesMessageId && { sesMessageId }) }, leaseMs);
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
  const target = findTarget(config, message.target);
  const outcome: Outcome =
    target === undefined
      ? { kind: "stopped", cause: "the configuration has no such target any more" }
      : await attempt(ports, message, target);
  const { attempt: number } = begun;
  const note = (rest: Pick<PropagationRecord, "state" | "cause" | "dueAt">) =>
    ports.propagations.note({ ...item, attempt: number, ...rest });
  if (outcome.kind !== "setback") {
    await note({ state: outcome.kind, ...(outcome.cause !== undefined && { cause: outcome.cause }) });
    return outcome.kind;
  }
  const { cause } = outcome;
  const dueAt = nextAttemptAt(number, ports.clock.now(), outcome.retryAfter, jitter(ports));
  if (dueAt === undefined) {
    await note({ state: "failed", cause });
    // The queue's own receives are the very last attempts, and behind them stands the dead-letter queue.
    throw new PropagationGaveUpError(message.target, cause);
  }
  await note({ state: "waiting", cause, dueAt: dueAt.toISOString() });
  await sendLater(ports, config, message, dueAt);
  return "waiting";
}

type Outcome =
  | { readonly kind: "done" | "stopped"; readonly cause?: string }
  | { readonly kind: "setback"; readonly cause: string; readonly retryAfter?: string };

async function attempt(ports: PropagationPorts, message: Propagation, target: PropagationTarget): Promise<Outcome> {
  try {
    return target.kind === "webhook"
      ? await callWebhook(ports, message, target)
      : await changeAccountList(ports, message.change);
  } catch (error) {
    // Whatever failed on the way to the target is its setback: it must not take the message's receives.
    return { kind: "setback", cause: error instanceof Error ? error.message.slice(0, 300) : "unknown" };
  }
}

async function callWebhook(
  { clock, secrets, webhooks }: PropagationPorts,
  message: Propagation,
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

async function changeAccountList({ accountList }: PropagationPorts, change: Propagation["change"]): Promise<Outcome> {
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
