import { randomUUID } from "node:crypto";
import { MailweirError } from "../errors.ts";
import type { Clock } from "../ports.ts";
import { AwsUnreachableError } from "./call.ts";
import { type Dynamo, type Key, number, numberOf, text, textOf } from "./dynamo.ts";
import { pauseUpTo } from "./pause.ts";

/** Another invocation is sending this very mail, or died while it did. */
export class OutboxBusyError extends MailweirError {
  readonly code = "ERR_OUTBOX_BUSY";
  readonly retryable = true;
  constructor() {
    super("Another invocation is sending the same mail: trying again later, when it has ended");
  }
}

export interface OutboxOptions {
  /** The ledger's table: what was sent is kept as long as what it answers. */
  readonly table: string;
  readonly clock: Clock;
  readonly keepDays: number;
  /** How long a sender may take before its mail counts as not sent. Longer than any function's time-out. */
  readonly leaseMs?: number;
}

/** What a mail is called that SES may have taken, though its answer never came. */
export const unconfirmed = "unconfirmed";

export type SendRow = { readonly kind: "mine" } | { readonly kind: "sent"; readonly messageId: string };

/** Rows that say who sends what: one is put before a call, which only one sender succeeds in, and completed behind it. */
export interface SentOnce {
  /**
   * The right to send, or what was sent.
   *
   * @param atMostOnce - whoever died while sending leaves the mail for sent; else it may be sent again after the lease
   * @throws {OutboxBusyError} when somebody else takes longer than one is willing to wait
   */
  acquire(key: Key, options: { readonly atMostOnce: boolean }): Promise<SendRow>;
  complete(key: Key, messageId: string): Promise<void>;
  /** Gives the right back: nothing was sent. */
  release(key: Key): Promise<void>;
  /** Keeps which mail of ours SES calls so. */
  nameSent(messageId: string, id: string): Promise<void>;
  sentAs(messageId: string): Promise<{ readonly id: string } | undefined>;
}

const rounds = 40;

export function createSentOnce(
  dynamo: Dynamo,
  { table, clock, keepDays, leaseMs = 16 * 60_000 }: OutboxOptions,
): SentOnce {
  return {
    async acquire({ pk, sk }, { atMostOnce }) {
      for (let round = 0; round < rounds; round++) {
        const now = clock.now().getTime();
        const { kind, item } = await dynamo.put(
          table,
          {
            pk: text(pk),
            sk: text(sk),
            s: text("sending"),
            own: text(randomUUID()),
            until: number(now + leaseMs),
            ttl: number(Math.ceil(now / 1000) + keepDays * 86_400),
          },
          atMostOnce
            ? { condition: "attribute_not_exists(pk)" }
            : {
                condition: "attribute_not_exists(pk) OR (#s = :sending AND #until < :now)",
                values: { ":sending": text("sending"), ":now": number(now) },
              },
        );
        if (kind === "written") return { kind: "mine" };
        const messageId = (item && textOf(item, "mid")) ?? unconfirmed;
        if (item && textOf(item, "s") === "sent") return { kind: "sent", messageId };
        if (item && atMostOnce && numberOf(item, "until") < now) return { kind: "sent", messageId };
        await pauseUpTo(100 + Math.min(round, 5) * 50);
      }
      throw new OutboxBusyError();
    },
    async complete(key, messageId) {
      await dynamo.update(table, key, "SET #s = :sent, #mid = :mid", {
        values: { ":sent": text("sent"), ":mid": text(messageId) },
      });
    },
    release: (key) => dynamo.delete(table, key),
    async nameSent(messageId, id) {
      const ttl = number(Math.ceil(clock.now().getTime() / 1000) + keepDays * 86_400);
      await dynamo.put(table, { pk: text(`sent#${messageId}`), sk: text("mail"), i: text(id), ttl });
    },
    async sentAs(messageId) {
      const item = await dynamo.get(table, { pk: `sent#${messageId}`, sk: "mail" });
      const id = item && textOf(item, "i");
      return id === undefined ? undefined : { id };
    },
  };
}

/** `release` is called when the call failed, with whether SES may have taken the mail all the same. */
export async function sending(
  send: () => Promise<string>,
  release: (mayHaveBeenTaken: boolean) => Promise<void>,
): Promise<string> {
  try {
    return await send();
  } catch (error) {
    await release(error instanceof AwsUnreachableError);
    throw error;
  }
}
