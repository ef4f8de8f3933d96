import { bounceTemplates } from "../../shared/config/bounce-templates.ts";
import { normaliseAddress } from "../../shared/mail/address.ts";
import type { BounceRequest } from "../../shared/ports.ts";
import { limits } from "../../shared/receipt/limits.ts";
import { notInSet, notNull, validationError } from "../../shared/receipt/validate-name.ts";
import { parseSesMessageId } from "../../shared/ses-message-id.ts";
import { isVerifiedSender } from "./identities.ts";
import type { Operation, SesApiParts } from "./parts.ts";
import { listOf, type QueryNode, structureOf, textOf } from "./query-request.ts";
import { Refusal, refuseOn } from "./refusal.ts";

/** SendBounce (ses-receiving.md §9.6): a DSN for a message of the last 24 hours, at most one for each of its recipients. */
export function sendBounceOperation({ config, ruleSets, ports, messages, clock }: SesApiParts): Operation {
  return async (request) => {
    const originalId = textOf(request, "OriginalMessageId");
    const bounceSender = textOf(request, "BounceSender");
    const entries = listOf(request, "BouncedRecipientInfoList");
    const dsn = structureOf(request, "MessageDsn");
    refuseOn(
      validationError([
        ...(originalId === undefined ? [notNull("originalMessageId")] : []),
        ...(bounceSender === undefined ? [notNull("bounceSender")] : []),
        ...(request.members.has("BouncedRecipientInfoList") ? [] : [notNull("bouncedRecipientInfoList")]),
        ...(dsn && textOf(dsn, "ReportingMta") === undefined ? [notNull("messageDsn.reportingMta")] : []),
        ...entries.flatMap((entry, index) => entryProblems(entry, `bouncedRecipientInfoList.${index + 1}.member`)),
      ]),
    );
    if (entries.length === 0) throw new Refusal("InvalidParameterValue", "BouncedRecipientInfoList must not be empty");
    const sender = bounceSender ?? "";
    if (!ruleSets.read((reader) => isVerifiedSender(sender, config.domains, reader))) {
      throw new Refusal("MessageRejected", `Email address is not verified: ${sender}`);
    }
    const recipients = entries.map(readRecipient);

    const id = parseSesMessageId(originalId);
    const message = id && (await messages.message(id));
    const ageMs = message && clock.now().getTime() - message.receivedAt.getTime();
    if (!id || !message || ageMs === undefined || ageMs > limits.sendBounceWindowMs) {
      throw new Refusal("MessageRejected", `No message ${originalId ?? ""} was received within 24 hours`);
    }
    if (message.from === "") {
      // RFC 5321 §4.5.5: nothing answers the null sender.
      throw new Refusal("MessageRejected", "The message has the null sender: it cannot be bounced");
    }
    const received = new Set(message.recipients.map(normaliseAddress));
    const stranger = recipients.find(({ recipient }) => !received.has(normaliseAddress(recipient)));
    if (stranger) {
      throw new Refusal("MessageRejected", `${stranger.recipient} is no recipient of the original message`);
    }
    const { messageId } = await ports.outbox.sendBounce({ originalMessageId: id, bounceSender: sender, recipients });
    return { MessageId: messageId };
  };
}

type Recipient = BounceRequest["recipients"][number];

const templates = {
  DoesNotExist: bounceTemplates["mailbox-does-not-exist"],
  MessageTooLarge: bounceTemplates["message-too-large"],
  ExceededQuota: bounceTemplates["mailbox-full"],
  ContentRejected: bounceTemplates["content-rejected"],
  Undefined: bounceTemplates["unknown-failure"],
  TemporaryFailure: bounceTemplates["temporary-failure"],
} as const;
const bounceTypes = Object.keys(templates) as readonly (keyof typeof templates)[];
const dsnActions = ["failed", "delayed", "delivered", "relayed", "expanded"] as const;

function entryProblems(entry: QueryNode, place: string): string[] {
  const type = textOf(entry, "BounceType");
  const fields = structureOf(entry, "RecipientDsnFields");
  const action = fields && textOf(fields, "Action");
  return [
    ...(textOf(entry, "Recipient") === undefined ? [notNull(`${place}.recipient`)] : []),
    ...(type === undefined || bounceTypes.some((known) => known === type)
      ? []
      : [notInSet(`${place}.bounceType`, bounceTypes)]),
    ...(fields && action === undefined ? [notNull(`${place}.recipientDsnFields.action`)] : []),
    ...(action === undefined || dsnActions.some((known) => known === action)
      ? []
      : [notInSet(`${place}.recipientDsnFields.action`, dsnActions)]),
    ...(fields && textOf(fields, "Status") === undefined ? [notNull(`${place}.recipientDsnFields.status`)] : []),
  ];
}

function readRecipient(entry: QueryNode): Recipient {
  const recipient = textOf(entry, "Recipient") ?? "";
  const fields = structureOf(entry, "RecipientDsnFields");
  if (fields) {
    const statusCode = textOf(fields, "Status") ?? "";
    if (!/^[245]\.[0-9]{1,3}\.[0-9]{1,3}$/.test(statusCode)) {
      throw new Refusal("InvalidParameterValue", `Invalid DSN status: ${statusCode}`);
    }
    const message = textOf(fields, "DiagnosticCode") ?? templates.Undefined.message;
    if (message.length > 2048 || !/^[\t\x20-\x7e]+$/.test(message)) {
      throw new Refusal("InvalidParameterValue", "Invalid DSN diagnostic code");
    }
    const smtpReplyCode = statusCode.startsWith("5") ? "550" : statusCode.startsWith("4") ? "450" : "250";
    return { recipient: textOf(fields, "FinalRecipient") ?? recipient, smtpReplyCode, statusCode, message };
  }
  const type = bounceTypes.find((known) => known === textOf(entry, "BounceType"));
  if (!type) {
    const message = `Either BounceType or RecipientDsnFields must be specified for recipient: ${recipient}`;
    throw new Refusal("InvalidParameterValue", message);
  }
  return { recipient, ...templates[type] };
}
