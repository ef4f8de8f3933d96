import { expect, test } from "vitest";
import { type Condition, parseQuery, SearchSyntaxError, wordsOf } from "../../../local/search/parse-query.ts";

const now = new Date("2026-08-04T12:00:00Z");
const day = Date.parse("2026-08-04T00:00:00Z");
const words = (field: string, ...list: string[]) => ({ kind: "words", field, words: list, negated: false });

test.for<[string, readonly Partial<Condition>[]]>([
  ["", []],
  ["   ", []],
  ["broken  door", [words("all", "broken"), words("all", "door")] as never],
  ['"broken door"', [words("all", "broken", "door")] as never],
  ["-spam", [{ ...words("all", "spam"), negated: true }] as never],
  ["invoi*", [{ ...words("all", "invoi"), beginning: true }] as never],
  ['subject:"re: open door"', [words("subject", "re", "open", "door")] as never],
  ["from:ann@sender.example", [words("from", "ann", "sender", "example")] as never],
  ["FROM:ann -to:bob", [words("from", "ann"), { ...words("to", "bob"), negated: true }] as never],
  ["stream:ticket nature:auto-reply is:failed", [{ stream: "ticket" }, { nature: "auto-reply" }, { state: "failed" }]],
  ["has:attachment -has:attachment", [{ kind: "attachment" }, { kind: "attachment", negated: true }]],
  ["verdict:fail", [{ kind: "verdict", check: "any", status: "FAIL" }]],
  ["verdict:spf", [{ kind: "verdict", check: "spf", status: "FAIL" }]],
  ["verdict:dkim=processing-failed", [{ kind: "verdict", check: "dkim", status: "PROCESSING_FAILED" }]],
  ["after:2026-08-04", [{ kind: "received", from: day }]],
  ["before:2026-08-04T02:00+02:00", [{ kind: "received", to: day }]],
  ["after:12h", [{ kind: "received", from: day }]],
  ["https://shop.example/x", [words("all", "https", "shop", "example", "x")] as never],
  ["12:30", [words("all", "12", "30")] as never],
  ["東京", [words("all", "東", "京")] as never],
])("%s", ([query, expected]) => expect(parseQuery(query, now)).toMatchObject(expected));

test.for<[string, number, number, RegExp]>([
  ["door colour:red", 5, 10, /no filter "colour:"/],
  ["door is:open is:lost", 13, 7, /failed, quarantined, done, open/],
  ['a "b c', 2, 4, /no end/],
  ["from: ann", 0, 5, /right behind it/],
  ["nature:robot", 0, 12, /human, bounce/],
  ["before:yesterday", 0, 16, /2026-08-04/],
  ["before:2026-02-31x", 0, 18, /a day/],
  ["verdict:spf=maybe", 0, 17, /spf, dkim/],
  ["verdict:pass=spf", 0, 16, /spf, dkim/],
  ["door w*", 5, 2, /two letters/],
  ["x !!!", 2, 3, /no letter or digit/],
  ["x ".repeat(31), 60, 1, /at most 30/],
  ["x".repeat(1_001), 1_000, 1, /at most 1000/],
])("%s is wrong at %i", ([query, position, length, message]) => {
  let caught: unknown;
  try {
    parseQuery(query, now);
  } catch (error) {
    caught = error;
  }
  expect(caught).toBeInstanceOf(SearchSyntaxError);
  expect(caught).toMatchObject({ position, length, message: expect.stringMatching(message) });
});

test("words are split as the index splits them", () => {
  expect(wordsOf("Ann <ann.b@sender.example> says: café_au 12,5")).toEqual(
    "Ann ann b sender example says café au 12 5".split(" "),
  );
});
