import { domainToUnicode } from "node:url";
import { normaliseAddress, parseMailAddress } from "../mail/address.ts";

/** Finds one address in text, in every form that it is written in. */
export interface AddressPattern {
  /** Normalised. */
  readonly address: string;
  /** Without case; what is not in a text in lower case cannot hold the address. */
  readonly needle: string;
  isIn(text: string): boolean;
  /** The text with every occurrence replaced by what `by` answers for it. */
  replace(text: string, by: (found: string, at: number) => string): string;
}

/**
 * The address itself, its form in a link (`%40`), with the domain in Unicode, and in the local part of another address
 * (`bounces+ann=example.org@…`, as VERP and SRS write it). Not as the end or the beginning of a longer address.
 *
 * @returns `undefined` when the text is no address
 */
export function addressPattern(text: string): AddressPattern | undefined {
  const address = normaliseAddress(text);
  const parsed = parseMailAddress(address);
  if (!parsed) return undefined;
  const { localPart, domain } = parsed;
  const domains = [...new Set([domain, domainToUnicode(domain) || domain])].map(quoted).join("|");
  // A quote, a colon or "email=" may stand in front of an address; a letter or a dot would be part of it.
  const begin = "(?:(?<![\\p{L}\\p{N}._+-])|(?<=%[0-9a-f]{2}))";
  const end = "(?![\\p{L}\\p{N}-]|\\.[\\p{L}\\p{N}])";
  const plain = `${begin}${quoted(localPart)}(?:@|%40)(?:${domains})${end}`;
  // SRS0=HHH=TT=example.org=ann@relay.example (forwarded mail's envelope) names domain and local part the other way round.
  const inside = `(?<![\\p{L}\\p{N}.])${quoted(localPart)}=(?:${domains})(?=@)|(?<==)(?:${domains})=${quoted(localPart)}(?=@)`;
  const pattern = new RegExp(`${plain}|${inside}`, "giu");
  return {
    address,
    needle: localPart.toLowerCase(),
    isIn(haystack) {
      pattern.lastIndex = 0;
      return pattern.test(haystack);
    },
    replace: (haystack, by) => haystack.replace(pattern, by),
  };
}

const quoted = (text: string) =>
  text.replace(/[\\^$.*+?()[\]{}|/-]/g, (sign) => `\\u{${sign.charCodeAt(0).toString(16)}}`);
