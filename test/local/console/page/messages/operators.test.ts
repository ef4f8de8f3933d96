import { expect, test } from "vitest";
import { operators, suggest } from "../../../../../local/console/page/messages/operators.ts";
import { parseQuery } from "../../../../../local/search/parse-query.ts";

const taken = (search: string, streams: readonly string[] = []) => suggest(search, streams).map((one) => one.search);

test.for<[string, string, string[]]>([
  ["the beginning of an operator", "fr", ["from:"]],
  ["behind other words", "broken door su", ["broken door subject:"]],
  ["what must not be", "-ha", ["-has:attachment "]],
  ["an operator's values", "is:", ["is:failed ", "is:quarantined ", "is:done ", "is:open "]],
  ["the beginning of a value", "nature:auto", ["nature:auto-reply "]],
  ["a value that is whole", "is:done", []],
  ["a word of its own", "door", []],
])("%s: %s", ([, search, expected]) => expect(taken(search)).toEqual(expected));

test("streams are those that are there, and none", () => {
  expect(taken("stream:", ["invoices", "ticket"])).toEqual(["stream:invoices ", "stream:ticket ", "stream:none "]);
});

test("everything that is suggested can be read by the engine", () => {
  for (const { text, values } of operators) {
    for (const value of values ?? (text.endsWith(":") ? ["word"] : [""])) {
      if (text === "after:" || text === "before:" || values || !text.endsWith(":")) {
        expect(() => parseQuery(`${text}${value}`, new Date(0)), text + value).not.toThrow();
      }
    }
  }
});
