import { type IpAddress, parseIpLiteral } from "./ip-address.ts";

/** RFC 7208 §4.6.2. */
export type Qualifier = "pass" | "fail" | "softfail" | "neutral";

export type Mechanism =
  | { readonly type: "all"; readonly qualifier: Qualifier }
  | { readonly type: "include" | "exists"; readonly qualifier: Qualifier; readonly domain: string }
  | { readonly type: "ptr"; readonly qualifier: Qualifier; readonly domain?: string }
  | {
      readonly type: "a" | "mx";
      readonly qualifier: Qualifier;
      readonly domain?: string;
      readonly prefix4: number;
      readonly prefix6: number;
    }
  | { readonly type: "ip"; readonly qualifier: Qualifier; readonly network: IpAddress; readonly prefix: number };

/** `domain` values are domain-specs: macros are not expanded. */
export interface SpfRecord {
  readonly mechanisms: readonly Mechanism[];
  readonly redirect?: string;
  readonly exp?: string;
}

/** A record that RFC 7208 §12 does not allow: the result is permerror, whatever its other terms say (§4.6). */
export class SpfSyntaxError extends Error {}

const qualifiers: Readonly<Record<string, Qualifier>> = { "+": "pass", "-": "fail", "~": "softfail", "?": "neutral" };

/** Whether a TXT record is an SPF record (RFC 7208 §4.5): the version, then a space or nothing. */
export function isSpfRecord(text: string): boolean {
  return /^v=spf1(?: |$)/i.test(text);
}

/**
 * Reads a whole record; RFC 7208 §4.6 wants every syntax error found before any term is evaluated.
 *
 * @param text - one TXT record, its character-strings joined without a space (§3.3)
 * @throws {SpfSyntaxError}
 */
export function parseSpfRecord(text: string): SpfRecord {
  const mechanisms: Mechanism[] = [];
  let redirect: string | undefined;
  let exp: string | undefined;
  // §4.6.1: terms are separated by spaces only; tabs, line ends and non-ASCII octets end up inside a term and fail there.
  for (const term of text.slice("v=spf1".length).split(" ")) {
    if (term === "") continue;
    const modifier = /^([a-z][a-z0-9\-_.]*)=(.*)$/is.exec(term);
    if (!modifier) {
      mechanisms.push(parseMechanism(term));
      continue;
    }
    const [, name = "", value = ""] = modifier;
    switch (name.toLowerCase()) {
      case "redirect":
        // §6: redirect and exp appear once at most.
        if (redirect !== undefined) throw new SpfSyntaxError("redirect= appears twice");
        redirect = domainSpec(value, term);
        break;
      case "exp":
        if (exp !== undefined) throw new SpfSyntaxError("exp= appears twice");
        exp = domainSpec(value, term);
        break;
      default:
        // §6: unrecognised modifiers are ignored, but must be well formed (§12: macro-string).
        if (!isMacroString(value)) throw new SpfSyntaxError(`"${shown(term)}" is not well formed`);
    }
  }
  return { mechanisms, ...(redirect !== undefined && { redirect }), ...(exp !== undefined && { exp }) };
}

function parseMechanism(term: string): Mechanism {
  const match = /^([+\-~?]?)([a-z][a-z0-9\-_.]*)(.*)$/is.exec(term);
  if (!match) throw new SpfSyntaxError(`"${shown(term)}" is no mechanism`);
  const [, sign = "", name = "", rest = ""] = match;
  const qualifier = qualifiers[sign || "+"] ?? "pass";
  const type = name.toLowerCase();
  switch (type) {
    case "all":
      if (rest !== "") throw new SpfSyntaxError("all takes no argument");
      return { type, qualifier };
    case "include":
    case "exists":
      if (!rest.startsWith(":")) throw new SpfSyntaxError(`${type} needs a domain`);
      return { type, qualifier, domain: domainSpec(rest.slice(1), term) };
    case "ptr":
      if (rest === "") return { type, qualifier };
      if (!rest.startsWith(":")) throw new SpfSyntaxError(`"${shown(term)}" is not well formed`);
      return { type, qualifier, domain: domainSpec(rest.slice(1), term) };
    case "a":
    case "mx": {
      // A domain may hold slashes (macro-string does): only what ends the term is a prefix length.
      const [, domain = "", four, six] = /^(.*?)(?:\/(\d*))?(?:\/\/(\d*))?$/s.exec(rest) ?? [];
      const prefix4 = prefixLength(four, 32, term);
      const prefix6 = prefixLength(six, 128, term);
      if (domain === "") return { type, qualifier, prefix4, prefix6 };
      if (!domain.startsWith(":")) throw new SpfSyntaxError(`"${shown(term)}" is not well formed`);
      return { type, qualifier, domain: domainSpec(domain.slice(1), term), prefix4, prefix6 };
    }
    case "ip4":
    case "ip6": {
      const [, address = "", prefix] = /^:([^/]*)(?:\/(.*))?$/s.exec(rest) ?? [];
      const network = parseIpLiteral(address);
      const octets = type === "ip4" ? 4 : 16;
      if (network?.length !== octets) throw new SpfSyntaxError(`"${shown(term)}" holds no ${type} network`);
      return { type: "ip", qualifier, network, prefix: prefixLength(prefix, octets * 8, term) };
    }
    default:
      throw new SpfSyntaxError(`"${shown(name)}" is no mechanism`);
  }
}

/** §5.6, §12: no leading zeros, no empty number. `undefined`: the whole address. */
function prefixLength(text: string | undefined, max: number, term: string): number {
  if (text === undefined) return max;
  if (!/^(?:0|[1-9]\d{0,2})$/.test(text) || Number(text) > max) {
    throw new SpfSyntaxError(`the prefix length in "${shown(term)}" must be 0 to ${max}`);
  }
  return Number(text);
}

/** §7.1 domain-spec: a macro-string that ends in a macro or in a top label that is no number. */
function domainSpec(text: string, term: string): string {
  if (isMacroString(text) && endsInDomain.test(text.replaceAll(macro, "\0"))) return text;
  throw new SpfSyntaxError(`"${shown(term)}" does not name a domain`);
}

const macro = /%\{[^}]*\}|%[%_-]/g;
const endsInDomain = /(?:\0|\.(?:[a-z0-9]*[a-z][a-z0-9]*|[a-z0-9]+-[a-z0-9-]*[a-z0-9])\.?)$/i;

/** §7.1, without the letters c, r, t, which only explanations may hold. */
function isMacroString(text: string): boolean {
  return /^(?:%\{[slodiphv](?:0*[1-9]\d*)?r?[.\-+,/_=]*\}|%[%_-]|[\x21-\x24\x26-\x7e])*$/i.test(text);
}

/** What of a stranger's record may stand in a message. */
function shown(text: string): string {
  return text.slice(0, 60).replace(/[^\x20-\x7e]/g, "?");
}
