import { describe, expect, test } from "vitest";
import { DnsError } from "../../../local/authenticate/dns-error.ts";
import { type Resolver, zoneResolver } from "../../../local/authenticate/resolver.ts";
import { checkSpf, type SpfAnswer } from "../../../local/authenticate/spf.ts";
import { loadZone } from "../../../local/authenticate/zone.ts";

interface Given {
  readonly zone: Record<string, unknown>;
  readonly ip?: string;
  readonly helo?: string;
  readonly mailFrom?: string;
}

const now = new Date("2026-08-04T09:15:02Z");

function check({ zone, ip = "192.0.2.10", helo = "mx.example.net", mailFrom = "ann@example.org" }: Given) {
  return checkSpf(
    { ip, helo, mailFrom, receiver: "rx.example.com", now },
    zoneResolver(loadZone(JSON.stringify(zone))),
  );
}

const spf = (record: string, more: Record<string, unknown> = {}) => ({ "example.org": { TXT: [record], ...more } });

describe("the identity that is checked", () => {
  test.for<[string, Given, Partial<SpfAnswer>]>([
    [
      "MAIL FROM's domain, in lower case",
      { zone: spf("v=spf1 -all"), mailFrom: "ann@EXAMPLE.org" },
      { result: "fail", domain: "example.org" },
    ],
    [
      "the null sender: the HELO name",
      { zone: { "mx.example.net": { TXT: ["v=spf1 ip4:192.0.2.10 -all"] } }, mailFrom: "" },
      { result: "pass", domain: "mx.example.net" },
    ],
    [
      "the null sender with an address literal as HELO",
      { zone: {}, mailFrom: "", helo: "[192.0.2.10]" },
      { result: "none" },
    ],
    ["a HELO name of one label", { zone: {}, mailFrom: "", helo: "localhost" }, { result: "none" }],
    [
      "a quoted local part that holds an @",
      { zone: spf("v=spf1 -all"), mailFrom: '"a@b"@example.org' },
      { result: "fail", domain: "example.org" },
    ],
    [
      "an internationalised domain, as A-labels",
      { zone: { "xn--bcher-kva.example": { TXT: ["v=spf1 -all"] } }, mailFrom: "a@bücher.example" },
      { result: "fail", domain: "xn--bcher-kva.example" },
    ],
    ["a label of 64 octets", { zone: {}, mailFrom: `a@${"x".repeat(64)}.example` }, { result: "none" }],
    ["an empty label", { zone: {}, mailFrom: "a@example..org" }, { result: "none" }],
    ["a client without an address", { zone: spf("v=spf1 +all"), ip: "" }, { result: "none" }],
  ])("%s", async ([, given, expected]) => expect(await check(given)).toMatchObject(expected));
});

describe("the record", () => {
  test.for<[string, Record<string, unknown>, string]>([
    ["no name", {}, "none"],
    ["a name without TXT", { "example.org": { A: ["192.0.2.1"] } }, "none"],
    ["other TXT records beside it", spf("v=spf1 -all", { TXT: ["google-site=x", "v=spf1 -all"] }), "fail"],
    ["two SPF records", spf("", { TXT: ["v=spf1 -all", "v=spf1 +all"] }), "permerror"],
    ["v=spf10 is no SPF record", spf("v=spf10 -all"), "none"],
    ["character-strings are joined without a space", spf("", { TXT: [["v=spf1 ip4:192.0.", "2.10 -all"]] }), "pass"],
    ["nothing but the version", spf("v=spf1"), "neutral"],
    ["a time-out", { "example.org": "TIMEOUT" }, "temperror"],
    ["SERVFAIL for TXT alone", { "example.org": { TXT: "SERVFAIL" } }, "temperror"],
    ["a fault behind a term that matches", spf("v=spf1 ip4:192.0.2.10 moo -all"), "permerror"],
  ])("%s", async ([, zone, result]) => expect((await check({ zone })).result).toBe(result));
});

