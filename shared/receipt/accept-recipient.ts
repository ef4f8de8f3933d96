import { type MailAddress, parseDomain, parseForwardPath } from "../mail/address.ts";
import { matchRecipient } from "./match-recipient.ts";
import type { ReceiptRule, RuleSet } from "./model.ts";
import { replies, type SmtpReply } from "./replies.ts";

export type RecipientDecision =
  | {
      readonly accept: true;
      readonly address: MailAddress;
      /** Names of the enabled rules that match, in order. */
      readonly rules: readonly string[];
    }
  | {
      readonly accept: false;
      /** What the client is told. */
      readonly reply: SmtpReply;
      /** What the refusal log and `explain` say; never sent. */
      readonly reason: string;
    };

export interface RecipientQuestion {
  /** The active rule set; `undefined` when none is: receiving is then off (ses-receiving.md §1.4). */
  readonly ruleSet: RuleSet | undefined;
  /** Verified domain identities; each covers its subdomains. */
  readonly verifiedDomains: readonly string[];
  /** The path of RCPT TO, with or without angle brackets. */
  readonly recipient: string;
  readonly client: {
    /** Whether the session is over TLS. */
    readonly tls: boolean;
    /** Whether SMTPUTF8 is in force for this transaction. Default false. */
    readonly smtputf8?: boolean;
  };
}

/**
 * The answer to one RCPT TO (ses-receiving.md §1.2–1.5). The client's IP address is judged before, by `decideClient`.
 * Pure, and independent of other recipients of the transaction.
 */
export function acceptRecipient({ ruleSet, verifiedDomains, recipient, client }: RecipientQuestion): RecipientDecision {
  const address = parseForwardPath(recipient);
  if (!address) {
    return recipient.includes("@")
      ? refuse(replies.badRecipientSyntax, "not an address")
      : refuse(replies.noSuchRecipient, "an address without a domain belongs to no verified domain");
  }
  if (!client.smtputf8 && /[^\x00-\x7f]/.test(address.localPart)) {
    return refuse(replies.nonAsciiLocalPart, "a local part beyond ASCII needs SMTPUTF8");
  }
  if (!ruleSet) return refuse(replies.noSuchRecipient, "no rule set is active: receiving is off");
  if (!isVerifiedDomain(address.domain, verifiedDomains)) {
    return refuse(replies.noSuchRecipient, `${address.domain} is not under a verified domain`);
  }
  const matching = matchingRules(ruleSet, address);
  if (matching.length === 0) return refuse(replies.noSuchRecipient, whyNothingMatches(ruleSet));
  if (!client.tls && matching.every((rule) => rule.tlsPolicy === "Require")) {
    return refuse(replies.tlsRequired, `${nameRules(matching)} with TlsPolicy Require, and the session is in clear`);
  }
  return { accept: true, address, rules: matching.map((rule) => rule.name) };
}

/** Whether a domain is a verified one or lies under one (ses-receiving.md §2.1). An address literal never does. */
export function isVerifiedDomain(domain: string, verifiedDomains: readonly string[]): boolean {
  const name = parseDomain(domain);
  return verifiedDomains.some((verified) => {
    const parent = parseDomain(verified);
    return parent !== undefined && name !== undefined && (name === parent || name.endsWith(`.${parent}`));
  });
}

/** The enabled rules that match an address, in order. */
export function matchingRules(ruleSet: RuleSet, address: MailAddress): ReceiptRule[] {
  return ruleSet.rules.filter(
    (rule) =>
      rule.enabled &&
      (rule.recipients.length === 0 || rule.recipients.some((condition) => matchRecipient(condition, address).matches)),
  );
}

function whyNothingMatches({ name, rules }: RuleSet): string {
  if (rules.length === 0) return `rule set "${name}" has no rules`;
  if (rules.every((rule) => !rule.enabled)) return `every rule of "${name}" is disabled`;
  return `no enabled rule of "${name}" matches`;
}

function nameRules(rules: readonly ReceiptRule[]): string {
  const shown = rules.slice(0, 3).map((rule) => `"${rule.name}"`);
  const rest = rules.length - shown.length;
  return `only ${shown.join(", ")}${rest > 0 ? ` and ${rest} more` : ""} match`;
}

function refuse(reply: SmtpReply, reason: string): RecipientDecision {
  return { accept: false, reply, reason };
}
