import { expect, test } from "vitest";
import { readFacts } from "../../../shared/mail/mail-facts.ts";
import { judgeTrust } from "../../../shared/mail/trust.ts";

const verdicts = { spf: "FAIL", dkim: "PASS", dmarc: "PASS", spam: "PASS", virus: "PASS" } as const;
const signed = [
  { name: "DKIM-Signature", value: "v=1; a=rsa-sha256; d=bank.example; s=s1; h=from:to:subject; bh=AA==; b=AA==" },
  { name: "From", value: "Ann <ann@bank.example>" },
  { name: "To", value: "list@forum.example" },
  { name: "Subject", value: "Hello" },
];

function trust(headers: readonly { readonly name: string; readonly value: string }[], spf: "PASS" | "FAIL" = "FAIL") {
  const facts = readFacts({ headers, envelopeFrom: "ann@bank.example", recipients: ["unsubscribe@example.com"] });
  return judgeTrust(facts, { verdicts: { ...verdicts, spf } });
}

test("a valid signature of the author's domain", () => expect(trust(signed)).toBe("aligned"));

// Somebody's signed mail, sent on with another head: the signature is of the field below.
test.for([
  ["Subject", "unsubscribe"],
  ["subject ", "unsubscribe"],
  ["To", "unsubscribe@example.com"],
])("a second %s above the signed one proves nothing", ([name = "", value = ""]) => {
  expect(trust([{ name: name.trim(), value }, ...signed])).toBe("unaligned");
  // Who sends from the author's own machines may write what they like.
  expect(trust([{ name: name.trim(), value }, ...signed], "PASS")).toBe("aligned");
});

test.for(["l=0", " l = 120", "\r\n\tl=7"])("a signature with %j says nothing of what stands behind it", (tag) => {
  const [signature, ...rest] = signed;
  expect(trust([{ name: "dkim-signature", value: `${signature?.value};${tag}` }, ...rest])).toBe("unaligned");
});