describe("mechanisms", () => {
  const hosts = {
    "mail.example.org": { A: ["192.0.2.10"], AAAA: ["2001:db8::10"] },
    "other.example.org": { A: ["198.51.100.1"] },
    "pass.example.org": { TXT: ["v=spf1 ip4:192.0.2.0/24 -all"] },
    "fail.example.org": { TXT: ["v=spf1 -all"] },
    "broken.example.org": { TXT: ["v=spf1 moo"] },
    "10.2.0.192.in-addr.arpa": { PTR: ["liar.example.com", "mail.example.org"] },
    "liar.example.com": { A: ["203.0.113.1"] },
    "slow.example.org": "TIMEOUT",
  };
  test.for<[string, string, string, Record<string, unknown>?]>([
    ["softfail", "v=spf1 ~all", "softfail"],
    ["ip4 with a prefix length", "v=spf1 ip4:192.0.2.8/29 -all", "pass"],
    ["ip4 /0 is every IPv4 address", "v=spf1 ip4:198.51.100.1/0 -all", "pass"],
    ["ip6 does not match an IPv4 client", "v=spf1 ip6:::/0 -all", "fail"],
    ["a of another name", "v=spf1 a:mail.example.org -all", "pass"],
    ["a with a prefix length", "v=spf1 a:other.example.org/0 -all", "pass"],
    ["a name that does not exist", "v=spf1 a:nobody.example.org -all", "fail"],
    [
      "mx, best preference first",
      "v=spf1 mx -all",
      "pass",
      {
        MX: [
          { priority: 20, exchange: "mail.example.org" },
          { priority: 10, exchange: "other.example.org" },
        ],
      },
    ],
    ["a null MX matches nothing", "v=spf1 mx -all", "fail", { MX: [{ priority: 0, exchange: "" }] }],
    [
      "eleven MX are an error",
      "v=spf1 mx -all",
      "permerror",
      { MX: Array.from({ length: 11 }, (_, at) => ({ priority: at, exchange: "mail.example.org" })) },
    ],
    ["include of a record that passes", "v=spf1 include:pass.example.org -all", "pass"],
    ["include of one that fails is no match", "v=spf1 include:fail.example.org ~all", "softfail"],
    ["include of nothing", "v=spf1 include:none.example.org -all", "permerror"],
    ["include of a broken record", "v=spf1 include:broken.example.org -all", "permerror"],
    ["include of a name that times out", "v=spf1 include:slow.example.org -all", "temperror"],
    ["exists", "v=spf1 exists:%{ir}.%{v}.%{d} -all", "pass"],
    ["ptr: only names that lead back count", "v=spf1 ptr -all", "pass"],
    ["ptr of a domain the lying name claims", "v=spf1 ptr:example.com -all", "fail"],
    ["redirect, when nothing matched", "v=spf1 redirect=pass.example.org", "pass"],
    ["redirect beside all is read over", "v=spf1 redirect=pass.example.org -all", "fail"],
    ["redirect to nothing", "v=spf1 redirect=none.example.org", "permerror"],
    ["redirect to itself", "v=spf1 redirect=example.org", "permerror"],
    ["include of itself", "v=spf1 include:example.org -all", "permerror"],
    ["mechanisms and qualifiers in any case", "V=SPF1 Ip4:192.0.2.10 -ALL", "pass"],
  ])("%s", async ([, record, result, more]) => {
    const zone = { ...hosts, ...spf(record, more), "10.2.0.192.in-addr.example.org": { A: ["127.0.0.2"] } };
    expect((await check({ zone })).result).toBe(result);
  });

  test("ptr: a name that merely ends in the same letters is another domain", async () => {
    const zone = {
      ...spf("v=spf1 ptr:ample.org -all"),
      "10.2.0.192.in-addr.arpa": { PTR: ["mail.example.org"] },
      "mail.example.org": { A: ["192.0.2.10"] },
    };
    expect((await check({ zone })).result).toBe("fail");
  });

  test("ptr: the eleventh name is not looked at", async () => {
    const liars = Array.from({ length: 10 }, (_, at) => `liar${at}.example.com`);
    const names = (before: readonly string[]) => ({ PTR: [...before, "mail.example.org"] });
    const zone = (before: readonly string[]) => ({
      ...spf("v=spf1 ptr -all"),
      ...Object.fromEntries(liars.map((name) => [name, { A: ["203.0.113.1"] }])),
      "mail.example.org": { A: ["192.0.2.10"] },
      "10.2.0.192.in-addr.arpa": names(before),
    });
    expect((await check({ zone: zone(liars.slice(1)) })).result).toBe("pass");
    expect((await check({ zone: zone(liars) })).result).toBe("fail");
  });

  test("an IPv4-mapped client is an IPv4 client", async () => {
    const zone = spf("v=spf1 ip4:192.0.2.10 -all");
    expect((await check({ zone, ip: "::ffff:192.0.2.10" })).result).toBe("pass");
  });

  test("an IPv6 client is looked for in AAAA, within the second prefix length", async () => {
    const zone = { ...hosts, ...spf("v=spf1 a:mail.example.org/32//64 -all") };
    expect((await check({ zone, ip: "2001:db8::77" })).result).toBe("pass");
    expect((await check({ zone, ip: "2001:db8:1::77" })).result).toBe("fail");
  });
});

