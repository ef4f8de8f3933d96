import { attributionIntros, attributionOpeners, quotingIntros, wroteWords } from "./attribution-words.ts";
import { matchable } from "./source-lines.ts";

export type AttributionStrength = "strong" | "needs-quote";

// Only asked whether there is one: with a counted local part a long word costs its square.
export const address = /[^\s<>()[\]"',;:]@[^\s<>()[\]"',;:]/u;
const numericDate = /(?<!\d)\d{1,4}\s?[./\-\u5e74\ub144]\s?\d{1,2}\s?[./\-\u6708\uc6d4]\s?\d{1,4}(?!\d)/u;
export const timeOfDay = /(?<!\d)\d{1,2}\s?[:.h\u6642\u65f6\uc2dc]\s?\d{2}(?!\d)/u;
const year = /(?<!\d)(?:19|20|25)\d{2}(?!\d)/u;
const dayNumber = /(?<!\d)\d{1,2}(?!\d)/u;
const wrote = new RegExp(
  `(?:(?<![\\p{L}\\p{M}])(?:${wroteWords.spaced.join("|")})(?![\\p{L}\\p{M}])|(?:${wroteWords.unspaced.join("|")}))`,
  "giu",
);
const intro = new RegExp(
  `^(?:${attributionIntros.spaced.join("|")})(?![\\p{L}\\p{M}])|^(?:${attributionIntros.unspaced.join("|")})`,
  "iu",
);
const opener = new RegExp(`^(?:${attributionOpeners.join("|")})(?![\\p{L}\\p{M}])`, "iu");
const quoting = new RegExp(`^(?:${quotingIntros.join("|")}) \\S.{0,160}[:\\uff1a]\\s*$`, "iu");
const bracketedAddress = /[<([][^\s<>()[\]]{0,80}@[^\s<>()[\]]{1,200}[>)\]]/u;
const quotedName = /^.{0,60}["\u201e\u201c]\p{Lu}[^"\u201c\u201d]{2,60}["\u201c\u201d]/u;
// An address at the end, in brackets or not: what a client without any verb prints.
const endsWithAddress = /(?:[>)\]"']|@[^\s<>()[\]]{3,200})\s*[:\uff1a]\s*$/u;
const trailingColon = /[:\uff1a]\s*$/u;

/**
 * Whether a text (one line, or a few joined) is what a client puts over a quotation: "On … wrote:" in many languages,
 * in any order of date, person and verb, or Gmail's "date person <address>:". Linear in the text's length.
 *
 * @returns "strong" when it stands for itself, "needs-quote" when only a quotation right below makes it one
 */
export function attributionStrength(text: string): AttributionStrength | undefined {
  if (text.length > 500) return undefined;
  const dashed = /^-{2,}\s?(.+?)\s?-{2,}:?$/u.exec(text);
  const body = dashed?.[1] ?? text;
  const verb = lastVerb(body);
  const colon = trailingColon.test(body);
  const hasAddress = address.test(body);
  if (verb === undefined && !colon) return datedPerson(body, hasAddress);
  const hasDate = isDated(body);
  if (quoting.test(body)) return hasAddress ? "strong" : "needs-quote";
  if (verb === undefined) {
    // Gmail until 2016, Yandex, Mail.ru, Tutanota: a date, a person and an address, then a colon, and no verb at all.
    if (hasDate && hasAddress && endsWithAddress.test(body) && body.length <= 250) return "strong";
    // A verb that we do not know, or that lost its letters: the date first, an address in brackets or a name in quotes.
    const named = bracketedAddress.test(body) || quotedName.test(body);
    return isDated(body.slice(0, 60)) && timeOfDay.test(body) && named && body.length <= 200
      ? "needs-quote"
      : undefined;
  }
  const tail = body.slice(verb.end).replace(/[:\uff1a\s.\u2024\u0589-]+$/u, "");
  const closes = colon || tail === "";
  if (!closes || !tailFits(tail)) return undefined;
  if (hasDate && (hasAddress || intro.test(body) || colon || dashed)) return "strong";
  if (hasAddress && colon) return "strong";
  if (dashed) return "strong";
  return (colon || intro.test(body)) && body.length <= 120 ? "needs-quote" : undefined;
}

// Gmail's "2016-03-03 17:21 GMT+01:00 Ann", whose colon got lost, and other lines of only a date and a person.
function datedPerson(text: string, hasAddress: boolean): AttributionStrength | undefined {
  if (text.length > 120) return undefined;
  if (/^\d{4}-\d{2}-\d{2} \d{1,2}:\d{2} GMT[+-]\d{2}:\d{2} \p{L}/u.test(text)) return "strong";
  return hasAddress && /^\d/u.test(text) && /[>)]$/u.test(text) && isDated(text) ? "needs-quote" : undefined;
}

/** Whether a line can be the first of an attribution: it opens with a known word ("On", "Le", "Am"), a date or a day. */
export function opensAttribution(text: string): boolean {
  return (intro.test(text) && isDated(text)) || /^[("'*\s]*\d/u.test(text);
}

const youWrote =
  /(?<!\p{L})(?:you wrote|you writes|schrieben sie|schriebst du|vous avez écrit|tu as écrit|usted escribió|hai scritto|você escreveu|schreef (?:u|je)|вы писали|ты писал\p{L}?)\s*[:\uff1a]\s*$/iu;

/** "On 26 Nov 2013 you wrote:": needs no hour and no address, for the date and the second person say it. */
export function saysYouWrote(text: string): boolean {
  return text.length <= 120 && year.test(text) && intro.test(text) && youWrote.test(text);
}

/** Whether a line names a date and says "wrote", if nothing closes it: an attribution when a header block goes on below. */
export function tellsWhoWrote(text: string): boolean {
  return text.length <= 300 && intro.test(text) && isDated(text) && lastVerb(text) !== undefined;
}

/** Cheap test that a line may be the last of an attribution. */
export function mayCloseAttribution(text: string): boolean {
  if (trailingColon.test(text) || datedPerson(text, address.test(text)) !== undefined) return true;
  // Asked of every line: most end in letters with which no such verb ends, and the search through all verbs is long.
  const ending = text.replace(tail, "").slice(-endingLength).toLowerCase();
  if (/^[a-z]+$/.test(ending) && ending.length === endingLength && !verbEndings.has(ending)) return false;
  const verb = lastVerb(text);
  return verb !== undefined && text.slice(verb.end).replace(tail, "") === "";
}

const tail = /[\s.:\uff1a\u2024\u0589-]+$/u;
const endingLength = 3;
const verbEndings: ReadonlySet<string> = new Set(wroteWords.spaced.map((word) => word.slice(-endingLength)));

/**
 * Where an attribution starts inside a line whose head is the author's own text ("Fine with me. On 3 May 2024, Ann
 * wrote:"). Only with an opening word that is no day or month, and a date right behind it.
 */
export function attributionInside(text: string): number | undefined {
  if (opensAttribution(matchable(text)) || /^-{2,}/u.test(text)) return undefined;
  for (const match of text.matchAll(/\s(?=\p{Lu})/gu)) {
    const head = text.slice(0, match.index);
    if (address.test(head)) return undefined;
    const rest = text.slice(match.index + 1);
    if (opener.test(rest) && isDated(rest.slice(0, 60)) && attributionStrength(rest) === "strong") {
      // Yahoo draws dashes before it: "… fine.--- On Mon, 4 Mar 2024, Ann wrote:".
      const dashes = head.length - head.replace(/-{2,}$/u, "").length;
      return match.index + 1 - (dashes > 0 ? dashes + 1 : 0);
    }
  }
  return undefined;
}

export function isDated(text: string): boolean {
  return (
    numericDate.test(text) ||
    ((timeOfDay.test(text) || year.test(text)) && dayNumber.test(text.replace(timeOfDay, " ").replace(year, " "))) ||
    (timeOfDay.test(text) && year.test(text))
  );
}

function lastVerb(text: string): { end: number } | undefined {
  let end: number | undefined;
  // Not matchAll: it copies the expression, a long one, for every line.
  wrote.lastIndex = 0;
  while (wrote.test(text)) end = wrote.lastIndex;
  return end === undefined ? undefined : { end };
}

const namePart =
  /^(?:["'(\u201e\u201c\u00ab]?[\p{Lu}\p{Lo}]|\/|-$|&$|(?:von|van|vom|zu|zur|der|den|de|del|della|di|da|do|dos|du|des|la|le|el|al|bin|ben|ten|ter|te|via|und|and|et|y|e)$)/u;

function isName(text: string): boolean {
  const words = text.trim().split(/\s+/u);
  return words.length <= 8 && words.every((word) => namePart.test(word));
}

// Behind the verb may come a date ("schrieb am 3. Mai 2024 um 9:12"), a person ("2024년 … 님이 작성"), or a word or two
// ("wrote the following"); a whole clause means that the verb belongs to a sentence.
function tailFits(tail: string): boolean {
  if (tail === "" || address.test(tail)) return true;
  if (isName(tail)) return true;
  const behind = isDated(tail) ? tail.replace(/^.*\d/u, "") : tail;
  return behind.split(/\s+/u).filter((word) => /\p{L}/u.test(word)).length <= 2;
}
