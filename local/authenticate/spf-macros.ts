import { dottedAddress, formatAddress, type IpAddress } from "./ip-address.ts";

/** What the macro letters of RFC 7208 §7.2 stand for. */
export interface MacroValues {
  readonly ip: IpAddress;
  /** `<sender>` with a local part: `postmaster@…` for a null sender. */
  readonly sender: string;
  /** `<domain>`: changes inside include and redirect, where `sender` stays. */
  readonly domain: string;
  readonly helo: string;
  /** `%{r}`: who checks. */
  readonly receiver: string;
  /** `%{p}`: the validated name, or `unknown`. */
  readonly validatedName: string;
  readonly now: Date;
}

/**
 * Expands a macro-string or explain-string (RFC 7208 §7). Letters in upper case are URL-escaped.
 *
 * @returns `undefined` when a "%" begins no macro: only explanations can still hold such an error, records were checked
 */
export function expandMacros(text: string, values: MacroValues): string | undefined {
  let out = "";
  for (let at = 0; at < text.length; ) {
    const percent = text.indexOf("%", at);
    if (percent === -1) return out + text.slice(at);
    out += text.slice(at, percent);
    const match = macro.exec(text.slice(percent, percent + 128));
    if (!match) return undefined;
    out += match[1] === undefined ? literals[match[0]] : expand(match, values);
    at = percent + match[0].length;
  }
  return out;
}

/** Whether expansion needs the validated name, which costs DNS questions. */
export function needsValidatedName(text: string): boolean {
  return /%\{p/i.test(text);
}

const macro = /^%(?:\{([slodiphcrtv])(0*[1-9]\d*)?(r)?([.\-+,/_=]*)\}|[%_-])/i;
const literals: Readonly<Record<string, string>> = { "%%": "%", "%_": " ", "%-": "%20" };

function expand([, letter = "", digits, reversed, delimiters]: RegExpExecArray, values: MacroValues): string {
  let value = macroValue(letter.toLowerCase(), values);
  if (digits !== undefined || reversed !== undefined || delimiters) {
    const separators = new Set(delimiters || ".");
    const parts = [""];
    for (const char of value) {
      if (separators.has(char)) parts.push("");
      else parts[parts.length - 1] += char;
    }
    if (reversed !== undefined) parts.reverse();
    value = (digits === undefined ? parts : parts.slice(-Number(digits))).join(".");
  }
  // §7.3: unreserved characters of RFC 3986 stay; encodeURIComponent leaves five more.
  if (letter >= "a") return value;
  const percent = (char: string) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(value.toWellFormed()).replace(/[!'()*]/g, percent);
}

function macroValue(letter: string, values: MacroValues): string {
  const at = values.sender.lastIndexOf("@");
  switch (letter) {
    case "s":
      return values.sender;
    case "l":
      return values.sender.slice(0, at);
    case "o":
      return values.sender.slice(at + 1);
    case "d":
      return values.domain;
    case "i":
      return dottedAddress(values.ip);
    case "p":
      return values.validatedName;
    case "h":
      return values.helo;
    case "c":
      return formatAddress(values.ip);
    case "r":
      return values.receiver;
    case "t":
      return String(Math.floor(values.now.getTime() / 1000));
    default:
      return values.ip.length === 4 ? "in-addr" : "ip6";
  }
}
