import { expect, test } from "vitest";
import { authenticate } from "../../../local/authenticate/authenticate.ts";
import { zoneResolver } from "../../../local/authenticate/resolver.ts";
import { loadZone } from "../../../local/authenticate/zone.ts";

type Zone = Record<string, unknown>;
const record = (name: string, ...texts: string[]): Zone => ({ [`_dmarc.${name}`]: { TXT: texts } });
const exists = (name: string): Zone => ({ [name]: { A: ["192.0.2.3"] } });
const sends = (name: string): Zone => ({ [name]: { TXT: ["v=spf1 +all"] } });

/** `result policy` of a mail by `author`; its envelope sender passes SPF where the zone says so. */
async function dmarc(author: string, zone: Zone, mailFrom = "x@nothing.example"): Promise<string> {
  const raw = Buffer.from(`From: ${author}\r\n\r\nb\r\n`);
  const smtp = { ip: "192.0.2.1", helo: "mx.example", mailFrom, authserv: "receiver.example" };
  const { dmarc: found } = await authenticate(raw, smtp, zoneResolver(loadZone(JSON.stringify(zone))));
  return [found.result, found.policy].filter((word) => word !== undefined).join(" ");
}

test.for<[string, string, Zone, string]>([
  ["the author's own record", "org.example", record("org.example", "v=DMARC1; p=reject"), "fail reject"],
  [
    "the organisation's p= for a subdomain that exists",
    "x.org.example",
    { ...record("org.example", "v=DMARC1; p=reject; np=none"), ...exists("x.org.example") },
    "fail reject",
  ],
  [
    "its sp= before p=",
    "x.org.example",
    { ...record("org.example", "v=DMARC1; p=reject; sp=none"), ...exists("x.org.example") },
    "fail none",
  ],
  [
    "its np= for one that does not exist",
    "gone.org.example",
    record("org.example", "v=DMARC1; p=none; sp=quarantine; np=reject"),
    "fail reject",
  ],
  [
    "of several records above, that of the fewest labels",
    "a.b.c.d.e.f.g.h.org.example",
    {
      ...record("e.f.g.h.org.example", "v=DMARC1; p=none"),
      ...record("org.example", "v=DMARC1; p=reject"),
      ...exists("a.b.c.d.e.f.g.h.org.example"),
    },
    "fail reject",
  ],
  [
    "psd=n ends the walk",
    "x.dept.org.example",
    {
      ...record("dept.org.example", "v=DMARC1; p=quarantine; psd=n"),
      ...record("org.example", "v=DMARC1; p=reject"),
      ...exists("x.dept.org.example"),
    },
    "fail quarantine",
  ],
  [
    "psd=y above the organisation",
    "x.org.bank",
    { ...record("bank", "v=DMARC1; p=reject; psd=y"), ...exists("x.org.bank") },
    "fail reject",
  ],
  ["t=y: one step milder", "org.example", record("org.example", "v=DMARC1; p=reject; t=y"), "fail quarantine"],
  ["pct= counts no more", "org.example", record("org.example", "v=DMARC1; p=reject; pct=0"), "fail reject"],
  ["two records are none", "org.example", record("org.example", "v=DMARC1; p=reject", "v=DMARC1; p=none"), "none"],
  ["beside other text", "org.example", record("org.example", "something", "v=DMARC1; p=reject"), "fail reject"],
  [
    "no p=, but somebody to tell",
    "org.example",
    record("org.example", "v=DMARC1; rua=mailto:a@org.example"),
    "fail none",
  ],
  ["no p= and nobody to tell", "org.example", record("org.example", "v=DMARC1"), "none"],
  ["the version in lower case", "org.example", record("org.example", "v=dmarc1; p=reject"), "none"],
  ["spaces", "org.example", record("org.example", "v = DMARC1 ; p = reject ;"), "fail reject"],
  [
    "an alias",
    "org.example",
    { "_dmarc.org.example": { CNAME: ["d.esp.example"] }, "d.esp.example": { TXT: ["v=DMARC1; p=reject"] } },
    "fail reject",
  ],
  ["two strings", "org.example", { "_dmarc.org.example": { TXT: [["v=DMARC1; ", "p=reject"]] } }, "fail reject"],
  ["no record at all", "org.example", {}, "none"],
  [
    "DNS that does not answer below a record that does",
    "x.org.example",
    { "_dmarc.x.org.example": "TIMEOUT", ...record("org.example", "v=DMARC1; p=reject") },
    "temperror",
  ],
  ["a domain in Unicode", "b\u00fccher.example", record("xn--bcher-kva.example", "v=DMARC1; p=reject"), "fail reject"],
])("policy discovery (RFC 9989): %s", async ([, domain, zone, expected]) => {
  expect(await dmarc(`ann@${domain}`, zone)).toBe(expected);
});

test.for<[string, string, string, string, string]>([
  ["relaxed: another host of the organisation", "org.example", "mail.org.example", "", "pass reject"],
  ["relaxed: two subdomains", "b.org.example", "a.b.org.example", "", "pass reject"],
  ["strict: only the same domain", "org.example", "mail.org.example", "; aspf=s", "fail reject"],
  ["strict: the same domain", "org.example", "org.example", "; aspf=s", "pass reject"],
  ["adkim= says nothing about SPF", "org.example", "mail.org.example", "; adkim=s", "pass reject"],
])("alignment (RFC 9989): %s", async ([, author, sender, tags, expected]) => {
  const zone = { ...record("org.example", `v=DMARC1; p=reject${tags}`), ...sends(sender) };
  expect(await dmarc(`ann@${author}`, zone, `x@${sender}`)).toBe(expected);
});

test("neighbours under a public suffix are strangers", async () => {
  const zone = { ...record("one.co.uk", "v=DMARC1; p=reject"), ...sends("two.co.uk") };
  expect(await dmarc("ann@one.co.uk", zone, "x@two.co.uk")).toBe("fail reject");
});

// The envelope's domain is the attacker's own, and passes SPF; the author that is shown is of the bank.
test.for([
  "<m@attacker.example> <v@bank.example>",
  "<v@bank.example> <m@attacker.example>",
  "(\\)<m@attacker.example>) <v@bank.example>",
  "(<m@attacker.example> <v@bank.example>",
  '"x\\" <v@bank.example>" <m@attacker.example>',
  "v@bank.example\0 <m@attacker.example>",
])("a From field that readers read differently passes for nobody: %j", async (from) => {
  const raw = Buffer.from(`From: ${from}\r\n\r\nb\r\n`);
  const smtp = {
    ip: "192.0.2.1",
    helo: "mx.example",
    mailFrom: "m@attacker.example",
    authserv: "receiver.example",
  };
  const zone = {
    ...sends("attacker.example"),
    ...record("attacker.example", "v=DMARC1; p=none"),
    ...record("bank.example", "v=DMARC1; p=reject"),
  };
  const { dmarc: found } = await authenticate(raw, smtp, zoneResolver(loadZone(JSON.stringify(zone))));
  expect(found).toMatchObject({ result: "fail", policy: "reject" });
});
