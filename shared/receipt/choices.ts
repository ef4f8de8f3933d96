/** How well we know what SES does. `docs/ses-fidelity.md` lists every entry below with its certainty. */
export type Certainty =
  /** Nobody has published what SES does; the value is the specification's proposal. */
  | "proposal"
  /** Seen, but only once. */
  | "single-sample"
  /** Sources contradict each other; the value is the side that recordings support. */
  | "conflict";

export interface Choice {
  readonly value: unknown;
  readonly certainty: Certainty;
  /** Where `ses-receiving.md` discusses it. */
  readonly section: string;
  /** What is not known, and what the value answers. */
  readonly question: string;
}

/**
 * Every place where SES's behaviour is not established, with what we do. Where two readings are both in use the code reads
 * its default from here and takes the other as an option; the other entries record what the code of that section does,
 * and a test holds the two together.
 */
export const choices = {
  noRuleSetReply: {
    value: "550 5.1.1",
    certainty: "proposal",
    section: "§1.4",
    question: "The text SES answers when no rule set is active, or every rule is disabled: that of an unknown mailbox.",
  },
  blockedClientReply: {
    value: "550 5.7.1",
    certainty: "proposal",
    section: "§1.2",
    question: "The text for an address in one's own Block filter: that seen for SES's own block list.",
  },
  tlsRequiredReply: {
    value: "530 5.7.0",
    certainty: "proposal",
    section: "§1.5",
    question: "Stage and text of a refusal for want of TLS: at RCPT, the reply of RFC 3207.",
  },
  mixedTlsRules: {
    value: "skip-require",
    certainty: "proposal",
    section: "§1.5",
    question: "A Require rule beside an Optional one that also matches: in clear, the Require rule is skipped.",
  },
  oversizeReply: {
    value: "552 5.3.4",
    certainty: "proposal",
    section: "§1.2",
    question: "Text of the refusal of a message over 40 MB: the reply of RFC 1870 and RFC 3463.",
  },
  tooManyReceivedReply: {
    value: "554 5.4.6",
    certainty: "proposal",
    section: "§11",
    question: "Whether SES limits Received hops: more than 100 are refused as a loop.",
  },
  nonAsciiLocalPartReply: {
    value: "553 5.6.7",
    certainty: "proposal",
    section: "§2.4",
    question: "A local part with non-ASCII octets while SMTPUTF8 is off.",
  },
  foldRecipientCase: {
    value: true,
    certainty: "proposal",
    section: "§2.3",
    question:
      "Whether the incoming local part is compared without case: it is, as conditions are stored in lower case.",
  },
  severalPlusSigns: {
    value: "first",
    certainty: "proposal",
    section: "§2.4",
    question: "Where the label of user+a+b begins: behind the first plus sign.",
  },
  subdomainDepth: {
    value: "any",
    certainty: "proposal",
    section: "§2.2",
    question: "How deep a .domain condition reaches: any number of labels.",
  },
  ipPrecedence: {
    value: "allow-wins",
    certainty: "proposal",
    section: "§3",
    question: "A more specific Block inside a wider Allow: Allow wins; `longest-prefix` is the other reading.",
  },
  ipv4RangeCoversIpv6: {
    value: false,
    certainty: "proposal",
    section: "§3",
    question: "Whether 0.0.0.0/0 covers IPv6 clients: no, ::/0 is needed too.",
  },
  recipientOrder: {
    value: "envelope",
    certainty: "proposal",
    section: "§1.3",
    question: "Order of receipt.recipients and of the DSN: that of the RCPT commands.",
  },
  receivedForClause: {
    value: "first-accepted",
    certainty: "proposal",
    section: "§1.3",
    question: "The for clause of a transaction with several recipients: the first accepted one.",
  },
  asyncFailureBlocks: {
    value: "rest-of-rule",
    certainty: "proposal",
    section: "§1.6",
    question: "What waits while an asynchronous action is retried: later actions of the same rule, not later rules.",
  },
  syncFailureBlocks: {
    value: "rest-of-set",
    certainty: "proposal",
    section: "§5.6",
    question: "What waits while a synchronous Lambda is retried: everything behind it in the set.",
  },
  onSyncFailure: {
    value: "drop",
    certainty: "proposal",
    section: "§5.6",
    question: "A synchronous Lambda that failed for four hours: the rest of the set is given up, never passed on.",
  },
  dispositionCase: {
    value: "exact",
    certainty: "conflict",
    section: "§5.6",
    question: "Whether a lower-case disposition counts: no, only the documented upper-case words.",
  },
  scanPerRule: {
    value: "any-rule-scans",
    certainty: "proposal",
    section: "§4.2",
    question: "Rules with and without ScanEnabled: one scan, and a rule without it still sees DISABLED.",
  },
  dmarcFailureUnderNone: {
    value: "FAIL",
    certainty: "single-sample",
    section: "§4.1",
    question: "dmarcVerdict of a failure under p=none: FAIL as recorded in 2020; GRAY is the documented reading.",
  },
  dkimNeedsAlignment: {
    value: true,
    certainty: "single-sample",
    section: "§4.1",
    question:
      "dkimVerdict of a valid signature by another domain: GRAY as recorded in 2020; PASS is the documented reading.",
  },
  spfPermerror: {
    value: "PROCESSING_FAILED",
    certainty: "proposal",
    section: "§4.1",
    question: "spfVerdict of a broken SPF record.",
  },
  dkimPermerror: {
    value: "FAIL",
    certainty: "proposal",
    section: "§4.1",
    question: "dkimVerdict of a signature whose key does not exist or cannot be used (RFC 6376 PERMFAIL).",
  },
  dmarcPolicyPosition: {
    value: "last-member-of-receipt",
    certainty: "single-sample",
    section: "§4.1",
    question: "Where dmarcPolicy stands: behind action, as recorded in 2020.",
  },
  afterAsyncFailure: {
    value: "end-rule",
    certainty: "proposal",
    section: "§1.6",
    question:
      "What follows when an asynchronous action is given up: the rest of its rule is skipped, later rules run; a Stop behind it still ends the set.",
  },
  receivedWithoutRdns: {
    value: "from HELO ([IP])",
    certainty: "proposal",
    section: "§4.3",
    question:
      "The Received header of a client whose address has no name: the documentation's sample has a stray bracket.",
  },
  nullSenderSource: {
    value: "",
    certainty: "proposal",
    section: "§6.1",
    question: "mail.source and commonHeaders.returnPath of the null sender: the empty string.",
  },
  nullSenderSpf: {
    value: "postmaster@HELO",
    certainty: "proposal",
    section: "§4.3",
    question: "envelope-from of the null sender in Received-SPF: the identity of RFC 7208 §2.4.",
  },
  dkimFailureClause: {
    value: "dkim=fail header.i=@d;",
    certainty: "proposal",
    section: "§4.3",
    question: "The clause of a signature that is not valid: as that of a valid one, with the result's word.",
  },
  addHeaderPosition: {
    value: "behind-block",
    certainty: "proposal",
    section: "§4.3",
    question: "Where AddHeader puts its header: directly behind SES's block, and later events show it in mail.headers.",
  },
  subjectInCommonHeaders: {
    value: "decoded",
    certainty: "proposal",
    section: "§6.3",
    question: "commonHeaders.subject with encoded-words: decoded.",
  },
  repeatedAddressHeaders: {
    value: "concatenated",
    certainty: "proposal",
    section: "§6.3",
    question: "Several From, To or Cc headers: their addresses in order; of other headers the first counts.",
  },
  groupsInCommonHeaders: {
    value: "members",
    certainty: "proposal",
    section: "§6.3",
    question: "Group syntax contributes its members; an empty group no key.",
  },
  headerTruncation: {
    value: "whole-headers",
    certainty: "proposal",
    section: "§6.5",
    question:
      "How the 10 KB and 50 KB of headers count: names and values as UTF-8, stopping before the header that would go over; commonHeaders come from the full list.",
  },
  receiptTimestamp: {
    value: "equals-mail-timestamp",
    certainty: "conflict",
    section: "§6.1",
    question: "receipt.timestamp: documented as that of the action, recorded as that of receipt.",
  },
  conditionTopLevels: {
    value: "invalid",
    certainty: "proposal",
    section: "§2.3",
    question: "Which top-level domains the API refuses in a condition: .invalid, digits, and a single label.",
  },
  bounceFieldSyntax: {
    value: "45x / 4.5.x / printable",
    certainty: "proposal",
    section: "§5.4",
    question:
      "What the API takes for a bounce's reply code (4xx, 5xx), status (4.x.x, 5.x.x) and message (one line of printable ASCII).",
  },
  nulInHeaderValue: {
    value: "refused",
    certainty: "conflict",
    section: "§5.2",
    question: "A NUL in AddHeader's value: the live API takes it and then cannot describe the rule; refused here.",
  },
  forgedBlock: {
    value: "kept",
    certainty: "proposal",
    section: "§4.3",
    question: "X-SES-* headers that the sender wrote: kept below the block, as other foreign headers are.",
  },
} as const satisfies Record<string, Choice>;
