import { type BounceReason, classifyBounce, hardReasons } from "./dsn-reason.ts";
import { readStage } from "./dsn-stage.ts";
import { createTextAbout, readTextBounce } from "./dsn-text.ts";
import { cleanAddress, type RawRecipient } from "./failed-address.ts";
import { headerValue } from "./headers.ts";
import { quote } from "./mail-facts.ts";
import type { ParsedMail } from "./parsed-mail.ts";
import { behindType, readFieldGroups } from "./report-fields.ts";
import { readSnsNotice } from "./sns-notice.ts";

export interface DsnRecipient {
  /** The address as we sent to it where the report says so (Original-Recipient), else the final one. */
  readonly address: string;
  readonly action: "failed" | "delayed" | "delivered" | "relayed" | "expanded";
  /** Enhanced status (RFC 3463); absent when the report holds none. */
  readonly status?: string;
  readonly kind: "hard" | "soft" | "delayed" | "delivered";
  readonly reason: BounceReason;
  /** What the refusing side said, in one line, cut to 1,000 characters. */
  readonly diagnostic?: string;
}

export interface Dsn {
  /** Message-ID of the mail the report is about, with angle brackets. */
  readonly originalMessageId?: string;
  readonly recipients: readonly DsnRecipient[];
  readonly evidence: readonly string[];
}

const maxRecipients = 1000;

/**
 * Reads a delivery report: the machine part of RFC 3464 when there is one, else the text as mail systems word it.
 * Undefined when neither names a recipient.
 */
export function readDsn(mail: ParsedMail): Dsn | undefined {
  const structured = readStructured(mail);
  const notice = structured.length > 0 ? [] : readSnsNotice(mail.text);
  const raw = structured.length > 0 ? structured : notice.length > 0 ? notice : readTextBounce(mail);
  if (raw.length === 0) return undefined;
  const recipients: DsnRecipient[] = [];
  const seen = new Set<string>();
  const textAbout = createTextAbout(mail, raw.length);
  for (const recipient of raw.slice(0, maxRecipients)) {
    const key = recipient.address.toLowerCase();
    if (seen.has(key)) continue;
    seen.add(key);
    recipients.push(classify(recipient, mail.text, textAbout));
  }
  const embedded = mail.parts.find((part) => part.embedded !== undefined && part.path !== "")?.embedded;
  const messageId =
    (embedded && headerValue(embedded, "message-id")) ??
    /^(?:[>|]|[^\S\n])*message-id:\s*(<[^<>\s]{3,500}>)/im.exec(mail.text.slice(0, 500_000))?.[1] ??
    mail.inReplyTo[0];
  const first = recipients[0] as DsnRecipient;
  return {
    ...(messageId === undefined ? {} : { originalMessageId: messageId.trim() }),
    recipients,
    evidence: [
      quote(
        `${structured.length > 0 ? "Final-Recipient" : "text"}: ${first.address} ${first.action} ${first.status ?? ""}`,
      ),
      ...(first.diagnostic ? [quote(first.diagnostic)] : []),
    ],
  };
}

function readStructured(mail: ParsedMail): RawRecipient[] {
  const recipients: RawRecipient[] = [];
  for (const part of mail.parts) {
    const named = /^message\/(?:global-)?delivery-status$/.test(part.contentType);
    if (part.text === undefined) continue;
    // Some systems write the fields into a part of another type.
    if (!named && !/^(?:final|original)-recipient\s*:/im.test(part.text.slice(0, 50_000))) continue;
    for (const group of readFieldGroups(part.text)) {
      const original = cleanAddress(behindType(group.get("original-recipient")?.[0]));
      const final = cleanAddress(behindType(group.get("final-recipient")?.[0]));
      const address = original?.includes("@") ? original : (final ?? original);
      if (address === undefined || address === "") continue;
      const diagnostic = (group.get("diagnostic-code") ?? []).map((value) => behindType(value) ?? "").join(" ");
      const action = group
        .get("action")?.[0]
        ?.trim()
        .toLowerCase()
        .split(/[\s(;]/)[0];
      const status = /\b[245]\.\d{1,3}\.\d{1,3}\b/.exec(group.get("status")?.[0] ?? "")?.[0];
      recipients.push({ address, ...(action ? { action } : {}), ...(status ? { status } : {}), diagnostic });
    }
    if (recipients.length > 0 && named) break;
  }
  return recipients;
}

function classify(
  { address, action, status, diagnostic }: RawRecipient,
  report: string,
  textAbout: (address: string) => string,
): DsnRecipient {
  // Some reports leave the machine part bare and tell people only.
  const said = diagnostic.trim() === "" ? textAbout(address) : diagnostic;
  const code = tellingStatus(status, said);
  const known = known5(action);
  const reply = /(?:^|[\s:(#"])([45])[0-5]\d(?=[\s:\-#,)]|$)/.exec(said)?.[1];
  const stated = known ?? (code?.startsWith("2") ? "delivered" : "failed");
  const classified = classifyBounce(said, code, readStage(`${said}\n${textAbout(address)}`, report));
  // Google Groups has one text for "there is no such group" and "you may not post to it".
  const reason = /@googlegroups\.com$/i.test(address) && code === undefined ? "policy" : classified;
  const kind =
    stated === "delayed"
      ? "delayed"
      : stated !== "failed"
        ? "delivered"
        : hardReasons.has(reason) && !(code?.startsWith("4") && reply !== "5" && reason !== "host-unknown")
          ? "hard"
          : "soft";
  return {
    address,
    action: stated,
    ...(code === undefined ? {} : { status: code }),
    kind,
    reason,
    ...(said.trim() === "" ? {} : { diagnostic: said.replace(/\s+/g, " ").trim().slice(0, 1000) }),
  };
}

function known5(action: string | undefined): DsnRecipient["action"] | undefined {
  return (["failed", "delayed", "delivered", "relayed", "expanded"] as const).find((known) => known === action);
}

/**
 * The enhanced status that says most. The other side's own code stands behind its reply code, the innermost last; the
 * report's field repeats it, or is the reporting system's summary.
 */
function tellingStatus(field: string | undefined, said: string): string | undefined {
  const codes = [
    ...said
      .slice(0, 4000)
      .matchAll(/(?<![\d.])([45]\d\d)?([ -]\W{0,3}|^\W{0,3}|#)?([245]\.\d{1,3}\.\d{1,3})\b(?![.\d])/g),
  ];
  const answered = codes.filter(([, reply]) => reply !== undefined).map(([, , , code]) => code);
  const inner = answered.findLast((code) => code !== undefined && !/\.0\.0$/.test(code));
  if (inner !== undefined) return inner;
  const first = codes[0]?.[3];
  if (field === undefined) return first;
  return first !== undefined && (/\.0$/.test(field) || /^[45]\.4\.7$/.test(field)) && !/\.0\.0$/.test(first)
    ? first
    : field;
}
