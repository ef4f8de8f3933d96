import { MailweirError } from "../../shared/errors.ts";
import type { Nature } from "../../shared/mail/judgement.ts";

/** One condition of a search; all of them must hold. */
export type Condition = { readonly negated: boolean } & (
  | {
      readonly kind: "words";
      /** Where the words stand; `all`: anywhere. */
      readonly field: "all" | "from" | "to" | "subject";
      /** Words next to each other. */
      readonly words: readonly string[];
      /** The last word is a beginning. */
      readonly beginning: boolean;
    }
  | { readonly kind: "attachment" }
  /** `none`: recipients without a stream. */
  | { readonly kind: "stream"; readonly stream: string }
  | { readonly kind: "nature"; readonly nature: Nature }
  | { readonly kind: "state"; readonly state: SearchState }
  | { readonly kind: "verdict"; readonly check: VerdictCheck | "any"; readonly status: string }
  /** Milliseconds since the epoch; from `from` on, before `to`. */
  | { readonly kind: "received"; readonly from: number; readonly to: number }
);

export const searchStates = ["failed", "quarantined", "done", "open"] as const;
export type SearchState = (typeof searchStates)[number];

export const verdictChecks = ["spf", "dkim", "dmarc", "spam", "virus"] as const;
export type VerdictCheck = (typeof verdictChecks)[number];

const verdictStatuses = ["PASS", "FAIL", "GRAY", "PROCESSING_FAILED", "DISABLED"];
export const natures = [
  "human",
  "bounce",
  "complaint",
  "auto-reply",
  "mdn",
  "list",
  "unsubscribe-request",
  "machine",
] as const satisfies readonly Nature[];

const filters = ["from", "to", "subject", "stream", "nature", "is", "has", "verdict", "before", "after"] as const;

/** A search that cannot be understood; `position` and `length` say where, in characters. */
export class SearchSyntaxError extends MailweirError {
  readonly code = "ERR_SEARCH_SYNTAX";
  readonly retryable = false;
  readonly position: number;
  readonly length: number;
  constructor(what: string, { position, length }: Span) {
    super(`At character ${position + 1}: ${what}`);
    this.position = position;
    this.length = length;
  }
}

interface Span {
  readonly position: number;
  readonly length: number;
}

// A search is typed, not generated.
const maxCharacters = 1_000;
const maxConditions = 30;
const dayMs = 86_400_000;

/**
 * Reads a search: words and "phrases" anywhere, `filter:value`, `-` in front of what must not be. Words are whole words;
 * `word*` is a beginning.
 *
 * @throws {SearchSyntaxError}
 */
export function parseQuery(text: string, now: Date): readonly Condition[] {
  if (text.length > maxCharacters) {
    throw new SearchSyntaxError(`a search has at most ${maxCharacters} characters`, span(maxCharacters, text.length));
  }
  const conditions: Condition[] = [];
  // Group by group: minus, filter, then a phrase or a word.
  const token = /\s*(-?)(?:([A-Za-z]+):(?!\/\/))?(?:"([^"]*)("|$)(\*?)|(\S*))/gy;
  while (token.lastIndex < text.length) {
    const start = token.lastIndex;
    const match = token.exec(text);
    if (!match || match[0].trim() === "") break;
    const [whole, minus = "", name, phrase, closing, star, bare = ""] = match;
    const position = start + whole.length - whole.trimStart().length;
    const where = span(position, start + whole.length);
    if (phrase !== undefined && closing === "")
      throw new SearchSyntaxError('this quotation has no end: add a "', where);
    if (conditions.length >= maxConditions) {
      throw new SearchSyntaxError(`a search has at most ${maxConditions} conditions`, where);
    }
    const value = phrase ?? bare;
    const rest = { negated: minus === "-", where, now };
    conditions.push(
      name === undefined
        ? words("all", value, { ...rest, beginning: phrase === undefined ? /\*$/.test(bare) : star === "*" })
        : filtered(name, value, { ...rest, beginning: phrase === undefined ? /\*$/.test(bare) : star === "*" }),
    );
  }
  return conditions;
}

