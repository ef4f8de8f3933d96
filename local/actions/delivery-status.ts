import { createHash } from "node:crypto";
import type { BounceRequest, DsnExtensionField, RecipientDsn } from "../../shared/ports.ts";

export interface DeliveryStatusInput {
  /** Names this bounce: the same key gives the same id and boundary, so that a resumed action sends the same DSN. */
  readonly key: string;
  readonly region: string;
  readonly sentAt: Date;
  /** When the original message was received. */
  readonly arrivedAt: Date;
  /** The header From. */
  readonly from: string;
  /** Envelope sender of the original message; never the null sender. */
  readonly to: string;
  readonly explanation?: BounceRequest["explanation"];
  readonly messageDsn?: BounceRequest["messageDsn"];
  readonly recipients: readonly {
    readonly recipient: string;
    readonly smtpReplyCode: string;
    readonly statusCode?: string | undefined;
    readonly message: string;
    readonly dsn?: RecipientDsn;
  }[];
  /** Header section of the stored message, SES's block on top, CRLF line ends. */
  readonly originalHeaders: Uint8Array;
}

export interface DeliveryStatus {
  /** Without angle brackets and domain, as `SendBounce` answers it. */
  readonly messageId: string;
  /** The whole message, CRLF line ends. Its envelope sender is null. */
  readonly raw: Uint8Array;
}

/**
 * The DSN that SES sends (ses-receiving.md §5.4): RFC 3462 report in RFC 3464 form, in SES's order of fields and with its
 * own date forms. Written by hand, since the form is fixed to the byte.
 */
export function buildDeliveryStatus(input: DeliveryStatusInput): DeliveryStatus {
  const { region, sentAt } = input;
  const digest = createHash("sha256").update(input.key).digest();
  const messageId = sesSendingId(digest, sentAt, region);
  const boundary = `----=_Part_${digest.readUInt32BE(16)}_${digest.readUInt32BE(20)}.${sentAt.getTime()}`;
  const head = [
    `Date: ${mailDate(sentAt)}`,
    `From: ${oneLine(input.from)}`,
    `To: ${oneLine(input.to)}`,
    `Message-ID: <${messageId}@${region === "us-east-1" ? "email" : region}.amazonses.com>`,
    `Subject: Delivery Status Notification (${kindOf(input.recipients).subject})`,
    "MIME-Version: 1.0",
    "Content-Type: multipart/report; ",
    `\tboundary="${boundary}"; `,
    "\treport-type=delivery-status",
    `X-SES-Outgoing: ${sentAt.toISOString().slice(0, 10).replaceAll("-", ".")}-127.0.0.1`,
    `Feedback-ID: 1.${region}.${digest.toString("base64")}:AmazonSES`,
    "",
    `--${boundary}`,
    ...explanationPart(input.explanation ?? kindOf(input.recipients).text),
    "",
    `--${boundary}`,
    "Content-Type: message/delivery-status",
    "Content-Transfer-Encoding: 7bit",
    "",
    `Reporting-MTA: ${oneLine(input.messageDsn?.reportingMta ?? `dns; inbound-smtp.${region}.amazonaws.com`)}`,
    `Arrival-Date: ${arrivalDate(input.messageDsn?.arrivalDate ?? input.arrivedAt)}`,
    ...extensions(input.messageDsn?.extensionFields),
    "",
    ...input.recipients.flatMap(recipientFields),
    `--${boundary}`,
    "Content-Type: text/rfc822-headers",
    "Content-Description: Undelivered Message",
    "",
    "",
  ].join("\r\n");
  const raw = Buffer.concat([Buffer.from(head), input.originalHeaders, Buffer.from(`\r\n--${boundary}--\r\n`)]);
  return { messageId, raw };
}

type Recipient = DeliveryStatusInput["recipients"][number];

/** What the report is about, in one word and in a sentence: the worst that it tells of any recipient. */
function kindOf(recipients: readonly Recipient[]): { readonly subject: string; readonly text: string } {
  const told = new Set(recipients.map(({ dsn }) => dsn?.action ?? "failed"));
  if (told.has("failed")) return { subject: "Failure", text: "This message could not be delivered." };
  if (told.has("delayed")) return { subject: "Delay", text: "This message could not be delivered yet." };
  return { subject: "Success", text: "This message was delivered or handed on." };
}

