export interface MailDraft {
  readonly from: { readonly name?: string; readonly address: string };
  readonly to: readonly string[];
  readonly cc?: readonly string[];
  readonly subject: string;
  readonly text: string;
  /** With angle brackets. */
  readonly messageId: string;
  readonly date: Date;
  /** With angle brackets, the oldest first; the last one is what the mail answers. */
  readonly references?: readonly string[];
  /** Further fields, in their order. */
  readonly headers?: Readonly<Record<string, string>>;
}

// RFC 5322 §2.1.1: a field's line has at most 998 octets; folding keeps to that, and thread views look at the last few.
const maxReferences = 20;

/**
 * The whole message with CRLF line ends. The same draft gives the same octets, so that a mail that is sent again after a
 * crash is the same mail.
 */
export async function composeMail(draft: MailDraft): Promise<Uint8Array> {
  const references = draft.references ?? [];
  // The first one names the thread; of what lies between it and the last ones nobody asks.
  const kept = [...references.slice(0, 1), ...references.slice(1).slice(1 - maxReferences)];
  const parent = references.at(-1);
  const { default: MailComposer } = await import("nodemailer/lib/mail-composer");
  const composer = new MailComposer({
    from: { name: oneLine(draft.from.name ?? ""), address: draft.from.address },
    to: [...draft.to],
    ...(draft.cc !== undefined && draft.cc.length > 0 && { cc: [...draft.cc] }),
    subject: oneLine(draft.subject),
    text: draft.text,
    messageId: draft.messageId,
    date: draft.date,
    ...(kept.length > 0 && { references: kept }),
    ...(parent !== undefined && { inReplyTo: parent }),
    headers: Object.entries(draft.headers ?? {}).map(([key, value]) => ({ key, value: oneLine(value) })),
    newline: "windows",
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return composer.compile().build();
}

/** What strangers wrote may stand in a subject or a name: it must not begin another field (RFC 5322 §2.2). */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ").trim();
}
