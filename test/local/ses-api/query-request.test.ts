import { expect, test } from "vitest";
import {
  booleanOf,
  listOf,
  parseQueryRequest,
  structureOf,
  textOf,
  textsOf,
} from "../../../local/ses-api/query-request.ts";

test("reads nested members and lists by their numbers", () => {
  const request = parseQueryRequest(
    "Rule.Name=a%2Bb+c&Rule.R.member.10=z&Rule.R.member.2=y&Rule.R.member.x=no&Rule.On=true",
  );
  const rule = structureOf(request, "Rule");
  expect(rule && [textOf(rule, "Name"), textsOf(rule, "R"), booleanOf(rule, "On")]).toEqual([
    "a+b c",
    ["y", "z"],
    true,
  ]);
});

test("an empty list is there and empty", () => {
  const request = parseQueryRequest("Names=");
  expect([request.members.has("Names"), listOf(request, "Names")]).toEqual([true, []]);
});

test("names of an object's own members are ordinary names", () => {
  const request = parseQueryRequest("__proto__.x=1&constructor=2");
  expect([textOf(request, "constructor"), textOf(request, "toString"), ({} as { x?: string }).x]).toEqual([
    "2",
    undefined,
    undefined,
  ]);
});

test.for([
  ["more than a megabyte", `A=${"x".repeat(1_048_576)}`],
  ["more than 10 000 members", "a&".repeat(10_001)],
  ["a name nested too deeply", `${"a.".repeat(11)}a=1`],
  ["a name too long", `${"a".repeat(201)}=1`],
] as const)("refuses %s", ([, body]) => {
  expect(() => parseQueryRequest(body)).toThrow(expect.objectContaining({ code: "MalformedQueryString" }));
});

test("refuses a boolean that is none", () => {
  expect(() => booleanOf(parseQueryRequest("On=yes"), "On")).toThrow("yes is no boolean");
});
