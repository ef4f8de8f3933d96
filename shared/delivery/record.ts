import type { MailRecord } from "../ports.ts";
import type { MessageContent } from "../streams/message-content.ts";
import type { StreamMessage } from "../streams/stream-message.ts";

/** What a mail that nobody needs to read tells: the facts of its header, and of the report that it carries. */
export async function recordOf(
  message: StreamMessage,
  recipient: string,
  _content: Pick<MessageContent, "mail">,
): Promise<MailRecord> {
  const { nature, headers, envelope, trust } = message;
  return {
    kind: kindOf(nature.kind),
    sesMessageId: message.sesMessageId,
    recipient,
    facts: {
      nature,
      trust,
      envelopeFrom: envelope.from,
      author: headers.author?.address,
      messageId: headers.messageId,
      inReplyTo: headers.inReplyTo,
      listId: headers.listId,
      autoSubmitted: headers.autoSubmitted,
    },
    at: message.receivedAt,
  };
}

function kindOf(nature: StreamMessage["nature"]["kind"]): MailRecord["kind"] {
  return nature === "human" || nature === "unsubscribe-request" ? "other" : nature;
}
