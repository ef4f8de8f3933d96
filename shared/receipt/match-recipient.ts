import { foldCase, formatMailAddress, type MailAddress, parseDomain, parseMailAddress } from "../mail/address.ts";
import type { ApiError } from "./api-error.ts";

export interface RecipientMatch {
  readonly matches: boolean;
  /** A sentence for people, the condition quoted. */
  readonly reason: string;
}

/**
 * Whether one recipient condition of a rule matches an envelope recipient (ses-receiving.md §2.2, §2.4). Compared in
 * lower case and A-labels; the label of `user+a+b` begins behind the first plus.
 *
 * @param condition - `user@domain`, `user+label@domain`, `domain` or `.domain`, as SES stores them or as a user wrote them
 */
export function matchRecipient(condition: string, address: MailAddress): RecipientMatch {
  const recipient = foldCase(address);
  const at = condition.lastIndexOf("@");
  if (at !== -1) return matchMailbox(condition, recipient);
  return condition.startsWith(".") ? matchSubdomain(condition, recipient) : matchDomain(condition, recipient);
}

/** A condition in the one spelling in which conditions are compared: lower case, A-labels, no needless quotes. */
export function normaliseRecipient(condition: string): string {
  const trimmed = condition.trim();
  if (trimmed.includes("@")) {
    const address = parseMailAddress(trimmed);
    return address ? formatMailAddress(foldCase(address)) : trimmed.toLowerCase();
  }
  const dot = trimmed.startsWith(".") ? "." : "";
  const domain = parseDomain(trimmed.slice(dot.length));
  return domain === undefined ? trimmed.toLowerCase() : dot + domain;
}

/** Conditions as SES stores and describes them: lower case, without duplicates, in octet order (`.` sorts first). */
export function normaliseRecipients(conditions: readonly string[]): string[] {
  const unique = [...new Set(conditions.map(normaliseRecipient))];
  return unique.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/** What the SES API says of a condition that it refuses (ses-receiving.md §2.3); `undefined` for a good one. */
export function validateRecipientCondition(condition: string): ApiError | undefined {
  return isRecipientCondition(condition)
    ? undefined
    : { code: "InvalidParameterValue", message: `Invalid recipient: ${condition}` };
}

function matchMailbox(condition: string, recipient: MailAddress): RecipientMatch {
  const parsed = parseMailAddress(condition);
  if (!parsed) return no(`"${condition}" is no valid condition`);
  const wanted = foldCase(parsed);
  if (wanted.domain !== recipient.domain) {
    return no(`"${condition}" is at ${wanted.domain}, the recipient at ${recipient.domain}`);
  }
  if (wanted.localPart === recipient.localPart) return yes(`"${condition}" is this address`);
  const plus = recipient.localPart.indexOf("+");
  const base = plus === -1 ? recipient.localPart : recipient.localPart.slice(0, plus);
  // A condition without label also takes every label; one with a label takes that label only.
  if (plus > 0 && wanted.localPart === base) return yes(`"${condition}" takes the address with any label`);
  if (wanted.localPart.startsWith(`${base}+`)) return no(`"${condition}" wants another label`);
  return no(`"${condition}" is another mailbox`);
}

function matchDomain(condition: string, recipient: MailAddress): RecipientMatch {
  const domain = parseDomain(condition);
  if (domain === undefined) return no(`"${condition}" is no valid condition`);
  if (domain === recipient.domain) return yes(`"${condition}" takes every address at this domain`);
  return recipient.domain.endsWith(`.${domain}`)
    ? no(`"${condition}" does not take subdomains; ".${domain}" would`)
    : no(`"${condition}" is another domain`);
}

function matchSubdomain(condition: string, recipient: MailAddress): RecipientMatch {
  const domain = parseDomain(condition.slice(1));
  if (domain === undefined) return no(`"${condition}" is no valid condition`);
  if (recipient.domain.endsWith(`.${domain}`)) return yes(`"${condition}" takes every address at its subdomains`);
  return recipient.domain === domain
    ? no(`"${condition}" takes subdomains only, not the domain itself`)
    : no(`"${condition}" is another domain`);
}

const yes = (reason: string): RecipientMatch => ({ matches: true, reason });
const no = (reason: string): RecipientMatch => ({ matches: false, reason });

// RFC 2606 §2; the SES API has been seen to refuse `.invalid`.
const refusedTopLevels = new Set(["invalid"]);

function isRecipientCondition(condition: string): boolean {
  if (/\s/.test(condition)) return false;
  const at = condition.lastIndexOf("@");
  if (at !== -1) {
    const address = parseMailAddress(condition);
    return address !== undefined && !/[*]/.test(address.localPart) && isConditionDomain(address.domain);
  }
  return isConditionDomain(condition.startsWith(".") ? condition.slice(1) : condition);
}

function isConditionDomain(text: string): boolean {
  const domain = parseDomain(text);
  if (domain === undefined || domain.startsWith("[")) return false;
  const labels = domain.split(".");
  const top = labels.at(-1) ?? "";
  return labels.length > 1 && !refusedTopLevels.has(top) && !/^[0-9]+$/.test(top) && !domain.includes("_");
}
