import { isIPv4 } from "node:net";

/** `127.0.0.2`, or a range `127.0.0.4-127.0.0.7`; `undefined` when it is neither, or not in 127.0.0.0/8 (RFC 5782 §2.1). */
export function parseReturnCode(text: string): { readonly from: number; readonly to: number } | undefined {
  const [from = "", to = from, ...more] = text.split("-").map((part) => part.trim());
  if (more.length > 0 || !isCode(from) || !isCode(to)) return undefined;
  const range = { from: numberOf(from), to: numberOf(to) };
  return range.from <= range.to ? range : undefined;
}

export function codeMatches(code: string, answer: string): boolean {
  const range = parseReturnCode(code);
  if (!range || !isIPv4(answer)) return false;
  const value = numberOf(answer);
  return value >= range.from && value <= range.to;
}

const isCode = (text: string) => isIPv4(text) && text.startsWith("127.");
const numberOf = (text: string) => text.split(".").reduce((value, octet) => value * 256 + Number(octet), 0);