describe("limits of RFC 7208 §4.6.4", () => {
  const addresses = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`h${at}.example.org`, { A: ["203.0.113.9"] }]));
  const terms = (count: number) => Array.from({ length: count }, (_, at) => `a:h${at}.example.org`).join(" ");

  test("ten terms that need the DNS are allowed, eleven are not", async () => {
    expect((await check({ zone: { ...addresses(11), ...spf(`v=spf1 ${terms(10)} -all`) } })).result).toBe("fail");
    expect((await check({ zone: { ...addresses(11), ...spf(`v=spf1 ${terms(11)} -all`) } })).result).toBe("permerror");
  });

  test("two questions without an answer are allowed, three are not", async () => {
    expect((await check({ zone: spf("v=spf1 a:x.example.org a:y.example.org -all") })).result).toBe("fail");
    expect((await check({ zone: spf("v=spf1 a:x.example.org a:y.example.org a:z.example.org -all") })).result).toBe(
      "permerror",
    );
  });

  test("a hostile tree of includes ends at the limit, not at its leaves", async () => {
    let asked = 0;
    const endless: Resolver = async (name, type) => {
      asked += 1;
      if (type === "TXT") return [[`v=spf1 include:a.${name.slice(-60)} include:b.${name.slice(-60)} -all`]];
      throw new DnsError("ENOTFOUND", "none");
    };
    const { result } = await checkSpf({ ip: "192.0.2.10", helo: "h.example", mailFrom: "a@example.org", now }, endless);
    expect({ result, asked }).toEqual({ result: "permerror", asked: 11 });
  });
});

describe("macros and explanations", () => {
  test.for<[string, string, string | undefined]>([
    ["sender, local part, domain", "%{s} %{l} %{o} %{d}", "ann.lee-x@example.org ann.lee-x example.org example.org"],
    ["parts from the right", "%{d1} %{d2}", "org example.org"],
    ["reversed by other delimiters", "%{lr-} %{l1r.-}", "x.ann.lee ann"],
    ["the client and its reverse", "%{i} %{ir}.%{v}.arpa %{c}", "192.0.2.10 10.2.0.192.in-addr.arpa 192.0.2.10"],
    ["HELO, receiver, time", "%{h} %{r} %{t}", "mx.example.net rx.example.com 1785834902"],
    ["no validated name", "%{p}", "unknown"],
    ["upper case is URL-escaped", "%{S}", "ann.lee-x%40example.org"],
    ["literals", "100%% sure%_%-", "100% sure %20"],
    ["a broken macro: no explanation", "%{x}", undefined],
    ["a lone percent sign: no explanation", "100%", undefined],
    ["not US-ASCII: no explanation", "naïve", undefined],
  ])("%s", async ([, text, expected]) => {
    const zone = { ...spf("v=spf1 exp=why.%{d} -all"), "why.example.org": { TXT: [text] } };
    const { result, explanation } = await check({ zone, mailFrom: "ann.lee-x@example.org" });
    expect({ result, explanation }).toEqual({ result: "fail", explanation: expected });
  });

  test("redirect brings the target's explanation, include does not", async () => {
    const target = {
      "t.example.org": { TXT: ["v=spf1 -all exp=t2.example.org"] },
      "t2.example.org": { TXT: ["theirs"] },
    };
    const mine = { "e.example.org": { TXT: ["mine"] } };
    expect(
      await check({ zone: { ...target, ...mine, ...spf("v=spf1 redirect=t.example.org exp=e.example.org") } }),
    ).toMatchObject({ explanation: "theirs" });
    expect(
      await check({ zone: { ...target, ...mine, ...spf("v=spf1 include:t.example.org exp=e.example.org -all") } }),
    ).toMatchObject({ explanation: "mine" });
  });

  test("a name over 253 octets loses labels from the left", async () => {
    const long = `${"a".repeat(60)}.${"a".repeat(60)}.${"a".repeat(60)}.b.example.org`;
    const tail = `${"x".repeat(50)}.example.org`;
    const kept = `${"a".repeat(60)}.${"a".repeat(60)}.b.example.org.${tail}`;
    const zone = { [long]: { TXT: [`v=spf1 exists:%{d}.${tail} -all`] }, [kept]: { A: ["127.0.0.2"] } };
    expect((await check({ zone, mailFrom: `a@${long}` })).result).toBe("pass");
  });
});
