import { expect, test } from "vitest";
import type { Allowance } from "../../../shared/adopt/account.ts";
import { allowsService } from "../../../shared/adopt/allows-service.ts";

const sourceArn = "arn:aws:ses:us-east-1:111122223333:receipt-rule-set/main:receipt-rule/store";
const call = {
  service: "ses.amazonaws.com",
  action: "s3:PutObject",
  resource: "arn:aws:s3:::shop-inbound/in/AMAZON_SES_SETUP_NOTIFICATION",
  sourceAccount: "111122223333",
  sourceArn,
};
const allow = {
  Effect: "Allow",
  Principal: { Service: "ses.amazonaws.com" },
  Action: "s3:PutObject",
  Resource: "arn:aws:s3:::shop-inbound/*",
};
const when = (operator: string, conditions: object) => ({ ...allow, Condition: { [operator]: conditions } });

test.for<[string, object[], Allowance]>([
  ["a statement without conditions", [allow], "yes"],
  ["no statement", [], "no"],
  [
    "the guide's conditions",
    [when("StringEquals", { "AWS:SourceAccount": "111122223333", "AWS:SourceArn": sourceArn })],
    "yes",
  ],
  ["the older guard by referer", [when("StringEquals", { "aws:Referer": "111122223333" })], "yes"],
  ["another account", [when("StringEquals", { "AWS:SourceAccount": "444455556666" })], "no"],
  [
    "a rule of a set that was cloned since",
    [when("StringEquals", { "AWS:SourceArn": sourceArn.replace("main", "old") })],
    "no",
  ],
  [
    "one of several rules",
    [when("ArnLike", { "aws:SourceArn": ["arn:aws:ses:us-east-1:111122223333:x", sourceArn] })],
    "yes",
  ],
  ["a pattern", [when("StringLike", { "aws:SourceArn": "arn:aws:ses:*:111122223333:*" })], "yes"],
  ["a pattern where equality is asked", [when("StringEquals", { "aws:SourceArn": "arn:aws:ses:*" })], "no"],
  ["a dot in a pattern is a dot", [{ ...allow, Action: "s3.PutObject" }], "no"],
  ["a negated condition that is met", [when("StringNotEquals", { "aws:SourceAccount": "111122223333" })], "no"],
  ["a condition that nobody knows here", [when("IpAddress", { "aws:SourceIp": "192.0.2.0/24" })], "unsure"],
  [
    "one unknown and one that fails",
    [{ ...allow, Condition: { Null: { "x:y": "true" }, StringEquals: { "aws:SourceAccount": "4" } } }],
    "no",
  ],
  ["another service", [{ ...allow, Principal: { Service: ["sns.amazonaws.com"] } }], "no"],
  ["everybody", [{ ...allow, Principal: "*" }], "yes"],
  ["every action of the service, written in another case", [{ ...allow, Action: ["s3:putobject*"] }], "yes"],
  ["another prefix", [{ ...allow, Resource: "arn:aws:s3:::shop-inbound/out/*" }], "no"],
  ["a Deny that applies wins", [allow, { ...allow, Effect: "Deny" }], "no"],
  [
    "a Deny for others",
    [allow, { ...allow, Effect: "Deny", Principal: { AWS: "arn:aws:iam::444455556666:root" } }],
    "yes",
  ],
  [
    "a Deny under an unknown condition",
    [allow, { ...when("Bool", { "aws:SecureTransport": "false" }), Effect: "Deny", Principal: "*" }],
    "unsure",
  ],
  ["all but some principals", [{ ...allow, Principal: undefined, NotPrincipal: { AWS: "x" } }], "unsure"],
])("%s", ([, Statement, expected]) => {
  expect(allowsService(JSON.stringify({ Version: "2012-10-17", Statement }), call)).toBe(expected);
});

test("the account is not known, the topic's default policy asks for it; and text that is no policy", () => {
  const Statement = {
    ...allow,
    Principal: { AWS: "*" },
    Condition: { StringEquals: { "AWS:SourceOwner": "111122223333" } },
  };
  const { sourceAccount: _, ...unknown } = call;
  expect(allowsService(JSON.stringify({ Statement }), unknown)).toBe("unsure");
  expect(allowsService(JSON.stringify({ Statement }), call)).toBe("yes");
  expect(allowsService("<xml>", call)).toBe("unsure");
  expect(allowsService("7", call)).toBe("no");
});
