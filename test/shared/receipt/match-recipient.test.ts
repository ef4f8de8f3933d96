import { expect, test } from "vitest";
import { parseMailAddress } from "../../../shared/mail/address.ts";
import {
  matchRecipient,
  normaliseRecipients,
  validateRecipientCondition,
} from "../../../shared/receipt/match-recipient.ts";
import { matchRules } from "../../../shared/receipt/match-rules.ts";
import { fc } from "../../property.ts";
import { rule, ruleSet } from "./rule-sets.ts";

const takes = (condition: string, recipient: string) => matchRecipient(condition, parseMailAddress(recipient)!).matches;

test.for<[string, string, string, boolean]>([
  ["row 3: .domain does not take the domain itself", ".shop.example", "x@shop.example", false],
  ["row 3: .domain takes a subdomain", ".shop.example", "x@eu.shop.example", true],
  [".domain takes any depth", ".shop.example", "x@a.b.eu.shop.example", true],
  [".domain does not take a domain that only ends alike", ".shop.example", "x@myshop.example", false],
  ["row 4: domain does not take subdomains", "shop.example", "x@eu.shop.example", false],
  ["domain takes every address at it", "shop.example", "anyone+label@shop.example", true],
  ["a subdomain takes that subdomain only", "eu.shop.example", "x@shop.example", false],
  ["row 5: user takes user+label", "user@shop.example", "user+z@shop.example", true],
  ["user takes user", "user@shop.example", "user@shop.example", true],
  ["user does not take another user", "user@shop.example", "users@shop.example", false],
  ["user does not take user at a subdomain", "user@shop.example", "user@eu.shop.example", false],
  ["row 6: user+label does not take user", "user+z@shop.example", "user@shop.example", false],
  ["row 6: user+label does not take another label", "user+z@shop.example", "user+y@shop.example", false],
  ["user+label takes that label", "user+z@shop.example", "user+z@shop.example", true],
  ["row 7: upper case in RCPT", "user@shop.example", "USER@SHOP.EXAMPLE", true],
  ["upper case in a condition as a user wrote it", "User@Shop.Example", "user@shop.example", true],
  ["several plus signs: the label begins behind the first", "user@shop.example", "user+a+b@shop.example", true],
  ["several plus signs: user+a is another label than a+b", "user+a@shop.example", "user+a+b@shop.example", false],
  ["an empty label", "user@shop.example", "user+@shop.example", true],
  ["a label without a user is no label", "shop@shop.example", "+shop@shop.example", false],
  ["needless quotes", "user@shop.example", '"user"@shop.example', true],
  ["a quoted plus is a label after unquoting", "user@shop.example", '"user+x"@shop.example', true],
  ["a quoted space, literally", '"a b"@shop.example', '"a b"@shop.example', true],
  ["U-label in the condition", "b\u00fccher.example", "x@xn--bcher-kva.example", true],
  ["U-label in RCPT", "xn--bcher-kva.example", "x@B\u00fccher.example", true],
  ["a trailing dot in RCPT", "shop.example", "x@shop.example.", true],
  ["an address literal", ".0.113.9]", "x@[203.0.113.9]", false],
  ["a condition that cannot be one", "shop..example", "x@shop.example", false],
])("%s", ([, condition, recipient, expected]) => expect(takes(condition, recipient)).toBe(expected));

test("every answer has a reason that quotes the condition", () => {
  for (const condition of ["user@shop.example", "shop.example", ".shop.example", "user+a@shop.example", "a..b"]) {
    for (const recipient of ["user@shop.example", "user+b@shop.example", "x@eu.shop.example", "x@other.example"]) {
      expect(matchRecipient(condition, parseMailAddress(recipient)!).reason).toContain(`"${condition}"`);
    }
  }
});

test("row 31: conditions are kept in lower case, without duplicates, sorted", () => {
  expect(normaliseRecipients(["B@X.example", "a@x.example", ".x.example"])).toEqual([
    ".x.example",
    "a@x.example",
    "b@x.example",
  ]);
  expect(normaliseRecipients(["Z@Example.com", "a@example.com", ".Example.com", "a@example.com"])).toEqual([
    ".example.com",
    "a@example.com",
    "z@example.com",
  ]);
});

test.for([
  "",
  "user name@shop.example",
  "example..com",
  "example.-com",
  "foo.example-.com",
  "example.com-",
  "foo.invalid",
])('refused as the API does: "%s"', (condition) =>
  expect(validateRecipientCondition(condition)).toEqual({
    code: "InvalidParameterValue",
    message: `Invalid recipient: ${condition}`,
  }));

test.for([
  "*@shop.example",
  "user*@shop.example",
  "*.shop.example",
  "x@[203.0.113.9]",
  "a@b@shop.example",
  ".",
])('no valid form: "%s"', (condition) =>
  expect(validateRecipientCondition(condition)).toMatchObject({ code: "InvalidParameterValue" }));

test.for([
  "user@shop.example",
  "user+label@shop.example",
  "shop.example",
  ".shop.example",
  "Shop.Example",
])('accepted: "%s"', (condition) => expect(validateRecipientCondition(condition)).toBeUndefined());

const localPart = fc.constantFrom("a", "A", "a+x", "a+x+y", "a+", "+x", "b", '"a"', '"a+x"', '"a b"');
const domain = fc.constantFrom(
  "x.example",
  "X.EXAMPLE",
  "eu.x.example",
  "a.eu.x.example",
  "xx.example",
  "b\u00fc.example",
);
const address = fc.tuple(localPart, domain).map(([local, at]) => `${local}@${at}`);
const condition = fc.oneof(
  address,
  domain,
  domain.map((name) => `.${name}`),
);

test("a rule set is matched by look-up exactly as its conditions are one by one", () => {
  fc.assert(
    fc.property(
      fc.array(condition, { maxLength: 4 }),
      fc.array(address, { maxLength: 4 }),
      (conditions, recipients) => {
        const rules = ruleSet(rule("one", { recipients: conditions }));
        const [matched] = matchRules({ ruleSet: rules, recipients, tls: true });
        const oneByOne = recipients.filter(
          (recipient) => conditions.length === 0 || conditions.some((each) => takes(each, recipient)),
        );
        expect(matched!.recipients).toEqual(oneByOne);
      },
    ),
    { numRuns: 1000 },
  );
});
