import { expect, test } from "vitest";
import { isClearAuthor, possibleAuthors } from "../../../shared/mail/clear-author.ts";
import { readFacts } from "../../../shared/mail/mail-facts.ts";
import { judgeTrust } from "../../../shared/mail/trust.ts";

test.for([
  "m@attacker.example",
  "<m@attacker.example>",
  "Ann <m@attacker.example>",
  '"Doe, Ann" <m@attacker.example>',
  "Ann (Sales) <m@attacker.example>",
  "Ann <m@attacker.example> (Sales)",
  "m@attacker.example (Ann)",
  '"ann@sender.example (via Some Drive)" <noreply@attacker.example>',
  "ann@sender.example <ann@sender.example>",
  '"Ann \\"the one\\" Doe" <m@attacker.example>',
  "=?utf-8?Q?Foo:_Bar?= <m@attacker.example>",
  "Foo: Bar <m@attacker.example>",
  '"ann doe"@attacker.example',
  "Ünï\r\n <m@attacker.example>",
])("clear: %j", (from) => expect(isClearAuthor(from)).toBe(true));

const verdicts = { spf: "PASS", dkim: "PASS", dmarc: "PASS", spam: "PASS", virus: "PASS" } as const;

// Each was taken for its first address by one reader and for its last by another, or could be.
test.for([
  "<m@attacker.example> <v@bank.example>",
  "<v@bank.example> <m@attacker.example>",
  "(\\)<m@attacker.example>) <v@bank.example>",
  "(<m@attacker.example> <v@bank.example>",
  '"<v@bank.example>" (" <m@attacker.example>',
  '"x\\" <v@bank.example>" <m@attacker.example>',
  '"x\\\\" <v@bank.example> " <m@attacker.example>',
  '"<v@bank.example>"<m@attacker.example>',
  '"v@bank.example"@attacker.example',
  "(v@bank.example) m@attacker.example",
  "v@bank.example(,)m@attacker.example",
  "v@bank.example\0 <m@attacker.example>",
  "v@bank.example\0.attacker.example",
  "<@bank.example,@x.example:m@attacker.example>",
  "<> v@bank.example <m@attacker.example>",
  "<v@bank.example> m@attacker.example",
  "m@attacker.example, v@bank.example",
  "v@bank.example@attacker.example",
  "",
])("not clear, and proves nothing: %j", (from) => {
  expect(isClearAuthor(from)).toBe(false);
  const headers = [{ name: "From", value: from }];
  const facts = readFacts({ headers, envelopeFrom: "m@attacker.example", recipients: [] });
  expect(judgeTrust(facts, { verdicts })).toBe("unaligned");
});

test("whoever some reader could find is named once", () => {
  expect(possibleAuthors('"x\\" <v@bank.example>" <m@attacker.example>, <m@attacker.example>')).toEqual([
    "v@bank.example",
    "m@attacker.example",
  ]);
});
