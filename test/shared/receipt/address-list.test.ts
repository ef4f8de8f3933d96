import { expect, test } from "vitest";
import { splitAddressList } from "../../../shared/receipt/address-list.ts";
import { fc } from "../../property.ts";

test.for<[string, string, [string, string | undefined][]]>([
  [
    "a name with a comma in quotes",
    '"Doe, Ann" <ann@x.example>, b@x.example',
    [
      ['"Doe, Ann" <ann@x.example>', "ann@x.example"],
      ["b@x.example", "b@x.example"],
    ],
  ],
  ["brackets alone", "<ann@x.example>", [["ann@x.example", "ann@x.example"]]],
  ["a comment with a comma", "ann@x.example (work, mostly)", [["ann@x.example (work, mostly)", "ann@x.example"]]],
  ["an escaped quote", '"a\\", b" <ann@x.example>', [['"a\\", b" <ann@x.example>', "ann@x.example"]]],
  ["a quoted local part", '"a, b"@x.example', [['"a, b"@x.example', '"a, b"@x.example']]],
  [
    "a group",
    "Team: a@x.example, B <b@x.example>;",
    [
      ["a@x.example", "a@x.example"],
      ["B <b@x.example>", "b@x.example"],
    ],
  ],
  ["an empty group", "undisclosed-recipients:;", []],
  ["a route", "<@relay.example:ann@x.example>", [["@relay.example:ann@x.example", "ann@x.example"]]],
  ["a name without an address", "Ann", [["Ann", undefined]]],
  ["nothing but commas", " , ,, ", []],
  [
    "nested comments",
    "a@x.example (b (c, d) e), f@x.example",
    [
      ["a@x.example (b (c, d) e)", "a@x.example"],
      ["f@x.example", "f@x.example"],
    ],
  ],
])("%s", ([, value, expected]) => {
  expect(splitAddressList(value).map(({ text, address }) => [text, address])).toEqual(expected);
});

test("open quotes, brackets and comments end with the header; nothing throws, nothing takes long", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'a@,;:<>()"\\ ') }), (value) => {
      for (const { text } of splitAddressList(value)) expect(value).toContain(text);
    }),
  );
  for (const part of ["<", "(", '"', ":", "a@b,", "<a>,", "\\", "(<"]) {
    expect(Array.isArray(splitAddressList(part.repeat(200_000)))).toBe(true);
  }
});
