import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  formatEnvelopeSender,
  formatMailAddress,
  normaliseAddress,
  parseDomain,
  parseEnvelopeSender,
  parseForwardPath,
  parseMailAddress,
} from "../../../shared/mail/address.ts";
import { fc } from "../../property.ts";

test.for<[string, string, { localPart: string; domain: string } | undefined]>([
  ["a plain address", "ann@shop.example", { localPart: "ann", domain: "shop.example" }],
  [
    "the local part keeps its case, the domain does not",
    "Ann@SHOP.Example",
    { localPart: "Ann", domain: "shop.example" },
  ],
  ["a label", "ann+news+x@shop.example", { localPart: "ann+news+x", domain: "shop.example" }],
  ["needless quotes go", '"ann"@shop.example', { localPart: "ann", domain: "shop.example" }],
  ["a quoted space", '"a b"@shop.example', { localPart: "a b", domain: "shop.example" }],
  ["a quoted @ does not split", '"a@b"@shop.example', { localPart: "a@b", domain: "shop.example" }],
  ["a quoted pair", '"a\\"b\\\\"@shop.example', { localPart: 'a"b\\', domain: "shop.example" }],
  ["an empty quoted local part", '""@shop.example', { localPart: "", domain: "shop.example" }],
  ["a U-label becomes an A-label", "ann@b\u00fccher.example", { localPart: "ann", domain: "xn--bcher-kva.example" }],
  [
    "an ideographic full stop separates labels",
    "ann@b\u00fccher\u3002example",
    { localPart: "ann", domain: "xn--bcher-kva.example" },
  ],
  ["a trailing dot is stripped", "ann@shop.example.", { localPart: "ann", domain: "shop.example" }],
  ["a UTF-8 local part", "\u00e4nn@shop.example", { localPart: "\u00e4nn", domain: "shop.example" }],
  ["an IPv4 literal", "ann@[203.0.113.9]", { localPart: "ann", domain: "[203.0.113.9]" }],
  ["an IPv6 literal", "ann@[ipv6:2001:DB8::1]", { localPart: "ann", domain: "[IPv6:2001:db8::1]" }],
  ["a domain of digits is no IPv4 address", "ann@123", { localPart: "ann", domain: "123" }],
  [
    "VERP runs past 64 octets",
    `${"a".repeat(100)}@shop.example`,
    { localPart: "a".repeat(100), domain: "shop.example" },
  ],
  ["no domain", "postmaster", undefined],
  ["no local part", "@shop.example", undefined],
  ["an empty label", "ann@shop..example", undefined],
  ["two dots", "a..b@shop.example", undefined],
  ["a leading dot", ".a@shop.example", undefined],
  ["a space", "a b@shop.example", undefined],
  ["a line break inside quotes", '"a\r\nb"@shop.example', undefined],
  ["a NUL", "a\0b@shop.example", undefined],
  ["a lone surrogate", "a\ud800@shop.example", undefined],
  ["a zone id", "ann@[IPv6:fe80::1%eth0]", undefined],
  ["an IPv6 literal without its tag", "ann@[2001:db8::1]", undefined],
  ["a label that ends with a hyphen", "ann@shop-.example", undefined],
  ["a label of 64 octets", `ann@${"a".repeat(64)}.example`, undefined],
  ["a local part of 129 octets", `${"a".repeat(129)}@shop.example`, undefined],
  ["a megabyte", `${"a".repeat(1_048_576)}@shop.example`, undefined],
  ["angle brackets", "<ann@shop.example>", undefined],
  ["a display name", "Ann <ann@shop.example>", undefined],
])("%s", ([, input, expected]) => expect(parseMailAddress(input)).toEqual(expected));

test.for<[string, string, unknown]>([
  ["the null path in brackets", "<>", { kind: "null-path" }],
  ["the null path as the empty string", "", { kind: "null-path" }],
  ["brackets go", "<ann@shop.example>", { kind: "mailbox", address: { localPart: "ann", domain: "shop.example" } }],
  [
    "a source route is dropped",
    "<@relay.example,@b.example:ann@shop.example>",
    { kind: "mailbox", address: { localPart: "ann", domain: "shop.example" } },
  ],
  ["a route without a mailbox", "<@relay.example>", undefined],
  ["a bracket that is not closed", "<ann@shop.example", undefined],
  ["two pairs of brackets", "<<ann@shop.example>>", undefined],
])("MAIL FROM: %s", ([, path, expected]) => expect(parseEnvelopeSender(path)).toEqual(expected));

test("RCPT TO has no null path", () => {
  expect(parseForwardPath("<>")).toBeUndefined();
  expect(parseForwardPath("<ann@shop.example>")).toEqual({ localPart: "ann", domain: "shop.example" });
});

test("an envelope sender is written without brackets, the null path as the empty string", () => {
  expect(formatEnvelopeSender({ kind: "null-path" })).toBe("");
  expect(formatEnvelopeSender({ kind: "mailbox", address: { localPart: "a b", domain: "x.example" } })).toBe(
    '"a b"@x.example',
  );
});

