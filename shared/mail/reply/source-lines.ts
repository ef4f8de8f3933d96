/** One line of the rendered message. Offsets count UTF-16 units in the rendered text; `end` lies behind the line break. */
export interface SourceLine {
  readonly start: number;
  readonly end: number;
  /** Levels of quoting: ">" marks in plain text, quoting elements in HTML. 0 is not quoted. */
  readonly depth: number;
  /** What is matched against: marks, bold stars and invisible characters gone, at most `maxMatchedChars` long. */
  readonly content: string;
  /** What the HTML said about the line; "none" in plain text. */
  readonly hint: LineHint;
}

export type LineHint = "none" | "quote-start" | "forward-start" | "signature" | "attribution" | "rule" | "quote-rest";

/** Longer lines are matched by their head only: no client writes a marker longer than this. */
export const maxMatchedChars = 1_000;

// Old readers put the quoted author's initials before the mark: "JD> text".
const quoteMarks = /^[ \t\u00a0]{0,3}(?:[A-Z]{1,3}(?=>[\s>]))?(?:[>\uff1e][ \t]?)+/;
// Zero-width and direction marks (Windows Mail wraps every part of a date in them), soft hyphens, Gmail's tracking mark.
const invisible = /[\u00ad\u061c\u1427\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]/g;
const oddSpace = /[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000\t]/g;

/**
 * Splits text into lines at CRLF, LF or CR, up to the limits; what lies behind them belongs to no line.
 *
 * @param maxChars - characters looked at, at most
 * @param maxLines - lines made, at most
 */
export function splitLines(text: string, maxChars: number, maxLines: number): SourceLine[] {
  const lines: SourceLine[] = [];
  const stop = Math.min(text.length, maxChars);
  let at = 0;
  while (at < stop && lines.length < maxLines) {
    const end = lineEnd(text, at, stop);
    lines.push(plainLine(text, at, end));
    at = end;
  }
  return lines;
}

/** Makes the line of plain text that stands from `start` to `end`. */
export function plainLine(text: string, start: number, end: number): SourceLine {
  const head = text.slice(start, Math.min(end, start + maxMatchedChars));
  const marks = quoteMarks.exec(head)?.[0] ?? "";
  // mbox writers put a ">" before a line that starts with "From ": one mark and no space is no quote.
  const quoted = marks !== "" && !/^>From /.test(head);
  return {
    start,
    end,
    depth: quoted ? countMarks(marks) : 0,
    content: matchable(quoted ? head.slice(marks.length) : head),
    hint: "none",
  };
}

/** The text of a line as the rules compare it. */
export function matchable(text: string): string {
  const clean = text.slice(0, maxMatchedChars).replace(invisible, "").replace(oddSpace, " ").trim();
  return otherDigit.test(clean) ? clean.replace(otherDigits, westernDigit) : clean;
}

// Dates in Arabic, Persian and Hindi mail may have their own digits; full-width ones are Japanese.
const otherDigit = /[\u0660-\u0669\u06f0-\u06f9\u0966-\u096f\uff10-\uff19]/;
const otherDigits = new RegExp(otherDigit, "g");

function westernDigit(digit: string): string {
  const code = digit.charCodeAt(0);
  const zero = [0x660, 0x6f0, 0x966, 0xff10].findLast((start) => code >= start) ?? code;
  return String(code - zero);
}

function lineEnd(text: string, from: number, stop: number): number {
  for (let at = from; at < stop; at++) {
    const code = text.charCodeAt(at);
    if (code === 10) return at + 1;
    if (code === 13) return text.charCodeAt(at + 1) === 10 ? at + 2 : at + 1;
  }
  return stop;
}

function countMarks(marks: string): number {
  let count = 0;
  for (const char of marks) if (char === ">" || char === "\uff1e") count++;
  return count;
}
