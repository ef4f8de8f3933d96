import { daemonAddress } from "./bounce-signs.ts";
import { cleanAddress, type RawRecipient } from "./failed-address.ts";
import { headerValue } from "./headers.ts";
import { parseMailboxes } from "./mailboxes.ts";
import type { ParsedMail } from "./parsed-mail.ts";

const maxLines = 2000;

/**
 * Recipients of a report in free text, as Exim, qmail, Sendmail, Exchange and many gateways write it. There are only a
 * few ways to name a failed address on a line; the lines around it say why.
 */
export function readTextBounce(mail: ParsedMail): RawRecipient[] {
  const lines = reportLines(mail);
  const report = lines.join("\n");
  const delayed =
    /\b(?:will (?:continue|keep|be retried)|still (?:being )?(?:retr|try)|not yet been delivered|delayed|no action is required|warning message only|only a warning|will be (?:re)?tried)\b/i.test(
      `${mail.subject ?? ""}\n${report.slice(0, 3000)}`,
    ) &&
    !/\b(?:giving up|gave up|permanent(?:ly)? (?:fail|error)|returned unsent|has been undeliverable)/i.test(
      report.slice(0, 3000),
    );
  const strangers = notRecipients(mail);

  const failed = parseMailboxes(headerValue(mail.headers, "x-failed-recipients"))
    .map(({ address }) => address)
    .filter((address) => address !== "");
  const named =
    failed.length > 0
      ? failed.map((address) => ({ address, line: lineOf(lines, address) }))
      : namedAddresses(lines, strangers);
  let found = named;
  if (found.length === 0) {
    const embedded = mail.parts.find((part) => part.embedded !== undefined && part.path !== "")?.embedded ?? [];
    const to = headerValue(embedded, "x-original-to") ?? headerValue(embedded, "to") ?? copiedTo(mail.text);
    found = parseMailboxes(to)
      .filter(({ address }) => address.includes("@"))
      .slice(0, 1)
      .map(({ address }) => ({ address, line: -1 }));
  }
  return found.map(({ address, line }, index) => {
    const diagnostic = around(lines, line, found[index + 1]?.line);
    return { address, action: delayed ? "delayed" : "failed", diagnostic };
  });
}

/**
 * Answers what the report's text says about one address. Where it does not name it, the whole text speaks of a single
 * recipient; of several, nobody knows which one it means.
 */
export function createTextAbout(mail: ParsedMail, recipients: number): (address: string) => string {
  const lines = reportLines(mail);
  const firstLine = new Map<string, number>();
  for (const [index, line] of lines.entries()) {
    for (const [address] of line.slice(0, 1000).toLowerCase().matchAll(addressPattern)) {
      if (!firstLine.has(address)) firstLine.set(address, index);
    }
  }
  return (address) => {
    const line = firstLine.get(address.toLowerCase());
    return line === undefined && recipients > 1 ? "" : around(lines, line ?? -1, undefined);
  };
}

