import { describe, expect, test } from "vitest";
import {
  dottedAddress,
  formatAddress,
  parseIpAddress,
  reverseName,
  sharesPrefix,
} from "../../../local/authenticate/ip-address.ts";
import { fc } from "../../property.ts";

const address = (text: string) => {
  const parsed = parseIpAddress(text);
  if (!parsed) throw new Error(`no address: ${text}`);
  return parsed;
};

test("any IPv6 address is written by RFC 5952 and read back as the same", () => {
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const read = address(text);
      const written = formatAddress(read);
      expect(address(written)).toEqual(read);
      // The URL parser knows RFC 5952 too.
      if (read.length === 16) expect(new URL(`http://[${text}]/`).hostname).toBe(`[${written}]`);
    }),
  );
});

describe("what is no address", () => {
  test.for([
    "",
    "192.0.2",
    "192.0.2.256",
    "192.0.2.01",
    "2001:db8::1%eth0",
    "[2001:db8::1]",
    "example.org",
  ])("%j", (text) => expect(parseIpAddress(text)).toBeUndefined());
});

test.for<[string, string, number, boolean]>([
  ["192.0.2.1", "192.0.2.254", 24, true],
  ["192.0.2.1", "192.0.3.1", 24, false],
  ["192.0.2.1", "192.0.2.2", 31, false],
  ["192.0.2.2", "192.0.2.3", 31, true],
  ["192.0.2.1", "203.0.113.1", 0, true],
  ["192.0.2.1", "2001:db8::1", 0, false],
  ["::ffff:192.0.2.1", "192.0.2.1", 32, true],
  ["2001:db8:8000::1", "2001:db8:ffff::", 33, true],
])("%s and %s share %i bits: %s", ([a, b, bits, shared]) =>
  expect(sharesPrefix(address(a), address(b), bits)).toBe(shared));

test("names of the reverse zones", () => {
  expect(reverseName(address("192.0.2.10"))).toBe("10.2.0.192.in-addr.arpa");
  expect(reverseName(address("2001:db8::1"))).toBe(`1.${"0.".repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`);
  expect(dottedAddress(address("192.0.2.10"))).toBe("192.0.2.10");
});
