import type { Clock, Random } from "../../shared/ports.ts";
import { createPump, type Pump } from "../invoke/pump.ts";
import type { Log } from "../log.ts";
import type { LocalOutbox } from "../store/outbox.ts";
import type { OutboxEntry } from "../store/outbox-entries.ts";
import { sendLater } from "./send-later.ts";
import type { Smarthost } from "./smarthost.ts";

export interface OutboxPumpOptions {
  readonly outbox: Pick<LocalOutbox, "takeOutgoing" | "settleOutgoing" | "open">;
  readonly smarthost: Smarthost;
  /** Sessions at a time. */
  readonly connections: number;
  readonly giveUpAfterMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Pick<Log, "info" | "warn" | "error">;
}

// Longer than a session may take: a mail is never in two sessions of one engine.
const lockMs = 15 * 60_000;

/** Sends what the outbox holds through the smarthost; what it does not take now is a row with a due time. */
export function createOutboxPump(options: OutboxPumpOptions): Pump {
  const { outbox, smarthost, clock, random, log } = options;
  return createPump({
    concurrency: options.connections,
    async take() {
      const now = clock.now();
      const [entry] = await outbox.takeOutgoing(now, new Date(now.getTime() + lockMs), 1);
      return entry;
    },
    work: sendOnce,
    onError: (error) => log.error("outbox failed", { cause: error instanceof Error ? error.message : String(error) }),
  });

  async function sendOnce(entry: OutboxEntry): Promise<void> {
    const { number, kind, envelopeSender, sizeBytes, messageId, attempts } = entry;
    const waiting = entry.recipients.filter(({ state }) => state === "waiting").map(({ recipient }) => recipient);
    const body = outbox.open(number);
    if (!body) throw new Error(`outgoing mail ${number} has no content`);
    const answer = await smarthost.send({ envelopeSender, recipients: waiting, sizeBytes, body });
    const now = clock.now();
    const ended = new Set(
      answer.recipients.flatMap(({ recipient, state }) => (state === "waiting" ? [] : [recipient])),
    );
    const left = waiting.filter((recipient) => !ended.has(recipient));
    const fields = { number, kind, messageId, attempts, ...(entry.about !== null && { sesMessageId: entry.about }) };
    const retryAt =
      left.length === 0
        ? undefined
        : sendLater(attempts, new Date(entry.waitingSince), options.giveUpAfterMs, now, random);
    if (left.length > 0 && !retryAt) {
      // Its time is over: what was temporary is final now.
      const reason = (recipient: string) =>
        answer.recipients.find((result) => result.recipient === recipient)?.reply ?? answer.cause ?? "no answer";
      const given = left.map((recipient) => ({
        recipient,
        state: "failed" as const,
        reply: `given up after ${attempts} attempts: ${reason(recipient)}`,
      }));
      const rest = answer.recipients.filter(({ state }) => state !== "waiting");
      log.error("outgoing mail given up", { ...fields, recipients: left.length, cause: answer.cause ?? null });
      await outbox.settleOutgoing(number, { recipients: [...rest, ...given], ...causeOf(answer) });
      return;
    }
    const failed = answer.recipients.filter(({ state }) => state === "failed").length;
    if (failed > 0) log.error("outgoing mail refused", { ...fields, recipients: failed });
    if (retryAt) {
      log.warn("outgoing mail waits", { ...fields, dueAt: retryAt.toISOString(), cause: answer.cause ?? null });
    }
    if (left.length === 0 && failed === 0) log.info("outgoing mail sent", fields);
    await outbox.settleOutgoing(number, { ...answer, ...(retryAt && { retryAt }) });
  }
}

const causeOf = ({ cause }: { readonly cause?: string }) => (cause === undefined ? {} : { cause });
