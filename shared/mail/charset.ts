import type { CharsetDecision } from "./parsed-mail.ts";
import { sniffCharset } from "./sniff-charset.ts";
import { decodeHz, decodeIso2022Kr, decodeUtf7 } from "./stateful-charsets.ts";

/**
 * Decodes octets by their label, and repairs what labels get wrong: a missing or unknown one, UTF-8 or ISO-2022-JP
 * that is called ASCII or Latin 1, and text that is not valid in the charset it names. Never throws.
 *
 * @param label - the charset as declared; WHATWG's labels and what mail adds to them
 */
export function decodeCharset(
  octets: Uint8Array,
  label: string | undefined,
): { text: string; decision: CharsetDecision } {
  const declared = label === undefined ? {} : { declared: label };
  const wanted = encodingOf(label);
  const found = (text: string, used: string, how: CharsetDecision["how"]) => ({
    text,
    decision: { ...declared, used, how },
  });

  const byteOrder = byteOrderMark(octets);
  if (byteOrder)
    return found(
      strict(octets, byteOrder) ?? loose(octets, byteOrder),
      byteOrder,
      wanted === byteOrder ? "declared" : "sniffed",
    );

  const evidence = survey(octets);
  if (wanted === "utf-7") return found(decodeUtf7(octets), "utf-7", "declared");
  if (wanted === "hz-gb-2312") return found(decodeHz(octets), "hz-gb-2312", "declared");
  if (wanted === "iso-2022-kr") return found(decodeIso2022Kr(octets), "iso-2022-kr", "declared");
  if (evidence.iso2022jp && wanted !== "iso-2022-jp") {
    const text = strict(octets, "iso-2022-jp");
    if (text !== undefined) return found(text, "iso-2022-jp", "sniffed");
  }
  if (!evidence.high) {
    const ascii = wanted === undefined || !asciiCompatible.has(wanted) ? wanted : undefined;
    if (ascii !== undefined) return found(strict(octets, ascii) ?? loose(octets, ascii), ascii, "declared");
    return found(
      latin1(octets),
      wanted ?? "us-ascii",
      wanted === undefined && !asciiLabel(label) ? "sniffed" : "declared",
    );
  }

  const utf8 = wanted === "utf-8" || wanted === undefined || singleByte(wanted) ? strict(octets, "utf-8") : undefined;
  if (utf8 !== undefined && wanted === "utf-8") return found(utf8, "utf-8", "declared");
  // Accidental UTF-8 is next to impossible: three pairs suffice for any alphabet, one for Latin 1.
  if (utf8 !== undefined && (wanted === undefined || wanted === "windows-1252" || evidence.highRuns >= 3)) {
    return found(utf8, "utf-8", "sniffed");
  }
  if (wanted !== undefined) {
    const text = strict(octets, wanted);
    if (text !== undefined && !asciiLabel(label)) return found(text, wanted, "declared");
  }
  const sniffed = sniffCharset(octets);
  if (sniffed !== undefined && (wanted === undefined || wanted !== sniffed || asciiLabel(label))) {
    const text = strict(octets, sniffed);
    if (text !== undefined) {
      // A single broken octet in a long text is damage, not another charset: keep what was declared.
      if (wanted === undefined || asciiLabel(label) || damage(octets, wanted) > 0.02)
        return found(text, sniffed, "sniffed");
    }
  }
  const fallback = wanted ?? "utf-8";
  return found(loose(octets, fallback), fallback, "replaced");
}