test.for<[string, string, string]>([
  ["case", "ANN@Shop.Example", "ann@shop.example"],
  ["quotes", '"Ann"@shop.example', "ann@shop.example"],
  ["IDN", "Ann@B\u00dcCHER.example", "ann@xn--bcher-kva.example"],
  ["brackets and white space", " <ann@shop.example> ", "ann@shop.example"],
  ["text that is no address", " Postmaster ", "postmaster"],
  ["KELVIN SIGN is not a k", "\u212a@shop.example", "\u212a@shop.example"],
])("one spelling per mailbox: %s", ([, input, expected]) => expect(normaliseAddress(input)).toBe(expected));

// Letters that make addresses, and those that break them.
const addressLike = fc.string({
  unit: fc.oneof(
    fc.constantFrom(...'ab+.-_@"\\ <>[]():,;\u00e9\u3002\u212a\r\n\0'),
    fc.constantFrom("example", "IPv6:", "xn--", "@shop.example", "[203.0.113.9]", "\ud800"),
  ),
  maxLength: 24,
});

test("whatever comes in, what is read is written so that it reads the same again", () => {
  fc.assert(
    fc.property(fc.oneof(addressLike, fc.string({ unit: "binary" }), fc.emailAddress()), (input) => {
      const address = parseMailAddress(input);
      if (address) expect(parseMailAddress(formatMailAddress(address))).toEqual(address);
    }),
    { numRuns: 1000 },
  );
});

test("normalising is idempotent and never throws", () => {
  fc.assert(
    fc.property(fc.oneof(addressLike, fc.emailAddress()), (input) => {
      const once = normaliseAddress(input);
      expect(normaliseAddress(once)).toBe(once);
    }),
    { numRuns: 1000 },
  );
});

const corpus = "../shared/corpus/address";
describe.skipIf(!existsSync(corpus))("published vectors (skipped where ../shared is missing)", () => {
  const read = <Row>(file: string): Row[] => JSON.parse(readFileSync(`${corpus}/${file}`, "utf8"));

  test("isemail: errors are refused, what SMTP allows is read, header-only syntax is refused", () => {
    // Accepted on purpose: our limit on local parts is 128 octets, and no sum of both parts is checked, because of VERP.
    const longerThanTheRfc = new Set(["ISEMAIL_RFC5322_LOCAL_TOOLONG", "ISEMAIL_RFC5322_TOOLONG"]);
    const rows = read<{ id: string; address: string; category: string; diagnosis: string }>("isemail-tests.json");
    const smtp = new Set(["ISEMAIL_VALID_CATEGORY", "ISEMAIL_RFC5321", "ISEMAIL_DNSWARN"]);
    const wrong = rows
      .filter(({ diagnosis }) => !longerThanTheRfc.has(diagnosis))
      .filter(({ address, category }) => (parseMailAddress(address) !== undefined) !== smtp.has(category));
    expect(rows.length).toBeGreaterThan(50);
    expect(wrong).toEqual([]);
  });

  test("flanker: mailboxes and local parts", () => {
    const reasons: Record<string, string> = {
      'Bill Gates <"billy"@retired.Micr!osoft99.com>': "has a display name: a header's syntax, not a path's",
      'Matt "The Matt" Mickiewicz <matt.Mickiewicz@99designs.com>': "has a display name",
      '"<john@smith.com>" <john@smith.com>': "has a display name",
      "(this is a comment)test@example.com": "has a comment",
      "test@example.": "a trailing dot is stripped (ses-receiving.md \u00a72.4)",
      "a@bar.com.": "a trailing dot is stripped (ses-receiving.md \u00a72.4)",
      "test@xn--example.com": "A-labels are taken as they come, not decoded",
      // Only as a local part, whose row is not an address.
      "test@test": "a local part with an @ needs quotes; with a domain behind it, it is not this row's question",
    };
    const rows = read<{ set: string; address: string; valid: boolean }>("flanker-addresses.json");
    const wrong = rows
      .filter(({ address }) => reasons[address] === undefined)
      .filter(({ set, address, valid }) => {
        const text = set === "mailbox" ? address : `${address}@shop.example`;
        return (parseMailAddress(text) !== undefined) !== valid;
      });
    expect(rows.length).toBeGreaterThan(100);
    expect(wrong).toEqual([]);
  });
});

test("a domain that needs no change is the one that the long way gives", () => {
  const letter = fc.constantFrom(..."ab9-_.A");
  const text = fc.oneof(fc.string({ unit: letter, maxLength: 12 }), fc.string({ unit: letter, maxLength: 240 }));
  fc.assert(
    fc.property(text, (domain) => {
      fc.pre(!domain.endsWith("."));
      // With a dot behind it, no domain is taken for plain.
      expect(parseDomain(domain)).toBe(parseDomain(`${domain}.`));
    }),
  );
});

test.for([
  ["63 octets", `${"a".repeat(63)}.example`, true],
  ["64 octets", `${"a".repeat(64)}.example`, false],
  ["255 octets of domain", `${"a.".repeat(127)}b`, true],
  ["257 octets of domain", `${"a.".repeat(128)}b`, false],
] as const)("a label or domain of %s", ([, domain, good]) => {
  expect(parseDomain(domain)).toBe(good ? domain : undefined);
});
