import type { ResolvedConfig } from "../config/types.ts";
import type { ParsedMail } from "../mail/parsed-mail.ts";
import type { Ports, TicketAttachment } from "../ports.ts";
import type { MessageContent } from "../streams/message-content.ts";

/** Stores what a mail brings along. */
export async function storeAttachments(
  _ports: Pick<Ports, "objects">,
  { names }: ResolvedConfig,
  mail: ParsedMail,
  _content: MessageContent,
): Promise<TicketAttachment[]> {
  return mail.attachments.map(({ fileName, contentType, sizeBytes, sha256 }) => ({
    fileName,
    contentType,
    sizeBytes,
    sha256,
    object: { bucket: names.bucket, key: attachmentKey(sha256) },
  }));
}

/** By content, so that the same file of many mails is one object. No SES message id looks like it. */
function attachmentKey(sha256: string): string {
  return `attachments/sha256-${sha256}`;
}
