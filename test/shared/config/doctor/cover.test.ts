import { describe, expect, test } from "vitest";
import { conditionCovers, overlapping } from "../../../../shared/config/doctor/cover.ts";
import { parseMailAddress } from "../../../../shared/mail/address.ts";
import { matchRecipient } from "../../../../shared/receipt/match-recipient.ts";

const conditions = [
  "ann@in.example",
  "ann+x@in.example",
  "bob@in.example",
  "in.example",
  ".in.example",
  "sub.in.example",
  ".sub.in.example",
  "ann@sub.in.example",
  "ann@deep.sub.in.example",
  "xin.example",
];
// Every kind of address that tells two of the conditions apart.
const addresses = ["ann", "ann+x", "ann+y", "bob", "bob+x", "eve"].flatMap((local) =>
  ["in.example", "sub.in.example", "deep.sub.in.example", "other.in.example", "xin.example"].map(
    (domain) => `${local}@${domain}`,
  ),
);

function takes(condition: string, address: string): boolean {
  const parsed = parseMailAddress(address);
  if (!parsed) throw new Error(address);
  return matchRecipient(condition, parsed).matches;
}

describe("covering and overlapping agree with what the conditions match", () => {
  test.for(conditions.flatMap((outer) => conditions.map((inner) => [outer, inner] as const)))("%s and %s", ([
    outer,
    inner,
  ]) => {
    const innerTakes = addresses.filter((address) => takes(inner, address));
    expect(conditionCovers(outer, inner)).toBe(innerTakes.every((address) => takes(outer, address)));
    expect(overlapping([outer], [inner]).length > 0).toBe(innerTakes.some((address) => takes(outer, address)));
  });
});
