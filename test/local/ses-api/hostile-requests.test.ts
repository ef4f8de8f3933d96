import { expect, test } from "vitest";
import { fuzzRuns } from "../../fuzz-runs.ts";
import { fc } from "../../property.ts";
import { startSesServer } from "./ses-server.ts";

const operations = [
  ...["CreateReceiptRuleSet", "CreateReceiptRule", "UpdateReceiptRule", "DeleteReceiptRule", "CloneReceiptRuleSet"],
  ...["SetActiveReceiptRuleSet", "DescribeReceiptRuleSet", "ListReceiptRuleSets", "ReorderReceiptRuleSet"],
  ...["SetReceiptRulePosition", "CreateReceiptFilter", "DeleteReceiptFilter", "SendBounce", "VerifyDomainIdentity"],
  ...["GetIdentityVerificationAttributes", "toString", "__proto__", ""],
];
const names = fc.oneof(
  fc.constantFrom(
    ...["RuleSetName", "Rule.Name", "Rule.Enabled", "Rule.Recipients.member.1", "Rule.Recipients.member.999999999"],
    ...["Rule.Actions.member.1.S3Action.BucketName", "Rule.Actions.member.1.StopAction", "Rule.Actions.member.0"],
    ...[
      "Rule.Actions.member.1.BounceAction.Message",
      "After",
      "RuleNames.member.1",
      "Filter.Name",
      "Filter.IpFilter.Cidr",
    ],
    ...["OriginalMessageId", "BounceSender", "BouncedRecipientInfoList.member.1.Recipient", "Identities.member.1"],
    ...["Rule.__proto__.x", "constructor.prototype.x", "Rule", "Rule.Actions", "Rule..Name", "...", "", "Version"],
  ),
  fc.string({ maxLength: 20 }),
);
const values = fc.oneof(
  fc.constantFrom(
    "main",
    "true",
    "TRUE",
    "",
    "0.0.0.0/0",
    "999.1.1.1/99",
    "ann@example.com",
    "<a>&\"'",
    "]]>",
    "\0",
    "é".repeat(500),
  ),
  fc.string({ maxLength: 60 }),
);

test("no request, however odd, is answered with a 500, with broken XML, or changes a prototype", async () => {
  const { endpoint } = await startSesServer();
  const authorization = `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261124/us-east-1/ses/aws4_request, SignedHeaders=host, Signature=${"0".repeat(64)}`;
  const requests = fc.sample(
    fc.record({
      operation: fc.constantFrom(...operations),
      fields: fc.array(fc.tuple(names, values), { maxLength: 12 }),
      tail: fc.constantFrom("", "&", "&=", "&%", "&%zz=%", "&a"),
    }),
    fuzzRuns(2010_12_01, 800),
  );
  for (const { operation, fields, tail } of requests) {
    const body = new URLSearchParams([["Action", operation], ...fields]).toString() + tail;
    const response = await fetch(endpoint, {
      method: "POST",
      headers: { authorization, "content-type": "application/x-www-form-urlencoded" },
      body,
    });
    const text = await response.text();
    expect(response.status, `${body.slice(0, 400)}: ${text.slice(0, 300)}`).toBeLessThan(500);
    expect(text, body.slice(0, 400)).toMatch(/^<(?:\?xml|[A-Za-z]+Response)[\s\S]*<\/[A-Za-z]+Response>\s*$/);
    // XML 1.0 has no control characters, not even escaped ones.
    expect(text, body.slice(0, 400)).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/);
  }
  expect(({} as { x?: unknown }).x).toBeUndefined();
});
