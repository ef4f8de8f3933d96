import type { Header } from "../mail/headers.ts";
import type { Verdicts } from "../mail/judgement.ts";
import { commonHeaders, destination } from "./common-headers.ts";
import { limits } from "./limits.ts";
import type { ReceiptAction } from "./model.ts";
import type { SesAction, SesLambdaEvent, SesMail, SesNotification, SesReceipt } from "./notification.ts";
import { objectKey } from "./object-key.ts";

/** An action that SES can report; AddHeader and Connect have no topic. */
export type ReportedAction = Exclude<ReceiptAction, { readonly type: "AddHeader" | "Connect" }>;

export interface NotificationInput {
  readonly sesMessageId: string;
  readonly receivedAt: Date;
  /** Envelope sender without angle brackets; `""` is the null sender. */
  readonly envelopeFrom: string;
  /** All headers of the stored message as `parseHeaderSection` reads them: SES's block and added headers first. */
  readonly headers: readonly Header[];
  /** The recipients that the rule matched, in envelope order. */
  readonly recipients: readonly string[];
  readonly verdicts: Verdicts;
  readonly action: ReportedAction;
  /** From receipt to this action. */
  readonly processingTimeMs: number;
}

/** The subject of every SNS message about a mail. */
export const notificationSubject = "Amazon SES Email Receipt Notification";

/**
 * The notification that SES publishes for an action (ses-receiving.md §6.1–6.6). `JSON.stringify` of the result is the SNS
 * message to the byte: compact, members in SES's order.
 *
 * @param stored - for the SNS action only: the stored message, which becomes `content`; at most `limits.snsMessageBytes`
 */
export function buildNotification(input: NotificationInput, stored?: Uint8Array): SesNotification {
  return {
    notificationType: "Received",
    mail: buildMail(input, limits.notificationHeaderBytes),
    receipt: buildReceipt(input),
    ...(stored && input.action.type === "SNS" && { content: encodeContent(stored, input.action.encoding) }),
  };
}

/** What the function of a Lambda action is given (§6.8): no content, up to 50 KB of headers. */
export function buildLambdaEvent(input: NotificationInput): SesLambdaEvent {
  const ses = { mail: buildMail(input, limits.lambdaHeaderBytes), receipt: buildReceipt(input) };
  return { Records: [{ eventSource: "aws:ses", eventVersion: "1.0", ses }] };
}

function buildMail(input: NotificationInput, maxHeaderBytes: number): SesMail {
  const headers = headersWithin(input.headers, maxHeaderBytes);
  return {
    timestamp: input.receivedAt.toISOString(),
    source: input.envelopeFrom,
    messageId: input.sesMessageId,
    destination: destination(input.headers),
    headersTruncated: headers.length < input.headers.length,
    headers,
    commonHeaders: commonHeaders(input.headers),
  };
}

function buildReceipt({ receivedAt, processingTimeMs, recipients, verdicts, ...input }: NotificationInput): SesReceipt {
  return {
    timestamp: receivedAt.toISOString(),
    processingTimeMillis: Math.max(0, Math.round(processingTimeMs)),
    recipients,
    spamVerdict: { status: verdicts.spam },
    virusVerdict: { status: verdicts.virus },
    spfVerdict: { status: verdicts.spf },
    dkimVerdict: { status: verdicts.dkim },
    dmarcVerdict: { status: verdicts.dmarc },
    action: reportAction(input.action, input.sesMessageId),
    ...(verdicts.dmarcPolicy !== undefined && { dmarcPolicy: verdicts.dmarcPolicy }),
  };
}

/** Names and values counted as UTF-8, in order; it stops before the header that would go over the limit (§6.5). */
function headersWithin(headers: readonly Header[], maxBytes: number): Header[] {
  const kept: Header[] = [];
  let bytes = 0;
  for (const { name, value } of headers) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
    if (bytes > maxBytes) break;
    kept.push({ name, value });
  }
  return kept;
}

/** `receipt.action`, members in the order of §6.4. */
function reportAction(action: ReportedAction, sesMessageId: string): SesAction {
  switch (action.type) {
    case "S3":
      return {
        type: "S3",
        topicArn: action.topicArn ?? "",
        bucketName: action.bucketName,
        ...(action.objectKeyPrefix !== undefined && { objectKeyPrefix: action.objectKeyPrefix }),
        objectKey: objectKey(action.objectKeyPrefix, sesMessageId),
      };
    case "SNS":
      return {
        type: "SNS",
        topicArn: action.topicArn,
        encoding: action.encoding === "Base64" ? "BASE64" : "UTF8",
      };
    case "Lambda":
      return {
        type: "Lambda",
        ...(action.topicArn !== undefined && { topicArn: action.topicArn }),
        functionArn: action.functionArn,
        invocationType: action.invocationType,
      };
    case "Bounce":
      return {
        type: "Bounce",
        topicArn: action.topicArn ?? "",
        smtpReplyCode: action.smtpReplyCode,
        ...(action.statusCode !== undefined && { statusCode: action.statusCode }),
        message: action.message,
        sender: action.sender,
      };
    case "Stop":
      return { type: "Stop", topicArn: action.topicArn ?? "" };
    case "WorkMail":
      return { type: "WorkMail", topicArn: action.topicArn ?? "", organizationArn: action.organizationArn };
  }
}

function encodeContent(stored: Uint8Array, encoding: "UTF-8" | "Base64"): string {
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
  // Octets that are not UTF-8 become U+FFFD: SES loses them too (§5.5).
  return bytes.toString(encoding === "Base64" ? "base64" : "utf8");
}