interface Given {
  readonly negated: boolean;
  readonly beginning: boolean;
  readonly where: Span;
  readonly now: Date;
}

function filtered(name: string, value: string, given: Given): Condition {
  const { negated, where, now } = given;
  const filter = filters.find((known) => known === name.toLowerCase());
  if (filter === undefined) {
    throw new SearchSyntaxError(
      `there is no filter "${name}:", there are ${filters.join(":, ")}:; to look for the text itself, quote it`,
      where,
    );
  }
  if (value === "") throw new SearchSyntaxError(`"${filter}:" needs a value right behind it`, where);
  const wrong = (expected: string) => new SearchSyntaxError(`"${filter}:${value}": expected ${expected}`, where);
  const lower = value.toLowerCase();
  switch (filter) {
    case "from":
    case "to":
    case "subject":
      return words(filter, value, given);
    case "stream":
      return { kind: "stream", negated, stream: value };
    case "nature": {
      const nature = natures.find((known) => known === lower);
      if (!nature) throw wrong(natures.join(", "));
      return { kind: "nature", negated, nature };
    }
    case "is": {
      const state = searchStates.find((known) => known === lower);
      if (!state) throw wrong(searchStates.join(", "));
      return { kind: "state", negated, state };
    }
    case "has":
      if (lower !== "attachment") throw wrong("attachment");
      return { kind: "attachment", negated };
    case "verdict": {
      // `fail`, `spf` (which failed), `spf=pass`.
      const [left = "", right] = lower.split("=");
      const check = verdictChecks.find((known) => known === left);
      const status = (right ?? (check ? "fail" : left)).toUpperCase().replaceAll("-", "_");
      if ((right !== undefined && !check) || !verdictStatuses.includes(status)) {
        throw wrong(
          `${verdictChecks.join(", ")} with =pass, =fail, =gray, =processing_failed or =disabled, or fail alone`,
        );
      }
      return { kind: "verdict", negated, check: check ?? "any", status };
    }
    case "before":
    case "after": {
      const at = instant(value, now);
      if (at === undefined) throw wrong("a day (2026-08-04), a time (2026-08-04T09:15:00Z) or an age (12h, 7d)");
      return filter === "before"
        ? { kind: "received", negated, from: Number.MIN_SAFE_INTEGER, to: at }
        : { kind: "received", negated, from: at, to: Number.MAX_SAFE_INTEGER };
    }
  }
}

function words(
  field: "all" | "from" | "to" | "subject",
  value: string,
  { negated, beginning, where }: Given,
): Condition {
  const found = wordsOf(value);
  if (found.length === 0) throw new SearchSyntaxError(`"${value}" holds no letter or digit to look for`, where);
  if (beginning && (found.at(-1)?.length ?? 0) < 2) {
    throw new SearchSyntaxError("a beginning needs two letters or more in front of its *", where);
  }
  return { kind: "words", negated, field, words: found, beginning };
}

/** As the index splits text: letters and digits; scripts that write no spaces character by character. */
export function wordsOf(text: string): string[] {
  return separated(text).match(/[\p{L}\p{N}\p{Co}\p{M}]+/gu) ?? [];
}

/** Puts spaces around the characters of scripts that have none between words, so that a part of a sentence can be found. */
export function separated(text: string): string {
  return text.replace(
    /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/gu,
    " $& ",
  );
}

function instant(value: string, now: Date): number | undefined {
  const age = /^(\d{1,5})([hdw])$/i.exec(value);
  if (age) {
    const unit = { h: 3_600_000, d: dayMs, w: 7 * dayMs }[(age[2] ?? "d").toLowerCase()] ?? dayMs;
    return now.getTime() - Number(age[1]) * unit;
  }
  if (!/^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})?)?$/i.test(value))
    return undefined;
  // Without a zone it is UTC, as everything else here is.
  const at = Date.parse(/T/i.test(value) && !/(?:Z|[+-]\d{2}:\d{2})$/i.test(value) ? `${value}Z` : value);
  return Number.isNaN(at) ? undefined : at;
}

function span(position: number, end: number): Span {
  return { position, length: Math.max(1, end - position) };
}
