import { bounceTemplates } from "../../shared/config/bounce-templates.ts";
import { MailweirError } from "../../shared/errors.ts";
import { normaliseAddress, parseMailAddress } from "../../shared/mail/address.ts";
import type { BounceRequest, DsnExtensionField, RecipientDsn } from "../../shared/ports.ts";
import { limits } from "../../shared/receipt/limits.ts";
import { notInSet, notNull, validationError } from "../../shared/receipt/validate-name.ts";
import { parseSesMessageId } from "../../shared/ses-message-id.ts";
import { isVerifiedSender } from "./identities.ts";
import type { Operation, SesApiParts } from "./parts.ts";
import { dateOf, listOf, type QueryNode, structureOf, textOf } from "./query-request.ts";
import { Refusal, refuseOn } from "./refusal.ts";

/**
 * SendBounce (ses-receiving.md §9.6): a DSN for a message of the last 24 hours, at most one for each of its recipients.
 * Checked as the other operations are: protocol, then fields, then what they name, the sender's identity last.
 */
export function sendBounceOperation({ config, ruleSets, ports, messages, clock }: SesApiParts): Operation {
  return async (request) => {
    refuseOn(validationError(protocolProblems(request)));
    const originalId = textOf(request, "OriginalMessageId") ?? "";
    const sender = textOf(request, "BounceSender") ?? "";
    const entries = listOf(request, "BouncedRecipientInfoList");
    if (entries.length === 0) throw invalid("BouncedRecipientInfoList must not be empty");
    const explanation = textOf(request, "Explanation");
    const messageDsn = readMessageDsn(structureOf(request, "MessageDsn"));
    const recipients = entries.map(readRecipient);

    const id = parseSesMessageId(originalId);
    const message = id && (await messages.message(id));
    const ageMs = message && clock.now().getTime() - message.receivedAt.getTime();
    if (!id || !message || ageMs === undefined || ageMs > limits.sendBounceWindowMs) {
      throw rejected(`No message ${originalId} was received within 24 hours`);
    }
    // RFC 5321 §4.5.5: nothing answers the null sender.
    if (message.from === "") throw rejected("The message has the null sender: it cannot be bounced");
    const received = new Set(message.recipients.map(normaliseAddress));
    const named = recipients.map((entry) => {
      const original = [entry.recipient, entry.dsn?.finalRecipient ?? entry.recipient].find((address) =>
        received.has(normaliseAddress(address)),
      );
      if (original === undefined) throw rejected(`${entry.recipient} is no recipient of the original message`);
      return entry;
    });
    if (!ruleSets.read((reader) => isVerifiedSender(sender, config.domains, reader))) {
      throw rejected(`Email address is not verified: ${sender}`);
    }
    try {
      const { messageId } = await ports.outbox.sendBounce({
        originalMessageId: id,
        bounceSender: sender,
        recipients: named,
        ...(explanation !== undefined && explanation !== "" && { explanation }),
        ...(messageDsn && { messageDsn }),
      });
      return { MessageId: messageId };
    } catch (error) {
      if (error instanceof MailweirError && error.code === "ERR_BOUNCE_REFUSED") throw rejected(error.message);
      throw error;
    }
  };
}

const rejected = (message: string) => new Refusal("MessageRejected", message);
const invalid = (message: string) => new Refusal("InvalidParameterValue", message);

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

function protocolProblems(request: QueryNode): string[] {
  const dsn = structureOf(request, "MessageDsn");
  return [
    ...(textOf(request, "OriginalMessageId") === undefined ? [notNull("originalMessageId")] : []),
    ...(textOf(request, "BounceSender") === undefined ? [notNull("bounceSender")] : []),
    ...(request.members.has("BouncedRecipientInfoList") ? [] : [notNull("bouncedRecipientInfoList")]),
    ...(dsn && textOf(dsn, "ReportingMta") === undefined ? [notNull("messageDsn.reportingMta")] : []),
    ...(dsn ? extensionProblems(dsn, "messageDsn") : []),
    ...listOf(request, "BouncedRecipientInfoList").flatMap((entry, index) =>
      entryProblems(entry, `bouncedRecipientInfoList.${index + 1}.member`),
    ),
  ];
}

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
    ...(fields ? extensionProblems(fields, `${place}.recipientDsnFields`) : []),
  ];
}

