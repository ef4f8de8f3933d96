import { randomUUID } from "node:crypto";
import { SESClient, SendBounceCommand } from "@aws-sdk/client-ses";
import { SESv2Client, SendEmailCommand } from "@aws-sdk/client-sesv2";
import { MailweirError } from "../errors.ts";
import { normaliseAddress } from "../mail/address.ts";
import { checkOutgoingMail } from "../outgoing/check-outgoing-mail.ts";
import type { BounceRequest, Clock, Outbox } from "../ports.ts";
import { AwsUnreachableError, call } from "./call.ts";
import { type Connection, clientOptions } from "./connection.ts";
import { type Dynamo, type Key, number, numberOf, text, textOf } from "./dynamo.ts";

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

/** What a bounce is called that SES may have taken, though its answer never came. */
const unconfirmed = "unconfirmed";

/**
 * SES as the outbox: SendBounce (API v1), SendEmail with the raw message (v2). Neither knows an idempotency key, so a row is put
 * before (only one sender gets it) and completed behind. What died in between is told apart: a bounce is not sent again, since
 * one is the most that anybody may get; any other mail is, with the same Message-ID.
 */
export function openOutbox(connection: Connection, dynamo: Dynamo, options: OutboxOptions): Outbox {
  // The SDK must not repeat by itself what may have been taken.
  const once = { ...clientOptions(connection), maxAttempts: 1 };
  return createOutbox(new SESClient(once), new SESv2Client(once), dynamo, options);
}

export function createOutbox(
  ses: SESClient,
  sesV2: SESv2Client,
  dynamo: Dynamo,
  { table, clock, keepDays, leaseMs = 16 * 60_000 }: OutboxOptions,
): Outbox {
  type Row = { readonly kind: "mine"; readonly owner: string } | { readonly kind: "sent"; readonly messageId: string };

  /** The right to send, or what was sent. */
  async function acquire(key: Key, { atMostOnce }: { readonly atMostOnce: boolean }): Promise<Row> {
    const owner = randomUUID();
    for (let round = 0; round < 40; round++) {
      const now = clock.now().getTime();
      const { kind, item } = await dynamo.put(
        table,
        {
          pk: text(key.pk),
          sk: text(key.sk),
          s: text("sending"),
          own: text(owner),
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
      if (kind === "written") return { kind: "mine", owner };
      if (item && textOf(item, "s") === "sent") return { kind: "sent", messageId: textOf(item, "mid") ?? unconfirmed };
      if (item && atMostOnce && numberOf(item, "until") < now) return { kind: "sent", messageId: unconfirmed };
      await new Promise((resolve) => setTimeout(resolve, 100 + Math.min(round, 5) * 50 * Math.random()));
    }
    throw new OutboxBusyError();
  }

  async function complete(key: Key, messageId: string): Promise<void> {
    await dynamo.update(table, key, "SET #s = :sent, #mid = :mid", {
      values: { ":sent": text("sent"), ":mid": text(messageId) },
    });
  }

  return {
    async sendBounce(request) {
      const keys = request.recipients.map((entry) => ({ entry, key: bounceKey(request, entry.recipient) }));
      const mine: (typeof keys)[number][] = [];
      let earlier: string | undefined;
      for (const each of keys) {
        const row = await acquire(each.key, { atMostOnce: true });
        if (row.kind === "mine") mine.push(each);
        else earlier ??= row.messageId;
      }
      if (mine.length === 0) return { messageId: earlier ?? unconfirmed, repeated: true };
      const messageId = await sending(
        () => sendBounce(ses, { ...request, recipients: mine.map(({ entry }) => entry) }),
        async (taken) => {
          // An answer that never came may have been a yes.
          if (!taken) for (const { key } of mine) await dynamo.delete(table, key);
        },
      );
      for (const { key } of mine) await complete(key, messageId);
      return { messageId, repeated: false };
    },
    async sendMail(mail) {
      checkOutgoingMail(mail);
      const key = { pk: `m#${mail.id}`, sk: "mail" };
      const row = await acquire(key, { atMostOnce: false });
      if (row.kind === "sent") return { messageId: row.messageId, repeated: true };
      const messageId = await sending(
        async () => {
          const command = new SendEmailCommand({
            // SES writes the envelope sender itself (its MAIL FROM domain); this address gets what fails.
            ...(mail.envelopeSender !== "" && { FromEmailAddress: mail.envelopeSender }),
            Destination: { ToAddresses: [...mail.recipients] },
            Content: { Raw: { Data: mail.raw } },
          });
          return (await call("SES SendEmail", () => sesV2.send(command))).MessageId ?? unconfirmed;
        },
        () => dynamo.delete(table, key),
      );
      await complete(key, messageId);
      return { messageId, repeated: false };
    },
  };
}

/** `release` gives the row back when the call failed; it is told whether SES may have taken the mail all the same. */
async function sending(
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

async function sendBounce(
  ses: SESClient,
  { originalMessageId, bounceSender, recipients }: BounceRequest,
): Promise<string> {
  const explanation = recipients[0]?.message;
  const command = new SendBounceCommand({
    OriginalMessageId: originalMessageId,
    BounceSender: bounceSender,
    ...(explanation !== undefined && { Explanation: explanation }),
    BouncedRecipientInfoList: recipients.map(({ recipient, smtpReplyCode, statusCode, message }) => ({
      Recipient: recipient,
      RecipientDsnFields: {
        FinalRecipient: `rfc822; ${recipient}`,
        Action: statusCode.startsWith("4") ? "delayed" : "failed",
        Status: statusCode,
        // RFC 3464 §2.3.6: what was, or would have been, said over SMTP.
        DiagnosticCode: `smtp; ${smtpReplyCode} ${statusCode} ${message}`,
      },
    })),
  });
  return (await call("SES SendBounce", () => ses.send(command))).MessageId ?? unconfirmed;
}

function bounceKey({ originalMessageId }: BounceRequest, recipient: string): Key {
  return { pk: originalMessageId, sk: `b#${normaliseAddress(recipient)}` };
}
