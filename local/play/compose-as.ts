import * as z from "zod";

const address = z.string().min(1).max(320);
const headerName = z
  .string()
  .regex(/^[\x21-\x39\x3b-\x7e]{1,100}$/, "a header's name is printable ASCII without colon");

/** A mail as somebody else would write it. */
export const composition = z.strictObject({
  from: z.union([address, z.strictObject({ name: z.string().max(200).optional(), address })]),
  to: z.array(address).min(1).max(100),
  cc: z.array(address).max(100).optional(),
  replyTo: address.optional(),
  subject: z.string().max(2_000).optional(),
  text: z.string().max(1_000_000).optional(),
  html: z.string().max(1_000_000).optional(),
  /** With angle brackets; default: a fresh one. */
  messageId: z.string().max(900).optional(),
  inReplyTo: z.string().max(900).optional(),
  references: z.array(z.string().max(900)).max(50).optional(),
  /** ISO 8601; default: now. */
  date: z.iso.datetime({ offset: true }).optional(),
  headers: z.record(headerName, z.string().max(5_000)).optional(),
  attachments: z
    .array(
      z.strictObject({
        fileName: z.string().min(1).max(200),
        contentType: z.string().max(200).optional(),
        base64: z.base64().max(20_000_000),
      }),
    )
    .max(50)
    .optional(),
});
export type Composition = z.infer<typeof composition>;

export interface Composed {
  readonly raw: Uint8Array;
  /** With angle brackets. */
  readonly messageId: string;
  /** The author's address. */
  readonly author: string;
}

/**
 * The whole message with CRLF line ends, MIME where it needs to be.
 *
 * @param fresh - twelve octets for a Message-ID that was never there, when none is told
 */
export async function composeAs(
  mail: Composition,
  { now, fresh }: { now: Date; fresh: Uint8Array },
): Promise<Composed> {
  const from = typeof mail.from === "string" ? { address: mail.from } : mail.from;
  const messageId = mail.messageId ?? freshMessageId(from.address, fresh);
  const { default: MailComposer } = await import("nodemailer/lib/mail-composer");
  const composer = new MailComposer({
    from: { name: oneLine(from.name ?? ""), address: from.address },
    to: [...mail.to],
    ...(mail.cc && { cc: [...mail.cc] }),
    ...(mail.replyTo !== undefined && { replyTo: mail.replyTo }),
    subject: oneLine(mail.subject ?? ""),
    text: mail.text ?? "",
    ...(mail.html !== undefined && { html: mail.html }),
    messageId,
    date: mail.date === undefined ? now : new Date(mail.date),
    ...(mail.inReplyTo !== undefined && { inReplyTo: mail.inReplyTo }),
    ...(mail.references && { references: [...mail.references] }),
    headers: Object.entries(mail.headers ?? {}).map(([key, value]) => ({ key, value: oneLine(value) })),
    attachments: (mail.attachments ?? []).map(({ fileName, contentType, base64 }) => ({
      filename: fileName,
      ...(contentType !== undefined && { contentType: oneLine(contentType) }),
      content: Buffer.from(base64, "base64"),
    })),
    newline: "windows",
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return { raw: await composer.compile().build(), messageId, author: from.address };
}

/** Never drawn before: a repeated Message-ID of the same text would end as a transport duplicate. */
export function freshMessageId(author: string, fresh: Uint8Array): string {
  const domain = /@([a-z0-9.-]+)$/i.exec(author)?.[1] ?? "localhost.invalid";
  return `<play.${Buffer.from(fresh).toString("hex")}@${domain}>`;
}

const oneLine = (text: string) => text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim();
