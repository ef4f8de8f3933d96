import type { ResolvedConfig } from "../config/types.ts";
import type { Claim, MailRecord, Ports } from "../ports.ts";
import type { MessageContent } from "../streams/message-content.ts";
import { storedObjectOf } from "../streams/stored-object.ts";
import type { StreamMessage } from "../streams/stream-message.ts";
import { applyFeedback } from "../unsubscribe/feedback.ts";
import { readMailFeedback } from "../unsubscribe/mail-feedback.ts";
import { recordOf } from "./record.ts";

type ReportPorts = Pick<Ports, "records" | "suppressions" | "secrets" | "clock" | "tickets">;

/**
 * Writes down what a mail tells, and lets a bounce or a complaint about a mail of ours change the suppression list.
 * Answers what the journey shows.
 *
 * @throws {StaleClaimError}
 */
export async function recordReport(
  ports: ReportPorts,
  config: ResolvedConfig,
  {
    message,
    recipient,
    claim,
    content,
  }: {
    readonly message: StreamMessage;
    readonly recipient: string;
    readonly claim: Claim;
    readonly content: Pick<MessageContent, "mail">;
  },
): Promise<Readonly<Record<string, string>>> {
  const record = await recordOf(message, recipient, content);
  const tickets = await answeredTickets(ports, message, record);
  const linked = tickets.length > 0 && { ticket: tickets.join(" ") };
  await ports.records.record(claim, { ...record, facts: { ...Object(record.facts), ...(linked && { tickets }) } });
  const { kind } = message.nature;
  if (kind !== "bounce" && kind !== "complaint") return { kind: record.kind, ...linked };
  const ring = await ports.secrets.keyRing();
  const read = readMailFeedback({ ring, now: ports.clock.now() }, kind, recipient, await content.mail());
  if (read.kind === "none") return { kind: record.kind, ...linked, suppression: "none", reasons: read.because };
  const { sesMessageId, receivedAt } = message;
  const outcome = await applyFeedback(
    ports,
    config,
    { claim },
    {
      ...read.feedback,
      at: receivedAt,
      evidence: {
        sesMessageId,
        content:
          message.content.kind === "s3" ? message.content : { kind: "s3", ...storedObjectOf(config, sesMessageId) },
        note: read.because,
      },
    },
  );
  return { kind: record.kind, ...linked, suppression: outcome, person: read.feedback.person, reasons: read.because };
}

// A sender chooses these lists; the latest ones are what it answers.
const maxAsked = 20;

/** The tickets whose mails this one answers or reports on: it belongs to them, and changes nothing in them. */
async function answeredTickets(
  { tickets }: Pick<Ports, "tickets">,
  { headers }: StreamMessage,
  { facts }: MailRecord,
): Promise<number[]> {
  const { bounce, complaint } = facts as Readonly<
    Record<"bounce" | "complaint", { originalMessageId?: string } | undefined>
  >;
  const named = [bounce?.originalMessageId, complaint?.originalMessageId, ...(headers.inReplyTo ?? [])];
  const ids = [...named, ...[...(headers.references ?? [])].reverse()].filter((id) => id !== undefined);
  if (ids.length === 0) return [];
  const threads = await tickets.threads([...new Set(ids)].slice(0, maxAsked));
  return threads.map(({ ticketId }) => ticketId).sort((a, b) => a - b);
}
