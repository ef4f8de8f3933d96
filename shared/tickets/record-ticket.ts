import type { ResolvedConfig } from "../config/types.ts";
import type { ParsedMail } from "../mail/parsed-mail.ts";
import { extractReply } from "../mail/reply/extract-reply.ts";
import { isForwarded } from "../mail/reply/is-forwarded.ts";
import type { Claim, Finish, MailEntry, Ports } from "../ports.ts";
import { TicketContentionError } from "../streams/errors.ts";
import type { MessageContent } from "../streams/message-content.ts";
import type { StreamMessage } from "../streams/stream-message.ts";
import { attachmentShelf } from "./attachments.ts";
import { messageIdsToAsk, planTicket, type ThreadInput, ticketsToAsk } from "./thread.ts";

// Each round lost means that somebody else made progress; beyond this the queue brings the mail again.
const maxRounds = 8;

/**
 * Makes a ticket's entry of a mail: attachments first (storing one twice changes nothing), then plan and record until no
 * other mail of the thread comes in between.
 *
 * @throws {StaleClaimError | TicketContentionError}
 */
export async function recordTicket(
  ports: Ports,
  config: ResolvedConfig,
  {
    message,
    claim,
    content,
  }: { readonly message: StreamMessage; readonly claim: Claim; readonly content: MessageContent },
): Promise<Finish> {
  const shelf = attachmentShelf(ports, config);
  const mail = await content.mailWith(shelf.add);
  await shelf.addLarge(content.attachmentPieces);
  const parts = { text: mail.text, html: mail.html, headers: mail.headers };
  const isForward = isForwarded(parts);
  const reply = extractReply({ ...parts, isForward });
  const bodySha256 = await content.bodySha256();
  const attachments = shelf.stored;
  const thread = threadInput(message, mail, bodySha256, isForward);
  const joined = (kind: "quote" | "signature") =>
    reply.segments
      .filter((segment) => segment.kind === kind)
      .map(({ text }) => text)
      .join("")
      .slice(0, maxTextLength);
  const quote = joined("quote");
  const signature = joined("signature");
  const entry: MailEntry = {
    kind: "mail",
    sesMessageId: message.sesMessageId,
    ...(thread.headerMessageId !== undefined && { headerMessageId: thread.headerMessageId }),
    bodySha256,
    author: { name: mail.author?.name ?? "", address: mail.author?.address ?? "" },
    to: mail.to.slice(0, maxAddressees).map(({ address }) => address),
    cc: mail.cc.slice(0, maxAddressees).map(({ address }) => address),
    trust: message.trust,
    subject: thread.subject,
    // Nothing but quotes and forwards: then they are what the author wanted to say.
    text: (reply.text === "" ? mail.text : reply.text).slice(0, maxTextLength),
    ...(quote !== "" && { quote }),
    ...(signature !== "" && { signature }),
    attachments,
    raw: message.content,
    at: message.receivedAt,
  };

  for (let round = 0; round < maxRounds; round++) {
    const threads = await ports.tickets.threads(messageIdsToAsk(thread), ticketsToAsk(thread, config.tickets));
    const own = threads.find(({ messageIds }) => messageIds.includes(thread.headerMessageId ?? ""));
    const holder = own && (await ports.tickets.get(own.ticketId));
    const { plan, reason } = planTicket(config, thread, threads, holder);
    const result = await ports.tickets.record(claim, plan, entry);
    if (result.kind === "conflict") continue;
    return {
      state: "done",
      outcome: `ticket-${result.kind}`,
      detail: {
        ticket: String(result.ticketId),
        reason,
        attachments: String(attachments.length),
        ...(plan.kind === "open" && plan.relatedTo !== undefined && { relatedTo: String(plan.relatedTo) }),
      },
    };
  }
  throw new TicketContentionError(message.sesMessageId, maxRounds);
}

// A ticket is read by people; the whole mail stays behind `raw`.
const maxTextLength = 200_000;
const maxAddressees = 100;

function threadInput(message: StreamMessage, mail: ParsedMail, bodySha256: string, isForward: boolean): ThreadInput {
  return {
    ...(mail.messageId !== undefined && { headerMessageId: mail.messageId }),
    bodySha256,
    inReplyTo: mail.inReplyTo,
    references: mail.references,
    author: mail.author?.address ?? "",
    addressees: [...mail.to, ...mail.cc].map(({ address }) => address),
    trust: message.trust,
    subject: (mail.subject ?? "").replace(/\s+/g, " ").trim().slice(0, 1000),
    isForward,
    receivedAt: message.receivedAt,
  };
}
