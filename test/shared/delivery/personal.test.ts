import { expect, test } from "vitest";
import { mailboxOf } from "../../../shared/delivery/personal.ts";

const domains = ["example.com", "second.example"];
const delivery = { "ann@example.com": { maildir: "ann" }, "bob+news@example.com": { maildir: "bob-news" } };

test.for<[string, string, string]>([
  ["an address of the map", "ann@example.com", "ann"],
  ["in any case", "ANN@Example.com", "ann"],
  ["with a label that the map does not know", "ann+shop@example.com", "ann"],
  ["with one that it knows", "bob+news@example.com", "bob-news"],
  ["one that it does not hold: named after the local part", "carol@example.com", "carol"],
  ["without its label", "carol+x+y@example.com", "carol"],
  ["at another domain: another person", "carol@second.example", "carol_at_second.example"],
  ["dots inside are harmless", "carol.smith@example.com", "carol.smith"],
])("%s", ([, recipient, name]) => {
  expect(mailboxOf({ domains }, { delivery }, recipient)).toEqual({ kind: "maildir", name });
});

test.for<[string, string]>([
  ["a path", '"../../etc/passwd"@example.com'],
  ["an absolute path", "/etc/passwd@example.com"],
  ["a hidden folder", '".ssh"@example.com'],
  ["two dots", '"a..b"@example.com'],
  ["another alphabet", "müller@example.com"],
  ["spaces", '"a b"@example.com'],
  ["something endless", `${"a".repeat(100)}@example.com`],
  ["a name that looks like a derived one", "carol_at_second.example@example.com"],
  ["a name that looks like a hashed one", "x-0123@example.com"],
  ["the map's prototype", "__proto__@example.com"],
  ["no address", "undisclosed"],
])("a safe name of its own for %s", ([, recipient]) => {
  const { name } = mailboxOf({ domains }, { delivery }, recipient);
  expect(name).toMatch(/^x-[0-9a-f]{32}$/);
  expect(mailboxOf({ domains }, { delivery }, `other${recipient}`).name).not.toBe(name);
});
