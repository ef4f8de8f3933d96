import { normaliseAddress } from "../mail/address.ts";
import { type Header, headerValue } from "../mail/headers.ts";
import type { VerdictStatus, Verdicts } from "../mail/judgement.ts";
import { parseMailboxes } from "../mail/mailboxes.ts";
import type { SesMessageId } from "../ses-message-id.ts";

/** What the header block that SES puts on top of a stored message still tells (ses-receiving.md §4.3). */
export interface SesBlock {
  /** Envelope sender; `""` is the null sender. */
  readonly from: string;
  /** The first recipient of the transaction; the block names no others. */
  readonly recipient: string;
  readonly verdicts: Verdicts;
  /** ISO 8601. */
  readonly receivedAt: string;
}

/**
 * Reads the block: only fields above its own end and the first foreign Received count, and of each only the topmost, since
 * everything below was written by the sender. `undefined` when the topmost Received is not the one SES wrote for this very message.
 */
export function readSesBlock(headers: readonly Header[], sesMessageId: SesMessageId): SesBlock | undefined {
  const block = ownPart(headers);
  const received = headerValue(block, "received") ?? "";
  // from HELO (RDNS [IP]) by inbound-smtp.REGION.amazonaws.com with SMTP id ID for RECIPIENT; DATE
  const match = /\sid ([0-9a-z]{20,64})(?: for ([^;]+))?;([^;]*)$/.exec(received);
  if (match?.[1] !== sesMessageId || match[2] === undefined) return undefined;
  const receivedAt = Date.parse((match[3] ?? "").replace(/\([^()]*\)\s*$/, "").trim());
  if (Number.isNaN(receivedAt)) return undefined;
  return {
    from: (headerValue(block, "return-path") ?? "").trim().replace(/^<(.*)>$/, "$1"),
    recipient: normaliseAddress(match[2]),
    verdicts: readVerdicts(block, authorDomain(headers)),
    receivedAt: new Date(receivedAt).toISOString(),
  };
}

/**
 * The fields above the second Received, whose first is SES's own, and down to the field that SES's block ends with: a
 * mail straight from its author has no other Received, and where a rule scans nothing SES writes no verdicts, so forged
 * ones would be the topmost.
 */
function ownPart(headers: readonly Header[]): readonly Header[] {
  let received = 0;
  const end = headers.findIndex(({ name }) => name.toLowerCase() === "received" && ++received === 2);
  const above = end === -1 ? headers : headers.slice(0, end);
  const last = above.findIndex(({ name }) => name.toLowerCase() === "x-ses-dkim-signature");
  return last === -1 ? above : above.slice(0, last + 1);
}

function readVerdicts(block: readonly Header[], author: string | undefined): Verdicts {
  const results = headerValue(block, "authentication-results") ?? "";
  // A mail that never passed another server has no foreign Received: then the sender's own fields are in `block` too, but
  // below SES's, and only the topmost is read. Where SES wrote none, a forged one must not take its place.
  const trusted = /^\s*amazonses\.com\s*;/i.test(results) ? results : "";
  const spf = /\bspf=([a-z]+)/i.exec(trusted)?.[1]?.toLowerCase();
  const dmarc = /\bdmarc=([a-z]+)/i.exec(trusted)?.[1]?.toLowerCase();
  return {
    spam: scanned(headerValue(block, "x-ses-spam-verdict")),
    virus: scanned(headerValue(block, "x-ses-virus-verdict")),
    spf: spfVerdicts[spf ?? ""] ?? "PROCESSING_FAILED",
    dkim: dkimVerdict(trusted, author),
    dmarc: dmarcVerdicts[dmarc ?? ""] ?? "PROCESSING_FAILED",
  };
}

/** Without the field no scan was asked for. */
function scanned(value: string | undefined): VerdictStatus {
  const word = value?.trim().toUpperCase();
  if (word === undefined) return "DISABLED";
  return word === "PASS" || word === "FAIL" || word === "GRAY" ? word : "PROCESSING_FAILED";
}

// ses-receiving.md §4.1.
const spfVerdicts: Readonly<Record<string, VerdictStatus>> = {
  pass: "PASS",
  fail: "FAIL",
  softfail: "GRAY",
  neutral: "GRAY",
  none: "GRAY",
};
const dmarcVerdicts: Readonly<Record<string, VerdictStatus>> = { pass: "PASS", fail: "FAIL", none: "GRAY" };

/** One clause a signature; a valid one counts only when its domain is the author's, above it or below it. */
function dkimVerdict(results: string, author: string | undefined): VerdictStatus {
  const clauses = [...results.matchAll(/\bdkim=([a-z]+)(?:\s+header\.i=[^\s;@]*@([^\s;]+))?/gi)];
  if (clauses.length === 0) return "GRAY";
  const passed = clauses.filter((clause) => clause[1]?.toLowerCase() === "pass");
  const aligned = passed.some((clause) => {
    const domain = clause[2]?.toLowerCase();
    if (domain === undefined || author === undefined || !domain.includes(".")) return false;
    return domain === author || author.endsWith(`.${domain}`) || domain.endsWith(`.${author}`);
  });
  if (aligned) return "PASS";
  // `policy` is a signature that is valid, and too weak to count.
  if (passed.length > 0 || clauses.some((clause) => clause[1]?.toLowerCase() === "policy")) return "GRAY";
  return clauses.some((clause) => clause[1]?.toLowerCase() === "fail") ? "FAIL" : "PROCESSING_FAILED";
}

function authorDomain(headers: readonly Header[]): string | undefined {
  const address = parseMailboxes(headerValue(headers, "from"))[0]?.address;
  return address?.includes("@") ? address.slice(address.lastIndexOf("@") + 1).toLowerCase() : undefined;
}

/** What SES wrote in Authentication-Results on top of this message; `""` where it wrote none. */
export function sesResults(headers: readonly Header[]): string {
  const results = headerValue(ownPart(headers), "authentication-results") ?? "";
  return /^\s*amazonses\.com\s*;/i.test(results) ? results : "";
}
