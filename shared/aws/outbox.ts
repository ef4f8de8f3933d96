import { SESv2Client, SendEmailCommand } from "@aws-sdk/client-sesv2";
import { checkOutgoingMail } from "../outgoing/check-outgoing-mail.ts";
import type { Outbox } from "../ports.ts";
import { openBounces } from "./bounces.ts";
import { call } from "./call.ts";
import { type Connection, clientOptions } from "./connection.ts";
import type { Dynamo } from "./dynamo.ts";
import { createSentOnce, type OutboxOptions, sending, unconfirmed } from "./sent-once.ts";

/**
 * SES as the outbox: SendBounce (API v1), and SendEmail with the raw message (v2). A mail whose sender died, or heard no answer,
 * is sent again with the same Message-ID.
 */
export function openOutbox(
  connection: Connection,
  dynamo: Dynamo,
  options: OutboxOptions & {
    /** The stage's configuration set: by it SES tells what becomes of the mail, to the topic of `feedback`. */
    readonly configurationSet: string;
  },
): Outbox {
  // The SDK must not repeat by itself what may have been taken.
  const ses = new SESv2Client({ ...clientOptions(connection), maxAttempts: 1 });
  const rows = createSentOnce(dynamo, options);
  return {
    ...openBounces(connection, dynamo, options),
    async sendMail(mail) {
      checkOutgoingMail(mail);
      const key = { pk: `m#${mail.id}`, sk: "mail" };
      const row = await rows.acquire(key, { atMostOnce: false });
      if (row.kind === "sent") return { messageId: row.messageId, repeated: true };
      const command = new SendEmailCommand({
        // SES writes the envelope sender itself (its MAIL FROM domain); this address gets what fails.
        ...(mail.envelopeSender !== "" && { FromEmailAddress: mail.envelopeSender }),
        Destination: { ToAddresses: [...mail.recipients] },
        Content: { Raw: { Data: mail.raw } },
        ConfigurationSetName: options.configurationSet,
      });
      const messageId = await sending(
        async () => (await call("SES SendEmail", () => ses.send(command))).MessageId ?? unconfirmed,
        () => rows.release(key),
      );
      // By it SES tells what became of the mail.
      if (mail.kind === "forward") await rows.nameSent(messageId, mail.id);
      await rows.complete(key, messageId);
      return { messageId, repeated: false };
    },
    forwardSentAs: (messageId) => rows.sentAs(messageId),
  };
}
