import type { ReceiptAction, ReceiptRule, RuleSet } from "../../../shared/receipt/model.ts";
import { fc } from "../../property.ts";

export interface RuleSetPools {
  readonly conditions: readonly string[];
  /** All but Stop, which may stand last only and is put there now and then. */
  readonly actions: readonly ReceiptAction[];
}

/** Rule sets that the SES API takes, over given conditions and actions: up to five rules of up to four actions. */
export function arbitraryRuleSet({ conditions, actions }: RuleSetPools, name = "any"): fc.Arbitrary<RuleSet> {
  const rule = fc.record({
    enabled: fc.integer({ min: 0, max: 6 }).map((n) => n > 0),
    tlsPolicy: fc.constantFrom("Optional", "Optional", "Optional", "Require"),
    scanEnabled: fc.boolean(),
    recipients: fc.oneof(
      { weight: 1, arbitrary: fc.constant<string[]>([]) },
      { weight: 4, arbitrary: fc.uniqueArray(fc.constantFrom(...conditions), { minLength: 1, maxLength: 3 }) },
    ),
    actions: fc.array(fc.constantFrom(...actions), { maxLength: 3 }),
    stops: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
  });
  return fc.array(rule, { minLength: 1, maxLength: 5 }).map((rules) => ({
    name,
    rules: rules.map(
      ({ stops, recipients, actions: chosen, ...rest }, index): ReceiptRule => ({
        ...rest,
        tlsPolicy: rest.tlsPolicy as ReceiptRule["tlsPolicy"],
        name: `r${index}`,
        recipients: [...recipients].sort((a, b) => (a < b ? -1 : 1)),
        actions: [...chosen, ...(stops ? [{ type: "Stop", scope: "RuleSet" } as const] : [])],
      }),
    ),
  }));
}

/** Envelope recipients around the conditions of `example.com`: labels, case, subdomains, strangers, what is no address. */
export const arbitraryRecipients: fc.Arbitrary<readonly string[]> = fc.uniqueArray(
  fc.constantFrom(
    "ann@example.com",
    "ANN@Example.COM",
    "ann+news@example.com",
    "bob@example.com",
    "bob+x@example.com",
    "help@example.com",
    "any@sub.example.com",
    "any@deep.sub.example.com",
    "stranger@elsewhere.example",
    '"ann"@example.com',
    "postmaster",
    "a@@b",
  ),
  { minLength: 1, maxLength: 4 },
);

export const exampleConditions = [
  "ann@example.com",
  "ann+news@example.com",
  "bob@example.com",
  "example.com",
  ".example.com",
  "sub.example.com",
  ".sub.example.com",
] as const;