/** Part 1. What is not ASCII, or has lines that SMTP does not carry (RFC 5321 §4.5.3.1.6), is base64 in UTF-8. */
function explanationPart(text: string): string[] {
  const lines = text.split(/\r\n|\r|\n/);
  const plain = lines.every((line) => /^[\t\x20-\x7e]{0,900}$/.test(line));
  const body = plain
    ? lines
    : (Buffer.from(lines.join("\r\n").toWellFormed(), "utf8")
        .toString("base64")
        .match(/.{1,76}/g) ?? []);
  return [
    `Content-Type: text/plain; charset=${plain ? "us-ascii" : "utf-8"}`,
    `Content-Transfer-Encoding: ${plain ? "7bit" : "base64"}`,
    "Content-Description: Notification body",
    "",
    ...body,
  ];
}

/** RFC 3464 §2.4: fields of one's own, in any group. */
function extensions(fields: readonly DsnExtensionField[] = []): string[] {
  return fields.map(({ name, value }) => foldLong(`${oneLine(name, 50)}: ${oneLine(value, 2_048)}`));
}

/** SMTP carries no longer line (RFC 5321 §4.5.3.1.6); a space may become a fold. */
function foldLong(line: string): string {
  if (line.length <= 900) return line;
  return (line.match(/.{1,800}(?:(?= )|$)|.{1,800}/g) ?? []).join("\r\n ").replaceAll("\r\n  ", "\r\n ");
}

/** RFC 3464 §2.3, with a line behind the group. For a 4yz code, too, the action is `failed`: SES tries no further. */
function recipientFields({ recipient, smtpReplyCode, statusCode, message, dsn }: Recipient): string[] {
  if (dsn) return dsnFields(recipient, dsn);
  const status = statusCode === undefined ? "" : `${oneLine(statusCode)} `;
  return [
    "Action: failed",
    `Final-Recipient: rfc822; ${oneLine(recipient)}`,
    `Original-Recipient: rfc822; ${oneLine(recipient)}`,
    `Diagnostic-Code: smtp; ${oneLine(smtpReplyCode)} ${status}${oneLine(message)}`,
    // Status is mandatory (RFC 3464 §2.3.4); without one configured the reply code gives its class.
    `Status: ${statusCode === undefined ? `${smtpReplyCode.startsWith("4") ? 4 : 5}.0.0` : oneLine(statusCode)}`,
    "",
  ];
}

/** The same group from SendBounce's RecipientDsnFields. Its order beyond SES's own fields is that of RFC 3464. */
function dsnFields(recipient: string, dsn: RecipientDsn): string[] {
  const { remoteMta, diagnosticCode, lastAttemptDate } = dsn;
  return [
    `Action: ${dsn.action}`,
    `Final-Recipient: rfc822; ${oneLine(dsn.finalRecipient ?? recipient)}`,
    `Original-Recipient: rfc822; ${oneLine(recipient)}`,
    ...(remoteMta === undefined ? [] : [`Remote-MTA: ${oneLine(remoteMta)}`]),
    ...(diagnosticCode === undefined ? [] : [foldLong(`Diagnostic-Code: ${oneLine(diagnosticCode, 2_048)}`)]),
    ...(lastAttemptDate === undefined ? [] : [`Last-Attempt-Date: ${mailDate(lastAttemptDate)}`]),
    `Status: ${oneLine(dsn.status)}`,
    ...extensions(dsn.extensionFields),
    "",
  ];
}

/** `Tue, 4 Aug 2026 09:15:04 +0000`: no leading zero of the day. */
function mailDate(date: Date): string {
  return date.toUTCString().replace("GMT", "+0000").replace(", 0", ", ");
}

/** `Tue, 04 Aug 26 09:15:02 UTC`: a year of two digits and a zone name, as SES writes it. */
function arrivalDate(date: Date): string {
  return date
    .toUTCString()
    .replace("GMT", "UTC")
    .replace(/ \d\d(\d\d) /, " $1 ");
}

const regionPrefix: Readonly<Record<string, string>> = {
  "us-east-1": "0100",
  "us-west-2": "0101",
  "eu-west-1": "0102",
};

/** SES's ids of sent mail: region and time in hexadecimal, a UUID, a counter. */
function sesSendingId(digest: Buffer, sentAt: Date, region: string): string {
  const hex = digest.toString("hex");
  const uuid = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
  const time = sentAt.getTime().toString(16).padStart(12, "0");
  return `${regionPrefix[region] ?? "0107"}${time}-${uuid}-000000`;
}

/** These fields are ASCII on one line: addresses and texts of strangers must not add another. */
function oneLine(text: string, maxCharacters = 900): string {
  return text.slice(0, maxCharacters).replace(/[^\x20-\x7e]/g, "?");
}
