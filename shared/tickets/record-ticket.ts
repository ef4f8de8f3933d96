import type { ResolvedConfig } from "../config/types.ts";
import { languageOfMail } from "../mail/language.ts";
import type { ParsedMail } from "../mail/parsed-mail.ts";
import type { Reply } from "../mail/reply/extract-reply.ts";
import { extractFromAny } from "../mail/reply/is-forwarded.ts";
import { safeHtml } from "../mail/safe-html.ts";
import type { Claim, Finish, MailEntry, Ports, TicketResult } from "../ports.ts";
import { QueueSendError, TicketContentionError } from "../streams/errors.ts";
import type { MessageContent } from "../streams/message-content.ts";
import type { StreamMessage } from "../streams/stream-message.ts";
import { createTokens, tokenIn } from "../tokens/tokens.ts";
import { mayAcknowledge } from "./acknowledge.ts";
import type { AnswerJob } from "./answer-job.ts";
import { attachmentShelf } from "./attachments.ts";
import { hopsOf, maxHops } from "./hops.ts";
import { type TicketMark, ticketOfAddress } from "./reply-address.ts";
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
  job: {
    readonly message: StreamMessage;
    readonly recipient: string;
    readonly claim: Claim;
    readonly content: MessageContent;
  },
): Promise<Finish> {
  const { message, recipient, claim, content } = job;
  const shelf = attachmentShelf(ports, config);
  const mail = await content.mailWith(shelf.add);
  await shelf.addLarge(content.attachmentPieces);
  const parts = { text: mail.text, html: mail.html, headers: mail.headers };
  const { reply, isForward } = extractFromAny(parts);
  const mark = await markIn(ports, [recipient, ...message.envelope.to]);
  const trust = mark === undefined ? message.trust : "token";
  const thread: ThreadInput = {
    ...threadInput(message, mail, await content.bodySha256(), isForward),
    trust,
    ...(mark !== undefined && { tokenTicket: mark }),
  };
  const entry = await entryOf(job, mail, reply, thread, shelf.stored);

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
        attachments: String(shelf.stored.length),
        ...(plan.kind === "open" && plan.relatedTo !== undefined && { relatedTo: String(plan.relatedTo) }),
        ...(plan.kind === "join" && plan.merges !== undefined && { merged: plan.merges.join(" ") }),
        ...(await acknowledge(ports, config, message, entry, result)),
      },
    };
  }
  throw new TicketContentionError(message.sesMessageId, maxRounds);
}

/**
 * The ticket that a reply token names: ours, valid, in any of the mail's recipients, so that whichever of them is worked on
 * first comes to the same ticket.
 */
async function markIn(ports: Ports, recipients: readonly string[]): Promise<TicketMark | undefined> {
  const labelled = recipients.filter((recipient) => tokenIn(recipient) !== undefined);
  if (labelled.length === 0) return undefined;
  const tokens = createTokens(await ports.secrets.keyRing());
  const now = ports.clock.now();
  return labelled.map((recipient) => ticketOfAddress(tokens, recipient, now)).find((mark) => mark !== undefined);
}

/**
 * Asks for the acknowledgement of a mail that opened a ticket. A worker that died between the two finds its ticket again
 * and asks again; the job's id makes it one mail.
 */
async function acknowledge(
  ports: Ports,
  config: ResolvedConfig,
  { sesMessageId, envelope, receivedAt }: StreamMessage,
  entry: MailEntry,
  result: Exclude<TicketResult, { kind: "conflict" }>,
): Promise<{ readonly acknowledgement?: string; readonly loop?: string }> {
  if (!config.tickets.acknowledge || result.kind === "joined") return {};
  if (result.kind === "repeated") {
    const ticket = await ports.tickets.get(result.ticketId);
    const first = ticket?.entries.find((each) => each.kind === "mail");
    if (first?.sesMessageId !== sesMessageId) return {};
  }
  const may = mayAcknowledge(config, entry, { envelopeFrom: envelope.from, hops: entry.hops ?? 0 });
  if (may.kind === "no") {
    const isLoop = (entry.hops ?? 0) >= maxHops;
    return { acknowledgement: `not written: ${may.why}`, ...(isLoop && { loop: "stopped" }) };
  }
  const job: AnswerJob = {
    version: 1,
    kind: "acknowledgement",
    id: `${sesMessageId}/acknowledgement`,
    ticketId: result.ticketId,
    at: receivedAt,
    sesMessageId,
  };
  const queue = config.names.answerQueue;
  const [refused] = await ports.queues.send(queue, [{ id: "0", body: JSON.stringify(job) }]);
  if (refused) throw new QueueSendError(sesMessageId, [{ queue, cause: refused.cause }]);
  return { acknowledgement: `to ${may.to}` };
}

async function entryOf(
  { message, recipient }: { readonly message: StreamMessage; readonly recipient: string },
  mail: ParsedMail,
  reply: Reply,
  thread: ThreadInput,
  attachments: MailEntry["attachments"],
): Promise<MailEntry> {
  const joined = (kind: "quote" | "signature", maxBytes: number) =>
    within(
      reply.segments
        .filter((segment) => segment.kind === kind)
        .map(({ text }) => text)
        .join(""),
      maxBytes,
    );
  // Nothing but quotes and forwards: then they are what the author wanted to say.
  const text = within(reply.text === "" ? mail.text : reply.text, maxTextBytes);
  const quote = joined("quote", maxQuoteBytes);
  const signature = joined("signature", maxSignatureBytes);
  const html = mail.html === undefined ? undefined : await safeHtml(mail.html);
  const language = languageOfMail(reply.text, mail.headers);
  const hops = hopsOf(mail.headers);
  return {
    kind: "mail",
    sesMessageId: message.sesMessageId,
    ...(thread.headerMessageId !== undefined && { headerMessageId: thread.headerMessageId }),
    bodySha256: thread.bodySha256,
    recipient,
    author: { name: mail.author?.name ?? "", address: mail.author?.address ?? "" },
    ...(mail.replyTo.length > 0 && { replyTo: mail.replyTo.slice(0, 5).map(({ address }) => address) }),
    to: mail.to.slice(0, maxAddressees).map(({ address }) => address),
    cc: mail.cc.slice(0, maxAddressees).map(({ address }) => address),
    trust: thread.trust,
    subject: thread.subject,
    text,
    ...(html !== undefined && Buffer.byteLength(html) <= maxHtmlBytes && html.trim() !== "" && { html }),
    ...(quote !== "" && { quote }),
    ...(signature !== "" && { signature }),
    ...(language !== undefined && { language }),
    ...(hops > 0 && { hops }),
    attachments,
    raw: message.content,
    at: message.receivedAt,
  };
}

// A ticket is read by people; the whole mail stays behind `raw`. Together below the 400 KB of a DynamoDB item.
const maxTextBytes = 100_000;
const maxHtmlBytes = 120_000;
const maxQuoteBytes = 60_000;
const maxSignatureBytes = 10_000;
const maxAddressees = 50;

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

/** The beginning of a text, at most so many octets of UTF-8, no character cut. */
function within(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text.slice(0, maxBytes), "utf8");
  return bytes.length <= maxBytes
    ? text.slice(0, maxBytes)
    : bytes
        .subarray(0, maxBytes)
        .toString("utf8")
        .replace(/\ufffd+$/u, "");
}
