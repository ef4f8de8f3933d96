import { describe, expect, test } from "vitest";
import {
  checkRecord,
  type DnsAnswer,
  type RecordState,
  type WantedRecord,
  wantedRecords,
  zoneLine,
} from "../../../infra/deploy/dns-records.ts";

const wanted = wantedRecords(
  { domains: ["example.com"], region: "eu-west-1" },
  { "example.com": ["abc", "def", "ghi"] },
);
const of = (purpose: WantedRecord["purpose"]) => {
  const found = wanted.find((record) => record.purpose === purpose);
  if (!found) throw new Error(purpose);
  return found;
};

test("a domain's records, as a zone file has them", () => {
  expect(wanted.map(zoneLine)).toEqual([
    "example.com. MX 10 inbound-smtp.eu-west-1.amazonaws.com.",
    "abc._domainkey.example.com. CNAME abc.dkim.amazonses.com.",
    "def._domainkey.example.com. CNAME def.dkim.amazonses.com.",
    "ghi._domainkey.example.com. CNAME ghi.dkim.amazonses.com.",
    'example.com. TXT "v=spf1 include:amazonses.com ~all"',
    '_dmarc.example.com. TXT "v=DMARC1; p=none"',
  ]);
  expect(wanted.filter(({ needed }) => needed)).toHaveLength(4);
});

describe("what DNS says", () => {
  const server = "inbound-smtp.eu-west-1.amazonaws.com";
  test.for<[string, WantedRecord["purpose"], DnsAnswer, RecordState["kind"]]>([
    ["the server", "receiving", [`10 ${server.toUpperCase()}.`], "right"],
    ["no MX", "receiving", [], "missing"],
    ["another server", "receiving", ["10 mx.example.net"], "different"],
    ["ours beside another", "receiving", [`10 ${server}`, "20 mx.example.net"], "different"],
    ["another region's", "receiving", ["10 inbound-smtp.us-east-1.amazonaws.com"], "different"],
    ["no answer", "receiving", undefined, "not-known"],
    ["the DKIM name", "dkim", ["abc.dkim.amazonses.com."], "right"],
    ["an old DKIM name", "dkim", ["old.dkim.amazonses.com"], "different"],
    ["texts, but no SPF", "spf", ["site-verification=1"], "missing"],
    ["SPF with SES", "spf", ["v=spf1 mx include:amazonses.com -all"], "right"],
    ["SPF without SES", "spf", ["v=spf1 mx -all"], "different"],
    ["SPF with a name that only begins so", "spf", ["v=spf1 include:amazonses.com.example.net -all"], "different"],
    ["SPF twice", "spf", ["v=spf1 include:amazonses.com -all", "v=spf1 -all"], "different"],
    ["a DMARC record", "dmarc", ["v=DMARC1; p=reject"], "right"],
    ["no DMARC record", "dmarc", ["v=DMARC10"], "missing"],
    ["two DMARC records", "dmarc", ["v=DMARC1; p=none", "v=DMARC1; p=reject"], "different"],
  ])("%s", ([, purpose, answer, kind]) => expect(checkRecord(of(purpose), answer).kind).toBe(kind));
});
