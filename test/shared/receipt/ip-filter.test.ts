import { BlockList, isIPv4 } from "node:net";
import { expect, test } from "vitest";
import { decideClient, validateCidr } from "../../../shared/receipt/ip-filter.ts";
import type { IpFilter } from "../../../shared/receipt/model.ts";
import { fc } from "../../property.ts";

const allow = (cidr: string): IpFilter => ({ name: `allow-${cidr}`, policy: "Allow", cidr });
const block = (cidr: string): IpFilter => ({ name: `block-${cidr}`, policy: "Block", cidr });

test.for<[string, IpFilter[], string, boolean]>([
  ["no filter", [], "203.0.113.25", false],
  ["row 10: a blocked network", [block("203.0.113.0/24")], "203.0.113.25", true],
  ["row 10: outside of it", [block("203.0.113.0/24")], "203.0.112.255", false],
  ["row 11: allow-only, the allowed host", [block("0.0.0.0/0"), allow("203.0.113.25/32")], "203.0.113.25", false],
  ["row 11: allow-only, another host", [block("0.0.0.0/0"), allow("203.0.113.25/32")], "203.0.113.26", true],
  ["a single address", [block("203.0.113.25")], "203.0.113.25", true],
  ["host bits are set", [block("10.0.0.1/24")], "10.0.0.200", true],
  [
    "a more specific Block inside an Allow: Allow wins",
    [allow("203.0.113.0/24"), block("203.0.113.25")],
    "203.0.113.25",
    false,
  ],
  ["0.0.0.0/0 does not cover IPv6", [block("0.0.0.0/0")], "2001:db8::1", false],
  ["::/0 does", [block("::/0")], "2001:db8::1", true],
  ["::/0 does not cover IPv4", [block("::/0")], "203.0.113.25", false],
  ["an IPv6 network", [block("2001:db8:1::/48")], "2001:db8:1:ffff::9", true],
  ["beside that network", [block("2001:db8:1::/48")], "2001:db8:2::9", false],
  ["IPv4-mapped IPv6 is the IPv4 client", [block("203.0.113.0/24")], "::ffff:203.0.113.25", true],
  ["IPv4-mapped IPv6 in hexadecimal too", [block("203.0.113.0/24")], "::ffff:cb00:7119", true],
  ["a zone id is ignored", [block("fe80::/10")], "fe80::1%eth0", true],
  ["text that is no address matches nothing", [block("0.0.0.0/0")], "unknown", false],
])("%s", ([, filters, ip, refused]) => expect(decideClient(filters, ip).refused).toBe(refused));

test("longest-prefix: the narrowest filter decides, and Allow at the same width", () => {
  const nested = [allow("203.0.113.0/24"), block("203.0.113.25")];
  expect(decideClient(nested, "203.0.113.25", { policy: "longest-prefix" })).toMatchObject({
    refused: true,
    by: "block",
  });
  expect(decideClient(nested, "203.0.113.26", { policy: "longest-prefix" })).toMatchObject({
    refused: false,
    by: "allow",
  });
  const twins = [block("203.0.113.0/24"), allow("203.0.113.9/24")];
  expect(decideClient(twins, "203.0.113.25", { policy: "longest-prefix" }).refused).toBe(false);
});

test("row 12: a list refuses, an Allow filter overrides it, and the answer says that no look-up is needed", () => {
  const listedBy = "zen.list.example";
  expect(decideClient([], "203.0.113.25", { listedBy })).toEqual({
    refused: true,
    by: "list",
    reason: "203.0.113.25 is listed by zen.list.example",
  });
  expect(decideClient([allow("203.0.113.25")], "203.0.113.25", { listedBy })).toMatchObject({
    refused: false,
    by: "allow",
  });
  expect(decideClient([], "203.0.113.25").by).toBe("none");
});

test("the decision names the filter and says why", () => {
  const filter = block("203.0.113.0/24");
  expect(decideClient([filter], "203.0.113.25")).toEqual({
    refused: true,
    by: "block",
    filter,
    reason: 'Block filter "block-203.0.113.0/24" (203.0.113.0/24) matches 203.0.113.25',
  });
});

test.for([
  "[2001:db8::1]",
  "2001:db8::1%eth0",
  "fe80::1%1/64",
  "::ffff:203.0.113.1",
  "::ffff:cb00:7101/120",
  "203.0.113.1/33",
  "2001:db8::/129",
  "203.0.113.256",
  "203.0.113",
  "203.0.113.1/",
  "203.0.113.1/-1",
  "203.0.113.1/08",
  "203.0.113.1/2 ",
  "\u0661.0.0.1",
  "1.0.0.1/\u0661",
  "",
  "/24",
  "1.2.3.4/24/24",
])('the API refuses the CIDR "%s"', (cidr) =>
  expect(validateCidr(cidr)).toEqual({
    code: "InvalidParameterValue",
    message: `Invalid CIDR block: ${cidr}`,
    at: "cidr",
  }));

test.for([
  "0.0.0.0/0",
  "10.0.0.1/24",
  "203.0.113.25",
  "203.0.113.25/32",
  "::/0",
  "2001:db8::1/128",
  "2001:db8::203.0.113.1",
])('the API takes the CIDR "%s"', (cidr) => expect(validateCidr(cidr)).toBeUndefined());

test("networks contain what Node's own block list says they contain", () => {
  const ip = fc.oneof(fc.ipV4(), fc.ipV6());
  const near = fc.tuple(ip, ip, fc.nat(128)).map(([network, client, width]) => {
    const prefix = Math.min(width, isIPv4(network) ? 32 : 128);
    return { network, client, prefix };
  });
  fc.assert(
    fc.property(near, ({ network, client, prefix }) => {
      if (validateCidr(network)) return;
      const list = new BlockList();
      list.addSubnet(network, prefix, isIPv4(network) ? "ipv4" : "ipv6");
      const expected = isIPv4(network) === isIPv4(client) && list.check(client, isIPv4(client) ? "ipv4" : "ipv6");
      expect(decideClient([block(`${network}/${prefix}`)], client).refused).toBe(expected);
    }),
    { numRuns: 500 },
  );
});
