import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { DnsError } from "../../../local/authenticate/dns-error.ts";
import { loadZone, type Zone } from "../../../local/authenticate/zone.ts";
import { ZoneFileError } from "../../../local/authenticate/zone-file-error.ts";

function answer(zone: Zone, name: string, type: string): unknown {
  try {
    return zone.lookup(name, type);
  } catch (error) {
    if (error instanceof DnsError) return error.code;
    throw error;
  }
}

const json = loadZone(
  JSON.stringify({
    "example.com": {
      TXT: ["v=spf1 -all", ["v=DKIM1; ", "p=AAAA"]],
      A: ["192.0.2.1"],
      MX: [{ priority: 10, exchange: "mx.example.com" }],
      AAAA: "SERVFAIL",
    },
    "deep.down.example.com": { A: ["192.0.2.2"] },
    "www.example.com": { CNAME: ["example.com"] },
    "dangling.example.com": { CNAME: ["nowhere.example.com"] },
    "loop.example.com": { CNAME: ["pool.example.com"] },
    "pool.example.com": { CNAME: ["loop.example.com"] },
    "*.wild.example.com": { A: ["192.0.2.3"] },
    "taken.wild.example.com": { TXT: ["x"] },
    "slow.example.com": "TIMEOUT",
    "gone.example.com": "NXDOMAIN",
    "SHOUT.example.com.": { A: ["192.0.2.4"] },
  }),
);

const bind = loadZone(`
$ORIGIN example.com.
$TTL 1h
@       IN SOA ns1 hostmaster ( 2026080401 ; serial
                7200 3600 1209600 300 )
        IN NS  ns1
        3600 IN MX 10 mx
@       TXT "v=spf1 " "-all"
        TXT ( "v=DKIM1; k=rsa; "
              "p=AAAA" )   ; two strings
mx      300 A 192.0.2.1
        AAAA 2001:db8::1
www     CNAME @
*.wild  A 192.0.2.3
quoted  TXT "a \\"b\\" \\092 \\; c; d"
bare    TXT unquoted
abs.example.org. A 192.0.2.9
$ORIGIN sub.example.com.
host    IN A 192.0.2.8
caa     CAA 0 issue "ca.example"
`);

describe("JSON", () => {
  test.for<[string, string, string, unknown]>([
    ["records of a type", "example.com", "A", ["192.0.2.1"]],
    ["a TXT record of several strings", "example.com", "TXT", [["v=spf1 -all"], ["v=DKIM1; ", "p=AAAA"]]],
    ["MX", "example.com", "MX", [{ priority: 10, exchange: "mx.example.com" }]],
    ["any case and a final dot", "EXAMPLE.com.", "a", ["192.0.2.1"]],
    ["a name written in capitals", "shout.example.com", "A", ["192.0.2.4"]],
    ["a failure for one type", "example.com", "AAAA", "ESERVFAIL"],
    ["a failure for the name", "slow.example.com", "TXT", "ETIMEOUT"],
    ["NXDOMAIN written down", "gone.example.com", "A", "ENOTFOUND"],
    ["no such name", "nobody.example.com", "A", "ENOTFOUND"],
    ["no such type", "example.com", "PTR", "ENODATA"],
    ["a name that only has names below it", "down.example.com", "A", "ENODATA"],
    ["through a CNAME", "www.example.com", "A", ["192.0.2.1"]],
    ["the CNAME itself", "www.example.com", "CNAME", ["example.com"]],
    ["a CNAME to nothing", "dangling.example.com", "A", "ENOTFOUND"],
    ["a loop of CNAMEs", "loop.example.com", "A", "ESERVFAIL"],
    ["a wildcard, any number of labels", "a.b.wild.example.com", "A", ["192.0.2.3"]],
    ["a name beside the wildcard keeps its own", "taken.wild.example.com", "A", "ENODATA"],
    ["below a name that exists no wildcard answers", "x.taken.wild.example.com", "A", "ENOTFOUND"],
  ])("%s", ([, name, type, expected]) => expect(answer(json, name, type)).toEqual(expected));
});

describe("BIND", () => {
  test.for<[string, string, string, unknown]>([
    [
      "the owner of the line above, and a relative name",
      "example.com",
      "MX",
      [{ priority: 10, exchange: "mx.example.com" }],
    ],
    [
      "quoted strings and parentheses",
      "example.com",
      "TXT",
      [
        ["v=spf1 ", "-all"],
        ["v=DKIM1; k=rsa; ", "p=AAAA"],
      ],
    ],
    ["TTL without class", "mx.example.com", "A", ["192.0.2.1"]],
    ["IPv6", "mx.example.com", "AAAA", ["2001:db8::1"]],
    ["@ as a target", "www.example.com", "MX", [{ priority: 10, exchange: "mx.example.com" }]],
    ["a wildcard", "any.wild.example.com", "A", ["192.0.2.3"]],
    ["escapes; a semicolon in quotes is no comment", "quoted.example.com", "TXT", [['a "b" \\ ; c; d']]],
    ["a string without quotes", "bare.example.com", "TXT", [["unquoted"]]],
    ["an absolute owner", "abs.example.org", "A", ["192.0.2.9"]],
    ["a second $ORIGIN", "host.sub.example.com", "A", ["192.0.2.8"]],
    ["a type we never ask for is read over", "caa.sub.example.com", "A", "ENOTFOUND"],
  ])("%s", ([, name, type, expected]) => expect(answer(bind, name, type)).toEqual(expected));
});

describe("files that cannot be used name the place and the remedy", () => {
  test.for<[string, string, RegExp]>([
    ["broken JSON", '{ "a": ', /is no JSON/],
    ["a wrong type of node", '{ "a.example": 5 }', /"a\.example" must be .*"TIMEOUT"/],
    ["a wrong A", '{ "a.example": { "A": ["x"] } }', /"a\.example" A: "x" must be an IPv4 address/],
    ["a wrong MX", '{ "a.example": { "MX": [10] } }', /MX: 10 must be \{"priority"/],
    ["a wrong address in BIND form", "$ORIGIN a.example.\n@ A 192.0.2\n", /line 2: "192\.0\.2" is no IPv4/],
    ["a string that does not end", '@ TXT "x\n', /line 1: a quoted string does not end/],
    ["a parenthesis that does not end", "a. A ( 192.0.2.1\n", /"\(" is never closed/],
    ["an include", "$INCLUDE other\n", /line 1: \$INCLUDE is not supported/],
    ["no owner", "  A 192.0.2.1\n", /line 1: the first record needs a name/],
  ])("%s", ([, text, message]) => {
    expect(() => loadZone(text)).toThrow(ZoneFileError);
    expect(() => loadZone(text)).toThrow(message);
  });

  test("a missing file", () =>
    expect(() => loadZone("/nowhere/zone.json")).toThrow(/no zone file "\/nowhere\/zone\.json"/));

  test("a file is read, whichever form it has", () => {
    const folder = mkdtempSync(join(tmpdir(), "zone-"));
    writeFileSync(join(folder, "z.json"), '\uFEFF{ "a.example": { "A": ["192.0.2.1"] } }');
    writeFileSync(join(folder, "z.zone"), "a.example. A 192.0.2.2\n");
    expect(answer(loadZone(join(folder, "z.json")), "a.example", "A")).toEqual(["192.0.2.1"]);
    expect(answer(loadZone(join(folder, "z.zone")), "a.example", "A")).toEqual(["192.0.2.2"]);
  });
});
