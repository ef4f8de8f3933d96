import type { Header } from "../mail/headers.ts";
import type { VerdictStatus } from "../mail/judgement.ts";
import type { Authentication, DkimFinding } from "./authentication.ts";
import { formatReceivedDate } from "./dates.ts";
import type { ReceiptSigner } from "./receipt-signer.ts";
import { spfComment } from "./spf-comment.ts";

export interface HeaderBlockInput {
  readonly sesMessageId: string;
  readonly region: string;
  readonly client: {
    readonly helo: string;
    /** Name that the client's address resolves to, when there is one. */
    readonly rdns?: string;
    readonly ip: string;
  };
  /** Envelope sender without angle brackets; `""` is the null sender. */
  readonly envelopeFrom: string;
  /** The first accepted recipient, for the `for` clause. */
  readonly recipient: string;
  readonly receivedAt: Date;
  readonly authentication: Authentication;
  /** The scanners' verdicts; `undefined` when the rule that runs has scanning off: then the two headers are missing. */
  readonly scan: { readonly spam: VerdictStatus; readonly virus: VerdictStatus } | undefined;
}

/**
 * The headers that SES puts in front of every message it stores or publishes (ses-receiving.md §4.3), to the byte, CRLF at
 * the end; the original first header follows directly. What clients say of themselves (HELO, sender, domains) is
 * reduced to one line of printable text.
 *
 * @param sign - makes the two opaque headers; `createReceiptSigner` makes well-formed ones
 */
export function buildHeaderBlock(input: HeaderBlockInput, sign: ReceiptSigner): Uint8Array {
  const { authentication, scan } = input;
  const spf = spfClause(input);
  const { receipt, dkimSignature } = sign({
    sesMessageId: input.sesMessageId,
    region: input.region,
    recipient: input.recipient,
    signedAt: input.receivedAt,
  });
  const lines = [
    `Return-Path: <${oneLine(input.envelopeFrom)}>`,
    ...receivedLines(input),
    ...(scan ? [`X-SES-Spam-Verdict: ${scan.spam}`, `X-SES-Virus-Verdict: ${scan.virus}`] : []),
    `Received-SPF: ${spf}`,
    "Authentication-Results: amazonses.com;",
    ` spf=${spf}`,
    ...authentication.dkim.map(dkimClause),
    dmarcClause(authentication.dmarc),
    `X-SES-RECEIPT: ${receipt}`,
    `X-SES-DKIM-SIGNATURE: ${dkimSignature}`,
  ];
  return encodeLines(lines);
}

/** What AddHeader actions added, as bytes to stand directly behind the block, in the order of the actions. */
export function buildAddedHeaders(headers: readonly Header[]): Uint8Array {
  return encodeLines(headers.map(({ name, value }) => `${name}: ${value.replace(/[\r\n\0]+/g, " ")}`));
}

function receivedLines({ client, region, sesMessageId, recipient, receivedAt }: HeaderBlockInput): string[] {
  const helo = printable(client.helo);
  const ip = printable(client.ip);
  const known = client.rdns === undefined || client.rdns === "" ? `[${ip}]` : `${printable(client.rdns)} [${ip}]`;
  return [
    `Received: from ${helo} (${known})`,
    ` by inbound-smtp.${region}.amazonaws.com with SMTP id ${sesMessageId}`,
    ` for ${printable(recipient)};`,
    ` ${formatReceivedDate(receivedAt)}`,
  ];
}

function spfClause({ authentication, client, envelopeFrom }: HeaderBlockInput): string {
  const { result, domain } = authentication.spf;
  const ip = printable(client.ip);
  const helo = printable(client.helo);
  // RFC 7208 §2.4: for the null sender the identity checked is postmaster at the HELO name.
  const sender = envelopeFrom === "" ? `postmaster@${helo}` : printable(envelopeFrom);
  const comment = spfComment(result, printable(domain), ip);
  return `${result} (spfCheck: ${comment}) client-ip=${ip}; envelope-from=${sender}; helo=${helo};`;
}

function dkimClause({ result, domain, weak }: DkimFinding): string {
  // RFC 8601 §2.7.1: valid, and not acceptable here. Whoever reads the block must not take it for a pass.
  const word = weak ? "policy" : result;
  return domain === "" ? ` dkim=${word};` : ` dkim=${word} header.i=@${printable(domain)};`;
}

function dmarcClause({ result, domain }: Authentication["dmarc"]): string {
  return domain === "" ? ` dmarc=${result};` : ` dmarc=${result} header.from=${printable(domain)};`;
}

// RFC 5321 §4.5.3.1.3 allows a path of 256 octets, a domain of 255; quoted local parts may double.
const maxPrintable = 512;

/** One line, whatever was said: controls and line separators would forge headers. */
function oneLine(text: string): string {
  return text
    .slice(0, maxPrintable)
    .toWellFormed()
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, "?");
}

/**
 * One word. HELO `a; dkim=pass header.i=@bank.example`, or a quoted local part like it, would otherwise read as clauses of
 * Authentication-Results.
 */
function printable(text: string): string {
  return oneLine(text).replace(/[\s;()<>]/g, "?");
}

function encodeLines(lines: readonly string[]): Uint8Array {
  return new TextEncoder().encode(lines.map((line) => `${line}\r\n`).join(""));
}
