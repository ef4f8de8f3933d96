import { expect, test } from "vitest";
import type { Authentication, DkimFinding, DmarcResult, SpfResult } from "../../../shared/receipt/authentication.ts";
import { verdictsFrom } from "../../../shared/receipt/authentication.ts";

const unsigned: Authentication = {
  spf: { result: "none", domain: "sender.example" },
  dkim: [],
  dmarc: { result: "none", domain: "sender.example" },
};
const signed = (...findings: [DkimFinding["result"], boolean][]): Authentication => ({
  ...unsigned,
  dkim: findings.map(([result, aligned]) => ({ result, aligned, domain: "d.example", selector: "s" })),
});
const dmarc = (result: DmarcResult, policy?: "none" | "quarantine" | "reject"): Authentication => ({
  ...unsigned,
  dmarc: { result, domain: "sender.example", ...(policy && { policy }) },
});

test("row 17: softfail, unsigned and no record are three times GRAY, and there is no policy", () => {
  const verdicts = verdictsFrom({ ...unsigned, spf: { result: "softfail", domain: "d.example" } }, "PASS", "PASS");
  expect(verdicts).toEqual({ spam: "PASS", virus: "PASS", spf: "GRAY", dkim: "GRAY", dmarc: "GRAY" });
});

test("row 15: without a scan, DISABLED twice", () => {
  expect(verdictsFrom(unsigned, undefined, undefined)).toMatchObject({ spam: "DISABLED", virus: "DISABLED" });
});

test("row 18: a failure under reject is FAIL and names the policy", () => {
  expect(verdictsFrom(dmarc("fail", "reject"), "PASS", "PASS")).toMatchObject({ dmarc: "FAIL", dmarcPolicy: "reject" });
});

test.for<[SpfResult, string]>([
  ["pass", "PASS"],
  ["fail", "FAIL"],
  ["softfail", "GRAY"],
  ["neutral", "GRAY"],
  ["none", "GRAY"],
  ["temperror", "PROCESSING_FAILED"],
  ["permerror", "PROCESSING_FAILED"],
])("SPF %s", ([result, verdict]) =>
  expect(verdictsFrom({ ...unsigned, spf: { result, domain: "d.example" } }, "PASS", "PASS").spf).toBe(verdict));

test.for<[string, [DkimFinding["result"], boolean][], string]>([
  ["aligned", [["pass", true]], "PASS"],
  ["valid, but only by another domain", [["pass", false]], "GRAY"],
  [
    "one aligned among invalid ones",
    [
      ["fail", true],
      ["temperror", false],
      ["pass", true],
    ],
    "PASS",
  ],
  [
    "another domain's beside an invalid one of the author's",
    [
      ["fail", true],
      ["pass", false],
    ],
    "GRAY",
  ],
  [
    "all invalid",
    [
      ["fail", true],
      ["fail", false],
    ],
    "FAIL",
  ],
  ["no key", [["permerror", true]], "FAIL"],
  ["too weak", [["policy", true]], "FAIL"],
  ["key fetch error", [["temperror", true]], "PROCESSING_FAILED"],
  [
    "key fetch error beside an invalid one",
    [
      ["fail", true],
      ["temperror", true],
    ],
    "PROCESSING_FAILED",
  ],
  ["bad header syntax", [["neutral", false]], "PROCESSING_FAILED"],
])("DKIM %s", ([, findings, verdict]) => expect(verdictsFrom(signed(...findings), "PASS", "PASS").dkim).toBe(verdict));

test.for<[string, Authentication, string, string | undefined]>([
  ["pass", dmarc("pass", "reject"), "PASS", undefined],
  ["no record", dmarc("none"), "GRAY", undefined],
  ["failure under none", dmarc("fail", "none"), "FAIL", "none"],
  ["failure under quarantine", dmarc("fail", "quarantine"), "FAIL", "quarantine"],
  ["DNS error", dmarc("temperror"), "PROCESSING_FAILED", undefined],
])("DMARC %s", ([, found, verdict, policy]) => {
  const { dmarc: status, dmarcPolicy } = verdictsFrom(found, "PASS", "PASS");
  expect([status, dmarcPolicy]).toEqual([verdict, policy]);
});

test("the documented readings can be switched on", () => {
  const documented = { dmarcFailureUnderNone: "GRAY", dkimNeedsAlignment: false } as const;
  expect(verdictsFrom(dmarc("fail", "none"), "PASS", "PASS", documented).dmarc).toBe("GRAY");
  expect(verdictsFrom(signed(["pass", false]), "PASS", "PASS", documented).dkim).toBe("PASS");
});
