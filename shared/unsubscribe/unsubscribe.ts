import type { ResolvedConfig } from "../config/types.ts";
import { languageOfMail } from "../mail/language.ts";
import { extractFromAny } from "../mail/reply/is-forwarded.ts";
import type { Claim, Finish, Ports } from "../ports.ts";
import type { MessageContent } from "../streams/message-content.ts";
import { storedObjectOf } from "../streams/stored-object.ts";
import type { StreamContent, StreamMessage } from "../streams/stream-message.ts";
import type { KeyRing } from "../tokens/key-ring.ts";
import { createTokens } from "../tokens/tokens.ts";
import { composeNotice } from "./compose-notice.ts";
import { everything, listKeys } from "./list-id.ts";
import { createPersonOf } from "./person.ts";
import { decideWho, type Who } from "./who.ts";

export interface UnsubscribeRequest {
  readonly message: StreamMessage;
  readonly recipient: string;
  readonly claim: Claim;
  readonly content: Pick<MessageContent, "mail">;
}

type UnsubscribePorts = Pick<Ports, "suppressions" | "secrets" | "clock" | "limits" | "outbox">;

/**
 * Suppresses the person who asks, with the mail as evidence; asks back where somebody may have asked; a request that
 * nobody can be held to ends done as well, with the reason as its outcome.
 *
 * @throws {StaleClaimError}
 */
export async function unsubscribe(
  ports: UnsubscribePorts,
  config: ResolvedConfig,
  { message, recipient, claim, content }: UnsubscribeRequest,
): Promise<Finish> {
  const ring = await ports.secrets.keyRing();
  const mail = await content.mail();
  const body = {
    text: mail.text.slice(0, maxTextCharacters),
    html: (mail.html?.length ?? 0) > 4 * maxTextCharacters ? undefined : mail.html,
    headers: mail.headers,
  };
  const { reply, isForward } = extractFromAny(body);
  // Only what the author wrote: a mail that is nothing but a signature or a quotation asks for nothing, and quotation marks are
  // believed also where no line above them says whose words they are.
  const text = reply.segments
    .flatMap((segment) => (segment.kind === "reply" ? [segment.text] : []))
    .join("\n")
    .replace(/^[ \t]*[>|].*$/gmu, "");
  const who = decideWho(
    { config, tokens: createTokens(ring), personOf: createPersonOf(ring), now: ports.clock.now() },
    {
      message,
      recipient,
      headers: mail.headers,
      subject: mail.subject ?? message.headers.subject ?? "",
      text: text.trim(),
      isForward,
      hasFiles: mail.attachments.some(({ kind }) => kind !== "signature"),
    },
  );
  const language = languageOfMail(text, mail.headers);
  const notice: Notice = { message, recipient, language, ring };
  switch (who.kind) {
    case "nobody":
      return { state: "done", outcome: who.outcome, detail: { reasons: because(who) } };
    case "ask":
      return ask(ports, config, who, notice);
    case "person":
      return suppress(ports, config, who, { ...notice, claim });
  }
}

// A request is a few words. Of more than this nobody needs to know where the quote begins.
const maxTextCharacters = 100_000;

interface Notice {
  readonly message: StreamMessage;
  readonly recipient: string;
  readonly language: string | undefined;
  readonly ring: KeyRing;
}

async function suppress(
  ports: UnsubscribePorts,
  config: ResolvedConfig,
  who: Extract<Who, { kind: "person" }>,
  { message, recipient, language, ring, claim }: Notice & { readonly claim: Claim },
): Promise<Finish> {
  const { person, address, list, by } = who;
  const returned = await returnedSince(ports, person, list, message);
  if (returned !== undefined) {
    const reasons = `written before the person came back at ${returned}; ${because(who)}`.slice(0, 500);
    return { state: "done", outcome: "outdated", detail: { person, list, reasons } };
  }
  // A pointer even where the queue carried the mail itself: it must not live on here when the stored one is deleted.
  const pointer: StreamContent =
    message.content.kind === "s3" ? message.content : { kind: "s3", ...storedObjectOf(config, message.sesMessageId) };
  const keepUntil = new Date(Date.parse(message.receivedAt) + config.unsubscribe.evidenceDays * dayMs);
  const result = await ports.suppressions.suppress(
    { claim },
    {
      person,
      ...(address !== undefined && { address }),
      list,
      reason: "mailto",
      since: message.receivedAt,
      evidence: {
        sesMessageId: message.sesMessageId,
        content: pointer,
        note: because(who),
        keepUntil: keepUntil.toISOString(),
      },
    },
  );
  // Whoever asked by a confirmation knows; and nobody is told twice.
  const told =
    config.unsubscribe.notify && address !== undefined && by === "author"
      ? await tell(ports, config, "done", address, list, { message, recipient, language, ring })
      : undefined;
  return {
    state: "done",
    outcome: "suppressed",
    detail: { person, list, by, result, reasons: because(who), ...(told !== undefined && { notice: told }) },
  };
}

async function ask(
  ports: UnsubscribePorts,
  config: ResolvedConfig,
  who: Extract<Who, { kind: "ask" }>,
  notice: Notice,
): Promise<Finish> {
  const sent = await tell(ports, config, "ask", who.address, who.list, notice);
  return {
    state: "done",
    outcome: sent === "sent" ? "asked" : "parked",
    detail: { list: who.list, notice: sent, reasons: because(who) },
  };
}

const dayMs = 86_400_000;
// Forged requests must not make us a source of mail: a hundred questions an hour, whoever they are for.
const hourly = { max: 100, windowMs: 3_600_000 } as const;

/** Sends the person a mail, at most one a day, and the same one when the same request comes again. */
async function tell(
  { limits, outbox }: UnsubscribePorts,
  config: ResolvedConfig,
  kind: "ask" | "done",
  address: string,
  list: string,
  { message, recipient, language, ring }: Notice,
): Promise<"sent" | "one a day" | "too many" | "no way to answer"> {
  const person = createPersonOf(ring)(address);
  const id = `${message.sesMessageId} unsubscribe-${kind} ${person}`;
  const mail = await composeNotice(config, ring, {
    kind,
    address,
    list,
    language,
    recipient,
    ...(message.headers.messageId !== undefined && { inReplyTo: message.headers.messageId }),
    id,
    date: new Date(message.receivedAt),
  });
  if (mail === undefined) return "no way to answer";
  if (!(await limits.take(`unsubscribe-notice ${person}`, id, { max: 1, windowMs: dayMs }))) return "one a day";
  if (!(await limits.take("unsubscribe-notices", id, hourly))) return "too many";
  await outbox.sendMail(mail);
  return "sent";
}

/**
 * When the person subscribed again after this mail was written: an old request that comes once more, by a slow relay or by
 * somebody who kept it, is answered by that.
 */
async function returnedSince(
  { suppressions }: UnsubscribePorts,
  person: string,
  list: string,
  { headers, receivedAt }: StreamMessage,
): Promise<string | undefined> {
  const received = Date.parse(receivedAt);
  const dated = Date.parse(headers.date ?? receivedAt);
  const written = Number.isNaN(dated) ? received : Math.min(dated, received);
  const names = new Set([everything, ...listKeys(list)]);
  const history = await suppressions.history(person);
  return history.findLast(
    (change) =>
      change.kind === "removed" && (list === everything || names.has(change.list)) && Date.parse(change.at) >= written,
  )?.at;
}

function because({ reasons }: Who): string {
  return reasons.join("; ").slice(0, 500);
}
