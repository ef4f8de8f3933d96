import { createHash } from "node:crypto";
import type { ResolvedConfig } from "../config/types.ts";
import { MailweirError } from "../errors.ts";
import { normaliseAddress, parseMailAddress } from "../mail/address.ts";
import { composeMail } from "../outgoing/compose-mail.ts";
import type { AnswerEntry, MailEntry, Ports, Ticket } from "../ports.ts";
import { createTokens } from "../tokens/tokens.ts";
import { acknowledgementLimit, threadLimit, withoutLabel } from "./acknowledge.ts";
import { acknowledgementText } from "./acknowledgement-texts.ts";
import type { AnswerJob } from "./answer-job.ts";
import { hopHeader } from "./hops.ts";
import { markOf, replyAddress } from "./reply-address.ts";

export class TicketGoneError extends MailweirError {
  readonly code = "ERR_TICKET_GONE";
  readonly retryable = false;
  constructor(ticketId: number, why: string) {
    super(`Ticket ${ticketId} cannot be answered: ${why}`);
  }
}

export type Answered =
  | { readonly kind: "sent"; readonly ticketId: number; readonly messageId: string; readonly repeated: boolean }
  /** Nothing was written, and trying again would not change it. */
  | { readonly kind: "withheld"; readonly ticketId: number; readonly why: "author-limit" | "thread-limit" };

const maxCopies = 20;

/**
 * Writes to the people of a ticket, once for each job id, in an order that survives a crash anywhere: what may be sent is
 * taken from its limit, then the ticket holds the answer and its Message-ID, then the outbox takes the mail, then the ticket
 * learns the Message-ID that SES put in place of ours. Every step knows the job's id and does nothing the second time.
 *
 * @throws {TicketGoneError} the ticket is not there, or holds no mail that could be answered
 */
export async function answerTicket(ports: Ports, config: ResolvedConfig, job: AnswerJob): Promise<Answered> {
  const ticket = await survivor(ports, job.ticketId);
  const answered = lastMail(ticket, job.kind === "acknowledgement" ? job.sesMessageId : undefined);
  const isOurs = (address: string) => {
    const domain = parseMailAddress(address)?.domain;
    return domain === undefined || config.domains.some((own) => domain === own || domain.endsWith(`.${own}`));
  };
  const author = withoutLabel(normaliseAddress(answered.author.address));
  if (
    job.kind === "acknowledgement" &&
    !(await ports.limits.take(`acknowledge ${author}`, job.id, acknowledgementLimit))
  ) {
    return { kind: "withheld", ticketId: ticket.id, why: "author-limit" };
  }
  if (!(await ports.limits.take(`ticket ${ticket.id}`, job.id, threadLimit))) {
    return { kind: "withheld", ticketId: ticket.id, why: "thread-limit" };
  }

  const tokens = createTokens(await ports.secrets.keyRing());
  const from = replyAddress(tokens, answered.recipient, markOf(ticket));
  const wanted = (answered.replyTo ?? []).filter((address) => !isOurs(address)).slice(0, 5);
  // An acknowledgement goes to whom we believe, and to nobody else.
  const to = job.kind === "answer" && wanted.length > 0 ? wanted : [answered.author.address];
  const copies = [...answered.to, ...answered.cc]
    .filter((address) => !isOurs(address) && !to.some((one) => normaliseAddress(one) === normaliseAddress(address)))
    .slice(0, maxCopies);
  const cc = job.kind === "answer" ? copies : [];
  const content: Content =
    job.kind === "answer" ? { text: job.text } : acknowledgementContent(config, answered, ticket);
  const entry: AnswerEntry = {
    kind: "answer",
    id: job.id,
    headerMessageId: messageIdOf(job.id, ticket.id, from),
    to: [...to, ...cc],
    subject: subjectOf(config, ticket),
    text: content.text,
    by: job.kind === "answer" ? job.by : "acknowledgement",
    at: job.at,
  };
  const raw = await composeMail({
    from: { name: config.tickets.fromName, address: from },
    to,
    cc,
    subject: entry.subject,
    text: content.text,
    messageId: entry.headerMessageId,
    date: new Date(job.at),
    references: threadOf(ticket, answered),
    headers: job.kind === "answer" ? {} : automaticHeaders(content, answered.hops ?? 0),
  });
  await ports.tickets.change(ticket.id, {
    id: job.id,
    entry,
    messageIds: [entry.headerMessageId],
    ...(job.kind === "answer" && job.close === true && { state: "closed" }),
  });
  const { messageId, repeated } = await ports.outbox.sendMail({
    id: job.id,
    kind: job.kind === "answer" ? "reply" : "acknowledgement",
    // RFC 3834 §3.3: an automatic answer comes from the null sender. What a person wrote bounces to its ticket.
    envelopeSender: job.kind === "answer" ? from : "",
    recipients: [...to, ...cc],
    raw,
  });
  await ports.tickets.change(ticket.id, { id: `${job.id}/sent`, messageIds: sesMessageIds(messageId, config.region) });
  return { kind: "sent", ticketId: ticket.id, messageId, repeated };
}

