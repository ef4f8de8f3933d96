import { readComplaint } from "../mail/arf.ts";
import { readDsn } from "../mail/dsn.ts";
import type { MailRecord } from "../ports.ts";
import type { MessageContent } from "../streams/message-content.ts";
import type { StreamMessage } from "../streams/stream-message.ts";

/** What a mail that nobody needs to read tells: the facts of its header, and of the report that it carries. */
export async function recordOf(
  message: StreamMessage,
  recipient: string,
  content: Pick<MessageContent, "mail">,
): Promise<MailRecord> {
  const { nature, headers, envelope, trust } = message;
  return {
    kind: nature.kind === "human" || nature.kind === "unsubscribe-request" ? "other" : nature.kind,
    sesMessageId: message.sesMessageId,
    recipient,
    facts: {
      nature,
      trust,
      envelopeFrom: envelope.from,
      author: headers.author?.address,
      messageId: headers.messageId,
      inReplyTo: headers.inReplyTo?.slice(0, 3),
      listId: headers.listId,
      autoSubmitted: headers.autoSubmitted,
      ...(await reportOf(nature.kind, content)),
    },
    at: message.receivedAt,
  };
}

/** Only these two natures carry a report: the others' objects are not read. */
async function reportOf(nature: StreamMessage["nature"]["kind"], content: Pick<MessageContent, "mail">) {
  if (nature === "complaint") {
    const complaint = readComplaint(await content.mail());
    if (complaint === undefined) return {};
    const { feedbackType, originalRecipient, originalMessageId, sourceIp, evidence } = complaint;
    return {
      complaint: {
        feedbackType: clip(feedbackType),
        originalRecipient: clip(originalRecipient),
        originalMessageId: clip(originalMessageId),
        sourceIp: clip(sourceIp),
        evidence: evidence.slice(0, 5).map(clip),
      },
    };
  }
  if (nature !== "bounce") return {};
  const report = readDsn(await content.mail());
  if (report === undefined) return {};
  const { recipients, evidence, originalMessageId } = report;
  const kept = withinBytes(
    recipients.map(({ diagnostic, ...rest }) => ({
      ...rest,
      ...(diagnostic !== undefined && { diagnostic: diagnostic.slice(0, 300) }),
    })),
    maxRecipientBytes,
  );
  return {
    bounce: {
      originalMessageId: clip(originalMessageId),
      evidence: evidence.slice(0, 5).map(clip),
      recipients: kept,
      ...(kept.length < recipients.length && { recipientsLeftOff: recipients.length - kept.length }),
    },
  };
}

// A record's facts take at most 32 KB; the other fields are bounded by the claim check and need less than half of it.
const maxRecipientBytes = 16_000;

/** A report is written by a stranger: one of its fields may be as long as a mail. */
function clip(text: string | undefined): string | undefined {
  return text?.slice(0, 500).toWellFormed();
}

function withinBytes<T>(items: readonly T[], most: number): T[] {
  let bytes = 0;
  const end = items.findIndex((item) => {
    bytes += Buffer.byteLength(JSON.stringify(item)) + 1;
    return bytes > most;
  });
  return end === -1 ? [...items] : items.slice(0, end);
}