/** The text up to the copy of the returned message. */
function reportLines(mail: ParsedMail): string[] {
  const lines = mail.text.slice(0, 400_000).split("\n").slice(0, maxLines);
  const end = lines.findIndex(
    (line, at) =>
      at > 1 &&
      (/^\W{0,6}(?:-{2,}|={2,}|\*{2,}|_{2,})?\W*(?:this is a copy of|below this line is a copy|original (?:message|mail)|the original message|message header|copy of (?:your|the) message|returned message|unsent message|your (?:original )?message (?:follows|reads|headers)|included is a copy|a copy of the (?:message|original)|forwarded message|message headers? follow|the header of the (?:original )?message|header of (?:your|the) message|undelivered message follows|start of (?:message|returned)|original mail|the text of your message|beginning of your message)/i.test(
        line,
      ) ||
        /^(?:received: from|return-path: ?<|received: \(|dkim-signature:)/i.test(line)),
  );
  return end === -1 ? lines : lines.slice(0, end);
}

/** Addresses that appear in reports without having failed: who sent it, who gets it, whom to ask. */
function notRecipients(mail: ParsedMail): Set<string> {
  const known = new Set<string>();
  for (const { address } of [...mail.to, ...mail.cc, ...mail.replyTo, ...(mail.author ? [mail.author] : [])])
    known.add(address.toLowerCase());
  return known;
}

const addressPattern = /[^\s<>()[\]"',;:=]{1,64}@[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?/gi;

// What stands on the line beside the address, by the systems' habits: "<a>:", "a", "  a", "To: a", "<a>... User unknown",
// "550 5.1.1 <a>", "Recipient: [a]", "RCPT TO:<a>", "'a' on 1/1/2020", "a (reason)", "User a not listed".
const naming =
  /^[\s>*•·-]*(?:[<("'[]{1,2})?[^\s<>()[\]"',;:=]{1,64}@[a-z0-9.-]+(?:[>)"'\]]{1,2})?\s*(?:$|[:;,.(]|\.\.\.|\b(?:on|failed|was|has|could|user|unknown|delivery|host|does|not)\b|[-–=]+>?|\[)|\b(?:rcpt to|recipient|to|address|user|mailbox|account|addressee|destination|deliver(?:y|ed)? (?:to|of)|failed|unknown|for|宛先|受信者|收件人|адрес|получател\S*|an|empfänger|destinataire|destinatario)\b\s*(?:address(?:es)?|was|is|to|\(s\))?\s*[:=]?\s*[<("'[]{0,2}[^\s<>()[\]"',;:=]{1,64}@|\b[45]\d\d[ -].*@|[<(][^\s<>()]{1,64}@[^\s<>()]+[>)]/i;
const contact =
  /\b(?:contact|write to|please (?:forward|send|e-?mail|mail)|e-?mail me|for (?:help|assistance|further|more)|questions?|support|postmaster|sent by|mail from|from:|sender|message-id|reply-?to|received:|return-path|envelope-from|originat|your message (?:of|from)|problems? to|report (?:this|problems)|id:)/i;

function namedAddresses(lines: readonly string[], strangers: ReadonlySet<string>): { address: string; line: number }[] {
  const strong: { address: string; line: number }[] = [];
  const weak: { address: string; line: number }[] = [];
  const seen = new Set<string>();
  for (const [index, whole] of lines.entries()) {
    const line = whole.slice(0, 1000);
    if (!line.includes("@")) continue;
    const excluded = (contact.test(line) && !/rcpt to|recipient/i.test(line)) || namesTheMail(lines, index);
    for (const match of line.matchAll(addressPattern)) {
      const address = cleanAddress(match[0]);
      if (address === undefined || !/@[^@]+\.[^@]|@localhost/i.test(address)) continue;
      const key = address.toLowerCase();
      if (seen.has(key) || daemonAddress.test(address)) continue;
      // A bounce of a mail to oneself names its own addressee, in the one form that nobody uses for anything else.
      if ((strangers.has(key) && !/^\s*<[^<>\s]+>:/.test(line)) || excluded) continue;
      seen.add(key);
      (naming.test(line) ? strong : weak).push({ address, line: index });
    }
  }
  return strong.length > 0 ? strong : weak.slice(0, 1);
}

/** Exchange tells first which mail it was: "To:" with "Subject:" and "Sent:" below is the mail's own field. */
function namesTheMail(lines: readonly string[], index: number): boolean {
  return (
    /^\s*(?:to|cc|an|à|para|a):/i.test(lines[index] ?? "") &&
    /^\s*(?:subject|betreff|objet|asunto|oggetto|assunto|onderwerp|ämne|emne):[\s\S]*^\s*(?:did not reach|.{0,60}(?:nicht erreicht|n'a pas pu|no llegó|non ha raggiunto|não chegou))/im.test(
      lines.slice(index + 1, index + 10).join("\n"),
    )
  );
}

function copiedTo(text: string): string | undefined {
  return /^[>|\s]{0,8}to:\s*(.{3,500})$/im.exec(text.slice(0, 400_000))?.[1];
}

function lineOf(lines: readonly string[], address: string): number {
  const wanted = address.toLowerCase();
  return lines.findIndex((line) => line.toLowerCase().includes(wanted));
}

/** The line that names the address and what belongs to it: up to the next address, an empty line ends a reason that has begun. */
function around(lines: readonly string[], line: number, next: number | undefined): string {
  if (line < 0) return lines.join(" ").slice(0, 3000);
  const end = next !== undefined && next > line ? next : Math.min(lines.length, line + 12);
  const after = lines.slice(line, end).join("\n");
  // Sendmail tells the reason in a transcript further down, others before the list of addresses.
  const telling =
    /[45]\d\d[ -]|\b[45]\.\d\.\d|unknown|exist|full|quota|refused|reject|time|invalid|fail|block|spam|denied|not /i;
  const rest = telling.test(after.replace(addressPattern, ""))
    ? ""
    : `\n${lines.slice(Math.max(0, line - 6), line).join("\n")}\n${lines.slice(end, end + 20).join("\n")}`;
  return `${after}${rest}`.slice(0, 3000);
}
