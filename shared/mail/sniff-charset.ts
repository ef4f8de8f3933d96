const sampleOctets = 65_536;

/**
 * Guesses the charset of octets that are not ASCII and not UTF-8. Undefined when nothing fits better than chance.
 * Two observations do most of the work: in languages with a Latin alphabet the octets above 0x7F stand alone between
 * ASCII letters, in all others they stand in runs; and each multi-octet charset has characters nearly every text uses.
 */
export function sniffCharset(all: Uint8Array): string | undefined {
  const octets = all.subarray(0, sampleOctets);
  let high = 0;
  let runs = 0;
  let inside = false;
  for (const octet of octets) {
    if (octet >= 0x80) {
      high++;
      if (!inside) runs++;
    }
    inside = octet >= 0x80;
  }
  if (high === 0) return undefined;
  if (high / runs >= 1.9) {
    const asian = best(asianCandidates.map(([name, score]) => [name, scoreDecoded(octets, name, score)]));
    if (asian) return asian;
    return best(alphabets.map(([name, score]) => [name, scoreDecoded(octets, name, score)])) ?? "windows-1252";
  }
  return latin(octets);
}

type Score = (text: string) => number;

// Share of the characters above ASCII that a text in that charset is full of.
const asianCandidates: readonly (readonly [string, Score])[] = [
  ["shift_jis", (text) => share(text, /[\u3040-\u30ff]/g, 0.25)],
  ["euc-jp", (text) => share(text, /[\u3040-\u30ff]/g, 0.25)],
  ["euc-kr", (text) => share(text, /[\uac00-\ud7a3]/g, 0.7)],
  [
    "gb18030",
    (text) => share(text, /[的一是不了在人有我他这中大来上个们到说国和地也时道出就分发为您你好请谢信件邮主题]/g, 0.06),
  ],
  [
    "big5",
    (text) => share(text, /[的一是不了在人有我他這中大來上個們到說國和地也時道出就分發為您你好請謝信件郵主題]/g, 0.06),
  ],
];

const alphabets: readonly (readonly [string, Score])[] = [
  // Cyrillic prose is mostly lower case: the one of the two maps that says so is right.
  ["windows-1251", (text) => share(text, /[\u0430-\u044f]/g, 0.6)],
  ["koi8-r", (text) => share(text, /[\u0430-\u044f]/g, 0.6)],
  ["iso-8859-5", (text) => share(text, /[\u0430-\u044f]/g, 0.85)],
  ["windows-1253", (text) => share(text, /[\u03ac-\u03ce]/g, 0.6)],
  ["windows-1255", (text) => share(text, /[\u05d0-\u05ea]/g, 0.8)],
  ["windows-1256", (text) => share(text, /[\u0621-\u064a]/g, 0.8)],
  ["windows-874", (text) => share(text, /[\u0e01-\u0e5b]/g, 0.9)],
  // Any Chinese that has none of the frequent characters: short subjects.
  ["gb18030", (text) => share(text, /[\u4e00-\u9fa5\u3000-\u303f\uff00-\uffef]/g, 0.95) * 0.5],
];

function scoreDecoded(octets: Uint8Array, encoding: string, score: Score): number {
  // The sample may end inside a character: the last octets are not held against the charset.
  for (const cut of [0, 1, 2, 3]) {
    try {
      return score(new TextDecoder(encoding, { fatal: true }).decode(octets.subarray(0, octets.length - cut)));
    } catch {
      if (octets.length < sampleOctets) return 0;
    }
  }
  return 0;
}

/** 0 when the share is under `least`, else the share relative to it. */
function share(text: string, pattern: RegExp, least: number): number {
  const foreign = text.match(/[^\x00-\x7f]/g)?.length ?? 0;
  if (foreign === 0) return 0;
  const part = (text.match(pattern)?.length ?? 0) / foreign;
  return part < least ? 0 : part / least;
}

function best(candidates: readonly (readonly [string, number])[]): string | undefined {
  let winner: string | undefined;
  let top = 0;
  for (const [name, score] of candidates) {
    if (score > top) {
      top = score;
      winner = name;
    }
  }
  return winner;
}

/** Western or Central European: the octets that are signs in one map and letters in the other, beside a letter. */
function latin(octets: Uint8Array): string {
  let high = 0;
  let windows1250 = 0;
  let iso88592 = 0;
  for (let at = 0; at < octets.length; at++) {
    const octet = octets[at] as number;
    if (octet < 0x80) continue;
    high++;
    if (!letter(octets[at - 1]) && !letter(octets[at + 1])) continue;
    if ([0x9c, 0x9f, 0xb9, 0xb3, 0xbf, 0x8c, 0x8f, 0xa5, 0xa3].includes(octet)) windows1250++;
    if ([0xb1, 0xb6, 0xbc, 0xb3, 0xbf, 0xa6, 0xac, 0xa1, 0xa3].includes(octet)) iso88592++;
  }
  if (Math.max(windows1250, iso88592) < Math.max(2, high * 0.2)) return "windows-1252";
  return windows1250 >= iso88592 ? "windows-1250" : "iso-8859-2";
}

function letter(octet: number | undefined): boolean {
  return octet !== undefined && (octet | 0x20) >= 0x61 && (octet | 0x20) <= 0x7a;
}
