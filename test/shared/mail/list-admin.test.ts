import { expect, test } from "vitest";
import { addressedToListAdmin } from "../../../shared/mail/list.ts";
import { readFacts } from "../../../shared/mail/mail-facts.ts";
import { parseMailboxes } from "../../../shared/mail/mailboxes.ts";
import { fc } from "../../property.ts";

const asked = (to: string) =>
  addressedToListAdmin(readFacts({ headers: [{ name: "To", value: to }], envelopeFrom: "", recipients: [] }));

test.for<[string, boolean]>([
  ["dev-owner@lists.example", true],
  ["Lists <OWNER-dev@lists.example>", true],
  ["dev-bounces+ann=client.example@lists.example", true],
  ['"dev-admin"@lists.example', false],
  ['dev"-own"er@lists.example', true],
  ["dev-(the) owner@lists.example", false],
  ["dev(the one)-owner@lists.example", true],
  ["Dev-Owner <ann@client.example>", false],
  ["ann@dev-owner.example", false],
  ["Ann <ann@client.example>, dev-request@lists.example", true],
])("%s is for a list's administration: %s", ([to, expected]) => {
  expect(asked(to)).toBe(expected);
});

const piece = fc.constantFrom(
  ...[
    "owner",
    "OWNER-",
    "-admin",
    "-ow",
    "ner",
    "-bounce",
    "s",
    "-errors",
    "-request",
    "dev",
    "+x",
    "@",
    "lists.example",
  ],
  ...['"', "\\", "(", ")", "<", ">", ",", ";", ":", " ", "\t", "=?utf-8?q?a-owner?=", "é"],
);
test("no address is missed by the look that comes before reading them", { timeout: 60_000 }, () => {
  const listAdmin = /^(?:owner-.+|.+-(?:admin|owner|bounces?|errors|request)(?:[-+=].*)?)@/i;
  let found = 0;
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join("")),
      (to) => {
        const expected = parseMailboxes(to).some(({ address }) => listAdmin.test(address.slice(0, 320)));
        if (expected) found += 1;
        expect(asked(to)).toBe(expected);
      },
    ),
    { numRuns: 20_000 },
  );
  expect(found).toBeGreaterThan(100);
});