/** SES puts `<id@email.amazonses.com>` (us-east-1) or `<id@region.amazonses.com>` in the place of our Message-ID. */
export function sesMessageIds(messageId: string, region: string): string[] {
  const id = /^<?([^@<>\s]+)(?:@[^<>\s]*)?>?$/.exec(messageId)?.[1];
  if (id === undefined) return [];
  return [`<${id}@email.amazonses.com>`, `<${id}@${region}.amazonses.com>`];
}

async function survivor(ports: Ports, ticketId: number): Promise<Ticket> {
  const ticket = await ports.tickets.get(ticketId);
  if (ticket === undefined) throw new TicketGoneError(ticketId, "there is no such ticket");
  if (ticket.mergedInto === undefined) return ticket;
  const into = await ports.tickets.get(ticket.mergedInto);
  if (into === undefined) throw new TicketGoneError(ticketId, `it was merged into ${ticket.mergedInto}, which is gone`);
  return into;
}

function lastMail(ticket: Ticket, sesMessageId: string | undefined): MailEntry {
  const mails = ticket.entries.filter((entry) => entry.kind === "mail");
  const asked = mails.find((entry) => entry.sesMessageId === sesMessageId);
  const mail = asked ?? mails.findLast((entry) => parseMailAddress(entry.author.address) !== undefined);
  if (mail === undefined) throw new TicketGoneError(ticket.id, "it holds no mail whose author has an address");
  return mail;
}

/** One Message-ID for one job, however often it is written. */
function messageIdOf(id: string, ticketId: number, from: string): string {
  const digest = createHash("sha256").update(id).digest("hex").slice(0, 32);
  return `<ticket.${ticketId}.${digest}@${parseMailAddress(from)?.domain ?? "localhost"}>`;
}

function subjectOf({ tickets }: Pick<ResolvedConfig, "tickets">, { id, subject }: Ticket): string {
  const tag = `${tickets.subjectTag.before}${id}${tickets.subjectTag.after}`;
  const bare = subject.replace(/^(?:\s*re\s*:)+\s*/i, "");
  return bare.includes(tag) ? `Re: ${bare}` : `Re: ${tag} ${bare}`.trimEnd();
}

/** The Message-IDs of the ticket's mails up to the one that is answered, which comes last. */
function threadOf({ entries }: Ticket, answered: MailEntry): string[] {
  const ids = entries.flatMap((entry) =>
    entry.kind !== "note" && entry.headerMessageId ? [entry.headerMessageId] : [],
  );
  const parent = answered.headerMessageId;
  return parent === undefined ? ids : [...ids.filter((id) => id !== parent), parent];
}

interface Content {
  readonly text: string;
  readonly language?: string;
}

function acknowledgementContent({ tickets }: ResolvedConfig, { language }: MailEntry, { id }: Ticket): Content {
  const tag = `${tickets.subjectTag.before}${id}${tickets.subjectTag.after}`;
  return acknowledgementText(language, tag, tickets.acknowledgements);
}

function automaticHeaders(content: Content, hops: number): Record<string, string> {
  return {
    // RFC 3834 §5.1, and Exchange's own word for the same.
    "Auto-Submitted": "auto-replied",
    "X-Auto-Response-Suppress": "All",
    ...(content.language !== undefined && { "Content-Language": content.language }),
    [hopHeader]: String(hops + 1),
  };
}