function extensionProblems(node: QueryNode, place: string): string[] {
  return listOf(node, "ExtensionFields").flatMap((field, index) =>
    (["Name", "Value"] as const).flatMap((member) =>
      textOf(field, member) === undefined
        ? [notNull(`${place}.extensionFields.${index + 1}.member.${member.toLowerCase()}`)]
        : [],
    ),
  );
}

function readMessageDsn(node: QueryNode | undefined): BounceRequest["messageDsn"] {
  if (!node) return undefined;
  const arrivalDate = dateOf(node, "ArrivalDate");
  const extensionFields = readExtensions(node);
  return {
    reportingMta: line(textOf(node, "ReportingMta") ?? "", "reporting MTA"),
    ...(arrivalDate && { arrivalDate }),
    ...(extensionFields.length > 0 && { extensionFields }),
  };
}

function readRecipient(entry: QueryNode): Recipient {
  const recipient = textOf(entry, "Recipient") ?? "";
  if (!parseMailAddress(recipient)) throw invalid(`Invalid recipient: ${recipient}`);
  const fields = structureOf(entry, "RecipientDsnFields");
  if (fields) return { recipient, ...readDsnFields(fields) };
  const type = bounceTypes.find((known) => known === textOf(entry, "BounceType"));
  if (type) return { recipient, ...templates[type] };
  throw invalid(`Either BounceType or RecipientDsnFields must be specified for recipient: ${recipient}`);
}

function readDsnFields(fields: QueryNode): Omit<Recipient, "recipient"> {
  const status = textOf(fields, "Status") ?? "";
  // RFC 3463 §2: class 2, 4 or 5, then numbers of up to three digits.
  if (!/^[245]\.[0-9]{1,3}\.[0-9]{1,3}$/.test(status)) throw invalid(`Invalid DSN status: ${status}`);
  const finalRecipient = textOf(fields, "FinalRecipient");
  if (finalRecipient !== undefined && !parseMailAddress(finalRecipient)) {
    throw invalid(`Invalid final recipient: ${finalRecipient}`);
  }
  const remoteMta = textOf(fields, "RemoteMta");
  const diagnosticCode = textOf(fields, "DiagnosticCode");
  const lastAttemptDate = dateOf(fields, "LastAttemptDate");
  const extensionFields = readExtensions(fields);
  const dsn: RecipientDsn = {
    action: dsnActions.find((known) => known === textOf(fields, "Action")) ?? "failed",
    status,
    ...(finalRecipient !== undefined && { finalRecipient }),
    ...(remoteMta !== undefined && { remoteMta: line(remoteMta, "remote MTA") }),
    ...(diagnosticCode !== undefined && { diagnosticCode: line(diagnosticCode, "DSN diagnostic code") }),
    ...(lastAttemptDate && { lastAttemptDate }),
    ...(extensionFields.length > 0 && { extensionFields }),
  };
  const smtpReplyCode = status.startsWith("5") ? "550" : status.startsWith("4") ? "450" : "250";
  return { smtpReplyCode, statusCode: status, message: diagnosticCode ?? templates.Undefined.message, dsn };
}

function readExtensions(node: QueryNode): DsnExtensionField[] {
  return listOf(node, "ExtensionFields").map((field) => {
    const name = textOf(field, "Name") ?? "";
    const value = textOf(field, "Value") ?? "";
    if (!/^[A-Za-z0-9-]{1,50}$/.test(name)) throw invalid(`Invalid extension field name: ${name}`);
    if (value.length > 2048 || /[\r\n]/.test(value)) throw invalid(`Invalid extension field value for ${name}`);
    return { name, value };
  });
}

/** A field of a DSN is printable ASCII on one line. */
function line(text: string, what: string): string {
  if (text.length > 0 && text.length <= 2048 && /^[\t\x20-\x7e]+$/.test(text)) return text;
  throw invalid(`Invalid ${what}`);
}
