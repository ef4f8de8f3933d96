import { expect, test } from "vitest";
import { mayCloseAttribution } from "../../../../shared/mail/reply/attribution.ts";
import { wroteWords } from "../../../../shared/mail/reply/attribution-words.ts";
import { forwardedMessageWords, originalMessageWords } from "../../../../shared/mail/reply/separator-words.ts";
import { separatorOf } from "../../../../shared/mail/reply/separators.ts";

// Both look at a line's end or beginning first: no word of theirs may be turned away by that.

test("every verb closes an attribution, in capitals and over dots too", () => {
  const verbs = wroteWords.spaced.map((word) => word.replaceAll("\\", ""));
  // The shorter form of the same verb is found first, and what is behind it is no end.
  const found = verbs.filter((verb) => !mayCloseAttribution(`On 3 May 2024 Ann Example ${verb}`));
  expect(found).toEqual(["geschrieben haben", "написали(а)", "כתב/ה"]);
  const inAscii = verbs.filter((verb) => /^[a-z ]+$/.test(verb) && !verb.endsWith(" haben"));
  expect(inAscii.length).toBeGreaterThan(20);
  expect(inAscii.filter((verb) => !mayCloseAttribution(`Ann Example ${verb.toUpperCase()} ..`))).toEqual([]);
});

test("a line that ends with other letters closes none", () => {
  for (const line of ["we rewrote", "she has sentiments", "they wrote it", "nothing"]) {
    expect(mayCloseAttribution(line)).toBe(false);
  }
});

test("the words of every client open what stands over a header block", () => {
  // Capitals of Turkish are not those of this machine's language.
  const spellings = (words: string) => (words.includes("ı") ? [words] : [words, words.toUpperCase()]);
  const unknown = (words: readonly string[], kind: "original" | "forward") =>
    words.filter((each) => spellings(each).some((line) => separatorOf(line, "block") !== kind));
  expect(unknown(originalMessageWords, "original")).toEqual(
    originalMessageWords.filter((words) => forwardedMessageWords.includes(words)),
  );
  expect(unknown(forwardedMessageWords, "forward")).toEqual([]);
  expect(separatorOf("Originally a message", "block")).toBe(undefined);
});
