import type { ResolvedConfig } from "../../shared/config/types.ts";
import type { Finish, Ports } from "../../shared/ports.ts";
import { nextAttemptAt } from "../../shared/propagation/backoff.ts";
import { composeStreamWebhook } from "../../shared/propagation/compose-stream-webhook.ts";
import { StreamUnknownError, StreamWebhookError } from "../../shared/streams/errors.ts";
import type { StreamMessage } from "../../shared/streams/stream-message.ts";
import type { BatchResponse } from "../batch.ts";
import type { Handler } from "../stack.ts";
import { type Job, workBatch } from "../work-batch.ts";

const timeoutMs = 10_000;
// For so long a mail is put back with a delay; then its receives run out, and the dead letters show it.
const patienceMs = 86_400_000;
// No queue delays a message longer.
const maxDelaySeconds = 900;
// Refusals that are over when somebody waited.
const passing: readonly number[] = [408, 425, 429];

/** Posts each mail, once for each recipient and attempt, to the webhook that the configuration names for the stream. */
export function work(ports: Ports, config: ResolvedConfig): Handler<BatchResponse> {
  // Recipients of one record are worked one by one: an endpoint that is silent is waited for once, or the function's time ends.
  const silent = new WeakSet<StreamMessage>();
  return workBatch(ports, config, async (job) => {
    const { message, recipient, stream } = job;
    const { webhook } = stream;
    if (webhook === undefined) {
      const others = config.streams.filter((other) => other.webhook !== undefined).map(({ name }) => name);
      throw new StreamUnknownError(stream.name, others);
    }
    const { url, secretFrom, allowPrivate = [] } = webhook;
    if (silent.has(message))
      throw setback(ports, job, "not tried: the webhook did not answer for the recipient before");
    const secret = await ports.secrets.read(secretFrom);
    const { headers, body } = composeStreamWebhook(message, recipient, secret, ports.clock.now());
    const posting = ports.webhooks.post({ url, headers, body, allowPrivate, timeoutMs });
    const { status, retryAfter } = await posting.catch((cause: unknown) => {
      silent.add(message);
      throw setback(ports, job, cause instanceof Error ? cause.message.slice(0, 300) : "unknown");
    });
    if (status >= 200 && status < 300) return { state: "done", outcome: "webhook", detail: { http: String(status) } };
    if (status >= 400 && status < 500 && !passing.includes(status)) return stopped(status);
    const redirect = status >= 300 && status < 400 ? "; redirects are not followed" : "";
    throw setback(ports, job, `the webhook answered HTTP ${status}${redirect}`, retryAfter);
  });
}

function stopped(status: number): Finish {
  const why = status === 410 ? "the endpoint wants no more" : "the endpoint refuses it";
  return { state: "failed", outcome: "webhook-refused", cause: `HTTP ${status}: ${why}` };
}

function setback({ clock, random }: Ports, job: Job, cause: string, retryAfter?: string): StreamWebhookError {
  const { claim, message, isLast } = job;
  const now = clock.now();
  // What fails at its last receive is noted as failed, and has to lie in the dead letters then.
  if (isLast || now.getTime() - Date.parse(message.receivedAt) > patienceMs) return new StreamWebhookError(cause);
  const jitter = (random.bytes(1)[0] ?? 0) / 255;
  const dueAt = nextAttemptAt(claim.attempt, now, retryAfter, jitter);
  const seconds = dueAt === undefined ? maxDelaySeconds : Math.ceil((dueAt.getTime() - now.getTime()) / 1000);
  return new StreamWebhookError(cause, Math.min(seconds, maxDelaySeconds));
}