const aliases: Readonly<Record<string, string>> = {
  "unicode-1-1-utf-7": "utf-7",
  "utf-7": "utf-7",
  utf7: "utf-7",
  "hz-gb-2312": "hz-gb-2312",
  hz: "hz-gb-2312",
  "iso-2022-kr": "iso-2022-kr",
  csiso2022kr: "iso-2022-kr",
  "iso-2022-jp-1": "iso-2022-jp",
  "iso-2022-jp-2": "iso-2022-jp",
  "iso-2022-jp-3": "iso-2022-jp",
  "iso-2022-jp-ms": "iso-2022-jp",
  cp50220: "iso-2022-jp",
  cp50221: "iso-2022-jp",
  cp932: "shift_jis",
  "windows-932": "shift_jis",
  cp936: "gb18030",
  "windows-936": "gb18030",
  cp949: "euc-kr",
  cp950: "big5",
  "big5-eten": "big5",
  "euc-tw": "big5",
  gb2312: "gb18030",
  gbk: "gb18030",
  cp65001: "utf-8",
  "utf-8mb4": "utf-8",
  utf8mb4: "utf-8",
  "8859_1": "windows-1252",
  iso8859_1: "windows-1252",
  "iso-8859_1": "windows-1252",
  ansi: "windows-1252",
  "win-1251": "windows-1251",
  win1251: "windows-1251",
  "iso-8859-8-e": "iso-8859-8",
};

// Labels that tell nothing (RFC 1428 §3, and what gateways write).
const meaningless = new Set([
  "unknown-8bit",
  "x-unknown",
  "unknown",
  "default",
  "x-user-defined",
  "_autodetect_all",
  "none",
  "us-ascii",
  "ascii",
  "ansi_x3.4-1968",
  "iso646-us",
  "7bit",
  "8bit",
  "binary",
]);
const asciiCompatible = { has: (name: string) => name !== "iso-2022-jp" && !name.startsWith("utf-16") };

function asciiLabel(label: string | undefined): boolean {
  return label === undefined || meaningless.has(normalise(label));
}

function normalise(label: string): string {
  return label
    .trim()
    .replace(/^["']+|["']+$/g, "")
    .toLowerCase()
    .slice(0, 60);
}

function encodingOf(label: string | undefined): string | undefined {
  if (label === undefined) return undefined;
  const name = normalise(label);
  if (meaningless.has(name)) return undefined;
  const alias = aliases[name];
  if (alias) return alias;
  for (const candidate of [
    name,
    name.replace(/[_ ]/g, "-"),
    name.replace(/^(?:x-|cs)/, ""),
    name.replace(/^cp-?(\d+)$/, "windows-$1"),
  ]) {
    try {
      const { encoding } = new TextDecoder(candidate);
      return encoding === "gbk" ? "gb18030" : encoding;
    } catch {
      // Not a label WHATWG knows; the next spelling may be one.
    }
  }
  return undefined;
}

function singleByte(encoding: string): boolean {
  return /^(?:windows-|iso-8859|koi8|ibm866|macintosh|x-mac)/.test(encoding);
}

function byteOrderMark(octets: Uint8Array): string | undefined {
  if (octets[0] === 0xef && octets[1] === 0xbb && octets[2] === 0xbf) return "utf-8";
  if (octets[0] === 0xff && octets[1] === 0xfe) return "utf-16le";
  if (octets[0] === 0xfe && octets[1] === 0xff) return "utf-16be";
  return undefined;
}

function survey(octets: Uint8Array): { high: boolean; highRuns: number; iso2022jp: boolean } {
  let highRuns = 0;
  let inside = false;
  let iso2022jp = false;
  for (let at = 0; at < octets.length; at++) {
    const octet = octets[at] as number;
    if (octet >= 0x80 !== inside) {
      inside = !inside;
      if (inside) highRuns++;
    }
    // RFC 1468: ESC $ @ and ESC $ B shift to the two-octet sets.
    if (octet === 0x1b && octets[at + 1] === 0x24 && (octets[at + 2] === 0x40 || octets[at + 2] === 0x42))
      iso2022jp = true;
  }
  return { high: highRuns > 0, highRuns, iso2022jp };
}

function strict(octets: Uint8Array, encoding: string): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(octets);
  } catch {
    return undefined;
  }
}

function loose(octets: Uint8Array, encoding: string): string {
  return new TextDecoder(encoding).decode(octets);
}

function latin1(octets: Uint8Array): string {
  return Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString("latin1");
}

function damage(octets: Uint8Array, encoding: string): number {
  const text = loose(octets.subarray(0, 65_536), encoding);
  let broken = 0;
  let foreign = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0xfffd) broken++;
    else if (code > 0x7f) foreign++;
  }
  return broken / Math.max(1, broken + foreign);
}
