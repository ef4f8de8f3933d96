import { describe, expect, test } from "vitest";
import { parseSpfRecord, SpfSyntaxError } from "../../../local/authenticate/spf-record.ts";
import { fc } from "../../property.ts";

describe("terms that RFC 7208 §12 does not allow", () => {
  test.for<[string, string]>([
    ["an unknown mechanism", "moo"],
    ["an address as a mechanism", "192.0.2.1"],
    ["all with an argument", "all:example.org"],
    ["all with a prefix length", "all/8"],
    ["include without a domain", "include"],
    ["include with an empty domain", "include:"],
    ["include with a prefix length", "include:example.org/24"],
    ["exists without a domain", "exists"],
    ["ptr with an empty domain", "ptr:"],
    ["ptr with a prefix length", "ptr/24"],
    ["a with an empty domain", "a:"],
    ["a with one label", "a:museum"],
    ["a with a numeric top label", "a:192.0.2.1"],
    ["a with a top label that ends in a hyphen", "a:example.org-"],
    ["a with an empty prefix length", "a:example.org/"],
    ["a leading zero in a prefix length", "a/08"],
    ["a prefix length of 33", "a/33"],
    ["a prefix length of 129", "a//129"],
    ["two IPv4 prefix lengths", "mx/24/24"],
    ["a macro letter that only explanations have", "exists:%{c}.example.org"],
    ["an unknown macro letter", "exists:%{q}.example.org"],
    ["a macro of no parts", "exists:%{d0}.example.org"],
    ["a percent sign alone", "exists:50%.example.org"],
    ["a percent sign before what looks like a macro's end", "exists:x%%{d}"],
    ["ip4 without an address", "ip4"],
    ["ip4 of three parts", "ip4:192.0.2"],
    ["ip4 with a leading zero", "ip4:192.0.02.1"],
    ["ip4 with an IPv6 address", "ip4:2001:db8::1"],
    ["ip4 with a double slash", "ip4:192.0.2.1//32"],
    ["ip6 with two ::", "ip6:2001::db8::1"],
    ["ip6 with a zone index", "ip6:fe80::1%eth0"],
    ["redirect without a domain", "redirect="],
    ["redirect twice", "redirect=a.example redirect=b.example"],
    ["exp twice", "exp=a.example exp=b.example"],
    ["a modifier without a name", "=all"],
    ["an unknown modifier with a broken macro", "x=%a"],
    ["a tab between terms", "a\t-all"],
    ["a line end", "a\r\n-all"],
    ["an octet over 127", "a:ex\u0080mple.org"],
    ["a NUL", "a:example.org\0"],
  ])("%s", ([, terms]) => expect(() => parseSpfRecord(`v=spf1 ${terms}`)).toThrow(SpfSyntaxError));
});

describe("terms that it does", () => {
  test.for<[string, string]>([
    ["a domain with a slash and a colon in it", "a:foo:bar/baz.example.org"],
    ["a domain with a final dot", "include:example.org."],
    ["a domain that ends in a macro", "exists:%{i}.list.%{d2}"],
    ["a top label with a hyphen", "a:example.xn--zckzah"],
    ["both prefix lengths", "mx:example.org/24//64"],
    ["the second prefix length alone", "a//64"],
    ["an unknown modifier", "moo.cow-far_out=man:dog/cat"],
    ["spaces at the end", "-all   "],
  ])("%s", ([, terms]) => expect(() => parseSpfRecord(`v=spf1 ${terms}`)).not.toThrow());

  test("what is read", () => {
    expect(parseSpfRecord("v=spf1 ~a:example.org/24//64 ?ip6:2001:db8::/32 redirect=r.example exp=e.example")).toEqual({
      mechanisms: [
        { type: "a", qualifier: "softfail", domain: "example.org", prefix4: 24, prefix6: 64 },
        {
          type: "ip",
          qualifier: "neutral",
          network: Uint8Array.from([0x20, 1, 0x0d, 0xb8, ...new Array(12).fill(0)]),
          prefix: 32,
        },
      ],
      redirect: "r.example",
      exp: "e.example",
    });
  });
});

test("any record is read or refused with our own error", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "a",
      "mx",
      "ptr",
      "all",
      "ip4:",
      "ip6:",
      "include:",
      "exists:",
      "redirect=",
      "exp=",
      "%{",
      "}",
      "%",
      "/",
      "//",
      ":",
      ".",
      " ",
      "-",
      "~",
    ),
    fc.string({ maxLength: 8 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      try {
        parseSpfRecord(`v=spf1 ${pieces.join("")}`);
      } catch (error) {
        expect(error).toBeInstanceOf(SpfSyntaxError);
      }
    }),
  );
});

test("a record of 64 KB that repeats itself is read at once: a quadratic search would run into the time-out", () => {
  const repeated = [
    "/".repeat(65_000),
    "a/1".repeat(20_000),
    "%{d}".repeat(16_000),
    ".a".repeat(30_000),
    "a-".repeat(30_000),
  ];
  for (const text of repeated) {
    expect(() => parseSpfRecord(`v=spf1 a:${text}.\u0001`)).toThrow(SpfSyntaxError);
    expect(() => parseSpfRecord(`v=spf1 x=${text}\u0001`)).toThrow(SpfSyntaxError);
  }
});
