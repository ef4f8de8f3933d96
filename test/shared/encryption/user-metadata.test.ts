import { expect, test } from "vitest";
import { decodeMetadataValue, readUserMetadata } from "../../../shared/encryption/user-metadata.ts";

test("names lose their prefix and their case, values keep theirs", () => {
  const metadata = readUserMetadata({ "X-Amz-Meta-X-Amz-IV": "AbC=", "x-amz-matdesc": "{}", Colour: "Blue" });
  expect([...metadata]).toEqual([
    ["x-amz-iv", "AbC="],
    ["x-amz-matdesc", "{}"],
    ["colour", "Blue"],
  ]);
});

test("one name in two spellings is fine while both say the same", () => {
  expect(readUserMetadata({ "x-amz-iv": "A", "X-AMZ-META-X-AMZ-IV": "A" }).get("x-amz-iv")).toBe("A");
  expect(() => readUserMetadata({ "x-amz-iv": "A", "X-AMZ-META-X-AMZ-IV": "B" })).toThrow("twice");
});

test.for<[string, string, string]>([
  ["ASCII stays", '{"a":"b"}', '{"a":"b"}'],
  [
    "UTF-8 that S3 took for Latin-1, in base64",
    `=?UTF-8?B?${twice('{"n":"größe"}').toString("base64")}?=`,
    '{"n":"größe"}',
  ],
  ["the same in quoted form", "=?UTF-8?Q?gr=C3=83=C2=B6=C3=83=C2=9Fe_1?=", "größe 1"],
  ["an encoded word amid ASCII", '{"n":"=?utf-8?q?=C3=83=C2=A9?="}', '{"n":"é"}'],
  ["two words, the fold between them dropped", "=?UTF-8?Q?=C3=83=C2=A9?= =?UTF-8?Q?=C3=83=C2=A9?=", "éé"],
  ["a character cut in two by the fold", "=?UTF-8?Q?=C3=83?= =?UTF-8?Q?=C2=A9?=", "é"],
  ["UTF-8 encoded once stays what it says", "=?UTF-8?Q?=C3=A9?=", "é"],
  ["letters beyond Latin-1 stay", "=?UTF-8?Q?=E2=9C=93?=", "✓"],
  ["what only looks like a word stays", "=?x?=", "=?x?="],
])("%s", ([, value, expected]) => expect(decodeMetadataValue(value)).toBe(expected));

function twice(text: string): Buffer {
  return Buffer.from(Buffer.from(text, "utf8").toString("latin1"), "utf8");
}
