/** `F`: evidence fixes it, a failing test means that the engine is wrong. `C`: a choice; its test holds the default. */
export type Basis = "F" | "C" | "F, text C" | "F, stage C" | "F, flow C" | "F, schedule C" | "F, cut C" | "F, split C";

/** The checklist of ses-receiving.md §13: number → what is expected, and how well it is known. */
export const rows = {
  1: ["no active rule set: a recipient at a verified domain is refused with 550 5.1.1", "F, text C"],
  2: ["a rule for one address takes that recipient, the other is refused, and one message comes of it", "F"],
  3: ["a .domain condition takes subdomains, not the domain itself", "F"],
  4: ["a domain condition does not take its subdomains", "F"],
  5: ["an address condition takes the address with a label", "F"],
  6: ["a labelled condition takes neither the bare address nor another label", "F"],
  7: ["a recipient in capitals matches a condition in lower case", "C"],
  8: ["each rule is told the recipients that it matches, and no others", "F"],
  9: ["a Stop ends the set for every recipient of the message", "F, split C"],
  10: ["a blocked client hears 550 5.7.1 at RCPT and nothing is stored", "F, text C"],
  11: ["Block everything with one Allow: only that client passes", "F"],
  12: ["an Allow filter lets in a client that a built-in list names", "F"],
  13: ["TlsPolicy Require without STARTTLS is refused in the session, and no event comes of it", "F, stage C"],
  14: ["the id of the final 250 is that of Received, the notification and the object's key", "F"],
  15: ["without ScanEnabled both verdicts are DISABLED and their headers missing", "F"],
  16: ["the EICAR file gets virusVerdict FAIL and is stored all the same", "F"],
  17: ["SPF softfail, no signature, no DMARC record: three times GRAY and no dmarcPolicy", "F"],
  18: ["a DMARC failure under p=reject: FAIL, and dmarcPolicy as the last member of receipt", "F"],
  19: ["the header block, to the byte", "F"],
  20: ["the stored octets without the block are those of DATA", "F"],
  21: ["headers are unfolded by SES's rules, encoded-words left alone", "F"],
  22: ["a recipient of Bcc stands in receipt.recipients alone", "F"],
  23: ["the key has one slash between prefix and id, whatever the prefix ends in", "F"],
  24: ["creating or updating a rule with an S3 action writes AMAZON_SES_SETUP_NOTIFICATION under its prefix", "F"],
  25: ["an SNS action of one octet over 150 KB sends a DSN and publishes nothing", "F, text C"],
  26: ["SNS in Base64 carries the stored octets, and says BASE64", "F"],
  27: ["headers over 10 KB are cut for SNS, over 50 KB for Lambda, each with its flag", "F, cut C"],
  28: ["what a synchronous function answers decides what follows", "F"],
  29: ["a synchronous function of 31 seconds has failed", "F, flow C"],
  30: ["a rule without After goes to the front, After behind its rule, an update keeps the place", "F"],
  31: ["recipients are described in lower case and sorted", "F"],
  32: ["two Bounce rules send two DSNs", "F"],
  33: ["an action that fails for four hours is dropped, and PublishExpired counts it", "F, schedule C"],
  34: ["a rule that was edited while a message waits runs for it as it was", "F"],
  35: ["an encrypted object has SES's metadata and layout, and opens with its key", "F"],
} as const satisfies Record<number, readonly [string, Basis]>;

/** The name of a row's test; `part` tells several tests of one row apart. */
export function row(number: keyof typeof rows, part?: string): string {
  const [expected, basis] = rows[number];
  return `§13 row ${number}: ${expected}${part === undefined ? "" : `: ${part}`} (${basis})`;
}
