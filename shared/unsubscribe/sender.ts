import { MailweirError } from "../errors.ts";
import { formatMailAddress, normaliseAddress, parseDomain, parseMailAddress } from "../mail/address.ts";
import type { KeyRing, Secret } from "../tokens/key-ring.ts";
import { createTokens, tokenIn } from "../tokens/tokens.ts";
import { createLinks, type OpenedLink } from "./link.ts";
import { everything, parseListId } from "./list-id.ts";
import { createPersonOf } from "./person.ts";
import { type ReadToken, readUnsubscribeToken, writeUnsubscribeToken } from "./unsubscribe-token.ts";

// The sender's side, for any Node program: this file and what it imports need nothing but Node.

export interface UnsubscriberOptions {
  /** One secret (the line in `keys/tokens.key`), or a ring. A single secret is the key with id `a`. */
  readonly secret: Secret | KeyRing;
  /** Where requests by mail go, an address of the unsubscribe stream: `unsubscribe@example.com`. */
  readonly mailto: string;
  /** Address of the one-click page: `https://mail.example.com/u`. Without it there is no one-click (RFC 8058). */
  readonly url?: string;
  /** Where bounces go, an address of yours that takes labels: `bounce@example.com`. For `envelopeSenderFor`. */
  readonly bounces?: string;
  /** Long list ids that tokens shall name when they are read. */
  readonly lists?: readonly string[];
}

export interface Recipient {
  readonly address: string;
  /** The list's id, or `*` when there is only one kind of mail. Lower-case letters, digits, `.`, `_`, `-`; at most 63. */
  readonly list: string;
  /** What people call the list; for List-Id. */
  readonly listName?: string;
}

export interface Unsubscriber {
  /** The headers to add to a mail for one recipient. Sign List-Unsubscribe and List-Unsubscribe-Post with DKIM (RFC 8058 §4). */
  headersFor(recipient: Recipient): Readonly<Record<string, string>>;
  /** A MAIL FROM that tells whose mail bounced (VERP), in place of the plain bounce address. */
  envelopeSenderFor(recipient: Recipient): string;
  /** Reads a token, or an address that holds one behind its `+`. Default purpose `unsubscribe`. */
  verify(text: string, options?: { readonly purpose?: "unsubscribe" | "bounce"; readonly now?: Date }): ReadToken;
  /** Reads the HTTPS link, or what stands behind its last slash. */
  openLink(link: string, options?: { readonly now?: Date }): OpenedLink;
  /** The keyed hash by which the suppression list knows this address. */
  personOf(address: string): string;
}

export class UnsubscribeHeaderError extends MailweirError {
  readonly code = "ERR_UNSUBSCRIBE_HEADER";
  readonly retryable = false;
}

/**
 * Writes the unsubscribe headers of RFC 2369, RFC 8058 and RFC 2919, and reads back what they hold.
 *
 * @throws {KeyRingError} the secret cannot be used
 * @throws {UnsubscribeHeaderError} an address or the URL cannot be used
 */
export function createUnsubscriber(options: UnsubscriberOptions): Unsubscriber {
  const { secret, url, lists = [] } = options;
  const ring: KeyRing =
    typeof secret === "string" || secret instanceof Uint8Array ? { keys: [{ id: "a", secret }] } : secret;
  const tokens = createTokens(ring);
  const links = createLinks(ring);
  const personOf = createPersonOf(ring);
  const mailto = labelled(options.mailto, "mailto");
  const bounces = options.bounces === undefined ? undefined : labelled(options.bounces, "bounces");
  const page = url === undefined ? undefined : checkPage(url);

  return {
    headersFor(recipient) {
      const { address, list } = checkRecipient(recipient);
      const token = writeUnsubscribeToken(tokens, "unsubscribe", { person: personOf(address), list });
      const mail = `<mailto:${mailto.with(token)}?subject=unsubscribe>`;
      return {
        // RFC 2369 §2: the first one that a client can use is taken.
        "List-Unsubscribe": page === undefined ? mail : `<${page}${links.seal({ address, list })}>, ${mail}`,
        ...(page !== undefined && { "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" }),
        ...(list !== everything && { "List-Id": formatListId(recipient.listName, list, mailto.domain) }),
      };
    },
    envelopeSenderFor(recipient) {
      if (bounces === undefined) {
        throw new UnsubscribeHeaderError("Name the address that takes bounces: createUnsubscriber({ bounces, … })");
      }
      const { address, list } = checkRecipient(recipient);
      return bounces.with(writeUnsubscribeToken(tokens, "bounce", { person: personOf(address), list }));
    },
    verify: (text, { purpose = "unsubscribe", now = new Date() } = {}) =>
      readUnsubscribeToken(tokens, purpose, text.includes("@") ? (tokenIn(text) ?? "") : text, now, lists),
    openLink: (link, { now = new Date() } = {}) => links.open(link.slice(link.lastIndexOf("/") + 1), now),
    personOf: (address) => personOf(address),
  };
}

