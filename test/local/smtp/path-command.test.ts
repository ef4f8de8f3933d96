import { expect, test } from "vitest";
import { parsePathCommand } from "../../../local/smtp/path-command.ts";

test.for<[string, string, { path: string; parameters?: [string, string][] } | undefined]>([
  ["a plain address", "RCPT TO:<ann@shop.example>", { path: "ann@shop.example" }],
  ["any case, as the sender wrote the path", "rcpt to:<Ann@SHOP.example>", { path: "Ann@SHOP.example" }],
  ["a space behind the colon", "RCPT TO: <ann@shop.example>", { path: "ann@shop.example" }],
  ["the null path", "MAIL FROM:<>", { path: "" }],
  [
    "parameters, keywords in upper case",
    "MAIL FROM:<a@sender.example> size=120 BODY=8BITMIME",
    {
      path: "a@sender.example",
      parameters: [
        ["SIZE", "120"],
        ["BODY", "8BITMIME"],
      ],
    },
  ],
  ["a parameter without value", "MAIL FROM:<> SMTPUTF8", { path: "", parameters: [["SMTPUTF8", ""]] }],
  ["a quoted local part with a space", 'RCPT TO:<"a b"@shop.example>', { path: '"a b"@shop.example' }],
  [
    "a quoted local part with a bracket and an at sign",
    'RCPT TO:<"a>@b"@shop.example>',
    { path: '"a>@b"@shop.example' },
  ],
  ["a quoted pair", 'RCPT TO:<"a\\">"@shop.example>', { path: '"a\\">"@shop.example' }],
  ["a source route goes", "RCPT TO:<@a.example,@b.example:ann@shop.example>", { path: "ann@shop.example" }],
  ["no angle brackets", "RCPT TO:ann@shop.example", undefined],
  ["no closing bracket", "RCPT TO:<ann@shop.example", undefined],
  ["text right behind the bracket", "RCPT TO:<ann@shop.example>x", undefined],
  ["a space in an unquoted path", "RCPT TO:<ann @shop.example>", undefined],
  ["a parameter that is none", "MAIL FROM:<> =x", undefined],
  ["the other command", "MAIL FROM:<ann@shop.example>", { path: "ann@shop.example" }],
  ["an endless path", `RCPT TO:<${"a".repeat(2000)}@shop.example>`, undefined],
])("%s", ([, line, expected]) => {
  const verb = /^mail/i.test(line) ? "MAIL FROM" : "RCPT TO";
  const parameters = expected?.parameters?.map(([keyword, value]) => ({ keyword, value })) ?? [];
  expect(parsePathCommand(verb, line)).toEqual(expected && { path: expected.path, parameters });
});

test("a command of the other kind is not read", () => {
  expect(parsePathCommand("RCPT TO", "MAIL FROM:<ann@shop.example>")).toBeUndefined();
});
