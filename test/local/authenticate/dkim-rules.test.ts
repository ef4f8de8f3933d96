import { expect, test } from "vitest";
import { authenticate } from "../../../local/authenticate/authenticate.ts";
import { zoneResolver } from "../../../local/authenticate/resolver.ts";
import { loadZone } from "../../../local/authenticate/zone.ts";
import { type Draft, publicKeyText as p, signByHand, usualHeaders } from "./sign-by-hand.ts";

const now = new Date("2026-08-04T09:15:02Z");

async function verify(raw: string, zone: Record<string, unknown>): Promise<string> {
  const smtp = { ip: "192.0.2.1", helo: "mx.example", mailFrom: "", authserv: "receiver.example" };
  const resolver = zoneResolver(loadZone(JSON.stringify(zone)));
  const { dkim } = await authenticate(Buffer.from(raw, "latin1"), smtp, resolver, { now });
  return dkim.map(({ result, aligned }) => `${result}${aligned ? "" : " unaligned"}`).join(", ");
}

const keyed = (...records: (string | string[])[]) => ({ "s1._domainkey.sender.example": { TXT: records } });

test.for<[string, string | string[], string]>([
  ["v= may be missing", `p=${p}`, "pass"],
  ["v= must come first", `k=rsa; v=DKIM1; p=${p}`, "permerror"],
  ["another v=", `v=DKIM2; p=${p}`, "permerror"],
  ["another key type", `k=foo; p=${p}`, "permerror"],
  ["h= with the hash that was used", `h=sha1:sha256:foo; p=${p}`, "pass"],
  ["h= without it", `h=sha1; p=${p}`, "permerror"],
  ["s=*", `s=*; p=${p}`, "pass"],
  ["s= with email", `s=foo : email; p=${p}`, "pass"],
  ["s= without email", `s=foo; p=${p}`, "permerror"],
  ["t=y says nothing about the signature", `t=y; p=${p}`, "pass"],
  ["g= is a tag of the past, and ignored", `v=DKIM1; g=; p=${p}`, "pass"],
  ["an empty p= is a revoked key", "v=DKIM1; p=", "permerror"],
  ["no p=", "v=DKIM1; k=rsa", "permerror"],
  ["p= that is no key", "v=DKIM1; p=AAAA", "permerror"],
  ["p= with white space in it", `v=DKIM1; p=${p.slice(0, 50)} ${p.slice(50)}`, "pass"],
  ["a tag twice", `v=DKIM1; p=${p}; p=${p}`, "permerror"],
  ["several character-strings", [`v=DKIM1; p=${p.slice(0, 100)}`, p.slice(100)], "pass"],
])("key record (RFC 6376 §3.6.1): %s", async ([, record, expected]) => {
  expect(await verify(signByHand(), keyed(record))).toBe(expected);
});

test.for<[string, Record<string, unknown>, string]>([
  ["no such name", {}, "permerror"],
  ["a time-out", { "s1._domainkey.sender.example": "TIMEOUT" }, "temperror"],
  ["SERVFAIL for the type", { "s1._domainkey.sender.example": { TXT: "SERVFAIL" } }, "temperror"],
  [
    "an alias",
    { "s1._domainkey.sender.example": { CNAME: ["k.esp.example"] }, "k.esp.example": { TXT: [`p=${p}`] } },
    "pass",
  ],
])("key look-up (RFC 6376 §6.1.2): %s", async ([, zone, expected]) => {
  expect(await verify(signByHand(), zone)).toBe(expected);
});