const tokenOctets = 51;

/** An address of ours, to which a token is added behind a `+`. */
function labelled(text: string, option: string) {
  const address = parseMailAddress(text);
  // RFC 6068 §2 would have other characters escaped, and relays are not to be trusted with them.
  if (address === undefined || !/^[A-Za-z0-9._-]+$/.test(address.localPart)) {
    throw new UnsubscribeHeaderError(`${option}: "${text}" is no plain address such as unsubscribe@example.com`);
  }
  const { localPart, domain } = address;
  if (localPart.length + 1 + tokenOctets > 64) {
    throw new UnsubscribeHeaderError(
      `${option}: "${localPart}" leaves no room for a token in a local part of 64 octets; use at most 12 characters`,
    );
  }
  return { domain, with: (token: string) => formatMailAddress({ localPart: `${localPart}+${token}`, domain }) };
}

function checkPage(url: string): string {
  // Not URL.parse: senders' programs may run on Node 20, which has none.
  const parsed = URL.canParse(url) ? new URL(url) : null;
  // RFC 8058 §3.1 wants HTTPS; without it only this machine may be meant, for development.
  const fits =
    parsed !== null &&
    (parsed.protocol === "https:" ||
      (parsed.protocol === "http:" && /^(?:localhost|127\.|\[::1\])/.test(parsed.hostname)));
  if (!fits || parsed.search !== "" || parsed.hash !== "" || parsed.username !== "" || parsed.password !== "") {
    throw new UnsubscribeHeaderError(
      `url: "${url}" is no address for the one-click page: an https URL without query, such as https://mail.example.com/u`,
    );
  }
  return parsed.href.endsWith("/") ? parsed.href : `${parsed.href}/`;
}

function checkRecipient({ address, list }: Recipient): { readonly address: string; readonly list: string } {
  const id = parseListId(list);
  if (parseMailAddress(address) === undefined) {
    throw new UnsubscribeHeaderError("address: this is no mail address, so nobody could be unsubscribed by it");
  }
  if (id === undefined) {
    throw new UnsubscribeHeaderError(
      `list: "${list}" cannot be a list's id: use letters, digits, ".", "_", "-", at most 63, or "*" for all mail`,
    );
  }
  return { address: normaliseAddress(address), list: id };
}

/** RFC 2919 §3; the name in quotes, or as an encoded word (RFC 2047) when it is not ASCII. */
function formatListId(name: string | undefined, list: string, domain: string): string {
  // RFC 2919 §2 allows only dots to part the label from its domain, and "_" is in no host name.
  const id = `<${list.replaceAll("_", "-")}.${parseDomain(domain) ?? domain}>`;
  const clean = (name ?? "")
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ")
    .trim()
    .slice(0, 60);
  if (clean === "") return id;
  if (/^[\x20-\x7e]*$/.test(clean)) return `"${clean.replace(/["\\]/g, "\\$&")}" ${id}`;
  return `${encodedWords(clean)} ${id}`;
}

/** RFC 2047 §2: an encoded word has at most 75 characters, and holds whole characters. */
function encodedWords(text: string): string {
  const words: string[] = [];
  let word = "";
  for (const character of text.toWellFormed()) {
    if (Buffer.byteLength(word + character) > 45) {
      words.push(word);
      word = "";
    }
    word += character;
  }
  return [...words, word].map((part) => `=?UTF-8?B?${Buffer.from(part).toString("base64")}?=`).join(" ");
}
