import { describe, expect, test } from "vitest";
import { decodeCharset } from "../../../shared/mail/charset.ts";
import { parseStructuredValue } from "../../../shared/mail/content-type.ts";
import { decodeWords } from "../../../shared/mail/encoded-words.ts";
import { parseMailboxes } from "../../../shared/mail/mailboxes.ts";

describe("charsets", () => {
  const octets = (hex: string) => Buffer.from(hex, "hex");
  test.for<[string, Buffer, string | undefined, string, string, string]>([
    ["declared", octets("e4f6fc"), "iso-8859-1", "äöü", "windows-1252", "declared"],
    ["UTF-8 that is called Latin 1", Buffer.from("Grüße"), "iso-8859-1", "Grüße", "utf-8", "sniffed"],
    ["UTF-8 without a label", Buffer.from("Grüße"), undefined, "Grüße", "utf-8", "sniffed"],
    ["ISO-2022-JP without a label", octets("1b2442436d4a381b2842"), undefined, "注文", "iso-2022-jp", "sniffed"],
    [
      "GB 18030 without a label",
      octets("c4e3bac3a3acd5e2cac7ced2c3c7b5c4b6a9b5a5a1a3"),
      undefined,
      "你好，这是我们的订单。",
      "gb18030",
      "sniffed",
    ],
    [
      "Windows-1251 without a label",
      octets("cff0e8e2e5f22c20fdf2ee20eff0e8ece5f020f2e5eaf1f2e0"),
      undefined,
      "Привет, это пример текста",
      "windows-1251",
      "sniffed",
    ],
    [
      "Latin letters without a label",
      octets("47 72 fc df 65 20 61 75 73 20 4b f6 6c 6e".replaceAll(" ", "")),
      undefined,
      "Grüße aus Köln",
      "windows-1252",
      "sniffed",
    ],
    ["a label nobody knows", Buffer.from("plain"), "x-nonsense", "plain", "us-ascii", "sniffed"],
    [
      "one broken octet in a long text",
      Buffer.concat([Buffer.from("Grüße ".repeat(50)), octets("ff")]),
      "utf-8",
      `${"Grüße ".repeat(50)}\ufffd`,
      "utf-8",
      "replaced",
    ],
    ["UTF-7", Buffer.from("Gr+APwA3w-e"), "utf-7", "Grüße", "utf-7", "declared"],
    ["HZ", Buffer.from("~{<:Ky2;~}"), "hz-gb-2312", "己所不", "hz-gb-2312", "declared"],
  ])("%s", ([, input, label, text, used, how]) => {
    expect(decodeCharset(input, label)).toMatchObject({ text, decision: { used, how } });
  });
});

test.for<[string, string]>([
  ["=?utf-8?q?caf=C3=A9?= =?utf-8?b?IMO8?=", "café ü"],
  ["=?utf-8?b?w?= =?utf-8?b?7w=?=", "\ufffd\ufffd"],
  ["a =?utf-8?q?b?= c", "a b c"],
  ["=?utf-8*en?q?x?=", "x"],
  ["=?broken", "=?broken"],
])("encoded-words: %s", ([input, text]) => {
  if (text.includes("\ufffd")) expect(typeof decodeWords(input)).toBe("string");
  else expect(decodeWords(input)).toBe(text);
});

test.for<[string, Record<string, string>]>([
  ['attachment; filename="a;b.pdf"', { filename: "a;b.pdf" }],
  ["attachment; filename*=utf-8''caf%C3%A9.pdf; filename=x", { filename: "café.pdf" }],
  ["attachment; filename*0*=utf-8''a%20; filename*1=b.pdf", { filename: "a b.pdf" }],
  ['text/plain; charset="utf-8" (comment; charset=x)', { charset: "utf-8" }],
])("parameters: %s", ([input, parameters]) => expect(parseStructuredValue(input).parameters).toEqual(parameters));

test.for<[string, { name: string; address: string }[]]>([
  [
    "Ann <a@b.example>, c@d.example",
    [
      { name: "Ann", address: "a@b.example" },
      { name: "", address: "c@d.example" },
    ],
  ],
  ['"Lee, Ann" <a@b.example>', [{ name: "Lee, Ann", address: "a@b.example" }]],
  ["a@b.example (Ann)", [{ name: "Ann", address: "a@b.example" }]],
  [
    "friends: a@b.example, c@d.example;",
    [
      { name: "", address: "a@b.example" },
      { name: "", address: "c@d.example" },
    ],
  ],
  ['"a@x"@b.example', [{ name: "", address: '"a@x"@b.example' }]],
  ["=?utf-8?q?J=C3=B6rg?= <j@b.example>", [{ name: "Jörg", address: "j@b.example" }]],
])("mailboxes: %s", ([input, mailboxes]) => expect(parseMailboxes(input)).toEqual(mailboxes));
