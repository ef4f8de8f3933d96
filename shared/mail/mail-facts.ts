import { parseStructuredValue, type StructuredValue } from "./content-type.ts";
import { decodeWords } from "./encoded-words.ts";
import type { Header } from "./headers.ts";
import { parseMailboxes } from "./mailboxes.ts";
import type { Mailbox, ParsedMail } from "./parsed-mail.ts";

/** What every rule about a message's nature looks at, read once. */
export interface MailFacts {
  /** Envelope sender; `""` is the null sender (RFC 5321 §4.5.5). */
  readonly envelopeFrom: string;
  readonly recipients: readonly string[];
  readonly authors: readonly Mailbox[];
  readonly subject: string;
  readonly contentType: StructuredValue;
  /** The first value of that header; the name in lower case. */
  header(name: string): string | undefined;
  /** The first header of that name, in lower case, as it was written. */
  field(name: string): Header | undefined;
  /** Those of the names, in lower case, that there is a header of. */
  present(names: readonly string[]): readonly string[];
  /** Names, in lower case, that more than one header has. */
  readonly repeated: ReadonlySet<string>;
  readonly headers: readonly Header[];
  readonly body?: ParsedMail;
}

export interface FactsInput {
  readonly headers: readonly Header[];
  readonly envelopeFrom: string;
  readonly recipients: readonly string[];
  readonly body?: ParsedMail;
}

// Nearly all names are written in one of few ways, and a look-up is cheaper than new text.
const lowerCase: ReadonlyMap<string, string> = new Map(
  [
    ...[
      "Return-Path",
      "Received",
      "X-SES-Spam-Verdict",
      "X-SES-Virus-Verdict",
      "Received-SPF",
      "Authentication-Results",
    ],
    ...["X-SES-RECEIPT", "X-SES-DKIM-SIGNATURE", "DKIM-Signature", "From", "To", "Cc", "Subject", "Date", "Message-ID"],
    ...["MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Reply-To", "Sender", "In-Reply-To", "References"],
    ...[
      "List-Id",
      "List-Unsubscribe",
      "List-Unsubscribe-Post",
      "Precedence",
      "Auto-Submitted",
      "X-Mailer",
      "User-Agent",
    ],
  ].map((name) => [name, name.toLowerCase()]),
);

export function readFacts({ headers, envelopeFrom, recipients, body }: FactsInput): MailFacts {
  const first = new Map<string, Header>();
  let repeated: Set<string> | undefined;
  // From the last one to the first, which stays.
  for (let at = headers.length - 1; at >= 0; at -= 1) {
    const header = headers[at] as Header;
    const key = lowerCase.get(header.name) ?? header.name.toLowerCase();
    const before = first.size;
    first.set(key, header);
    if (first.size === before) repeated = (repeated ?? new Set()).add(key);
  }
  return {
    envelopeFrom,
    recipients,
    // The parsed body repairs raw octets in headers, which an event has already lost.
    authors: parseMailboxes(first.get("from")?.value),
    subject: oneLine(body?.subject ?? decodeWords(first.get("subject")?.value ?? "")).slice(0, 1000),
    contentType: parseStructuredValue(first.get("content-type")?.value ?? "text/plain"),
    header: (name) => first.get(name)?.value,
    field: (name) => first.get(name),
    present: (names) => namesIn(first, names),
    repeated: repeated ?? noNames,
    headers,
    ...(body === undefined ? {} : { body }),
  };
}

const none: readonly string[] = [];
const noNames: ReadonlySet<string> = new Set();

function namesIn(headers: ReadonlyMap<string, Header>, names: readonly string[]): readonly string[] {
  for (const name of names) if (headers.has(name)) return names.filter((one) => headers.has(one));
  return none;
}

/** A header quoted as evidence, cut to 200 characters. */
export function quoteHeader(facts: MailFacts, name: string): string {
  const header = facts.field(name);
  const value = name === "subject" ? facts.subject : (header?.value ?? "");
  return quote(`${header?.name ?? name}: ${value}`);
}

export function quote(line: string): string {
  const folded = oneLine(line);
  return folded.length > 200 ? `${folded.slice(0, 199)}…` : folded;
}

/** Each run of white space as one space, none at the ends. Most lines are so already, and looking is cheaper than writing. */
function oneLine(text: string): string {
  return (/\s\s|[^\S ]/.test(text) ? text.replace(/\s+/g, " ") : text).trim();
}
