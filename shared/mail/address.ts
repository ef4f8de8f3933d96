import { isIPv4, isIPv6 } from "node:net";
import { domainToASCII } from "node:url";

/** A mailbox as SMTP means it (RFC 5321 §4.1.2). Holding one is proof that it was parsed. */
export interface MailAddress {
  /** Without quotes and backslashes: `"a b"@d` has the local part `a b`. Case as the sender wrote it. */
  readonly localPart: string;
  /** Lower case, A-labels (RFC 5890), no trailing dot; or an address literal `[203.0.113.9]`, `[IPv6:2001:db8::1]`. */
  readonly domain: string;
}

/** MAIL FROM: a mailbox, or the null path `<>` of bounces (RFC 5321 §4.5.5), which is not "no sender". */
export type EnvelopeSender =
  | { readonly kind: "mailbox"; readonly address: MailAddress }
  | { readonly kind: "null-path" };

// RFC 5321 §4.5.3.1.1 allows 64 octets, but bounce addresses that encode the recipient (VERP, SRS) run past it.
const maxLocalPartOctets = 128;
// RFC 5321 §4.5.3.1.2.
const maxDomainOctets = 255;
// A quoted pair takes two characters; nothing longer can pass the limits above.
const maxInputLength = 2 * maxLocalPartOctets + maxDomainOctets + 3;

const atomCharacter = "[!#$%&'*+\\-/0-9=?A-Z^_`a-z{|}~]|[^\\x00-\\x7f]";
const dotString = new RegExp(`^(?:${atomCharacter})+(?:\\.(?:${atomCharacter})+)*$`, "u");
// RFC 5321 §4.1.2 QcontentSMTP, and RFC 6531 §3.3 for what is not ASCII.
const quotedString = /^"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|[^\x00-\x7f]|\\[\x20-\x7e])*"$/u;
// Controls, lone surrogates and line separators are in no address, quoted or not: they only serve to forge lines.
const forbidden = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;
// Letters, digits and hyphens, and the underscore that RFC 5321 forbids but real sending hosts have.
const label = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
// Such labels already, which is how most domains come: nothing about them has to be changed.
const plainDomain = new RegExp(`^${label.source.slice(1, -1)}(?:\\.${label.source.slice(1, -1)})*$`);

/**
 * Reads `local-part@domain` without angle brackets, comments or display name; `undefined` for anything else. Local
 * parts may be quoted and may hold UTF-8 (RFC 6531); whether SMTPUTF8 is on is the caller's question.
 */
export function parseMailAddress(input: string): MailAddress | undefined {
  if (input.length > maxInputLength || forbidden.test(input)) return undefined;
  // The last "@" splits, because a quoted local part may hold one: "a@b"@example.com.
  const at = input.lastIndexOf("@");
  if (at < 1) return undefined;
  const localPart = parseLocalPart(input.slice(0, at));
  const domain = parseDomain(input.slice(at + 1));
  return localPart === undefined || domain === undefined ? undefined : { localPart, domain };
}

/** The address as it stands in an SMTP path: quotes only where the local part needs them. */
export function formatMailAddress({ localPart, domain }: MailAddress): string {
  const local = dotString.test(localPart) ? localPart : `"${localPart.replace(/["\\]/g, "\\$&")}"`;
  return `${local}@${domain}`;
}

/**
 * Reads the path of MAIL FROM, with or without angle brackets; `""` and `<>` are the null path. A source route
 * (`<@relay.example:ann@sender.example>`) is accepted and dropped, as RFC 5321 §4.1.1.3 asks.
 */
export function parseEnvelopeSender(path: string): EnvelopeSender | undefined {
  const inner = unbracket(path);
  if (inner === "") return { kind: "null-path" };
  const address = inner === undefined ? undefined : parseMailAddress(inner);
  return address && { kind: "mailbox", address };
}

/** Reads the path of RCPT TO, with or without angle brackets and source route. */
export function parseForwardPath(path: string): MailAddress | undefined {
  const inner = unbracket(path);
  return inner === undefined ? undefined : parseMailAddress(inner);
}

/** Without angle brackets; the null path is `""`. */
export function formatEnvelopeSender(sender: EnvelopeSender): string {
  return sender.kind === "null-path" ? "" : formatMailAddress(sender.address);
}

/**
 * One spelling per mailbox: lower case, A-labels, no needless quotes. For ledger keys and address maps. Text that is no
 * address comes back trimmed and in lower case, so that the function is total.
 */
export function normaliseAddress(text: string): string {
  const trimmed = text.trim();
  const address = parseForwardPath(trimmed);
  return address ? formatMailAddress(foldCase(address)) : foldAscii(trimmed);
}

/** The address with its local part in lower case; domains always are. */
export function foldCase({ localPart, domain }: MailAddress): MailAddress {
  return { localPart: foldAscii(localPart), domain };
}

/** A domain in lower case as A-labels without trailing dot, or an address literal; `undefined` if it is neither. */
export function parseDomain(input: string): string | undefined {
  if (input.length <= maxDomainOctets && plainDomain.test(input)) return input;
  if (input.startsWith("[")) return parseAddressLiteral(input);
  // ASCII names do not go through the URL standard's host parser, which would turn "123" into an IPv4 address.
  const ascii = /^[\x00-\x7f]*$/.test(input) ? foldAscii(input) : domainToASCII(input);
  const domain = ascii.endsWith(".") ? ascii.slice(0, -1) : ascii;
  if (domain.length === 0 || domain.length > maxDomainOctets) return undefined;
  return domain.split(".").every((part) => label.test(part)) ? domain : undefined;
}

function parseLocalPart(text: string): string | undefined {
  const localPart = dotString.test(text)
    ? text
    : quotedString.test(text)
      ? text.slice(1, -1).replace(/\\(.)/gu, "$1")
      : undefined;
  return localPart !== undefined && Buffer.byteLength(localPart) <= maxLocalPartOctets ? localPart : undefined;
}

/** RFC 5321 §4.1.3. The general form `[tag:content]` has no registered tag but IPv6. */
function parseAddressLiteral(text: string): string | undefined {
  if (!text.endsWith("]")) return undefined;
  const inner = text.slice(1, -1);
  if (isIPv4(inner)) return text;
  if (!/^ipv6:/i.test(inner)) return undefined;
  const ip = inner.slice(5);
  return isIPv6(ip) && !ip.includes("%") ? `[IPv6:${ip.toLowerCase()}]` : undefined;
}

/** What stands between the angle brackets, without source route; `undefined` when brackets do not pair. */
function unbracket(path: string): string | undefined {
  if (path.length > 4 * maxInputLength) return undefined;
  const opened = path.startsWith("<");
  if (opened !== path.endsWith(">")) return undefined;
  const inner = opened ? path.slice(1, -1) : path;
  if (!inner.startsWith("@")) return inner;
  const colon = inner.indexOf(":");
  const hops = colon === -1 ? [] : inner.slice(0, colon).split(",");
  const route = hops.length > 0 && hops.every((hop) => hop.startsWith("@") && parseDomain(hop.slice(1)) !== undefined);
  return route ? inner.slice(colon + 1) : undefined;
}

/** ASCII only: full Unicode folding would make KELVIN SIGN an "k" and two mailboxes one. */
function foldAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
