import { expect, test } from "vitest";
import { addressPattern } from "../../../shared/retention/address-pattern.ts";

const pattern = addressPattern("Ann.Lee@Example.org");

test.for<[string, boolean]>([
  ["ann.lee@example.org", true],
  ["<ANN.LEE@EXAMPLE.ORG>", true],
  ["'ann.lee@example.org'", true],
  ["mailto:ann.lee@example.org?subject=x", true],
  ["https://x.example/?email=ann.lee@example.org&y", true],
  ["https://x.example/?u=%3Cann.lee%40example.org%3E", true],
  ["write to ann.lee@example.org.", true],
  ["bounces+ann.lee=example.org@lists.example", true],
  ["SRS0=HHHH=TT=example.org=ann.lee@relay.example", true],
  ["joann.lee@example.org", false],
  ["x.ann.lee@example.org", false],
  ["ann.lee@example.org.uk", false],
  ["ann.lee@example.organic", false],
  ["annxlee@example.org", false],
  ["ann.lee@mail.example.org", false],
])("%s: %s", ([text, found]) => expect(pattern?.isIn(text)).toBe(found));

test("every occurrence is replaced", () => {
  expect(pattern?.replace("ann.lee@example.org, joann.lee@example.org, Ann.Lee@example.org", () => "x")).toBe(
    "x, joann.lee@example.org, x",
  );
});

test("what is no address finds nothing", () => expect(addressPattern("ann")).toBeUndefined());
