import { type Header, headerValue } from "./headers.ts";
import { quote } from "./mail-facts.ts";
import { parseMailboxes } from "./mailboxes.ts";
import type { ParsedMail } from "./parsed-mail.ts";
import { behindType, readFieldGroups } from "./report-fields.ts";

export interface Complaint {
  /** Lower case: `abuse`, `fraud`, `opt-out`, `not-spam`, `auth-failure` … (RFC 5965 §7.3, RFC 6591). */
  readonly feedbackType?: string;
  readonly originalRecipient?: string;
  readonly sourceIp?: string;
  /** With angle brackets. */
  readonly originalMessageId?: string;
  readonly evidence: readonly string[];
}

/** Reads a feedback report, in the standard's form or a provider's own. Undefined when the mail is none. */
export function readComplaint(mail: ParsedMail): Complaint | undefined {
  const embedded = mail.parts.find((part) => part.embedded !== undefined && part.path !== "")?.embedded ?? [];
  const part = mail.parts.find((candidate) => candidate.contentType === "message/feedback-report");
  const fields = part?.text === undefined ? undefined : mergeGroups(readFieldGroups(part.text));
  const own = fields ? undefined : readProviderForm(mail);
  if (!fields && !own) return undefined;

  const feedbackType = (fields?.get("feedback-type")?.[0] ?? "abuse").trim().toLowerCase();
  const recipient =
    behindType(fields?.get("original-rcpt-to")?.[0]) ??
    headerValue(embedded, "x-hmxmroriginalrecipient") ??
    headerValue(embedded, "x-original-to") ??
    headerValue(embedded, "delivered-to") ??
    headerValue(embedded, "x-apparently-to")?.split(";")[0] ??
    behindType(fields?.get("removal-recipient")?.[0]) ??
    onlyAddressee(embedded);
  const sourceIp =
    fields?.get("source-ip")?.[0] ?? own?.sourceIp ?? headerValue(embedded, "x-originating-ip")?.replace(/[[\]]/g, "");
  const messageId = headerValue(embedded, "message-id")?.trim();
  return {
    feedbackType,
    ...(recipient === undefined ? {} : { originalRecipient: recipient.replace(/^<|>$/g, "").trim() }),
    ...(sourceIp === undefined ? {} : { sourceIp: sourceIp.trim() }),
    ...(messageId === undefined ? {} : { originalMessageId: messageId }),
    evidence: fields
      ? [quote(`Feedback-Type: ${feedbackType}`), `part ${part?.path}: message/feedback-report`]
      : (own?.evidence ?? []),
  };
}

/** The reported mail is ours: where it names one addressee, that is who complains. Some providers black it out. */
function onlyAddressee(embedded: readonly Header[]): string | undefined {
  const [first, second] = parseMailboxes(headerValue(embedded, "to"));
  const named = first !== undefined && second === undefined && /^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(first.address);
  return named && !/redacted|undisclosed|^x+@/i.test(first.address) ? first.address : undefined;
}

function mergeGroups(groups: Map<string, string[]>[]): Map<string, string[]> {
  const merged = new Map<string, string[]>();
  for (const group of groups) for (const [name, values] of group) if (!merged.has(name)) merged.set(name, values);
  return merged;
}

/** Hotmail's JMRP sends the reported mail as an attachment under a subject that names the source; it has no report part. */
function readProviderForm(mail: ParsedMail): { sourceIp?: string; evidence: readonly string[] } | undefined {
  const subject = mail.subject ?? "";
  const message = mail.parts.find((part) => part.embedded !== undefined && part.path !== "");
  if (!message?.embedded) return undefined;
  if (headerValue(message.embedded, "x-hmxmroriginalrecipient") !== undefined) {
    return {
      evidence: [quote(`X-HmXmrOriginalRecipient: ${headerValue(message.embedded, "x-hmxmroriginalrecipient")}`)],
    };
  }
  const named = providerSubject.exec(subject);
  return named?.[1] ? { sourceIp: named[1], evidence: [quote(`Subject: ${subject}`)] } : undefined;
}

/** Hotmail's and other loops' subjects; a person's would not begin with them. */
const providerSubject =
  /^(?:complaint about message from|(?:e-?mail )?feedback report for ip|abuse report for|spam complaint from)\s+\[?([0-9a-f.:]{7,45})/i;

/** True when the body has to say whether the mail is a provider's complaint. */
export function maybeComplaint(subject: string): boolean {
  return providerSubject.test(subject);
}