test.for<[string, Draft["tags"], string]>([
  ["another version", { v: "2" }, "neutral"],
  ["no version: from before RFC 4871, valid but not counted", { v: null }, "pass unaligned"],
  ["no bh=", { bh: null }, "neutral"],
  ["no d=", { d: null }, "neutral unaligned"],
  ["no h=", { h: null }, "neutral"],
  ["From not signed (§5.4)", { h: "to:subject" }, "permerror"],
  ["more names in h= than fields", { h: "from:from:to:subject:subject:date" }, "pass"],
  ["h= in capitals with spaces", { h: "FROM : To : SUBJECT" }, "pass"],
  ["h= names DKIM-Signature, and this is the only one: it never covers itself", { h: "from:dkim-signature" }, "pass"],
  ["relaxed header, simple body by default", { c: "relaxed" }, "pass"],
  ["an unknown canonicalisation", { c: "foo/bar" }, "neutral unaligned"],
  ["an unknown query method", { q: "foo/bar" }, "neutral"],
  ["an unknown query method beside a known one", { q: "foo/bar:dns/txt" }, "pass"],
  ["i= of a subdomain", { i: "ann@x.sender.example" }, "pass"],
  ["i= of another domain", { i: "@other.example" }, "permerror"],
  ["i= whose domain only ends like d=", { i: "@evilsender.example" }, "permerror"],
  ["x= in the past", { t: "1000", x: "2000" }, "permerror"],
  ["x= in the future", { t: "1000", x: "2000000000" }, "pass"],
  ["x= before t=", { t: "2000000001", x: "2000000000" }, "permerror"],
  ["t= that is no number", { t: "abc" }, "neutral"],
  ["l= of the whole body", { l: "7" }, "pass"],
  ["l= larger than the body", { l: "70" }, "permerror"],
  ["l= that is no number", { l: "abc" }, "neutral"],
  ["an unknown tag", { zz: "1" }, "pass"],
  ["d= in capitals", { d: "SENDER.EXAMPLE" }, "pass"],
  ["an unknown algorithm", { a: "rsa-md5" }, "neutral unaligned"],
])("signature (RFC 6376 §3.5): %s", async ([, tags, expected]) => {
  expect(await verify(signByHand({ ...(tags && { tags }) }), keyed(`p=${p}`))).toBe(expected);
});

test("i= of a subdomain under a key that says t=s", async () => {
  const raw = signByHand({ tags: { i: "@x.sender.example" } });
  expect(await verify(raw, keyed(`t=y:s; p=${p}`))).toBe("permerror");
});

test("h= that names DKIM-Signature covers the older signature, not itself", async () => {
  const older = ["DKIM-Signature", " v=1; a=rsa-sha256; d=x.example; s=s; h=from; bh=YQ==; b=YQ=="] as const;
  const raw = signByHand({ headers: [older, ...usualHeaders], tags: { h: "from:dkim-signature:dkim-signature" } });
  expect(await verify(raw, keyed(`p=${p}`))).toBe("pass, fail unaligned");
  expect(await verify(raw.replace("d=x.example", "d=y.example"), keyed(`p=${p}`))).toBe("fail, fail unaligned");
});

test.for<[string, Draft]>([
  [
    "folds, tabs and missing spaces in fields",
    {
      headers: [
        ["From", "ann@sender.example"],
        ["To", "\tb\r\n  c"],
        ["Subject", " a  b "],
      ],
    },
  ],
  ["white space and empty lines at the end of the body", { body: "a  b \t\r\n\r\n\r\n" }],
  ["no body", { body: "" }],
  ["octets beyond ASCII", { body: "caf\u00e9\r\n" }],
])("relaxed canonicalisation (RFC 6376 §3.4): %s", async ([, draft]) => {
  expect(await verify(signByHand(draft), keyed(`p=${p}`))).toBe("pass");
});

// What whoever passes a signed message on can do to it; the signature stays valid.
test.for<[string, Draft, (raw: string) => string]>([
  ["text behind l=", { tags: { l: "7" } }, (raw) => `${raw}evil\r\n`],
  ["a part behind l=0", { tags: { l: "0" }, body: "" }, (raw) => `${raw}--b\r\n\r\nevil\r\n--b--\r\n`],
  ...["Subject", "SUBJECT ", "To", "From"].map((name): [string, Draft, (raw: string) => string] => [
    `a second ${name} above`,
    {},
    (raw) => `${name}: evil@evil.example\r\n${raw}`,
  ]),
  ["a second Subject between", {}, (raw) => raw.replace("\r\nTo:", "\r\nSubject: evil\r\nTo:")],
])("what a signature leaves open is not the author's (RFC 6376 §8.2, §8.15): %s", async ([, draft, attack]) => {
  const raw = signByHand(draft);
  expect(await verify(raw, keyed(`p=${p}`))).toBe("pass");
  expect(await verify(attack(raw), keyed(`p=${p}`))).toBe("pass unaligned");
});

test("two Subjects that are both signed are the author's", async () => {
  const headers = [...usualHeaders, ["Subject", " b"]] as const;
  const raw = signByHand({ headers, tags: { h: "from:to:subject:subject" } });
  expect(await verify(raw, keyed(`p=${p}`))).toBe("pass");
});
