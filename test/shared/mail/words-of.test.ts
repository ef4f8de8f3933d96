import { expect, test } from "vitest";
import { automaticSubject, awaySubject, awayWordsSubject } from "../../../shared/mail/auto-reply-words.ts";
import { bounceSubject } from "../../../shared/mail/bounce-signs.ts";
import { opensSurely, requestSentence, sureRequest, vagueRequest } from "../../../shared/mail/unsubscribe-words.ts";
import { type Words, wordsOf } from "../../../shared/mail/words.ts";
import { fc } from "../../property.ts";

const all: Readonly<Record<string, Words>> = {
  ...{ automaticSubject, awaySubject, awayWordsSubject, bounceSubject },
  ...{ opensSurely, sureRequest, vagueRequest, requestSentence },
};
// Pieces of the words themselves, so that most texts come near to matching.
const textNear = ({ whole }: Words) =>
  fc
    .array(
      fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom(...(whole.source.match(/[a-z' ]{2,}/gi) ?? [])) },
        fc.constantFrom(" ", ": ", ", ", ".", "!", "[", "]", "(", "1", "ks", "K", "S", "a@b.example", "-", "\t"),
        fc.string({ unit: "binary-ascii", maxLength: 3 }),
      ),
      { maxLength: 5 },
    )
    .map((parts) => parts.join(""))
    .map((joined) => (joined.length % 3 === 0 ? joined.toUpperCase() : joined));

test.for(Object.entries(all))("%s says the same of ASCII text with and without Unicode's rules", ([, words]) => {
  const { whole, ascii } = words;
  // Letters outside ASCII that Unicode's rules take for "s" and "k".
  expect(whole.source).not.toMatch(/[\u017f\u212a]/);
  let matched = 0;
  fc.assert(
    fc.property(textNear(words), (one) => {
      const found = whole.exec(one)?.[0];
      if (found !== undefined) matched += 1;
      expect(ascii.exec(one)?.[0]).toBe(found);
    }),
    { numRuns: 5_000 },
  );
  expect(matched).toBeGreaterThan(0);
});

test("text that is not ASCII is looked at with Unicode's rules", () => {
  const words = wordsOf("^[^\\p{L}\\p{N}]*отпишите\\p{L}*$");
  expect(words.test("ОТПИШИТЕСЬ")).toBe(true);
  expect(words.test("жОТПИШИТЕСЬ")).toBe(false);
  // The sign for kelvin is a "k" by Unicode's rules only.
  expect(wordsOf("^ok$").test("o\u212a")).toBe(true);
});
