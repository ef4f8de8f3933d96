import type { Header } from "./headers.ts";

/** A mailbox as a header names it. `address` is `""` when the header held a name only; the name is decoded. */
export interface Mailbox {
  readonly name: string;
  readonly address: string;
}

export interface Defect {
  /** Stable, kebab-case: `base64-garbage`, `charset-undeclared`, `boundary-not-closed` … */
  readonly code: string;
  readonly detail: string;
}

/** Where the charset of a text came from: the label, the octets themselves, or nowhere (some octets were replaced). */
export interface CharsetDecision {
  /** As written, `undefined` when the part declares none. */
  readonly declared?: string;
  /** The WHATWG name that decoded the octets. */
  readonly used: string;
  readonly how: "declared" | "sniffed" | "replaced";
}

/** A leaf that is no text of the message: a file, an embedded message, a signature, a report. */
export interface Attachment {
  /** Safe to create in a folder: no path, no control character, at most 200 octets. Never empty. */
  readonly fileName: string;
  /** Lower case `type/subtype`, as declared. */
  readonly contentType: string;
  /** Octets after the transfer encoding is undone. */
  readonly sizeBytes: number;
  /** Hex, of those octets. */
  readonly sha256: string;
  /** Shown inside the text: `Content-Disposition: inline`, or an HTML part refers to its Content-ID. */
  readonly inline: boolean;
  /** Without angle brackets. */
  readonly contentId?: string;
  /** What a reader must know before opening it. */
  readonly kind: "file" | "message" | "report" | "signature" | "encrypted" | "tnef";
  /** Index into `ParsedMail.parts`. */
  readonly part: number;
}

/** One MIME entity, containers included, in the order of the message. */
export interface MailPart {
  /** `1`, `1.2` … as IMAP numbers them (RFC 9051 §6.4.5); the whole message is `""`. */
  readonly path: string;
  readonly contentType: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly disposition?: "inline" | "attachment";
  readonly headers: readonly Header[];
  readonly sizeBytes: number;
  readonly charset?: CharsetDecision;
  /** Decoded text of `text/*` and of report parts (`message/delivery-status` …), cut at the limits. */
  readonly text?: string;
  /** The header section of an embedded message (`message/rfc822`, `text/rfc822-headers`, `message/global`). */
  readonly embedded?: readonly Header[];
  /** What that message holds, read to a depth of five messages inside each other. */
  readonly embeddedMail?: EmbeddedMail;
}

/** A message inside a message. The whole of it is the attachment. */
export interface EmbeddedMail {
  readonly author?: Mailbox;
  readonly subject?: string;
  readonly messageId?: string;
  readonly date?: string;
  /** Its beginning, at most 65,536 characters. */
  readonly text: string;
  /** `part` counts the parts of the embedded message. */
  readonly attachments: readonly Attachment[];
  /** Messages in this one, in their order. */
  readonly embedded: readonly EmbeddedMail[];
}

export interface ParsedMail {
  readonly headers: readonly Header[];
  /** The first mailbox of `From:`; forgeable. */
  readonly author?: Mailbox;
  readonly to: readonly Mailbox[];
  readonly cc: readonly Mailbox[];
  readonly replyTo: readonly Mailbox[];
  readonly subject?: string;
  /** ISO 8601, when the Date header could be read. */
  readonly date?: string;
  /** With angle brackets, as the sender wrote it. */
  readonly messageId?: string;
  readonly inReplyTo: readonly string[];
  readonly references: readonly string[];
  /** The identifier inside the angle brackets (RFC 2919). */
  readonly listId?: string;
  readonly autoSubmitted?: string;
  /** Always there; made from the HTML when the author sent no plain text. LF line ends. */
  readonly text: string;
  readonly html?: string;
  readonly attachments: readonly Attachment[];
  readonly parts: readonly MailPart[];
  readonly defects: readonly Defect[];
  /** Limits that the message went over, in words. Not empty: suspicious, and what was beyond them is only in the raw message. */
  readonly exceeded: readonly string[];
}
