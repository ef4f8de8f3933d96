import { type BouncedRecipientInfo, type MessageDsn, SESClient, SendBounceCommand } from "@aws-sdk/client-ses";
import { normaliseAddress } from "../mail/address.ts";
import type { BounceRequest, Outbox } from "../ports.ts";
import { call } from "./call.ts";
import { type Connection, clientOptions } from "./connection.ts";
import type { Dynamo, Key } from "./dynamo.ts";
import { createSentOnce, type OutboxOptions, sending, unconfirmed } from "./sent-once.ts";

/**
 * SES's SendBounce, which knows no idempotency key. One bounce is the most that anybody may get, so one whose answer never came
 * is not sent again.
 */
export function openBounces(
  connection: Connection,
  dynamo: Dynamo,
  options: OutboxOptions,
): Pick<Outbox, "sendBounce"> {
  // The SDK must not repeat by itself what may have been taken.
  const ses = new SESClient({ ...clientOptions(connection), maxAttempts: 1 });
  const rows = createSentOnce(dynamo, options);
  return {
    async sendBounce(request) {
      const mine: { readonly entry: BounceRequest["recipients"][number]; readonly key: Key }[] = [];
      const releaseAll = async () => {
        for (const { key } of mine) await rows.release(key);
      };
      let earlier: string | undefined;
      for (const entry of request.recipients) {
        const key = { pk: request.originalMessageId, sk: `b#${normaliseAddress(entry.recipient)}` };
        try {
          const row = await rows.acquire(key, { atMostOnce: true });
          if (row.kind === "mine") mine.push({ entry, key });
          else earlier ??= row.messageId;
        } catch (error) {
          // Else the ones before would count as sent.
          await releaseAll();
          throw error;
        }
      }
      if (mine.length === 0) return { messageId: earlier ?? unconfirmed, repeated: true };
      const command = commandOf({ ...request, recipients: mine.map(({ entry }) => entry) });
      const messageId = await sending(
        async () => (await call("SES SendBounce", () => ses.send(command))).MessageId ?? unconfirmed,
        async (mayHaveBeenTaken) => {
          if (!mayHaveBeenTaken) await releaseAll();
        },
      );
      for (const { key } of mine) await rows.complete(key, messageId);
      return { messageId, repeated: false };
    },
  };
}

function commandOf({ originalMessageId, bounceSender, explanation, messageDsn, recipients }: BounceRequest) {
  const text = explanation ?? recipients[0]?.message;
  return new SendBounceCommand({
    OriginalMessageId: originalMessageId,
    BounceSender: bounceSender,
    ...(text !== undefined && { Explanation: text }),
    ...(messageDsn !== undefined && { MessageDsn: messageDsnOf(messageDsn) }),
    BouncedRecipientInfoList: recipients.map(recipientOf),
  });
}

function messageDsnOf(dsn: NonNullable<BounceRequest["messageDsn"]>): MessageDsn {
  const { reportingMta, arrivalDate, extensionFields } = dsn;
  return {
    ReportingMta: reportingMta,
    ...(arrivalDate !== undefined && { ArrivalDate: arrivalDate }),
    ...(extensionFields !== undefined && { ExtensionFields: extensionsOf(extensionFields) }),
  };
}

/** SES API Reference, RecipientDsnFields: no `rfc822;` in front of addresses. */
function recipientOf(entry: BounceRequest["recipients"][number]): BouncedRecipientInfo {
  const { recipient, smtpReplyCode, statusCode, message, dsn } = entry;
  if (dsn === undefined) {
    return {
      Recipient: recipient,
      RecipientDsnFields: {
        Action: statusCode.startsWith("4") ? "delayed" : "failed",
        Status: statusCode,
        // RFC 3464 §2.3.6: what was, or would have been, said over SMTP.
        DiagnosticCode: `smtp; ${smtpReplyCode} ${statusCode} ${message}`,
      },
    };
  }
  return {
    Recipient: recipient,
    RecipientDsnFields: {
      Action: dsn.action,
      Status: dsn.status,
      ...(dsn.finalRecipient !== undefined && { FinalRecipient: dsn.finalRecipient }),
      ...(dsn.remoteMta !== undefined && { RemoteMta: dsn.remoteMta }),
      ...(dsn.diagnosticCode !== undefined && { DiagnosticCode: dsn.diagnosticCode }),
      ...(dsn.lastAttemptDate !== undefined && { LastAttemptDate: dsn.lastAttemptDate }),
      ...(dsn.extensionFields !== undefined && { ExtensionFields: extensionsOf(dsn.extensionFields) }),
    },
  };
}

const extensionsOf = (fields: readonly { readonly name: string; readonly value: string }[]) =>
  fields.map(({ name, value }) => ({ Name: name, Value: value }));
