import type { ResolvedConfig } from "../shared/config/types.ts";
import { readComplaint } from "../shared/mail/arf.ts";
import { readAutoReply } from "../shared/mail/auto-reply.ts";
import { readDsn } from "../shared/mail/dsn.ts";
import { type Header, headerValue } from "../shared/mail/headers.ts";
import { judge } from "../shared/mail/judge.ts";
import type { Judgement, Verdicts } from "../shared/mail/judgement.ts";
import { readFacts } from "../shared/mail/mail-facts.ts";
import { parseMailboxes } from "../shared/mail/mailboxes.ts";
import { parseMail } from "../shared/mail/parse-mail.ts";
import type { ParsedMail } from "../shared/mail/parsed-mail.ts";
import { extractFromAny } from "../shared/mail/reply/is-forwarded.ts";
import { readUnsubscribeRequest } from "../shared/mail/unsubscribe-request.ts";
import { parseSesMessageId } from "../shared/ses-message-id.ts";
import { decideStream } from "../shared/streams/decide.ts";
import { readSesBlock } from "../shared/streams/read-ses-block.ts";

export interface UnderstandOptions {
  /** Envelope recipients; without them no stream is chosen. */
  readonly recipients: readonly string[];
  readonly config?: ResolvedConfig;
  /** Believe the header block that SES puts on top of what it stores. */
  readonly fromSes: boolean;
}

export interface Understanding {
  readonly mail: ParsedMail;
  readonly judgement: Judgement;
  /** What the headers alone would have said. */
  readonly headerJudgement: Judgement;
  readonly verdicts: Verdicts | undefined;
  readonly envelopeFrom: string;
}

/** Parses and judges one stored message. The envelope sender is what Return-Path says, else the author. */
export async function understandMail(
  raw: Uint8Array | AsyncIterable<Uint8Array>,
  options: UnderstandOptions,
): Promise<Understanding> {
  const mail = await parseMail(raw);
  const verdicts = options.fromSes ? sesVerdicts(mail.headers) : undefined;
  const envelopeFrom = envelopeSender(mail);
  const input = {
    headers: mail.headers,
    headersTruncated: false,
    envelopeFrom,
    recipients: options.recipients,
    ...(verdicts && { verdicts }),
  };
  return {
    mail,
    judgement: judge({ ...input, body: mail }),
    headerJudgement: judge(input),
    verdicts,
    envelopeFrom,
  };
}

/** The NDJSON line of `inspect`: stable, described in docs/understanding.md; what is absent is null. */
export function describeMail(
  path: string,
  index: number | undefined,
  found: Understanding,
  options: UnderstandOptions,
) {
  const { mail, judgement, verdicts, envelopeFrom } = found;
  const facts = readFacts({ headers: mail.headers, envelopeFrom, recipients: options.recipients, body: mail });
  const { kind } = judgement.nature;
  const { reply } = extractFromAny({ text: mail.text, html: mail.html, headers: mail.headers });
  const dsn = kind === "bounce" ? readDsn(mail) : undefined;
  const complaint = kind === "complaint" ? readComplaint(mail) : undefined;
  const autoReply = kind === "auto-reply" ? readAutoReply(facts) : undefined;
  const unsubscribe = kind === "unsubscribe-request" ? readUnsubscribeRequest(facts) : undefined;
  return {
    path,
    ...(index === undefined ? {} : { index }),
    message: {
      author: mail.author ?? null,
      to: mail.to,
      cc: mail.cc,
      subject: mail.subject ?? null,
      date: mail.date ?? null,
      messageId: mail.messageId ?? null,
      inReplyTo: mail.inReplyTo[0] ?? null,
      references: mail.references,
      listId: mail.listId ?? null,
      autoSubmitted: mail.autoSubmitted ?? null,
      text: mail.text,
      attachments: mail.attachments.map(({ fileName, contentType, sizeBytes, sha256, inline, contentId }) => ({
        fileName,
        contentType,
        sizeBytes,
        sha256,
        inline,
        contentId: contentId ?? null,
      })),
      defects: mail.defects,
    },
    nature: judgement.nature,
    // Clean without a scan is no finding; over a limit is one.
    safety: verdicts || judgement.safety.kind === "suspicious" ? judgement.safety : null,
    trust: verdicts ? judgement.trust : null,
    streams: streamsOf(found, options),
    reply: { text: reply.text, segments: reply.segments },
    dsn: dsn
      ? {
          originalMessageId: dsn.originalMessageId ?? null,
          recipients: dsn.recipients.map(({ address, action, status, kind: bounce, reason, diagnostic }) => ({
            address,
            action,
            status: status ?? null,
            kind: bounce,
            reason,
            diagnostic: diagnostic ?? null,
          })),
        }
      : null,
    complaint: complaint
      ? {
          feedbackType: complaint.feedbackType ?? null,
          originalRecipient: complaint.originalRecipient ?? null,
          sourceIp: complaint.sourceIp ?? null,
          originalMessageId: complaint.originalMessageId ?? null,
        }
      : null,
    autoReply: autoReply ? { kind: autoReply.kind, evidence: autoReply.evidence } : null,
    unsubscribe: unsubscribe ? { confidence: unsubscribe.confidence, evidence: unsubscribe.evidence } : null,
  };
}

// "DISABLED" is what SES says of a check that nobody asked for: it speaks neither for nor against the message.
const unchecked: Verdicts = {
  spam: "DISABLED",
  virus: "DISABLED",
  spf: "DISABLED",
  dkim: "DISABLED",
  dmarc: "DISABLED",
};

function streamsOf(
  { judgement, mail, verdicts, envelopeFrom }: Understanding,
  { recipients, config }: UnderstandOptions,
) {
  if (!config || recipients.length === 0) return [{ recipient: null, stream: null, reasons: [] }];
  return recipients.map((recipient) => {
    const { stream, reasons } = decideStream(config, {
      recipient,
      judgement,
      headers: mail.headers,
      verdicts: verdicts ?? unchecked,
      envelopeFrom,
    });
    return { recipient, stream, reasons };
  });
}

/** RFC 5321 §4.4: the last server writes the envelope sender into Return-Path. */
function envelopeSender(mail: ParsedMail): string {
  const path = headerValue(mail.headers, "return-path");
  // A From that names no address is not the null sender.
  if (path === undefined) return mail.author?.address || "unknown";
  return /^\s*<\s*>/.test(path) || path.trim() === "" ? "" : (parseMailboxes(path)[0]?.address ?? path.trim());
}

function sesVerdicts(headers: readonly Header[]): Verdicts | undefined {
  const id = parseSesMessageId(/\sid ([0-9a-z]{20,64})\s/.exec(headerValue(headers, "received") ?? "")?.[1]);
  return id && readSesBlock(headers, id)?.verdicts;
}
